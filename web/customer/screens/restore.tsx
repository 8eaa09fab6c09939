import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { moment } from "../../parts/dates.ts";
import { codeOf, ErrorState } from "../../parts/error-state.tsx";
import { Heading } from "../../parts/heading.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import type { ExportSummary } from "../../vault/vault.ts";
import { kindTitle } from "../labels.ts";
import { FileForm } from "../leaving/file-form.tsx";
import { useVault } from "../vault-context.ts";

interface OpenFile {
  readonly summary: ExportSummary;
  /** Opens it once more: a vault that was locked meanwhile has forgotten it. */
  readonly again: () => Promise<unknown>;
}

export function Restore() {
  const vault = useVault();
  const { restore: t } = words();
  const file = useSignal<OpenFile | undefined>(undefined);
  const done = useSignal<number | undefined>(undefined);
  if (done.value !== undefined)
    return (
      <div class="narrow">
        <Heading key="done">{t.doneTitle}</Heading>
        <p class="lead">{t.done(done.value)}</p>
        <p>{t.notBack}</p>
        <div class="row-of-buttons">
          <a class="btn" href="/data">
            {t.data}
          </a>
          {!vault.store.value?.kit.confirmed && (
            <a class="btn" href="/safety">
              {t.kit}
            </a>
          )}
        </div>
      </div>
    );
  return (
    <>
      <Heading key="flow">{t.title}</Heading>
      <p class="lead">{t.lead}</p>
      {file.value === undefined ? (
        <FileForm
          onOpened={(summary, again) => {
            file.value = { summary, again };
          }}
        />
      ) : (
        <Inside
          file={file.value}
          onAnother={() => {
            file.value = undefined;
          }}
          onDone={(count) => {
            done.value = count;
          }}
        />
      )}
    </>
  );
}

function Inside({ file, onAnother, onDone }: { file: OpenFile; onAnother: () => void; onDone: (count: number) => void }) {
  const vault = useVault();
  const { tag, restore: t, handshake } = words();
  const { summary, again } = file;
  const progress = useSignal<{ done: number; total: number } | undefined>(undefined);
  const title = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => title.current?.focus(), []);
  const state = vault.state.value;
  const bring = useAction(async (open: "begin" | "unlock" | undefined) => {
    progress.value = undefined;
    if (open !== undefined) await vault[open]();
    const working = {
      onProgress: (now: { done: number; total: number }) => {
        progress.value = now;
      },
    };
    await vault.restore(working).catch(async (error: unknown) => {
      if (codeOf(error) !== "invalid") throw error;
      await again();
      await vault.restore(working);
    });
    onDone(summary.count);
  });
  const at = progress.value;
  const notEmpty = bring.error.value !== undefined && codeOf(bring.error.value) === "not_empty";
  return (
    <section class="panel narrow">
      <h2 ref={title} tabIndex={-1}>
        {t.inside}
      </h2>
      <p>{t.made(moment(tag, summary.made))}</p>
      {summary.count === 0 ? (
        <p>{t.nothing}</p>
      ) : (
        <dl class="facts">
          {Object.entries(summary.kinds).map(([kind, count]) => (
            <div class="fact" key={kind}>
              <dt>{(t.kinds as Record<string, string>)[kind] ?? kindTitle(kind)}</dt>
              <dd>{t.count(count)}</dd>
            </div>
          ))}
        </dl>
      )}
      <p class="note">{t.notBack}</p>
      <div class="row-of-buttons">
        {state === "signed-out" ? (
          <button type="button" class="btn" onClick={() => bring.run("begin")}>
            {t.begin}
          </button>
        ) : state === "locked" ? (
          <button type="button" class="btn" onClick={() => bring.run("unlock")}>
            {t.unlock}
          </button>
        ) : (
          <button type="button" class="btn" onClick={() => bring.run(undefined)}>
            {t.into}
          </button>
        )}
        {!bring.pending.value && (
          <button type="button" class="text-btn" onClick={onAnother}>
            {t.another}
          </button>
        )}
      </div>
      {state === "signed-out" && (
        <button type="button" class="text-btn" onClick={() => bring.run("unlock")}>
          {t.have}
        </button>
      )}
      {(state === "signed-out" || state === "locked") && (
        <PasskeyNote text={state === "locked" ? handshake.use : handshake.create} pending={bring.pending.value} />
      )}
      {bring.pending.value && at && (
        <p>
          <progress value={at.done} max={at.total} aria-label={t.working(at.done, at.total)} /> {t.working(at.done, at.total)}
        </p>
      )}
      {notEmpty ? (
        <p class="err" role="alert">
          {t.notEmpty}
        </p>
      ) : (
        <ErrorState error={bring.error.value} safe={t.safe} />
      )}
    </section>
  );
}
