import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import type { RecordView } from "../../vault/vault.ts";
import { chipOf } from "../labels.ts";

/** The dual view of a record: each line names a shop, what it sees of it, and the day on which that ends. */
export function Readers({ of: { path, sharedWith } }: { of: Pick<RecordView, "path" | "sharedWith"> }) {
  const { data: t, tag } = words();
  if (sharedWith.length === 0) return <p class="note">{t.nobody}</p>;
  return (
    <ul class="note readers" aria-label={t.readers}>
      {sharedWith.map((each, at) => (
        <li key={`${each.grant} ${each.path}`}>
          {at === 0 && `${t.readers} `}
          <a href={`/c/${each.grant}`}>{each.name}</a>
          {t.readerUntil(whatOf(path, each.path), day(tag, each.until))}
        </li>
      ))}
    </ul>
  );
}

/** Of a path that isn't the record's own, it is one of many that a digest is made of. */
function whatOf(own: string, shared: string): string {
  const [base, form] = shared.split(":");
  if (base !== own) return words().data.countsIn(chipOf(shared));
  return form === undefined ? "" : chipOf(shared);
}
