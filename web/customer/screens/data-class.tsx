import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { useRoute } from "preact-iso/router";
import { type Kind, kindAt } from "#protocol/categories.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { say } from "../../parts/status.tsx";
import type { RecordView, StoreView } from "../../vault/vault.ts";
import { DATA_CLASSES, isDataClass } from "../data-classes.ts";
import { chipOf, kindTitle, kindWord } from "../labels.ts";
import { Opened } from "../opened.tsx";
import { RecordForm } from "../record-form.tsx";
import { valueText } from "../values.ts";
import { useVault } from "../vault-context.ts";
import { NotFound } from "./not-found.tsx";

export function DataClassScreen() {
  const { data: t } = words();
  const name = useRoute().params.class ?? "";
  if (!isDataClass(name)) return <NotFound />;
  return (
    <>
      <p class="crumb no-print">
        <a href="/data">{t.all}</a>
      </p>
      <Opened key={name} title={t.classes[name].title}>
        {(store) => (
          <div class="narrow">
            <p class="lead">{name === "contact" ? t.contactNote : t.classes[name].good}</p>
            {DATA_CLASSES[name].map((path) => {
              const kind = kindAt(path);
              return kind && <KindSection key={path} kind={kind} store={store} alone={DATA_CLASSES[name].length === 1} />;
            })}
          </div>
        )}
      </Opened>
    </>
  );
}

/** What was removed a moment ago, to bring it back as it was. */
interface Removed {
  path: string;
  value: unknown;
}

function KindSection({ kind, store, alone }: { kind: Kind; store: StoreView; alone: boolean }) {
  const vault = useVault();
  const { data: t } = words();
  const editing = useSignal<string | undefined>(undefined);
  const removed = useSignal<Removed | undefined>(undefined);
  const opener = useRef<HTMLElement | null>(null);
  const remove = useAction(async (record: RecordView) => {
    await vault.remove(record.path);
    removed.value = { path: record.path, value: record.value };
  });
  const undo = useAction(async (last: Removed) => {
    await vault.save(last);
    removed.value = undefined;
    say(t.undone);
  });
  const records = store.records.filter((record) => record.kind === kind.path && record.value !== null);
  const edit = (path: string | undefined) => {
    if (path !== undefined) opener.current = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    editing.value = path;
    if (path === undefined) requestAnimationFrame(() => opener.current?.focus());
  };
  const saved = (readers: number) => {
    say(readers === 0 ? t.saved : t.savedShared(readers));
    edit(undefined);
  };
  const readersOf = (path: string) => new Set(store.records.find((each) => each.path === path)?.sharedWith.map((each) => each.grant)).size;
  return (
    <section class="group">
      {alone ? null : <h2>{kindTitle(kind.path)}</h2>}
      <ul class="records">
        {records.map((record) => (
          <li key={record.path}>
            {editing.value === record.path ? (
              <RecordForm
                kind={kind}
                path={record.path}
                value={record.value}
                onSaved={() => saved(readersOf(record.path))}
                onCancel={() => edit(undefined)}
              />
            ) : (
              <Row record={record} onEdit={() => edit(record.path)} onRemove={() => remove.run(record)} />
            )}
          </li>
        ))}
      </ul>
      {removed.value && <Undo text={t.removed(kindWord(kind.path))} onUndo={() => removed.value && undo.run(removed.value)} />}
      <ErrorState error={remove.error.value ?? undo.error.value} />
      {editing.value === kind.path && !records.some((each) => each.path === kind.path) ? (
        <RecordForm kind={kind} path={kind.path} value={null} onSaved={() => saved(0)} onCancel={() => edit(undefined)} />
      ) : (
        (kind.many || records.length === 0) && (
          <button type="button" class="text-btn" onClick={() => edit(kind.path)}>
            {t.add(kindWord(kind.path))}
          </button>
        )
      )}
    </section>
  );
}

function Row({ record, onEdit, onRemove }: { record: RecordView; onEdit: () => void; onRemove: () => void }) {
  const { data: t } = words();
  const text = valueText(record.value);
  return (
    <>
      <p class="value">{text}</p>
      <p class="note">
        {record.sharedWith.length === 0
          ? t.nobody
          : `${t.readers} ${record.sharedWith.map((each) => t.reader(each.name, each.path.includes(":") ? chipOf(each.path) : "")).join(", ")}`}
      </p>
      <div class="choices">
        <button type="button" class="text-btn" aria-label={t.editName(text)} onClick={onEdit}>
          {t.edit}
        </button>
        <button type="button" class="text-btn stop" aria-label={t.removeName(text)} onClick={onRemove}>
          {t.remove}
        </button>
      </div>
    </>
  );
}

/** Takes the focus that the removed row had. */
function Undo({ text, onUndo }: { text: string; onUndo: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => button.current?.focus(), []);
  return (
    <p>
      <span id={id}>{text}</span>{" "}
      <button ref={button} type="button" aria-describedby={id} class="text-btn" onClick={onUndo}>
        {words().data.undo}
      </button>
    </p>
  );
}
