import { words } from "../../locales/words.ts";
import type { StoreView } from "../../vault/vault.ts";
import { Opened } from "../opened.tsx";
import { Blocked } from "../vendors/blocked.tsx";
import { type Holder, holdersOf, kindsHeld } from "../vendors/holdings.ts";
import { Lists } from "../vendors/lists.tsx";
import { Matrix } from "../vendors/matrix.tsx";
import { Past } from "../vendors/past.tsx";
import { useIsWide } from "../vendors/wide.ts";

export function WhoHasWhat() {
  const { data, vendors: t } = words();
  return (
    <>
      <p class="crumb no-print">
        <a href="/data">{data.all}</a>
      </p>
      <Opened title={t.title}>{(store) => <Shown store={store} />}</Opened>
    </>
  );
}

function Shown({ store }: { store: StoreView }) {
  const { kinds: known, vendors: t } = words();
  const wide = useIsWide().value;
  const holders = holdersOf(store);
  const kinds = kindsHeld(holders, Object.keys(known));
  const readers = holders.filter(isReading).length;
  return (
    <>
      <p class="lead">{readers === 0 ? t.leadNone : t.lead(readers)}</p>
      {holders.length === 0 ? (
        <p class="note">{t.emptyNote}</p>
      ) : wide ? (
        <Matrix holders={holders} kinds={kinds} />
      ) : (
        <>
          <h2 class="vh">{t.table}</h2>
          <Lists holders={holders} kinds={kinds} />
        </>
      )}
      <div class="narrow">
        <Blocked store={store} />
        <Past store={store} />
      </div>
    </>
  );
}

const isReading = ({ connections }: Holder): boolean => connections.some((each) => each.state === "active");
