import type { Consent } from "../protocol/consent-token.ts";
import type { ErasureAttestation } from "../protocol/erasure-attestation.ts";
import type { GrantState } from "../protocol/grant.ts";
import { type Attesting, unknownGrant } from "./attesting.ts";
import { endedGrant } from "./endings.ts";
import { CounterfoilError } from "./error.ts";
import { type Grant, grantOf } from "./grant.ts";
import type { Servers } from "./issuers.ts";
import type { Moves } from "./moves.ts";
import type { Party } from "./party.ts";
import type { StoredGrant } from "./state.ts";

/** Where a grant stands, as the server said just now and the customer's signature proves. */
export interface GrantAnswer {
  grant: Grant;
  /** Undefined of a grant that has ended. */
  consent: { token: string; claims: Consent } | undefined;
  /** RFC 3339: by when what is no longer granted must be deleted; undefined where nothing is owed. */
  deleteBy: string | undefined;
}

/** What you erased by yourself, outside any sink. See `EraseReport` for `did` and `remains`. */
export type OwnErasure = Pick<ErasureAttestation, "did" | "remains" | "statement"> & Partial<Pick<ErasureAttestation, "reason">>;

/** The grants that this vendor's state knows. */
export interface Grants {
  get(id: string): Promise<Grant | undefined>;
  /** In the order they were given. */
  list(filter?: { state?: GrantState }): Promise<Grant[]>;
  /**
   * Asks where a grant stands (Grant Management, 6.3). Not a read: allowed at any time, and seen by nobody. A consent that is narrower
   * takes effect at once in what is remembered; the next `enforce` or `sync` blanks the columns.
   * @throws {CounterfoilError} `integrity` the consent fails a check: nothing was accepted
   */
  query(id: string, options?: { signal?: AbortSignal }): Promise<GrantAnswer>;
  /**
   * Gives a grant up (Grant Management, 6.4): final, and its customer sees that it was you. Its tokens are revoked; the next `enforce` or
   * `sync` erases the row and attests it. A grant that has ended already is no fault.
   */
  release(id: string, options?: { signal?: AbortSignal }): Promise<Grant>;
  /**
   * Your signed word of an erasure that no sink did. Posted with the next `sync` or `enforce`.
   * @throws {TypeError} of a grant that was never read
   */
  attest(id: string, erasure: OwnErasure): Promise<Grant>;
}

/** What keeping grants is made of. */
export interface GrantParts {
  readonly party: Party;
  readonly servers: Servers;
  readonly moves: Moves;
  readonly attest: Attesting;
}

export function grants({ party, servers, moves, attest }: GrantParts): Grants {
  const { book, now } = party;
  const known = async (id: string): Promise<StoredGrant> => {
    const grant = await book.grant(id);
    if (grant === undefined) throw unknownGrant();
    return grant;
  };
  const end = async (grant: StoredGrant, state: "revoked" | "expired" | "declined", by?: "vendor"): Promise<StoredGrant> => {
    const at = new Date(now()).toISOString();
    const ended = endedGrant({ ...grant, ended: grant.ended ?? { state, at, ...(by === undefined ? {} : { by }) } }, { reason: state, at });
    servers.at(grant).tokens.forget(grant.id);
    await book.saveGrant(ended);
    return ended;
  };

  return {
    async get(id) {
      const grant = await book.head(id);
      return grant && grantOf(grant, now());
    },
    async list({ state } = {}) {
      const all = await Promise.all((await book.grantIds()).map((id) => book.head(id)));
      const grants = await Promise.all(all.filter((each) => each !== undefined).map((each) => grantOf(each, now())));
      return grants.filter((each) => state === undefined || each.state === state).sort((a, b) => (a.given < b.given ? -1 : 1));
    },
    query: (id, { signal } = {}) =>
      book.locks.run(id, async () => {
        let grant = await known(id);
        try {
          const { status, consent, next } = await moves.follow(grant, (server, at) => {
            grant = at;
            return server.ask(at, signal);
          });
          if (next !== grant && grant.ended === null) await book.saveGrant(next);
          return {
            grant: await grantOf(grant.ended === null ? next : grant, now()),
            consent: { token: consent.token, claims: consent.consent },
            deleteBy: status.delete_by ?? undefined,
          };
        } catch (error) {
          const code = error instanceof CounterfoilError ? error.code : undefined;
          if (code !== "grant_revoked" && code !== "grant_expired") throw error;
          const declined = (error as CounterfoilError).reason === "declined";
          const ended = await end(grant, code === "grant_expired" ? "expired" : declined ? "declined" : "revoked");
          return { grant: await grantOf(ended, now()), consent: undefined, deleteBy: undefined };
        }
      }),
    release: (id, { signal } = {}) =>
      book.locks.run(id, async () => {
        let grant = await known(id);
        if (grant.ended !== null) return grantOf(grant, now());
        await moves
          .follow(grant, async ({ call }, at) => {
            grant = at;
            await call("release", { id, repeatable: true, signal });
          })
          .catch((error: unknown) => {
            // Of a store that was erased the server knows nothing any more: it has ended too.
            if (!(error instanceof CounterfoilError) || (error.reason !== "not_found" && error.code !== "grant_revoked")) throw error;
          });
        const ended = await end(grant, "revoked", "vendor");
        // They ended with their grant; this is for a server that forgets it.
        if (grant.refresh !== null)
          await servers
            .at(grant)
            .tokens.revoke(grant.refresh, signal)
            .catch(() => undefined);
        return grantOf(ended, now());
      }),
    attest: (id, erasure) =>
      book.locks.run(id, async () => {
        const grant = await known(id);
        const next = await attest.own(grant, { ...erasure, reason: erasure.reason ?? grant.ended?.state ?? "narrowed" });
        await book.saveGrant(next);
        return grantOf(next, now());
      }),
  };
}
