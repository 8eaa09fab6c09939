import { useSettled } from "./settled.ts";

/** The two answers (C9): one box, one style, one order. `off`: nothing can be shared, and the button's name says why. */
export function Decide(props: { no: string; yes: string; off: boolean; busy: boolean; onYes: () => void; onNo: () => void }) {
  const settled = useSettled();
  const act = (work: () => void) => () => {
    if (settled()) work();
  };
  return (
    <div class="pair decide" data-rule="C9">
      <button type="button" class="btn" onClick={act(props.onNo)}>
        {props.no}
      </button>
      <button
        type="button"
        class="btn"
        aria-disabled={props.off || undefined}
        onClick={act(() => !props.off && !props.busy && props.onYes())}
      >
        {props.yes}
      </button>
    </div>
  );
}
