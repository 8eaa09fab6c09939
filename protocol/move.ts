import * as v from "valibot";
import { hashOfJson } from "./canonical.ts";
import { EvidenceError, ed25519Thumbprint, exactly, readJws, verifyJws } from "./jws.ts";
import { CompactJws, Count, Hash, Id, OkpKey, Text } from "./shapes.ts";

/** `typ` of a customer's signed word to one vendor that their grant is at another server from now on (section 4, "Moving"). */
export const MOVE_TYP = "grant-move+jwt";
/** `typ` of what the server to which a store moves says to the one that it leaves. */
export const SERVER_WORD_TYP = "server-move+jwt";

/**
 * Claims: signed by the relationship key (Ed25519), as the consent is, so that no server can send a vendor elsewhere by itself. `from`, `to`:
 * issuers. `iss`: thumbprint of the relationship key, which stands in the header as `jwk` and which the vendor has pinned.
 */
export const MoveStatement = v.strictObject({
  iss: Hash,
  aud: Text(500),
  jti: Id,
  iat: Count,
  grant_id: Id,
  from: Text(300),
  to: Text(300),
});
export type MoveStatement = v.InferOutput<typeof MoveStatement>;

/** What the one who verifies knows by itself. */
export interface MoveExpectation {
  /** Thumbprint of the relationship key that the grant's consents are signed by: `iss` of each. */
  readonly pinned: string;
  /** The vendor's client_id. */
  readonly audience: string;
  readonly grant: string;
  /** Issuer of the server at which the grant was. */
  readonly from: string;
  /** Issuer of the one at which it is, where that is known. */
  readonly to?: string;
}

/**
 * Verifies a customer's word that a grant has moved. Whether a server told the truth when it showed it is not in it: a move that was called
 * off has statements too.
 * @throws {EvidenceError} `malformed`, `signature`, `typ`, `pin`, `audience`, `context`
 */
export async function verifyMove(token: string, expected: MoveExpectation): Promise<MoveStatement> {
  const key = exactly(OkpKey, readJws(token).header.jwk ?? null);
  if (key?.crv !== "Ed25519") throw new EvidenceError("malformed", "the statement's header names no Ed25519 key");
  const statement = exactly(MoveStatement, await verifyJws(token, key.x, MOVE_TYP));
  if (statement === undefined) throw new EvidenceError("malformed", "the statement has an unknown shape");
  if (statement.iss !== (await ed25519Thumbprint(key.x)))
    throw new EvidenceError("signature", "the statement's issuer is not the key that signed it");
  if (statement.iss !== expected.pinned) throw new EvidenceError("pin", "the statement is signed by another key than the grant's consents");
  if (statement.aud !== expected.audience) throw new EvidenceError("audience", "the statement is for another vendor");
  if (statement.grant_id !== expected.grant) throw new EvidenceError("context", "the statement is of another grant");
  if (statement.from !== expected.from || (expected.to !== undefined && statement.to !== expected.to))
    throw new EvidenceError("context", "the statement is of another move");
  if (originOf(statement.to) === undefined || statement.to === statement.from)
    throw new EvidenceError("malformed", "the statement leads to no other server");
  return statement;
}

/** How many grants one move can take along: those that live, or that their vendor still owes something for. */
const MOST_STATEMENTS = 1000;

/**
 * What a passkey approves when its customer moves: the state of the store that goes (hash of its head), where to, what of it lives, and
 * each statement as it was signed. So nothing of it can be exchanged on the way.
 */
export const MovePlan = v.strictObject({
  to: Text(300),
  head: Hash,
  /** Grants that are not ended, by the customer's own word. */
  living: v.pipe(v.array(Id), v.maxLength(MOST_STATEMENTS)),
  /** By grant: of each that lives, and of each ended one for which deletion is still due. */
  statements: v.pipe(v.record(Id, CompactJws), v.maxEntries(MOST_STATEMENTS)),
});
export type MovePlan = v.InferOutput<typeof MovePlan>;

/** The object of an act `move`. */
export const moveObject = (plan: MovePlan): Promise<string> => hashOfJson(plan);

/**
 * The origin that a text names, in the one way in which an issuer is written; undefined for everything else. https, or http where
 * `loopback` says so.
 */
export function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && url.origin === text && (url.protocol === "https:" || url.protocol === "http:") ? url.origin : undefined;
}
