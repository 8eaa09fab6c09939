import { ACT_SKEW } from "#protocol/act.ts";
import type { GrantView } from "#protocol/api.ts";
import { canonical, hashOf, hashOfJson } from "#protocol/canonical.ts";
import { type Consent, verifyConsent } from "#protocol/consent-token.ts";
import { ATTESTATION_AHEAD } from "#protocol/deletion.ts";
import { type ErasureAttestation, verifyAttestation } from "#protocol/erasure-attestation.ts";
import { type GrantState, stateOf } from "#protocol/grant.ts";
import { EvidenceError, thumbprint } from "#protocol/jws.ts";
import { hashOfGrantKey } from "#protocol/sealing/record.ts";
import { type Place, verifyAct } from "./assertion.ts";
import type { Remembered } from "./memory.ts";
import { grantKeyOf, issuerOf, type OwnGrant, type Relationship } from "./relationship.ts";
import type { Replica } from "./replica.ts";
import type { Alarm } from "./vault.ts";

/** A grant as its customer gave it, and what the server's half has taken away from it since. */
export interface KnownGrant {
  readonly grant: string;
  /** Path of its relationship. */
  readonly at: string;
  readonly relationship: Relationship;
  readonly own: OwnGrant;
  readonly consent: Consent;
  /** Undefined where the server doesn't show it. */
  readonly row: GrantView | undefined;
  readonly ended: { readonly hash: string } | undefined;
  readonly endState: "revoked" | "declined" | undefined;
  /** What its vendor has signed about erasing, newest last: only what is. */
  readonly attested: readonly ErasureAttestation[];
}

/** Own consents that were verified already, by token. */
export type VerifiedConsents = Map<string, Consent>;
/** Attestations that were looked at already, by token and key; null: not what it says. */
export type SeenAttestations = Map<string, ErasureAttestation | null>;

/**
 * Every grant of the customer's own relationships, verified by their own keys, with what the server says of it. Whatever the server
 * says that is not so becomes an alarm.
 */
export async function judgeGrants(
  replica: Replica,
  relationships: ReadonlyMap<string, Relationship>,
  evidence: { remembered: Remembered | undefined; verified: VerifiedConsents; attestations: SeenAttestations; place: Place; now: number },
): Promise<{ grants: Map<string, KnownGrant>; alarms: Alarm[] }> {
  const grants = new Map<string, KnownGrant>();
  const alarms: Alarm[] = [];
  const servers = [evidence.place.origin, ...replica.history.flatMap(({ type, by }) => (type === "arrive" && by !== null ? by : []))];
  const alarm = (code: string, message: string): void => {
    alarms.push({ code, message, at: new Date(evidence.now).toISOString() });
  };
  for (const [at, relationship] of relationships) {
    for (const [grant, own] of Object.entries(relationship.grants)) {
      const name = own.client.client_name;
      const consent = await verifyOwn(relationship, grant, own, evidence);
      const row = replica.rows.get(grant);
      if (row === undefined) alarm("hidden", `The server leaves out the connection to ${name}`);
      else
        await compare(row, { relationship, grant, own, consent }).catch((error: unknown) =>
          alarm(codeOf(error), `The server's row of ${name} is not what you gave: ${messageOf(error)}`),
        );
      const noted = replica.ends.get(grant);
      const seen = evidence.remembered?.ends[grant];
      // A server that was put back may not know of it any more; it holds the grant then, and is told again.
      const isHeld = noted === undefined && replica.restored !== null && row?.paused != null;
      if (row !== undefined && row.ended === null && !isHeld && (seen ?? noted) !== undefined && (seen ?? noted) !== (await EXPIRED)) {
        alarm("revived", `The server shows the connection to ${name} as going on, but you ended it`);
      }
      let ended = row?.ended == null ? undefined : { hash: await hashOfEnd(row.ended) };
      if (row?.ended != null && noted === undefined && seen === undefined) {
        try {
          await verifyEnd(row.ended, { account: replica.account, grant, object: own.hash }, consent, replica, evidence.place);
        } catch (error) {
          alarm(codeOf(error), `The server says that you ended the connection to ${name}: ${messageOf(error)}`);
          ended = undefined;
        }
      }
      const endState = row?.ended?.state ?? ((noted ?? seen) === undefined || (noted ?? seen) === (await EXPIRED) ? undefined : "revoked");
      const looked = await Promise.all(
        (row?.deletion?.attestations ?? []).map((each) => lookAt(each, { grant, own, consent }, evidence, servers)),
      );
      const attested = looked.filter((each) => each !== null);
      if (attested.length < looked.length)
        alarm("attestation", `The server shows word of ${name} that something was deleted, which ${name} has not signed so`);
      const end = noted === undefined ? ended : { hash: noted };
      grants.set(grant, { grant, at, relationship, own, consent, row, ended: end, endState, attested });
    }
  }
  for (const row of replica.rows.values())
    if (!grants.has(row.grant)) alarm("outside", "The server lists a connection that you did not make");
  return { grants, alarms };
}

