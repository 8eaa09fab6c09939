import type { ErasureAttestation, Remainder } from "../protocol/erasure-attestation.ts";
import { claimsOf, fitDone, isPlain, signAttestation } from "./attestation.ts";
import { asCounterfoilError, CounterfoilError, MovedAway } from "./error.ts";
import type { Server, Servers } from "./issuers.ts";
import type { Moves } from "./moves.ts";
import { doneIn, sinksToGo } from "./owing.ts";
import type { Party } from "./party.ts";
import { newToken } from "./random.ts";
import type { StoredGrant } from "./state.ts";
import type { SyncReport } from "./sync-report.ts";

/** The vendor's signed word of each erasure: kept durably until the server took it. */
export interface Attesting {
  /** The grant with what this sink did; where that was the last one, the attestation is durable before this resolves. Save the grant after it. */
  done(grant: StoredGrant, sink: string, done: { did: readonly string[]; remains: readonly Remainder[] }): Promise<StoredGrant>;
  /** The same of what was erased elsewhere. @throws {TypeError} on words that can't be shown */
  own(grant: StoredGrant, claims: Pick<ErasureAttestation, "reason" | "did" | "remains" | "statement">): Promise<StoredGrant>;
  /** Posts what waits. Throws nothing: what the server doesn't take now waits on. @param grant of this one alone, also before its time */
  post(report: SyncReport["attestations"], options?: { grant?: string; signal?: AbortSignal | undefined }): Promise<void>;
}

/** Posted in one run; the rest with the next one. */
const AT_ONCE = 500;
const MINUTE = 60_000;
const DAY = 86_400_000;
/** A server that refuses one for so long never takes it. */
const PATIENCE = 30 * DAY;

export function attesting(party: Party, servers: Servers, moves: Moves): Attesting {
  /** Where the grant is now, which may be another server than when it was made: it is signed for the one that gets it. */
  const deliver = async (claims: ErasureAttestation, signal?: AbortSignal): Promise<string> => {
    const send = async ({ party: { server }, call }: Server) => {
      const body = { attestation: await signAttestation(party, { ...claims, aud: server }) };
      return (await call("attest", { id: claims.grant_id, body, signal })).received;
    };
    const where = (await party.book.head(claims.grant_id)) ?? { server: null };
    return send(servers.at(where)).catch((error: unknown) => {
      if (!(error instanceof MovedAway)) throw error;
      return party.book.locks.run(claims.grant_id, async () => {
        const grant = await party.book.grant(claims.grant_id);
        if (grant === undefined) throw error;
        return send(servers.at(await moves.accept(grant, error.to, error.statement)));
      });
    });
  };

  const queue = async (grant: StoredGrant, claims: ErasureAttestation): Promise<StoredGrant> => {
    await party.book.saveAttestation({ claims, tries: 0, next: 0 });
    const { jti, reason, at, did, remains } = claims;
    return { ...grant, owes: null, attested: { jti, reason, at, did, remains, received: null } };
  };

  const received = (grantId: string, jti: string, at: string): Promise<void> =>
    party.book.locks.run(grantId, async () => {
      const grant = await party.book.grant(grantId);
      if (grant?.attested?.jti === jti) await party.book.saveGrant({ ...grant, attested: { ...grant.attested, received: at } });
    });

  return {
    async done(grant, sink, done) {
      const next = doneIn(grant, sink, fitDone(done));
      if (next.owes === null || sinksToGo(next)?.length !== 0) return next;
      const claims = await claimsOf(party, next, next.owes, party.now());
      // Made before a crash, it says what was done; this time there may have been nothing left to do.
      return queue(next, (await party.book.attestation(claims.jti))?.claims ?? claims);
    },
    async own(grant, { reason, did, remains, statement }) {
      if (grant.consent === null) throw new TypeError("nothing of this grant was ever read");
      if (statement !== undefined && !isPlain(statement, 500))
        throw new TypeError("statement: expected plain words, at most 500 characters");
      const now = party.now();
      return queue(grant, {
        iss: party.clientId,
        aud: grant.server ?? party.server,
        jti: newToken(),
        iat: Math.floor(now / 1000),
        grant_id: grant.id,
        n: grant.consent.n,
        reason,
        at: new Date(now).toISOString(),
        ...fitDone({ did, remains }),
        ...(statement === undefined ? {} : { statement }),
      });
    },
    post: (report, { grant: only, signal } = {}) =>
      party.book.locks.run("attestations", async () => {
        let posted = 0;
        let reachable = true;
        for (const jti of await party.book.attestationIds()) {
          const waiting = await party.book.attestation(jti);
          if (waiting === undefined || (only !== undefined && waiting.claims.grant_id !== only)) continue;
          const { claims } = waiting;
          const due = only !== undefined || waiting.next <= party.now();
          if (!reachable || !due || posted >= AT_ONCE || signal?.aborted) {
            report.waiting++;
            continue;
          }
          posted++;
          try {
            // One attempt: it waits in the state anyway, and an enforcement must not.
            const at = await deliver(claims, signal);
            await received(claims.grant_id, jti, at);
            await party.book.dropAttestation(jti);
            report.sent++;
          } catch (thrown) {
            const error = asCounterfoilError(thrown);
            if (error.retryable || error.code === "unauthenticated" || signal?.aborted) {
              reachable = false;
              report.waiting++;
              continue;
            }
            report.refused.push({ grant: claims.grant_id, error });
            party.on({ type: "refused", grant: claims.grant_id, code: error.code, reason: error.reason });
            if (party.now() - claims.iat * 1000 > PATIENCE) await party.book.dropAttestation(jti);
            else {
              const next = party.now() + Math.min(MINUTE * 2 ** waiting.tries, DAY);
              await party.book.saveAttestation({ ...waiting, tries: waiting.tries + 1, next });
              report.waiting++;
            }
          }
        }
      }),
  };
}

/** A grant that this vendor's state doesn't know. */
export const unknownGrant = (): CounterfoilError =>
  new CounterfoilError("invalid", "this vendor's state knows no such grant", { reason: "grant" });
