import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

export interface Action<A extends unknown[]> {
  readonly run: (...args: A) => void;
  readonly pending: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<unknown>;
  readonly clear: () => void;
}

/** Work that a click starts: not twice at once, and what it threw is kept to be shown. */
export function useAction<A extends unknown[] = []>(work: (...args: A) => Promise<void>): Action<A> {
  const pending = useSignal(false);
  const error = useSignal<unknown>(undefined);
  const latest = useRef(work);
  latest.current = work;
  const once = useRef<Action<A> | null>(null);
  once.current ??= {
    pending,
    error,
    clear: () => {
      error.value = undefined;
    },
    run: (...args) => {
      if (pending.value) return;
      pending.value = true;
      error.value = undefined;
      void (async () => {
        try {
          await latest.current(...args);
        } catch (thrown) {
          error.value = thrown;
        } finally {
          pending.value = false;
        }
      })();
    },
  };
  return once.current;
}
