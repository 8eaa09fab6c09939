import type { ComponentChildren } from "preact";
import { Dialog } from "../parts/dialog.tsx";
import { ErrorState } from "../parts/error-state.tsx";

interface Props {
  title: string;
  text: string;
  /** The answer that changes nothing: first, and focused. */
  keep: string;
  yes: string;
  error: unknown;
  onYes: () => void;
  onClose: () => void;
  children?: ComponentChildren;
}

/** Asks once before a step that takes something away. */
export function Question({ title, text, keep, yes, error, onYes, onClose, children }: Props) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <div class="pair decide">
        <button type="button" class="btn" data-first onClick={onClose}>
          {keep}
        </button>
        <button type="button" class="btn stop" onClick={onYes}>
          {yes}
        </button>
      </div>
      {children}
      <ErrorState error={error} />
    </Dialog>
  );
}
