import { isEnded } from "#protocol/grant.ts";
import { words } from "../locales/words.ts";
import { Chips } from "../parts/chips.tsx";
import { ago, day } from "../parts/dates.ts";
import { Stub, serial } from "../parts/stub.tsx";
import type { ConnectionView, OutlineView } from "../vault/vault.ts";
import { DeletionLine } from "./after/deletion-line.tsx";
import { ConnectionActions } from "./connection-actions.tsx";
import { isLoopback } from "./domain.ts";
import { chipOf, purposeWords } from "./labels.ts";

const WEEK = 7 * 86_400_000;
const SIXTY_DAYS = 60 * 86_400_000;

export const chipsOf = (connection: ConnectionView): string[] => [...new Set(connection.details.flatMap((each) => each.paths).map(chipOf))];

export const stampOf = (
  state: ConnectionView["state"],
  endedBy: ConnectionView["endedBy"] = null,
): { text: string; quiet: boolean } | undefined => {
  const { stamps } = words().connections;
  if (state === "active" || state === "paused") return undefined;
  const isStopped = state === "revoked" && endedBy !== "vendor";
  return { text: isStopped || state === "declined" ? stamps[state] : stamps.expired, quiet: !isStopped };
};

export function ConnectionStub({
  connection,
  now,
  level = "h2",
  fresh = false,
  actions = true,
  blocked = false,
}: {
  connection: ConnectionView;
  now: number;
  level?: "h2" | "h3";
  fresh?: boolean;
  actions?: boolean;
  /** The shop is blocked, which doesn't end what it reads. */
  blocked?: boolean;
}) {
  const t = words().connections;
  const { client, state } = connection;
  const ended = isEnded(state);
  const Name = level;
  return (
    <Stub
      number={connection.number}
      mark={connection.mark}
      stamp={stampOf(state, connection.endedBy)}
      fresh={fresh}
      actions={!ended && actions && <ConnectionActions grant={connection.grant} state={state} name={client.client_name} />}
    >
      <Name>{actions ? <a href={`/c/${connection.grant}`}>{client.client_name}</a> : client.client_name}</Name>
      <p class="sub">
        {client.domain} · {connection.details.map((each) => purposeWords(each.purpose).short).join(" · ")}
      </p>
      {isLoopback(client.domain) && <p class="soon">{t.unverified}</p>}
      {blocked && !ended && <p class="soon">{state === "active" ? t.blockedReads : t.blocked}</p>}
      <Chips label={t.have} items={chipsOf(connection)} />
      <p class="meta">
        <ReadLine connection={connection} now={now} />
        <EndLine connection={connection} now={now} />
      </p>
      {connection.deletion && (
        <p class="meta" data-rule="deletion">
          <DeletionLine deletion={connection.deletion} />
        </p>
      )}
    </Stub>
  );
}

function ReadLine({ connection, now }: { connection: ConnectionView; now: number }) {
  const { tag, connections: t } = words();
  const last = connection.reads
    .map((each) => each.at)
    .sort()
    .at(-1);
  const quiet = now - Date.parse(last ?? connection.given) > SIXTY_DAYS && connection.state === "active";
  return (
    <>
      <span>{last ? t.lastRead(ago(tag, last, now), connection.reads.length) : t.neverRead}</span>
      {quiet && <span class="soon">{t.quiet}</span>}
    </>
  );
}

function EndLine({ connection, now }: { connection: ConnectionView; now: number }) {
  const { tag, connections: t } = words();
  const { state, expires, endedAt, endedBy, pausedAt } = connection;
  if (isEnded(state) && endedBy === "vendor") return <span>{t.shopEnded(day(tag, endedAt ?? expires))}</span>;
  if (state === "revoked") return <span>{t.stoppedOn(day(tag, endedAt ?? expires))}</span>;
  if (isEnded(state)) return <span>{t.endedOn(day(tag, endedAt ?? expires))}</span>;
  return (
    <>
      {state === "paused" && <span class="soon">{t.pausedOn(day(tag, pausedAt ?? connection.given))}</span>}
      <span class={Date.parse(expires) - now < WEEK ? "soon" : undefined}>{t.ends(day(tag, expires))}</span>
    </>
  );
}

/** What a session without a key sees: no name, but enough to pause and to stop. */
export function OutlineStub({ outline, now, level: Name = "h2" }: { outline: OutlineView; now: number; level?: "h2" | "h3" }) {
  const { tag, connections: t } = words();
  const name = t.connection(serial(outline.number));
  return (
    <Stub number={outline.number} stamp={stampOf(outline.state)}>
      <Name>{name}</Name>
      <p class="meta">
        <span>{t.states[outline.state]}</span>
        <span class={Date.parse(outline.expires) - now < WEEK ? "soon" : undefined}>{t.ends(day(tag, outline.expires))}</span>
      </p>
      {!isEnded(outline.state) && (
        <div class="row-of-buttons">
          <ConnectionActions grant={outline.grant} state={outline.state} name={name} />
        </div>
      )}
    </Stub>
  );
}
