import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props<T> {
  items: readonly T[];
  first: number;
  /** How many more at a press. */
  step: number;
  more: (count: number) => string;
  /** Says how many of all are shown, where that isn't said elsewhere. */
  note?: (shown: number, all: number) => string;
  /** How many are shown, for a list that starts anew by itself: after another search. */
  most?: Signal<number>;
  children: (shown: readonly T[]) => ComponentChildren;
}

/** What of a row takes the focus: what edits it, or the first thing in it that can be used; else the row. */
function focusIn(row: HTMLElement | undefined): void {
  const target =
    row?.querySelector<HTMLElement>("[data-edit]") ?? row?.querySelector<HTMLElement>("a, button, input, select, summary") ?? row;
  target?.focus({ preventScroll: true });
}

/** The first of a long list, and more of it on request: the focus goes on to the first new one of its rows, which are marked `data-row`. */
export function Limited<T>({ items, first, step, more, note, most, children }: Props<T>) {
  const own = useSignal(first);
  const limit = most ?? own;
  const from = useRef(-1);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (from.current < 0) return;
    focusIn(box.current?.querySelectorAll<HTMLElement>("[data-row]")[from.current]);
    from.current = -1;
  }, [limit.value]);
  const left = Math.min(step, items.length - limit.value);
  return (
    <div ref={box}>
      {children(items.slice(0, limit.value))}
      {left > 0 && (
        <p class="more">
          {note && <span class="note">{note(limit.value, items.length)} </span>}
          <button
            type="button"
            class="text-btn"
            onClick={() => {
              from.current = limit.value;
              limit.value += step;
            }}
          >
            {more(left)}
          </button>
        </p>
      )}
    </div>
  );
}
