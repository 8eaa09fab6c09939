import { words } from "../../locales/words.ts";
import { useSettled } from "./settled.ts";

/** The two answers (C9): one box, one style, one order. `blocked` is the reason why nothing can be shared, and the button's name. */
export function Decide(props: { count: number; blocked: string | undefined; busy: boolean; onShare: () => void; onDecline: () => void }) {
  const t = words().ask;
  const settled = useSettled();
  const off = props.blocked !== undefined || props.count === 0;
  const act = (work: () => void) => () => {
    if (settled()) work();
  };
  return (
    <div class="pair decide" data-rule="C9">
      <button type="button" class="btn" onClick={act(props.onDecline)}>
        {t.no}
      </button>
      <button type="button" class="btn" aria-disabled={off || undefined} onClick={act(() => !off && !props.busy && props.onShare())}>
        {props.blocked ?? (props.count === 0 ? t.choose : t.yes(props.count))}
      </button>
    </div>
  );
}
