import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  label: string;
  query: Signal<string>;
  /** What was found, read out as it changes. */
  result?: string | undefined;
  /** What stands beside it: the order. */
  children?: ComponentChildren;
}

/** Finds while one types. Esc empties it, as the browser's own search fields do. */
export function SearchField({ label, query, result, children }: Props) {
  const id = useId();
  return (
    <search class="find">
      <div class="field">
        <label for={id}>{label}</label>
        <input
          id={id}
          type="search"
          autocomplete="off"
          spellcheck={false}
          value={query.value}
          onInput={(event) => {
            query.value = event.currentTarget.value;
          }}
        />
      </div>
      {children}
      <p class="note" role="status">
        {result}
      </p>
    </search>
  );
}
