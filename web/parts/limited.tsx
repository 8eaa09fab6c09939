import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props<T> {
  items: readonly T[];
  first: number;
  /** How many more at a press. */
  step: number;
  more: (count: number) => string;
  children: (shown: readonly T[]) => ComponentChildren;
}

/** The first of a long list, and more of it on request: the focus goes on to the first new link, button or cell. */
export function Limited<T>({ items, first, step, more, children }: Props<T>) {
  const most = useSignal(first);
  const from = useRef(-1);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (from.current < 0) return;
    const row = box.current?.querySelectorAll<HTMLElement>("[data-row]")[from.current];
    (row?.querySelector<HTMLElement>("a, button") ?? row)?.focus({ preventScroll: true });
    from.current = -1;
  }, [most.value]);
  const left = Math.min(step, items.length - most.value);
  return (
    <div ref={box}>
      {children(items.slice(0, most.value))}
      {left > 0 && (
        <button
          type="button"
          class="text-btn"
          onClick={() => {
            from.current = most.value;
            most.value += step;
          }}
        >
          {more(left)}
        </button>
      )}
    </div>
  );
}
