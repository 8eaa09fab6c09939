import { signal } from "@preact/signals";

const message = signal<{ text: string; at: number } | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says something that has happened, to the eye and to a screen reader, without moving the focus. */
export function say(text: string): void {
  clearTimeout(timer);
  message.value = { text, at: Date.now() };
  timer = setTimeout(() => {
    message.value = undefined;
  }, 8000);
}

/** Stands in the page from the start: a region that comes with its message isn't read out. */
export function Status() {
  return (
    <div class="status" role="status">
      {message.value && <p key={message.value.at}>{message.value.text}</p>}
    </div>
  );
}
