import { useEffect, useRef } from "preact/hooks";
import { ImportRefusal } from "../../imports/refusal.ts";
import { words } from "../../locales/words.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Notice } from "../../parts/notice.tsx";
import type { StoreView } from "../../vault/vault.ts";
import { ChooseFile } from "../import/choose-file.tsx";
import { Earlier } from "../import/earlier.tsx";
import { refusalText } from "../import/fault-text.ts";
import { FoundFile } from "../import/found-file.tsx";
import { type Session, type Step, useSession } from "../import/session.ts";
import { type TakingBack, useTakingBack } from "../import/taking-back.ts";
import { Opened } from "../opened.tsx";
import { useVault } from "../vault-context.ts";

export function Import() {
  const vault = useVault();
  const { data, imports: t } = words();
  const session = useSession(vault);
  const taking = useTakingBack(vault, (id) => {
    const now = session.step.peek();
    if (now.at === "done" && now.id === id) session.reset();
  });
  return (
    <>
      <p class="crumb no-print">
        <a href="/data">{data.all}</a>
      </p>
      <Opened title={t.title}>{(store) => <Steps session={session} taking={taking} store={store} online={vault.online.value} />}</Opened>
    </>
  );
}

function Steps({ session, taking, store, online }: { session: Session; taking: TakingBack; store: StoreView; online: boolean }) {
  const t = words().imports;
  const step = session.step.value;
  switch (step.at) {
    case "choose":
      return (
        <>
          <p class="lead">{t.lead}</p>
          <Refused session={session} />
          <ChooseFile onFile={session.open} />
          <Earlier store={store} taking={taking} />
        </>
      );
    case "reading":
      return <Going session={session} text={t.reading(step.file)} />;
    case "found":
      return <FoundFile session={session} found={step.found} store={store} online={online} />;
    case "bringing": {
      const { done = 0, total = 0 } = session.progress.value ?? {};
      return <Going session={session} text={step.stopping ? t.stopping : t.bringing(done, total)} isOver={step.stopping} />;
    }
    case "done":
      return <Done step={step} session={session} taking={taking} />;
  }
}

function Refused({ session }: { session: Session }) {
  const t = words().imports;
  const fault = session.fault.value;
  if (fault === undefined) return null;
  if (!(fault.error instanceof ImportRefusal)) return <ErrorState error={fault.error} safe={t.cancelled} />;
  return (
    <Notice tone="stamped" title={t.refusedTitle(fault.file)} alert>
      <p>{refusalText(fault.error)}</p>
      {fault.error.code === "sealed" && <a href="/restore">{t.toRestore}</a>}
    </Notice>
  );
}

function Going({ session, text, isOver = false }: { session: Session; text: string; isOver?: boolean }) {
  const t = words().imports;
  const progress = session.progress.value;
  return (
    <section class="narrow">
      <p class="wrap" role="status">
        <bdi>{text}</bdi>
      </p>
      {progress ? <progress value={progress.done} max={progress.total || 1} aria-label={text} /> : <progress aria-label={text} />}
      {!isOver && (
        <div class="row-of-buttons">
          <button type="button" class="btn" onClick={session.cancel}>
            {t.cancel}
          </button>
        </div>
      )}
    </section>
  );
}

function Done({ step, session, taking }: { step: Extract<Step, { at: "done" }>; session: Session; taking: TakingBack }) {
  const t = words().imports;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section class="narrow">
      <h2 ref={heading} tabIndex={-1}>
        {t.done(step.count)}
      </h2>
      <p class="note">
        <bdi>{step.found.file}</bdi>
      </p>
      <p>
        <button type="button" class="text-btn" onClick={() => taking.run(step.id)}>
          {t.undo}
        </button>
      </p>
      {taking.progress.value && <p role="status">{t.undoing(taking.progress.value.done, taking.progress.value.total)}</p>}
      <ErrorState error={taking.error.value} />
      <h2>{t.next}</h2>
      <div class="row-of-buttons">
        {step.purchases ? (
          <>
            <a class="btn" href="/data/purchases/sort">
              {t.toSorting}
            </a>
            <a class="btn" href="/data/purchases/spending">
              {t.toSpending}
            </a>
          </>
        ) : (
          <a class="btn" href="/data">
            {t.toData}
          </a>
        )}
        <button type="button" class="btn" onClick={session.reset}>
          {t.again}
        </button>
      </div>
    </section>
  );
}
