import type { Consent } from "../../protocol/consent-token.ts";
import { feedName, isNotOffered, NO_FEED } from "../bulk-sync.ts";
import { endedGrant } from "../endings.ts";
import { asCounterfoilError, CounterfoilError } from "../error.ts";
import { type Grant, grantOf } from "../grant.ts";
import type { Server, Servers } from "../issuers.ts";
import { asking } from "../looking.ts";
import type { Moves } from "../moves.ts";
import type { Party } from "../party.ts";
import type { StoredFeed, StoredGrant } from "../state.ts";
import type { Change, Reading } from "../taking.ts";
import { BEHIND, type GrantPart, partsOf } from "./parts.ts";

/**
 * What has changed. `read`: values and removals, all checked, removals first; a removal may name a path that you never had. `ended`: erase
 * what you hold. `held`: read as often as its customer allows; it comes by itself. `failed`: it was not found good, nothing of it was kept,
 * and it is read again with the next call. `cursor`: everything before it is behind this cursor; the last item of a server is always one.
 */
export type GrantChange =
  | {
      type: "read";
      grant: Grant;
      /** The customer's signed consent: keep `token` as proof (GDPR art. 7(1)). */
      consent: { token: string; claims: Consent };
      /** False while the customer's app is still adding what was granted. */
      complete: boolean;
      changes: Change[];
      /** Names the line in the customer's history that this read wrote. */
      receipt: { read: number; at: string };
    }
  | { type: "held"; grant: Grant; until: string | undefined }
  | { type: "paused"; grant: Grant }
  /** `deleteBy`: RFC 3339; undefined where nothing is owed. */
  | { type: "ended"; grant: Grant; reason: "revoked" | "expired" | "declined"; deleteBy: string | undefined }
  | { type: "moved"; grant: Grant; to: string }
  | { type: "failed"; grant: Grant; error: CounterfoilError }
  /** `remaining`: about how many grants are left. */
  | { type: "cursor"; server: string; cursor: string; more: boolean; remaining: number };

/** Where one reads changes from. */
export interface ChangesOptions {
  /**
   * A cursor that you keep, or null for the beginning: then it is the named server alone that is read, and no cursor is saved. Unless told,
   * the cursor is kept in the state, apart from that of `sync`, and moves on when you come for the next item after it.
   */
  since?: string | null;
  signal?: AbortSignal;
}

/**
 * What has changed in all grants of this vendor since the last call, by one bulk read, until there is nothing more: for a warehouse or a
 * CRM without a sink. What was cut off, or threw in your loop, comes again; an item may therefore come twice.
 * @throws {CounterfoilError} `invalid`, reason `no_bulk`: the server offers none; `conflict`, reason `cursor_expired`: begin with `since: null`
 */
export type Changes = (options?: ChangesOptions) => AsyncGenerator<GrantChange, void>;

/** What reading changes is made of. */
export interface ChangesParts {
  readonly party: Party;
  readonly servers: Servers;
  readonly moves: Moves;
}

/** Grants that one reader remembers to have missed: more are found by `sync` alone. */
const MOST_MISSED = 10_000;

