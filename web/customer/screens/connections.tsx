import { isEnded } from "#protocol/grant.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import { Limited } from "../../parts/limited.tsx";
import { Notice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import type { ConnectionView, StoreView } from "../../vault/vault.ts";
import { isOverdue } from "../after/deletion-line.tsx";
import { ConnectionStub, OutlineStub } from "../connection-stub.tsx";
import { Opened } from "../opened.tsx";
import { wasSeen } from "../put-back-seen.ts";
import { useVault } from "../vault-context.ts";

export function Connections() {
  const t = words().connections;
  return (
    <Opened title={t.title} locked={<Outlines />}>
      {(store) => <List store={store} />}
    </Opened>
  );
}

function List({ store }: { store: StoreView }) {
  const t = words().connections;
  const now = useNow().value;
  const running = store.connections.filter((each) => !isEnded(each.state)).sort((a, b) => Date.parse(a.expires) - Date.parse(b.expires));
  const over = store.connections.filter((each) => isEnded(each.state)).sort((a, b) => b.number - a.number);
  const overdue = over.filter(isOverdue).length;
  const blocked = new Set(store.vendors.filter(({ card }) => card.view === "blocked").map(({ relationship }) => relationship));
  const readers = new Set(running.filter((each) => each.state === "active").map((each) => each.client.client_id)).size;
  return (
    <>
      <PutBackNotice store={store} />
      {running.length === 0 ? (
        <>
          <p class="lead">{t.empty}</p>
          <div class="row-of-buttons">
            <a class="btn" href="/data">
              {t.emptyAction}
            </a>
            <a class="btn" href="/data/import">
              {t.emptyBring}
            </a>
          </div>
        </>
      ) : (
        <>
          <p class="lead">{readers === 0 ? t.leadNone : t.lead(readers)}</p>
          <Stubs connections={running} blocked={blocked} now={now} />
        </>
      )}
      {over.length > 0 && (
        <details class="group" data-rule="D9">
          <summary>
            {t.ended(over.length)}
            {overdue > 0 && <span class="soon"> · {t.overdue(overdue)}</span>}
          </summary>
          <Stubs connections={over} now={now} />
        </details>
      )}
    </>
  );
}

/** Until it was read, and for as long as something waits because of it. */
function PutBackNotice({ store: { restored, connections } }: { store: StoreView }) {
  const { tag, connections: t } = words();
  const held = connections.filter((each) => each.putBack).length;
  if (restored === null || (!restored.behind && held === 0 && wasSeen(restored.at))) return null;
  return (
    <div class="put-back">
      <Notice tone="brass" title={restored.from === null ? t.putBack : t.putBackFrom(day(tag, restored.from))}>
        <p>{restored.behind ? t.putBackBehind : held > 0 ? t.putBackPaused(held) : t.putBackMay}</p>
        <a href="/put-back">{restored.behind ? t.putBackLook : held > 0 ? t.putBackChoose : t.putBackLook}</a>
      </Notice>
    </div>
  );
}

const AT_FIRST = 50;

/** @param props.blocked relationships of shops that are blocked */
function Stubs({ connections, blocked, now }: { connections: readonly ConnectionView[]; blocked?: ReadonlySet<string>; now: number }) {
  return (
    <Limited items={connections} first={AT_FIRST} step={AT_FIRST} more={words().connections.more}>
      {(shown) => (
        <ul class="stubs">
          {shown.map((each) => (
            <li key={each.grant} data-row>
              <ConnectionStub connection={each} blocked={blocked?.has(each.relationship) ?? false} now={now} />
            </li>
          ))}
        </ul>
      )}
    </Limited>
  );
}

function Outlines() {
  const outlines = useVault().outline.value.filter((each) => !isEnded(each.state));
  const now = useNow().value;
  if (outlines.length === 0) return null;
  return (
    <>
      <p class="note">{words().connections.lockedLead}</p>
      <ul class="stubs group">
        {outlines.map((each) => (
          <li key={each.grant}>
            <OutlineStub outline={each} now={now} />
          </li>
        ))}
      </ul>
    </>
  );
}
