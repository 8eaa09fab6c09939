import { isEnded } from "#protocol/grant.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import { Limited } from "../../parts/limited.tsx";
import type { ConnectionView, StoreView } from "../../vault/vault.ts";
import { DeletionLine } from "../after/deletion-line.tsx";
import { chipOf } from "../labels.ts";

const AT_FIRST = 20;

/** What ended connections had read (D9), which stays with the shops (D10). */
export function Past({ store }: { store: StoreView }) {
  const { vendors: t } = words();
  const over = store.connections.filter((each) => isEnded(each.state)).sort((a, b) => b.number - a.number);
  if (over.length === 0) return null;
  return (
    <details class="group" data-rule="D10">
      <summary>{t.endedTitle(over.length)}</summary>
      <p class="note">{t.endedNote}</p>
      <Limited items={over} first={AT_FIRST} step={AT_FIRST} more={t.moreShops}>
        {(shown) => (
          <ul class="records">
            {shown.map((each) => (
              <li key={each.grant} data-row>
                <h3>
                  <a href={`/c/${each.grant}`}>{each.client.client_name}</a>
                </h3>
                <HadRead connection={each} />
              </li>
            ))}
          </ul>
        )}
      </Limited>
    </details>
  );
}

function HadRead({ connection: { reads, askedDeletion, deletion } }: { connection: ConnectionView }) {
  const { tag, vendors: t } = words();
  const what = [...new Set(reads.filter((each) => each.count > 0).flatMap((each) => each.paths.map(chipOf)))];
  const last = reads
    .map((each) => each.at)
    .sort()
    .at(-1);
  return (
    <>
      <p>{what.length === 0 || last === undefined ? t.hadReadNothing : t.hadRead(what.join(", "), day(tag, last))}</p>
      {deletion ? (
        <p class="note">
          <DeletionLine deletion={deletion} />
        </p>
      ) : (
        askedDeletion && <p class="note">{t.askedDeletion}</p>
      )}
    </>
  );
}
