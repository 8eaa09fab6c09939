import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { day, fieldDay } from "../../parts/dates.ts";
import { Heading } from "../../parts/heading.tsx";
import { saveFile } from "../../parts/save-file.ts";
import { say } from "../../parts/status.tsx";
import { Kept } from "../kept.tsx";
import { Stay } from "./stay.tsx";

/** What was made, on its way to the downloads. */
export interface Taken {
  readonly file: Blob;
  /** Of a sealed file. */
  readonly groups?: readonly string[];
  /** Epoch milliseconds. */
  readonly made: number;
  /** Connections without their standard record. */
  readonly missing?: number;
}

const nameOf = ({ groups, made }: Taken): string => `counterfoil-${fieldDay(made)}${groups ? ".counterfoil" : "-plain.zip"}`;

export function TakenOut({ taken, onDone }: { taken: Taken; onDone: () => void }) {
  const t = words().takeOut;
  const save = () => {
    saveFile(nameOf(taken), taken.file.type, taken.file);
    say(t.saved);
  };
  useEffect(save, []);
  if (taken.groups) return <Sealed taken={taken} groups={taken.groups} save={save} onDone={onDone} />;
  return (
    <div class="narrow">
      <Heading key="plain">{t.plainTitle}</Heading>
      <p class="lead">{t.plainReady}</p>
      <p>{t.savedAs(nameOf(taken))}</p>
      <p class="note">{t.plainWarning}</p>
      {taken.missing !== undefined && taken.missing > 0 && <p class="soon">{t.recordsMissing(taken.missing)}</p>}
      <div class="row-of-buttons">
        <a class="btn" href="/you" onClick={onDone}>
          {t.back}
        </a>
        <button type="button" class="text-btn" onClick={save}>
          {t.again}
        </button>
      </div>
    </div>
  );
}

function Sealed({ taken, groups, save, onDone }: { taken: Taken; groups: readonly string[]; save: () => void; onDone: () => void }) {
  const { tag, takeOut: t } = words();
  const kept = useSignal(false);
  return (
    <section class="narrow">
      <Heading key="sealed">{t.sealedTitle}</Heading>
      <p class="lead">{t.codeText}</p>
      <p>{t.savedAs(nameOf(taken))}</p>
      <div class="kit-sheet">
        <h2 class="wide">{t.sheet(day(tag, taken.made))}</h2>
        <ol class="groups" aria-label={t.code}>
          {groups.map((group, at) => (
            <li key={`${at} ${group}`}>{group}</li>
          ))}
        </ol>
        <p class="wide">{t.use(`${location.origin}/restore`)}</p>
      </div>
      <div class="row-of-buttons">
        <button type="button" class="btn" onClick={() => print()}>
          {t.print}
        </button>
        <CopyButton text={groups.join(" ")} />
        <button type="button" class="text-btn" onClick={save}>
          {t.again}
        </button>
      </div>
      <Kept kept={kept} word={t.kept} done={t.done} blocked={t.doneBlocked} onDone={onDone} />
      {!kept.value && <Stay />}
    </section>
  );
}
