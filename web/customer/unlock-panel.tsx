import type { ComponentChildren } from "preact";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { codeOf, ErrorState } from "../parts/error-state.tsx";
import { PasskeyNote } from "../parts/passkey-note.tsx";
import { say } from "../parts/status.tsx";
import { useVault } from "./vault-context.ts";

/** Opens a locked store. `onKit`: where the kit is used on this very page instead of at its own address. */
export function UnlockPanel({
  title,
  body,
  onKit,
  other,
}: {
  title?: string;
  body?: string;
  onKit?: () => void;
  other?: ComponentChildren;
}) {
  const vault = useVault();
  const t = words().state;
  const unlock = useAction(async () => {
    await vault.unlock();
    say(t.unlocked);
  });
  const error = unlock.error.value;
  return (
    <section class="panel narrow">
      <h2>{title ?? t.lockedTitle}</h2>
      <p>{body ?? t.lockedBody}</p>
      <div class={other === undefined ? "row-of-buttons" : "pair decide"}>
        {other}
        <button type="button" class="btn" onClick={unlock.run}>
          {t.unlock}
        </button>
      </div>
      <PasskeyNote text={words().handshake.use} pending={unlock.pending.value} />
      <div class="row-of-buttons">
        <KitLink onKit={onKit} loud={codeOf(error) === "kit_needed" && error !== undefined} />
      </div>
      <ErrorState error={error} safe={t.safe} />
    </section>
  );
}

export function KitLink({ onKit, loud = false }: { onKit: (() => void) | undefined; loud?: boolean }) {
  const t = words().state;
  if (onKit)
    return (
      <button type="button" class={loud ? "btn" : "text-btn"} onClick={onKit}>
        {t.useKit}
      </button>
    );
  return (
    <a class={loud ? "btn" : "text-btn"} href="/safety/recover">
      {t.useKit}
    </a>
  );
}
