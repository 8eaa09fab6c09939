import * as v from "valibot";
import { type Pull, VENDOR_API } from "../protocol/vendor-api.ts";
import type { Dpop } from "./dpop.ts";
import { CounterfoilError } from "./error.ts";
import type { Answer } from "./http.ts";
import { nextRead, repeatsLastRead } from "./keeping.ts";
import type { Party } from "./party.ts";
import { reasonOf, refused } from "./refused.ts";
import type { StoredGrant } from "./state.ts";
import { type Reading, taking } from "./taking.ts";
import { type Tokens, withNonce } from "./tokens.ts";

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
    const part = taking(party, grant, since === null ? "start" : "cursor");
    const cursors = new Set<string>(since === null ? [] : [since]);
    for (let pages = 0, cursor = since; ; pages++) {
      const page = await fetchPage(party, tokens, proofs, grant, cursor, signal);
      await part.under(page.consent, page.grant_key);
      await part.add(page.records);
      if (!page.more) {
        const at = party.now();
        const counts = page.complete && !repeatsLastRead(grant, since, at);
        return part.close({ complete: page.complete, cursor: page.cursor, receipt: page.receipt, counts, lastRead: { since, at } });
      }
      if (cursors.has(page.cursor) || pages > MOST_PAGES)
        throw new CounterfoilError("integrity", "the pages of this read have no end", { reason: "pages" });
      cursors.add(page.cursor);
      cursor = page.cursor;
    }
  };
}

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
