import { useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Notice } from "../../parts/notice.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import { type Taken, TakenOut } from "../leaving/taken.tsx";
import { Opened } from "../opened.tsx";
import { useVault } from "../vault-context.ts";

export function Export() {
  const t = words().takeOut;
  // Outside of what needs the open store: a store that locks itself must not take the code along.
  const taken = useSignal<Taken | undefined>(undefined);
  if (taken.value)
    return (
      <TakenOut
        taken={taken.value}
        onDone={() => {
          taken.value = undefined;
        }}
      />
    );
  return (
    <>
      <p class="crumb no-print">
        <a href="/you">{words().nav.you}</a>
      </p>
      <Opened title={t.title}>
        {() => (
          <Choice
            onTaken={(made) => {
              taken.value = made;
            }}
          />
        )}
      </Opened>
    </>
  );
}

function Choice({ onTaken }: { onTaken: (taken: Taken) => void }) {
  const vault = useVault();
  const { takeOut: t, handshake, state } = words();
  const share = useSignal<number | undefined>(undefined);
  const sealed = useAction(async () => {
    share.value = undefined;
    const { file, groups } = await vault.exportSealed({
      onProgress: ({ done, total }) => {
        share.value = done / total;
      },
    });
    onTaken({ file, groups, made: Date.now() });
  });
  const plain = useAction(async () => {
    share.value = undefined;
    // Before the prompt: what doesn't load must not have been approved.
    const { plainZip, recordsOf } = await import("../leaving/plain-zip.ts");
    const store = await vault.exportPlain();
    share.value = 0;
    const records = await recordsOf(vault, store);
    const file = await plainZip(store, records, (done) => {
      share.value = done;
    });
    onTaken({ file, made: Date.now(), missing: store.connections.length - records.size });
  });
  const pending = sealed.pending.value || plain.pending.value;
  const start = (action: typeof sealed) => {
    if (pending) return;
    sealed.clear();
    plain.clear();
    action.run();
  };
  return (
    <>
      <p class="lead">{t.lead}</p>
      {!vault.online.value && <p class="soon">{t.offline}</p>}
      <div class="ways-out">
        <section class="panel">
          <h2>{t.sealed}</h2>
          <p>{t.sealedText}</p>
          <div class="row-of-buttons">
            <button type="button" class="btn" onClick={() => start(sealed)}>
              {t.makeSealed}
            </button>
          </div>
          <PasskeyNote text={handshake.use} pending={sealed.pending.value && share.value === undefined} />
          <Share pending={sealed.pending.value} share={share.value} />
          <ErrorState error={sealed.error.value} safe={state.safe} />
        </section>
        <section class="panel">
          <h2>{t.plain}</h2>
          <p>{t.plainText}</p>
          <Notice tone="brass">
            <p>{t.plainWarning}</p>
          </Notice>
          <div class="row-of-buttons">
            <button type="button" class="btn" onClick={() => start(plain)}>
              {t.makePlain}
            </button>
          </div>
          <PasskeyNote text={handshake.use} pending={plain.pending.value && share.value === undefined} />
          <Share pending={plain.pending.value} share={share.value} />
          <ErrorState error={plain.error.value} safe={state.safe} />
        </section>
      </div>
    </>
  );
}

function Share({ pending, share }: { pending: boolean; share: number | undefined }) {
  const t = words().takeOut;
  if (!pending || share === undefined) return null;
  const text = t.working(Math.floor(share * 100));
  return (
    <p>
      <progress value={share} aria-label={text} /> {text}
    </p>
  );
}
