import { EvidenceError, readJws } from "../protocol/jws.ts";
import { originOf, verifyMove } from "../protocol/move.ts";
import { isLoopback, isSafeUrl } from "./discovery.ts";
import { CounterfoilError, MovedAway } from "./error.ts";
import type { Server, Servers } from "./issuers.ts";
import type { Party } from "./party.ts";
import type { StoredGrant } from "./state.ts";

/** Grants whose customers have moved to another server. */
export interface Moves {
  /**
   * The grant at the server that its customer's word names: saved, and every call about it goes there from now on. What is held of it stays.
   * @throws {CounterfoilError} `integrity`, reason `move`: the word isn't the customer's; `conflict`, reason `server`: this vendor follows nobody there. Nothing changes
   */
  accept(grant: StoredGrant, to: string, statement: string): Promise<StoredGrant>;
  /** Does something with a grant where it is, and where the answer is that it has moved, once more there. The caller has its lock. */
  follow<T>(grant: StoredGrant, work: (server: Server, grant: StoredGrant) => Promise<T>): Promise<T>;
}

/** Whether a vendor goes on at another server, by its issuer. */
export type FollowsTo = (issuer: string) => boolean | Promise<boolean>;

/** Of a grant that was never read, this is the first word of its customer: its key is pinned, as that of a first consent is. */
function issuerOf(statement: string): string {
  try {
    return (readJws(statement).payload as { iss?: string }).iss ?? "";
  } catch {
    return "";
  }
}

/** More moves in a row than anybody makes while nobody looks. */
const MOST_HOPS = 5;

/** @param arrived hears each server to which a grant has moved */
export function moves(party: Party, servers: Servers, followsTo: FollowsTo, arrived: (issuer: string) => void): Moves {
  const accept: Moves["accept"] = async (grant, to, statement) => {
    const from = grant.server ?? party.server;
    // A repetition, such as an event that comes after the pull that was told.
    if (to === from) return grant;
    const refuse = (message: string): never => {
      throw new CounterfoilError("integrity", message, { reason: "move" });
    };
    const expected = { pinned: grant.pin ?? issuerOf(statement), audience: party.clientId, grant: grant.id, from, to };
    const { iss } = await verifyMove(statement, expected).catch((error: unknown) => {
      if (error instanceof EvidenceError) return refuse(error.message);
      throw error;
    });
    const url = new URL(originOf(to) === undefined ? "about:blank" : to);
    if (!isSafeUrl(url) || (isLoopback(url) && !isLoopback(new URL(from))))
      refuse("a customer's word leads to a server that is not reached by https");
    if (!(await followsTo(to)))
      throw new CounterfoilError("conflict", "the customer has moved to a server that this vendor does not follow to", {
        reason: "server",
      });
    servers.at(grant).tokens.forget(grant.id);
    // Another server's cursors may mean something else: the next read brings everything.
    const moved: StoredGrant = { ...grant, pin: iss, server: to, cursor: null, lastRead: null };
    await party.book.addIssuer(to);
    await party.book.saveGrant(moved);
    arrived(to);
    party.on({ type: "moved", grant: grant.id, to });
    return moved;
  };

  return {
    accept,
    async follow(grant, work) {
      let at = grant;
      for (let hops = 0; ; hops++) {
        try {
          return await work(servers.at(at), at);
        } catch (error) {
          if (!(error instanceof MovedAway) || hops >= MOST_HOPS) throw error;
          at = await accept(at, error.to, error.statement);
        }
      }
    },
  };
}
