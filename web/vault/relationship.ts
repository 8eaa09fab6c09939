import * as v from "valibot";
import { Client, LIMITS } from "#protocol/api.ts";
import { base64url } from "#protocol/canonical.ts";
import { VendorCard } from "#protocol/data/private.ts";
import { ed25519Thumbprint } from "#protocol/jws.ts";
import { makeAgreementPair, makeSigningPair } from "#protocol/sealing/pairs.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { CompactJws, Count, Hash, Id, Instant, Positive, Text } from "#protocol/shapes.ts";

const Pair = v.strictObject({ x: Hash, d: Hash });

/** One grant toward this vendor, as its customer gave it: what is shared is decided by this and never by the server's row. */
export const OwnGrant = v.strictObject({
  /** 32 bytes. */
  key: Hash,
  n: Positive,
  hash: Hash,
  token: CompactJws,
  pauseSecret: Hash,
  askedAt: Instant,
  /** The vendor as it was shown when it asked. */
  client: Client,
  /** When each consent before this one was given, oldest first: seconds, as `iat`. */
  earlier: v.optional(v.pipe(v.array(Count), v.maxLength(LIMITS.consents))),
});
export type OwnGrant = v.InferOutput<typeof OwnGrant>;

/** The customer's own side of a vendor: record `relationships/<id>`, boxed under the account key and never shared. */
export const Relationship = v.strictObject({
  client_id: Text(500),
  name: Text(200),
  keys: v.strictObject({ sign: Pair, inbox: Pair }),
  /** Encryption keys of the vendor that were sealed to, oldest first. */
  pins: v.array(v.strictObject({ jkt: Hash, jwk: v.record(v.string(), v.unknown()), since: Instant })),
  grants: v.record(Id, OwnGrant),
  card: v.optional(VendorCard),
});
export type Relationship = v.InferOutput<typeof Relationship>;

export const RELATIONSHIPS = "relationships";
export const IMPORTS = "imports";
export const newRelationshipPath = (): string => `${RELATIONSHIPS}/${newId()}`;

/** A fresh pair of each kind for each vendor: nothing that two vendors hold has a value in common. */
export async function makeRelationship(client: Pick<Client, "client_id" | "client_name">): Promise<Relationship> {
  const [sign, inbox] = await Promise.all([makeSigningPair(), makeAgreementPair()]);
  return { client_id: client.client_id, name: client.client_name, keys: { sign, inbox }, pins: [], grants: {} };
}

/** The relationship to a vendor, with its path. */
export const relationshipTo = (relationships: ReadonlyMap<string, Relationship>, clientId: string): [string, Relationship] | undefined =>
  [...relationships].find(([, relationship]) => relationship.client_id === clientId);

export const issuerOf = (relationship: Relationship): Promise<string> => ed25519Thumbprint(relationship.keys.sign.x);
export const grantKeyOf = (grant: OwnGrant): Uint8Array => base64url.decode(grant.key);
