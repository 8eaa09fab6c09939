import { useEffect } from "preact/hooks";

/** Makes what `make` keeps (`once`) of thousands before it is asked for, in slices that a page doesn't feel. */
export function useAhead<T>(all: readonly T[], make: (each: T) => unknown): void {
  useEffect(() => {
    let at = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const slice = () => {
      const end = performance.now() + 6;
      for (; at < all.length && performance.now() < end; at += 1) make(all[at] as T);
      if (at < all.length) timer = setTimeout(slice, 4);
    };
    timer = setTimeout(slice, 100);
    return () => clearTimeout(timer);
  }, [all, make]);
}
