import { useEffect, useId, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";

/** What was done a moment ago, to take it back. Takes the focus that the button had which did it. */
export function UndoLine({ text, onUndo }: { text: string; onUndo: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => button.current?.focus(), []);
  return (
    <p class="undo-line">
      <span id={id}>{text}</span>{" "}
      <button ref={button} type="button" aria-describedby={id} class="text-btn" onClick={onUndo}>
        {words().purchases.undo}
      </button>
    </p>
  );
}
