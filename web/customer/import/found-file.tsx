import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Found } from "../../imports/open-file.ts";
import { words } from "../../locales/words.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Notice } from "../../parts/notice.tsx";
import type { StoreView } from "../../vault/vault.ts";
import { Columns } from "./columns.tsx";
import { Faults } from "./faults.tsx";
import { Preview } from "./preview.tsx";
import { chosenOf, type Session } from "./session.ts";
import { WhoIsYou } from "./who-is-you.tsx";

interface Props {
  session: Session;
  found: Found;
  store: StoreView;
  online: boolean;
}

/** What the file is, what has to be asked about it, and what it would bring. */
export function FoundFile({ session, found, store, online }: Props) {
  const { imports: t } = words();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [found]);
  const preview = session.preview.value;
  const choices = session.choices.value;
  return (
    <>
      <section class="narrow">
        <h2 ref={heading} tabIndex={-1} class="wrap">
          <bdi>{found.file}</bdi>
        </h2>
        <p class="note">
          {found.shape !== "files" && `${t.readBy(t.formatNames[found.format])} `}
          {t.encodings[found.encoding]}
        </p>
        <button type="button" class="text-btn" onClick={session.reset}>
          {t.another}
        </button>
      </section>
      {found.shape === "files" && <WhichFile files={found.files} onChoose={(entry) => session.reopen(entry)} />}
      {found.shape === "people" && found.people.length > 1 && (
        <WhoIsYou people={found.people} chosen={choices.person} onChoose={(person) => session.choose({ ...choices, person })} />
      )}
      {found.shape === "table" && choices.mapping && (
        <Columns
          table={found}
          mapping={choices.mapping}
          onColumns={session.map}
          onMapping={(mapping) => session.choose({ ...choices, mapping })}
        />
      )}
      {found.shape === "table" && <Missing session={session} />}
      {preview && (
        <>
          <section class="group" aria-busy={session.working.value}>
            <h2>{t.preview}</h2>
            <Preview session={session} preview={preview} records={store.records}>
              <Bring session={session} online={online} />
            </Preview>
          </section>
          <Faults session={session} preview={preview} />
        </>
      )}
    </>
  );
}

/** What a table needs before any of its lines can be read. */
function Missing({ session }: { session: Session }) {
  const t = words().imports;
  const mapping = session.choices.value.mapping;
  if (mapping === undefined) return null;
  const asked = [
    mapping.columns.item === undefined ? t.askItem : "",
    mapping.columns.date === undefined ? t.askDate : mapping.dates === undefined ? t.askDates : "",
  ].filter(Boolean);
  return asked.length === 0 ? null : (
    <Notice tone="brass">
      {asked.map((each) => (
        <p key={each}>{each}</p>
      ))}
    </Notice>
  );
}

function Bring({ session, online }: { session: Session; online: boolean }) {
  const { imports: t, data } = words();
  const count = chosenOf(session.preview.value, session.flipped.value, session.anyway.value).length;
  const ready = online && count > 0 && !session.working.value;
  return (
    <div class="bring-bar">
      <ErrorState error={session.fault.value?.error} safe={t.failedSafe} />
      <button type="button" class="btn" aria-disabled={!ready || undefined} onClick={() => ready && session.bring()}>
        {online ? t.bring(count) : data.offlineSave}
      </button>
      <span class="note" role="status">
        {session.working.value ? t.waiting : t.chosen(count)}
      </span>
    </div>
  );
}

function WhichFile({ files, onChoose }: { files: readonly string[]; onChoose: (entry: string) => void }) {
  const t = words().imports;
  const chosen = useSignal<string | undefined>(undefined);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen.value !== undefined) onChoose(chosen.value);
      }}
    >
      <fieldset class="group">
        <legend>{t.whichFile}</legend>
        {files.slice(0, 200).map((file) => (
          <label class="choice" key={file}>
            <input
              type="radio"
              name="entry"
              required
              checked={chosen.value === file}
              onChange={() => {
                chosen.value = file;
              }}
            />
            <bdi>{file}</bdi>
          </label>
        ))}
      </fieldset>
      <button type="submit" class="btn">
        {t.whichFileGo}
      </button>
    </form>
  );
}