const EXPIRED = hashOf("expired");
/** What the head covers of an end that came with the clock. */
export const hashOfExpiry = (): Promise<string> => EXPIRED;
export const hashOfEnd = (ended: NonNullable<GrantView["ended"]>): Promise<string> =>
  ended.act === null ? hashOf(ended.state) : hashOfJson(ended.act);

/** An attestation if it is signed by the key that the server shows as its vendor's, of this grant, and not of a time to come. */
async function lookAt(
  { token, key, received }: NonNullable<GrantView["deletion"]>["attestations"][number],
  { grant, own, consent }: Pick<KnownGrant, "grant" | "own" | "consent">,
  { attestations }: { attestations: SeenAttestations },
  /** This one, and those where the store was before. */
  servers: readonly string[],
): Promise<ErasureAttestation | null> {
  const name = canonical([token, key, received]);
  const before = attestations.get(name);
  if (before !== undefined) return before;
  const expected = { key, issuer: consent.aud, audience: servers, grant };
  const claims = await verifyAttestation(token, expected).catch(() => null);
  const holds = claims !== null && claims.n <= own.n && Date.parse(claims.at) <= Date.parse(received) + ATTESTATION_AHEAD;
  attestations.set(name, holds ? claims : null);
  return holds ? claims : null;
}

async function verifyOwn(
  relationship: Relationship,
  grant: string,
  own: OwnGrant,
  { remembered, verified }: { remembered: Remembered | undefined; verified: VerifiedConsents },
): Promise<Consent> {
  const before = verified.get(own.token);
  if (before !== undefined) return before;
  const seen = remembered?.consents[grant];
  const { consent, hash } = await verifyConsent(own.token, {
    audience: relationship.client_id,
    grant,
    pinned: await issuerOf(relationship),
    encryptionKeys: relationship.pins.map((pin) => pin.jkt),
    ...(seen === undefined ? {} : { seen }),
  });
  if (hash !== own.hash || consent.inbox.x !== relationship.keys.inbox.x)
    throw new EvidenceError("context", "a consent of this store names another inbox or hash than its record");
  if (consent.grant_key !== (await hashOfGrantKey(grantKeyOf(own))))
    throw new EvidenceError("context", "a consent of this store names another grant key than its record");
  verified.set(own.token, consent);
  return consent;
}

async function compare(
  row: GrantView,
  known: { relationship: Relationship; grant: string; own: OwnGrant; consent: Consent },
): Promise<void> {
  if (row.consent !== known.own.token) {
    await verifyConsent(row.consent, {
      audience: known.relationship.client_id,
      grant: known.grant,
      pinned: await issuerOf(known.relationship),
      seen: { n: known.own.n, hash: known.own.hash },
    });
    throw new EvidenceError("fork", "its consent is not the one in your store");
  }
  if (row.client.client_id !== known.consent.aud) throw new EvidenceError("audience", "it names another vendor");
  if ((await thumbprint(row.client.encryption_key)) !== known.consent.cnf.jkt)
    throw new EvidenceError("pin", "it names another key of the vendor than the one that your consent names");
}

async function verifyEnd(
  ended: NonNullable<GrantView["ended"]>,
  expected: { account: string; grant: string; object: string },
  consent: Consent,
  replica: Replica,
  place: Place,
): Promise<void> {
  if (ended.actor === "vendor") return;
  if (ended.act === null) throw new EvidenceError("signature", "there is no act of yours that says so");
  const { act } = ended.act;
  // A stop that another consent overtook on its way is a stop.
  const object = act.object === consent.prev ? act.object : expected.object;
  if (act.action !== "erase") return verifyAct(ended.act, { action: "revoke", ...expected, object }, replica.ways, place);
  // It ends all that there was when it was made, and names none of it.
  if (consent.iat * 1000 > Date.parse(act.at) + 2 * ACT_SKEW)
    throw new EvidenceError("context", "what says so is older than the connection");
  const whens = await Promise.all([hashOf("now"), hashOf("later")]);
  if (!whens.includes(act.object) || "kit" in ended.act) throw new EvidenceError("context", "the act is about another object");
  await verifyAct(ended.act, { account: expected.account, grant: null }, replica.ways, place);
}

const codeOf = (error: unknown): string => (error instanceof EvidenceError ? error.code : "malformed");
const messageOf = (error: unknown): string => (error instanceof EvidenceError ? error.message : "it can't be read");

export const stateOfGrant = (known: KnownGrant, now: number): GrantState =>
  stateOf({ expires: known.consent.exp * 1000, paused: known.row === undefined || known.row.paused !== null, ended: known.endState }, now);
