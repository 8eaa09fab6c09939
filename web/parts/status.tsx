import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const message = signal<{ text: string; at: number } | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says something that has happened, to the eye and to a screen reader, without moving the focus. */
export function say(text: string): void {
  clearTimeout(timer);
  message.value = { text, at: Date.now() };
  timer = setTimeout(() => {
    message.value = undefined;
  }, 4000);
}

/**
 * Stands in the page from the start: a region that comes with its message isn't read out. Where the button that had the focus is
 * gone with what has happened, the focus is the heading's, so that the keyboard goes on from there.
 */
export function Status() {
  const at = message.value?.at;
  useEffect(() => {
    if (at === undefined) return undefined;
    const soon = setTimeout(() => {
      if (document.activeElement === document.body) document.querySelector("h1")?.focus({ preventScroll: true });
    }, 150);
    return () => clearTimeout(soon);
  }, [at]);
  return (
    <div class="status" role="status">
      {message.value && <p key={message.value.at}>{message.value.text}</p>}
    </div>
  );
}
