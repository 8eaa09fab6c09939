import { useEffect, useId, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";

/** Says what is gone, and brings it back. Takes the focus that the removed row had. */
export function Undo({ text, onUndo }: { text: string; onUndo: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => button.current?.focus(), []);
  return (
    <p class="undo">
      <span id={id}>{text}</span>{" "}
      <button ref={button} type="button" aria-describedby={id} class="text-btn" onClick={onUndo}>
        {words().data.undo}
      </button>
    </p>
  );
}
