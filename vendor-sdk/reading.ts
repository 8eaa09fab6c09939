import * as v from "valibot";
import { allowsRead } from "../protocol/narrow.ts";
import { type Pull, VENDOR_API } from "../protocol/vendor-api.ts";
import { accepted, withinConsent } from "./accepting.ts";
import type { Dpop } from "./dpop.ts";
import { CounterfoilError } from "./error.ts";
import { checkConsent, checkShare, openGrantKey, type VerifiedConsent } from "./evidence.ts";
import type { Answer } from "./http.ts";
import { countRead, nextRead, repeatsLastRead } from "./keeping.ts";
import type { Party } from "./party.ts";
import { reasonOf, refused } from "./refused.ts";
import type { StoredGrant } from "./state.ts";
import { type Tokens, withNonce } from "./tokens.ts";

/** What changed for one path. `narrowed`: the customer's latest consent no longer covers it. */
export type Change =
  | { type: "put"; path: string; version: number; updated: string; value: unknown }
  | { type: "remove"; path: string; version: number; reason: "removed" | "narrowed" };

/** A whole read: what it says, and the grant as it is after it. */
export interface Reading {
  consent: VerifiedConsent;
  complete: boolean;
  changes: Change[];
  cursor: string;
  receipt: Pull["receipt"];
  grantKey: Uint8Array;
  /** With cursor and shares moved on. Nothing of it is saved yet. */
  next: StoredGrant;
}

export type Read = (grant: StoredGrant, options: { since: string | null; signal?: AbortSignal | undefined }) => Promise<Reading>;

/** More pages than a store of 100 000 records can have. */
const MOST_PAGES = 10_000;

/** Reads a grant from `since` to the end: every page, every check of the protocol, sections 5 and 7. */
export function reader(party: Party, tokens: Tokens, proofs: Dpop): Read {
  return async (grant, { since, signal }) => {
    const started = party.now();
    if (!repeatsLastRead(grant, since, started)) {
      const allowed = nextRead(grant, started);
      if (allowed === undefined || allowed > started)
        throw new CounterfoilError("rate_limited", "the granted frequency allows no read now", {
          reason: "frequency",
          retryable: allowed !== undefined,
          retryAfterMs: allowed === undefined ? undefined : allowed - started,
        });
    }
    let next: StoredGrant = { ...grant };
    let consent: VerifiedConsent | undefined;
    let grantKey = new Uint8Array();
    const changes: Change[] = [];
    const cursors = new Set<string>(since === null ? [] : [since]);
    for (let pages = 0, cursor = since; ; pages++) {
      const page = await fetchPage(party, tokens, proofs, grant, cursor, signal);
      if (consent === undefined || consent.token !== page.consent || next.grantKey !== page.grant_key) {
        consent = await checkConsent(party, next, page.consent);
        grantKey = new Uint8Array(await openGrantKey(party, consent.consent, page.grant_key));
        next = { ...accepted(next, consent), grantKey: page.grant_key };
      }
      // Copied once it changes: what stays the very same is not written again.
      if (page.records.length > 0 && next.shares === grant.shares) next = { ...next, seen: { ...grant.seen }, shares: { ...grant.shares } };
      for (const record of page.records) {
        const { path, version, body, updated } = record;
        const content = await checkShare(grantKey, next.details, next.seen[path] ?? 0, { grant: grant.id, path, version, body });
        next.seen[path] = version;
        if ("removed" in content) {
          if (next.shares[path] !== undefined || since === null) changes.push({ type: "remove", path, version, reason: "removed" });
          delete next.shares[path];
        } else {
          changes.push({ type: "put", path, version, updated, value: content.value });
          next.shares[path] = { version, body, updated };
        }
      }
      next = { ...next, cursor: page.cursor, complete: page.complete };
      if (!page.more) {
        const narrowed = narrowedIn(next);
        if (narrowed.length > 0) {
          next = withinConsent(next);
          changes.push(...narrowed);
        }
        const at = party.now();
        const counts = page.complete && !repeatsLastRead(grant, since, at);
        next = {
          ...next,
          paused: false,
          read: at,
          lastRead: counts ? { since, at } : grant.lastRead,
          reads: counts ? countRead(next, at) : grant.reads,
        };
        return {
          consent,
          complete: page.complete,
          changes: removalsFirst(changes),
          cursor: page.cursor,
          receipt: page.receipt,
          grantKey,
          next,
        };
      }
      if (cursors.has(page.cursor) || pages > MOST_PAGES)
        throw new CounterfoilError("integrity", "the pages of this read have no end", { reason: "pages" });
      cursors.add(page.cursor);
      cursor = page.cursor;
    }
  };
}

const removalsFirst = (changes: Change[]): Change[] => [
  ...changes.filter(({ type }) => type === "remove"),
  ...changes.filter(({ type }) => type === "put"),
];

/** Narrowing deletes the shares outside it: what is no longer covered goes, without waiting to be told record by record. */
const narrowedIn = ({ shares, details }: StoredGrant): Change[] =>
  Object.entries(shares)
    .filter(([path]) => !allowsRead(details, path))
    .map(([path, { version }]) => ({ type: "remove", path, version, reason: "narrowed" }));

async function fetchPage(
  party: Party,
  tokens: Tokens,
  proofs: Dpop,
  grant: StoredGrant,
  since: string | null,
  signal?: AbortSignal,
): Promise<Pull> {
  const url = new URL(VENDOR_API.records.path.replace("{id}", grant.id), party.server);
  if (since !== null) url.searchParams.set("since", since);
  const send = () =>
    party.http({
      name: "pull",
      method: "GET",
      url: url.href,
      // The same cursor again gives the same and doesn't count against a frequency.
      repeatable: true,
      signal,
      prepare: async () => {
        const token = await tokens.access(grant, signal);
        return { headers: { authorization: `DPoP ${token}`, dpop: await proofs.proof("GET", url.href, token) } };
      },
    });
  let answer: Answer = await withNonce(send, url.href, proofs);
  // Of a store that was erased the server knows nothing any more: whether the grant has ended, its refresh token says.
  if (answer.status === 401 || (answer.status === 404 && reasonOf(answer) === "not_found")) {
    tokens.forget(grant.id);
    answer = await withNonce(send, url.href, proofs);
  }
  if (answer.status !== 200) throw refused(answer, "the pull", party.now());
  const page = v.safeParse(VENDOR_API.records.reply, answer.body);
  if (!page.success)
    throw new CounterfoilError("integrity", "the pull's answer has an unknown shape", {
      status: answer.status,
      requestId: answer.requestId,
      reason: "malformed",
    });
  return page.output;
}