export function changes({ party, servers, moves }: ChangesParts): Changes {
  const ask = asking(party, moves);
  const { book, now } = party;

  const shown = (grant: StoredGrant): Promise<Grant> => grantOf(grant, now());

  const read = async ({ consent, complete, changes, receipt, next }: Reading, cursor = next.cursor): Promise<GrantChange> => {
    // Kept whatever you make of it: it may not be given again, and what you didn't take comes again by the cursor.
    await book.saveGrant({ ...next, cursor });
    return {
      type: "read",
      grant: await shown(next),
      consent: { token: consent.token, claims: consent.consent },
      complete,
      changes,
      receipt,
    };
  };

  const ended = async (
    grant: StoredGrant,
    reason: "revoked" | "expired" | "declined",
    deleteBy: string | null = null,
  ): Promise<GrantChange> => {
    servers.at(grant).tokens.forget(grant.id);
    const gone = grant.ended === null ? endedGrant(grant, { reason, at: new Date(now()).toISOString() }) : grant;
    if (gone !== grant) await book.saveGrant(gone);
    return { type: "ended", grant: await shown(gone), reason: gone.ended?.state ?? reason, deleteBy: deleteBy ?? undefined };
  };

  const failed = async (grant: StoredGrant, thrown: unknown): Promise<GrantChange> => {
    const error = asCounterfoilError(thrown);
    if (error.code === "grant_revoked") return ended(grant, error.reason === "declined" ? "declined" : "revoked");
    if (error.code === "grant_expired") return ended(grant, "expired");
    party.on({ type: "refused", grant: grant.id, code: error.code, reason: error.reason });
    return { type: "failed", grant: await shown(grant), error };
  };

  /** What was read by itself has been taken. Whoever has read the grant meanwhile, or moved it, has said where it goes on. */
  const taken = ({ id, cursor, read, server }: StoredGrant): Promise<void> =>
    book.locks.run(id, async () => {
      const grant = await book.grant(id);
      if (grant === undefined || grant.ended !== null || grant.cursor !== null) return;
      if (grant.read === read && grant.server === server) await book.saveGrant({ ...grant, cursor });
    });

  /**
   * By itself: what no bulk read brings any more. All of it, since the grant's own cursor may be ahead of you by a run of `sync`; and until
   * you come for the next item it has none, so that less than all of it isn't enough.
   */
  async function* alone(id: string, signal: AbortSignal | undefined): AsyncGenerator<GrantChange, GrantChange | undefined> {
    let next: StoredGrant | undefined;
    const item = await book.locks.run(id, async () => {
      const grant = await book.grant(id);
      if (grant === undefined) return undefined;
      // You may not have heard of it: an event, or a sync, was first, or your loop threw.
      if (grant.ended !== null) return ended(grant, grant.ended.state);
      try {
        const reading = await moves.follow(grant, (server, at) => server.read(at, { since: null, signal }));
        next = reading.next;
        return await read(reading, null);
      } catch (error) {
        signal?.throwIfAborted();
        return failed((await book.grant(id)) ?? grant, error);
      }
    });
    if (item !== undefined) yield item;
    if (item?.type === "read" && next !== undefined) await taken(next);
    return item;
  }

  const standing = (id: string, signal: AbortSignal | undefined): Promise<GrantChange | undefined> =>
    book.locks.run(id, async () => {
      const grant = await book.grant(id);
      if (grant === undefined) return undefined;
      if (grant.ended !== null) return ended(grant, grant.ended.state);
      try {
        await ask(grant, signal);
        return undefined;
      } catch (error) {
        signal?.throwIfAborted();
        return failed((await book.grant(id)) ?? grant, error);
      }
    });

  /** Its lock is given back before anybody sees it: whoever reads changes may well ask for the same grant. */
  const itemOf = async (part: GrantPart, signal: AbortSignal | undefined): Promise<GrantChange> => {
    const { grant } = part;
    try {
      if (part.type === "read") return await read(part.reading);
      if (part.type === "ended") return await ended(grant, part.state, part.delete_by);
      if (part.type === "failed") return await failed(grant, part.error);
      if (part.type === "moved")
        return { type: "moved", grant: await shown(await moves.accept(grant, part.to, part.statement)), to: part.to };
      const next = await ask(grant, signal, part.type === "paused" ? { paused: true } : {});
      if (part.type === "paused") return { type: "paused", grant: await shown(next) };
      return { type: "held", grant: await shown(next), until: part.until ?? undefined };
    } catch (error) {
      signal?.throwIfAborted();
      return failed(grant, error);
    } finally {
      part.release();
    }
  };

  async function* readAll(
    server: Server,
    since: string | null | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GrantChange, void> {
    const issuer = server.party.server;
    const name = await feedName("changes", issuer);
    let feed: StoredFeed = since === undefined ? ((await book.feed(name)) ?? NO_FEED) : { ...NO_FEED, cursor: since };
    const save = async (next: StoredFeed): Promise<void> => {
      feed = next;
      if (since === undefined) await book.saveFeed(name, next);
    };
    if (feed.cursor === null && feed.began === null) await save({ ...feed, began: now() });
    const named = new Set<string>();
    const missed = new Set(feed.missed);
    const miss = (id: string): void => void (missed.size < MOST_MISSED && missed.add(id));
    for (const id of feed.missed) {
      const item = yield* alone(id, signal);
      if (item === undefined && (await book.head(id)) === undefined) continue;
      if (item?.type !== "failed") missed.delete(id);
    }
    const options = {
      party,
      server: issuer,
      acquire: (id: string) => book.locks.acquire(id),
      named: (id: string) => named.add(id),
      unknown: miss,
      repeatEnds: true,
    };
    for await (const part of partsOf(server.bulk(feed.cursor, signal), options)) {
      if (part.type === "cursor") {
        yield { type: "cursor", server: issuer, cursor: part.cursor, more: part.more, remaining: part.remaining };
        // Whoever comes for the next one has what was before it.
        await save({ ...feed, cursor: part.cursor, missed: [...missed] });
        continue;
      }
      const { id } = part.grant;
      if (part.type === "failed" && part.error.reason === BEHIND) {
        part.release();
        const item = yield* alone(id, signal);
        if (item?.type === "failed") miss(id);
        continue;
      }
      const item = await itemOf(part, signal);
      if (item.type === "failed") miss(id);
      yield item;
      if (item.type !== "moved") continue;
      const there = yield* alone(id, signal);
      if (there?.type === "failed") miss(id);
    }
    if (feed.began !== null) {
      for (const id of await book.grantIds()) {
        const head = named.has(id) ? undefined : await book.head(id);
        if (head === undefined || head.given >= feed.began || (head.server ?? party.server) !== issuer) continue;
        // Of an end since then you may not have heard.
        if (head.ended !== null && Date.parse(head.ended.at) < feed.began) continue;
        const item = await standing(id, signal);
        if (item?.type === "failed") miss(id);
        if (item !== undefined) yield item;
      }
    }
    await save({ ...feed, began: null, missed: [...missed] });
  }

  return async function* ({ since, signal } = {}) {
    const others = since === undefined ? (await book.issuers()).filter((issuer) => issuer !== party.server) : [];
    for (const server of [servers.home, ...others.map((issuer) => servers.of(issuer))]) {
      try {
        yield* again(server, since, signal);
      } catch (error) {
        if (!(error instanceof CounterfoilError) || !isNotOffered(error)) throw error;
        throw new CounterfoilError("invalid", "this server offers no bulk reads to this vendor", {
          status: error.status,
          reason: "no_bulk",
        });
      }
    }
  };

  /** A cursor of the state that the server doesn't know any more: everything anew. */
  async function* again(
    server: Server,
    since: string | null | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GrantChange, void> {
    try {
      yield* readAll(server, since, signal);
    } catch (error) {
      if (!(error instanceof CounterfoilError) || error.reason !== "cursor_expired" || since !== undefined) throw error;
      await book.saveFeed(await feedName("changes", server.party.server), { ...NO_FEED, began: now() });
      yield* readAll(server, since, signal);
    }
  }
}
