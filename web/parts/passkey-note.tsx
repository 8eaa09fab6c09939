import { words } from "../locales/words.ts";

/** The words before an OS prompt, and while it is open: one live region, so that the change is read out. */
export function PasskeyNote({ text, pending, rule }: { text: string; pending: boolean; rule?: string }) {
  return (
    <p class="note" role="status" data-rule={rule}>
      {pending ? words().handshake.waiting : text}
    </p>
  );
}
