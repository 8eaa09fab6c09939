import type { ComponentChildren } from "preact";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { codeOf, ErrorState } from "../parts/error-state.tsx";
import { Notice } from "../parts/notice.tsx";
import { PasskeyNote } from "../parts/passkey-note.tsx";
import { say } from "../parts/status.tsx";
import { KitLink } from "./unlock-panel.tsx";
import { useVault } from "./vault-context.ts";

/** The ways in for someone who isn't signed in: make a store, open one, or use the kit. Nothing here leaves the page. */
export function Entrance({
  title,
  body,
  beginWord,
  onKit,
  other,
}: {
  title: string;
  body: string;
  beginWord?: string;
  onKit?: () => void;
  other?: ComponentChildren;
}) {
  const vault = useVault();
  const { state: t, handshake } = words();
  const begin = useAction(async () => {
    await vault.begin();
    say(handshake.made);
  });
  const unlock = useAction(async () => {
    await vault.unlock();
    say(t.unlocked);
  });
  if (vault.support.value === "none")
    return (
      <Notice tone="brass" title={title}>
        <p>{words().errors.unsupported}</p>
      </Notice>
    );
  const error = begin.error.value ?? unlock.error.value;
  const start = (action: { run: () => void }) => {
    begin.clear();
    unlock.clear();
    action.run();
  };
  return (
    <section class="panel narrow">
      <h2>{title}</h2>
      <p>{body}</p>
      <div class={other === undefined ? "row-of-buttons" : "pair decide"}>
        {other}
        <button type="button" class="btn" onClick={() => start(begin)}>
          {beginWord ?? t.begin}
        </button>
      </div>
      <PasskeyNote text={handshake.create} pending={begin.pending.value || unlock.pending.value} />
      <div class="row-of-buttons">
        <button type="button" class="text-btn" onClick={() => start(unlock)}>
          {t.have}
        </button>
        <KitLink onKit={onKit} loud={error !== undefined && codeOf(error) === "kit_needed"} />
      </div>
      <ErrorState error={error} safe={t.safe} />
    </section>
  );
}
