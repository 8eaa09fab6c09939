import { words } from "../../locales/words.ts";
import { calendarDay, day } from "../../parts/dates.ts";
import type { ConnectionView, DeletionView } from "../../vault/vault.ts";

type Remainder = DeletionView["remains"][number];

/** The shop's own words, told apart as a quote. Nothing says in which language they are. */
export function Quote({ text }: { text: string }) {
  return (
    <q lang="" dir="auto">
      {text}
    </q>
  );
}

/** "invoice", the law asks for it, until 31 Dec 2036. */
export function Remains({ of }: { of: Remainder }) {
  const { tag, deletion: t } = words();
  return (
    <>
      <Quote text={of.what} />, {t.whys[of.why]}
      {of.until !== null && `, ${t.until(calendarDay(tag, of.until))}`}
    </>
  );
}

/** How far a deletion is, in one line. The colour repeats what the words say. */
export function DeletionLine({ deletion: { reason, state, by, at, since, remains } }: { deletion: DeletionView }) {
  const { tag, deletion: t } = words();
  const on = day(tag, at ?? since);
  const what = reason === "narrowed" ? t.ofSome : t.ofAll;
  const due = day(tag, by ?? since);
  switch (state) {
    case "nothing-read":
      return <span>{t.nothingRead}</span>;
    case "waiting":
      return <span>{t.waiting(what, due)}</span>;
    case "overdue":
      return <span class="soon">{t.overdue(what, due)}</span>;
    case "confirmed":
      return <span>{t.confirmed(on)}</span>;
    case "kept":
      return (
        <span>
          {t.kept}{" "}
          {remains.map((each, index) => (
            <span key={index}>
              {index > 0 && "; "}
              <Remains of={each} />
            </span>
          ))}
        </span>
      );
  }
}

export const isOverdue = ({ deletion }: ConnectionView): boolean => deletion?.state === "overdue";
