import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** A part that only some requests need, once it is needed and has come. */
export function useLoaded<M extends object>(
  needed: boolean,
  load: () => Promise<M>,
): { readonly it: M | undefined; readonly failed: boolean } {
  const state = useSignal<{ it: M | undefined; failed: boolean }>({ it: undefined, failed: false });
  useEffect(() => {
    if (!needed || state.peek().it !== undefined) return;
    load().then(
      (it) => {
        state.value = { it, failed: false };
      },
      () => {
        state.value = { it: undefined, failed: true };
      },
    );
  }, [needed]);
  return state.value;
}
