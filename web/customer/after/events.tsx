import { isEnded } from "#protocol/grant.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import type { ConnectionView } from "../../vault/vault.ts";

/** When it was first given: `ConnectionView.given` is about the consent in force. */
export const firstGiven = ({ consents, given }: ConnectionView): string => consents[0]?.at ?? given;

/** When it ended; undefined while it runs. */
export const endOf = ({ state, endedAt, expires }: ConnectionView): string | undefined => endedAt ?? (isEnded(state) ? expires : undefined);

/** What happened to a connection, oldest first; nothing where it was only given. */
export function Events({ connection }: { connection: ConnectionView }) {
  const { tag, connection: all } = words();
  const t = all.events;
  const { consents, details, state, pausedAt, endedBy } = connection;
  const things = new Set(details.flatMap((each) => each.paths)).size;
  const last = consents.at(-1);
  const end = endOf(connection);
  const events = [
    t.given(day(tag, firstGiven(connection))),
    ...consents
      .slice(1)
      .map((each) => (each === last && end === undefined ? t.changedNow(day(tag, each.at), things) : t.changed(day(tag, each.at)))),
    ...(state === "paused" && pausedAt !== null ? [t.paused(day(tag, pausedAt))] : []),
    ...(end === undefined
      ? []
      : [
          (state === "expired" ? t.ranOut : endedBy === "vendor" ? t.shopEnded : state === "declined" ? t.declined : t.stopped)(
            day(tag, end),
          ),
        ]),
  ];
  if (events.length === 1) return null;
  return (
    <>
      <h3>{t.title}</h3>
      <ol class="points">
        {events.map((each, index) => (
          <li key={index}>{each}</li>
        ))}
      </ol>
    </>
  );
}
