import { useEffect, useId, useRef } from "preact/hooks";

/** Says what was done, with the way back. Takes the focus that went with what was there before. */
export function UndoLine({ text, undo, onUndo }: { text: string; undo: string; onUndo: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => button.current?.focus(), [text]);
  return (
    <p class="undo">
      <span id={id}>{text}</span>{" "}
      <button ref={button} type="button" aria-describedby={id} class="text-btn" onClick={onUndo}>
        {undo}
      </button>
    </p>
  );
}
