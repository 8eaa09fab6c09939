import type { Attesting } from "../attesting.ts";
import type { Sink } from "../crm/sink.ts";
import { endedGrant } from "../endings.ts";
import type { Servers } from "../issuers.ts";
import type { Moves } from "../moves.ts";
import type { Party } from "../party.ts";
import type { Syncing } from "../sync.ts";
import { emptyReport } from "../sync-report.ts";
import type { VendorEvent } from "./verify-event.ts";

/** What acting on events is made of. */
export interface ActingParts {
  readonly party: Party;
  readonly servers: Servers;
  readonly moves: Moves;
  readonly attest: Attesting;
  readonly syncing: Syncing;
}

/** What is done about events, besides your own part. */
export interface Acting {
  /** Kept in step at once with the grant that an event is about. */
  sink: Sink;
  /** Hears each event once it was acted on; again if it throws, or after a crash. Also those of grants that aren't known here. */
  on?: (event: VendorEvent) => void | Promise<void>;
}

/** An end is the server's clear word, and is acted on without asking it again; anything else makes the grant be looked at as it is now. */
export function acting(
  { party, servers, moves, attest, syncing }: ActingParts,
  { sink, on }: Acting,
): (events: readonly VendorEvent[]) => Promise<void> {
  const end = (id: string, state: "revoked" | "expired", at: string): Promise<void> =>
    party.book.locks.run(id, async () => {
      const grant = await party.book.grant(id);
      if (grant === undefined || grant.ended !== null) return;
      servers.at(grant).tokens.forget(id);
      await party.book.saveGrant(endedGrant(grant, { reason: state, at }));
    });

  const follow = (id: string, to: string, statement: string): Promise<void> =>
    party.book.locks.run(id, async () => {
      const grant = await party.book.grant(id);
      if (grant !== undefined) await moves.accept(grant, to, statement);
    });

  const look = async (id: string, events: readonly VendorEvent[]): Promise<void> => {
    const started = performance.now();
    for (const { name, payload } of events) if (name === "grant-moved") await follow(id, payload.to, payload.statement);
    const over = events.find(({ name }) => name === "grant-revoked" || name === "grant-expired");
    if (over?.grant !== undefined)
      await end(id, over.name === "grant-expired" ? "expired" : "revoked", new Date(over.payload.event_timestamp * 1000).toISOString());
    const options = { grants: [id] };
    const { failed } = over === undefined ? await syncing.sync(sink, options) : await syncing.enforce(sink, options);
    if (events.some(({ name }) => name === "erasure-due")) await attest.post(emptyReport(false).attestations, { grant: id });
    for (const { name } of events) party.on({ type: "event", name, grant: id, ms: performance.now() - started });
    for (const { error } of failed) throw error;
  };

  return async (events) => {
    const id = events[0]?.grant;
    const head = id === undefined ? undefined : await party.book.head(id);
    // Only the server at which a grant is has a say about it.
    const heard = head === undefined ? events : events.filter(({ issuer }) => issuer === (head.server ?? party.server));
    if (id !== undefined && head !== undefined && heard.length > 0) await look(id, heard);
    for (const event of heard) await on?.(event);
  };
}
