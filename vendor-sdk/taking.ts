import type { Consent } from "../protocol/consent-token.ts";
import { allowsRead } from "../protocol/narrow.ts";
import type { Pull } from "../protocol/vendor-api.ts";
import { accepted, withinConsent } from "./accepting.ts";
import { CounterfoilError } from "./error.ts";
import { checkConsent, checkShare, keepOpened, openGrantKey, type VerifiedConsent } from "./evidence.ts";
import { countRead } from "./keeping.ts";
import type { Party } from "./party.ts";
import type { StoredGrant } from "./state.ts";

/** What changed for one path. `narrowed`: the customer's latest consent no longer covers it. */
export type Change =
  | { type: "put"; path: string; version: number; updated: string; value: unknown }
  | { type: "remove"; path: string; version: number; reason: "removed" | "narrowed" };

/** What was read of a grant, all of it checked: what it says, and the grant as it is after it. */
export interface Reading {
  consent: VerifiedConsent;
  complete: boolean;
  /** Removals first. */
  changes: Change[];
  cursor: string;
  receipt: Pull["receipt"];
  /** With cursor and shares moved on. Nothing of it is saved yet. */
  next: StoredGrant;
}

/** What closes a reading. */
export interface End extends Pick<Reading, "complete" | "cursor" | "receipt"> {
  /** Whether it is a read of its own, for the granted frequency. */
  readonly counts: boolean;
  /** Which read the same cursor again would repeat, if this one counts. */
  readonly lastRead: StoredGrant["lastRead"];
}

/**
 * What a server gives of one grant on its way in, by pull or by bulk: the one place that checks it (protocol, sections 5 and 7). Any
 * check that fails throws, and nothing is accepted.
 */
export interface Taking {
  /** The consent and the grant key that what follows stands under; the same again costs nothing. */
  under(consent: string, grantKey: string): Promise<void>;
  add(records: Pull["records"]): Promise<void>;
  close(end: End): Reading;
}

/** Opened side by side: more would only wait in memory. */
const AT_ONCE = 64;

/**
 * @param grant as it is remembered
 * @param from `cursor`: what comes is what changed since the grant's own cursor; `start`: all there is, with removals of what was never
 * held, or is gone here already; `feed`: since a cursor of another reader, who may not have heard of what is gone here already; `whole`:
 * the same, and all there is
 */
export function taking(party: Party, grant: StoredGrant, from: "cursor" | "start" | "feed" | "whole"): Taking {
  let next: StoredGrant = { ...grant };
  let under: { verified: VerifiedConsent; grantKey: Uint8Array } | undefined;
  const changes: Change[] = [];
  const came = new Set<string>();

  const known = (): { verified: VerifiedConsent; grantKey: Uint8Array } => {
    if (under === undefined) throw new CounterfoilError("integrity", "records came before their consent", { reason: "malformed" });
    return under;
  };
  const notOlder = (path: string, version: number): void => {
    if (version < (next.seen[path] ?? 0))
      throw new CounterfoilError("integrity", "a record is older than one seen before", { reason: "older" });
  };

  const addSome = async (records: Pull["records"]): Promise<void> => {
    const { grantKey } = known();
    for (const { path, version } of records) notOlder(path, version);
    const contents = await Promise.all(
      records.map(({ path, version, body }) => checkShare(grantKey, next.details, { grant: grant.id, path, version, body })),
    );
    for (const [at, content] of contents.entries()) {
      const { path, version, body, updated } = records[at] as Pull["records"][number];
      notOlder(path, version);
      next.seen[path] = version;
      if (from === "whole") came.add(path);
      if ("removed" in content) {
        if (from !== "cursor" || next.shares[path] !== undefined) changes.push({ type: "remove", path, version, reason: "removed" });
        delete next.shares[path];
      } else {
        const share = { version, body, updated };
        next.shares[path] = share;
        keepOpened(share, content);
        changes.push({ type: "put", path, version, updated, value: content.value });
      }
    }
  };

  return {
    async under(consent, grantKey) {
      if (under?.verified.token === consent && next.grantKey === grantKey) return;
      const verified = await checkConsent(party, next, consent);
      under = { verified, grantKey: await openGrantKey(party, verified.consent, grantKey) };
      next = { ...accepted(next, verified), grantKey };
    },
    async add(records) {
      // Copied once it changes: what stays the very same is not written again.
      if (records.length > 0 && next.shares === grant.shares) next = { ...next, seen: { ...grant.seen }, shares: { ...grant.shares } };
      for (let at = 0; at < records.length; at += AT_ONCE) await addSome(records.slice(at, at + AT_ONCE));
    },
    close({ complete, cursor, receipt, counts, lastRead }) {
      const { verified } = known();
      if (from === "whole" && complete) {
        const gone = absentIn(next, came);
        changes.push(...gone.map((path): Change => ({ type: "remove", path, version: next.seen[path] ?? 1, reason: "removed" })));
        if (gone.some((path) => next.shares[path] !== undefined))
          next = { ...next, shares: Object.fromEntries(Object.entries(next.shares).filter(([path]) => !gone.includes(path))) };
      }
      const outside = from === "cursor" ? next.shares : next.seen;
      changes.push(...narrowedIn(next, Object.keys(outside)));
      next = withinConsent(next);
      const at = party.now();
      next = {
        ...next,
        cursor,
        complete,
        paused: false,
        behind: false,
        read: at,
        lastRead: counts ? lastRead : grant.lastRead,
        reads: counts ? countRead(next, at) : grant.reads,
      };
      return { consent: verified, complete, changes: removalsFirst(changes), cursor, receipt, next };
    },
  };
}

const removalsFirst = (changes: Change[]): Change[] => [
  ...changes.filter(({ type }) => type === "remove"),
  ...changes.filter(({ type }) => type === "put"),
];

/** Narrowing deletes the shares outside it: what is no longer covered goes, without waiting to be told record by record. */
const narrowedIn = ({ seen, details }: StoredGrant, paths: readonly string[]): Change[] =>
  paths
    .filter((path) => !allowsRead(details, path))
    .map((path) => ({ type: "remove", path, version: seen[path] ?? 1, reason: "narrowed" }));

/**
 * What isn't among all there is. Where objects have frequencies of their own, some values may only have waited for their time: then
 * nothing is taken for gone.
 */
function absentIn({ seen, details }: StoredGrant, came: ReadonlySet<string>): string[] {
  const frequencies = readable(details).map(({ frequency }) => JSON.stringify([frequency?.max, frequency?.per]));
  if (new Set(frequencies).size > 1) return [];
  return Object.keys(seen).filter((path) => !came.has(path) && allowsRead(details, path));
}

const readable = (details: Consent["authorization_details"]): Consent["authorization_details"] =>
  details.filter(({ actions }) => actions.includes("read"));
