import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import { filterWords } from "../ask/filter-words.ts";
import { chipOf, kindPath } from "../labels.ts";
import type { Holder, Holding } from "./holdings.ts";

/** What one shop may read of one kind: in which form, how much, read when, until when. */
export function Held({ held }: { held: Holding }) {
  const { tag, vendors: t } = words();
  const forms = held.forms.map((each) => (each === kindPath(each) ? t.whole : chipOf(each)));
  const only = filterWords(held.filter);
  return (
    <>
      <span class="held">
        {held.count === 0 ? t.nothingYet(forms.join(", ")) : forms.join(", ")}
        {held.count > 1 && ` · ${t.values(held.count)}`}
        {only.length > 0 && ` · ${t.only(only.join(", "))}`}
        {held.isPaused && <span class="soon"> · {t.paused}</span>}
      </span>
      <span class="held note">
        <span>{held.lastRead === undefined ? t.neverRead : t.readOn(day(tag, held.lastRead))}</span>
        <span>{t.ends(day(tag, held.ends))}</span>
      </span>
    </>
  );
}

/** The shop's name, with the way to its connection, or to each of several. */
export function HolderName({ holder }: { holder: Holder }) {
  const { connection: t } = words();
  const [first, ...others] = holder.connections;
  if (first === undefined) return holder.name;
  if (others.length === 0) return <a href={`/c/${first.grant}`}>{holder.name}</a>;
  return (
    <>
      {holder.name}{" "}
      {holder.connections.map(({ grant, number }) => (
        <a key={grant} href={`/c/${grant}`} aria-label={`${holder.name}, ${t.numbered(String(number))}`}>
          № {number}{" "}
        </a>
      ))}
    </>
  );
}
