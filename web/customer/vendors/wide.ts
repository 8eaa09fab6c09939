import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Room for a table of many columns; false also where the text is enlarged so much that there is none. */
export function useIsWide(): ReadonlySignal<boolean> {
  const query = matchMedia("(min-width: 48rem)");
  const wide = useSignal(query.matches);
  useEffect(() => {
    const follow = (event: MediaQueryListEvent) => {
      wide.value = event.matches;
    };
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  return wide;
}
