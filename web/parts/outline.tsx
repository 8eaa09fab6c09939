import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { words } from "../locales/words.ts";

/** Stands for a page that is loading: nothing for 150 ms, then its outline, without motion. */
export function Outline() {
  const late = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      late.value = true;
    }, 150);
    return () => clearTimeout(timer);
  }, [late]);
  return (
    <div class="outline" role="status">
      {late.value && (
        <>
          <p class="vh">{words().state.loading}</p>
          <span />
          <span />
          <span />
        </>
      )}
    </div>
  );
}
