import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useMemo } from "preact/hooks";
import type { Purchase } from "#protocol/data/purchases.ts";
import type { Candidate } from "../../imports/candidate.ts";
import type { Preview as Prepared } from "../../imports/open-file.ts";
import { words } from "../../locales/words.ts";
import { money } from "../../parts/amounts.ts";
import { calendarDay } from "../../parts/dates.ts";
import { Limited } from "../../parts/limited.tsx";
import { wordAt } from "../../parts/word-at.ts";
import type { RecordView } from "../../vault/vault.ts";
import { kindTitle } from "../labels.ts";
import { valueText } from "../values.ts";
import { isIn, type Session } from "./session.ts";

const SHOWS = ["all", "in", "out"] as const;
const ORDER = ["known", "repeated", "differs", "many"] as const;

/** What would come in, with a tick on each; what is doubted comes without one. */
export function Preview(props: { session: Session; preview: Prepared; records: readonly RecordView[]; children: ComponentChildren }) {
  const { session, preview, records } = props;
  const { imports: t } = words();
  const show = useSignal<(typeof SHOWS)[number]>("all");
  const id = useId();
  const anyway = session.anyway.value;
  const flipped = session.flipped.value;
  const counts = useMemo(() => countsOf(preview), [preview]);
  const ticked = (at: number): boolean => {
    const candidate = preview.candidates[at];
    return candidate !== undefined && isIn(candidate, anyway) !== flipped.has(at);
  };
  const rows = [...preview.candidates.keys()].filter((at) => show.value === "all" || ticked(at) === (show.value === "in"));
  const doubles = counts.known + counts.repeated;
  const flip = (at: number): void => {
    const next = new Set(flipped);
    if (!next.delete(at)) next.add(at);
    session.flipped.value = next;
  };
  return (
    <>
      <ul class="counts">
        <li>
          <strong>{t.counts.fresh(counts.fresh)}</strong>
        </li>
        {ORDER.map((doubt) => counts[doubt] > 0 && <li key={doubt}>{t.counts[doubt](counts[doubt])}</li>)}
        {preview.faults.length > 0 && (
          <li>
            <a class="bad" href="#not-read">
              {t.counts.faults(preview.faults.length)}
            </a>
          </li>
        )}
      </ul>
      <Left preview={preview} />
      {doubles > 0 && (
        <label class="choice">
          <input
            type="checkbox"
            checked={anyway}
            onChange={(event) => {
              session.anyway.value = event.currentTarget.checked;
            }}
          />
          {t.anyway(doubles)}
        </label>
      )}
      {props.children}
      {preview.candidates.length > 8 && (
        <p class="order">
          <label for={`${id}-show`}>{t.show}</label>
          <select
            id={`${id}-show`}
            value={show.value}
            onChange={(event) => {
              show.value = SHOWS.find((each) => each === event.currentTarget.value) ?? "all";
            }}
          >
            {SHOWS.map((each) => (
              <option key={each} value={each}>
                {t.shows[each]}
              </option>
            ))}
          </select>
        </p>
      )}
      <Limited key={show.value} items={rows} first={50} step={100} more={t.more}>
        {(shown) => (
          <ul class="items">
            {shown.map((at) => {
              const candidate = preview.candidates[at];
              return (
                candidate && (
                  <li class="item" key={at} data-row>
                    <label class="row">
                      <input type="checkbox" checked={ticked(at)} onChange={() => flip(at)} />
                      <Candidated candidate={candidate} records={records} />
                    </label>
                  </li>
                )
              );
            })}
          </ul>
        )}
      </Limited>
    </>
  );
}

function countsOf({ candidates }: Prepared): Record<"fresh" | (typeof ORDER)[number], number> {
  const counts = { fresh: 0, known: 0, repeated: 0, differs: 0, many: 0 };
  for (const { doubt } of candidates) counts[doubt ?? "fresh"] += 1;
  return counts;
}

function Left({ preview }: { preview: Prepared }) {
  const t = words().imports;
  const properties: Readonly<Record<string, string>> = t.properties;
  const unplaced = [...new Set(preview.unplaced.map((each) => properties[each] ?? properties.other ?? each))];
  const told = Object.entries(preview.left) as [keyof typeof t.left, number][];
  return (
    <>
      {told.map(
        ([why, count]) =>
          count > 0 && (
            <p key={why} class="note">
              {t.left[why](count)}
            </p>
          ),
      )}
      {unplaced.length > 0 && <p class="note">{t.unplaced(unplaced.join(", "))}</p>}
    </>
  );
}

function Candidated({ candidate, records }: { candidate: Candidate; records: readonly RecordView[] }) {
  const { imports: t } = words();
  const { doubt, path, value, place, shortened } = candidate;
  const now = doubt === "differs" ? valueText(records.find((each) => each.path === path)?.value) : "";
  const marks = [
    ...(doubt === undefined ? [] : [doubt === "differs" ? t.differs(now) : t.marks[doubt]]),
    ...(shortened === undefined ? [] : [t.marks.shortened]),
  ];
  const [first, rest] = path === "purchases" ? purchaseTexts(value as Purchase) : [valueText(value), kindTitle(path)];
  return (
    <span>
      <bdi>{first}</bdi>
      <span class="sub">
        <bdi>{rest}</bdi>
        {place.line !== undefined && ` · ${t.onLine(place.line)}`}
      </span>
      {marks.length > 0 && <span class="sub tag-new">{marks.join(" · ")}</span>}
    </span>
  );
}

function purchaseTexts({ item, seller, date, price, quantity, category, hints }: Purchase): [string, string] {
  const { tag, imports: t, options } = words();
  const parts = [
    calendarDay(tag, date),
    seller,
    price ? money(tag, price.amount, price.currency) : "",
    quantity ? t.pieces(quantity) : "",
    category ? wordAt(options, `category.${category}`, category) : "",
    hints ? t.hinted : "",
  ];
  return [item, parts.filter(Boolean).join(" · ")];
}
