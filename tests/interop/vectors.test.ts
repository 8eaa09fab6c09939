import type { JWK } from "jose";
import { expect, test } from "vitest";
import { verifyConsent } from "#protocol/consent-token.ts";
import { verifyAttestation } from "#protocol/erasure-attestation.ts";
import { grantKeyContext } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import { AccessTokens } from "../../server/guards/access-token.ts";
import { takeApart } from "../../server/guards/compact-jws.ts";
import { Proofs } from "../../server/guards/dpop.ts";
import { isSignedBy, publicKey } from "../../server/guards/public-key.ts";
import { proveClient } from "../../server/oauth/client-assertion.ts";
import { Clients } from "../../server/vendors/clients.ts";
import { verifyEvent } from "../../vendor-sdk/events/verify-event.ts";
import { HOUR } from "../support/clock.ts";
import keys from "./keys.json" with { type: "json" };
import type { ForeignVector, SealedVector, SignedVector, Vectors } from "./vector.ts";
import committed from "./vectors.json" with { type: "json" };

const vectors = committed as unknown as Vectors;
const { at, issuer, vendor, grant } = vectors;
const now = (): number => at;

/** What reads a token of ours, by the part that does so in use; rejects where it doesn't hold. */
const READERS: Record<string, (token: string, vector: SignedVector) => Promise<unknown>> = {
  "access token": async (token, { key }) => must(accessTokens(key).read(token)?.grant === grant || undefined),
  "vendor's own token": async (token, { key }) => {
    const facts = accessTokens(key).read(token);
    return must((facts?.grant === null && facts.scopes.includes("attest")) || undefined);
  },
  "token introspection": async (token, { key, alg }) => {
    const parts = takeApart(token);
    const by = publicKey(key, alg);
    return must((parts && by && isSignedBy(by, parts.signed, Buffer.from(parts.signature, "base64url"))) || undefined);
  },
  consent: (token) => verifyConsent(token, { audience: vendor.clientId, grant, now: at }),
  "security event": (token, { key }) =>
    verifyEvent(token, { issuer, audience: vendor.clientId, now: at, keys: async (kid) => (kid === key.kid ? key : undefined) }),
};

test.each(vectors.ours.jws)("our $name, which others verified, still verifies; changed, it doesn't", async (vector) => {
  const read = READERS[vector.name] ?? ((token: string) => attested(token, vector.key));
  await read(vector.token, vector);
  for (const other of changed(vector.token)) await expect(read(other, vector)).rejects.toThrow();
});

test.each(vectors.ours.jwe)("our $name, which others opened, still opens to the same; changed, it doesn't", async (vector) => {
  expect(await open(vector.token, vector)).toBe(vector.plaintext);
  for (const other of changed(vector.token)) await expect(open(other, vector)).rejects.toThrow();
});

test.each(vectors.theirs)("what $library made by $alg as a vendor is taken; changed, it isn't", async (vector) => {
  expect((await assertionTaken(vector.assertion)).row.clientId).toBe(vendor.clientId);
  for (const other of changed(vector.assertion)) await expect(assertionTaken(other)).rejects.toThrow();
  await proofTaken(vector.proof);
  for (const other of changed(vector.proof)) await expect(proofTaken(other)).rejects.toThrow();
  const key = keyOf(vector);
  expect(await attested(vector.attestation, key)).toMatchObject({ reason: "revoked", grant_id: grant });
  for (const other of changed(vector.attestation)) await expect(attested(other, key)).rejects.toThrow();
});

test("every kind and algorithm is there, from both libraries", () => {
  expect(vectors.ours.jws.map(({ name }) => name).sort()).toEqual(
    [...Object.keys(READERS), ...["Ed25519", "ES256", "PS256"].map((alg) => `erasure attestation, ${alg}`)].sort(),
  );
  expect(vectors.ours.jwe.map(({ key }) => key)).toEqual(["X25519", "P-256"]);
  const made = ["jwcrypto", "authlib"].flatMap((library) => ["Ed25519", "ES256", "PS256"].map((alg) => `${library} ${alg}`));
  expect(vectors.theirs.map(({ library, alg }) => `${library} ${alg}`)).toEqual(made);
});

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("refused");
  return value;
}

function accessTokens(key: JWK): AccessTokens {
  const known = publicKey(key, "Ed25519");
  const find = (kid: unknown) => (kid === key.kid ? known : undefined);
  return new AccessTokens({ kid: String(key.kid), find, look: async () => false, sign: () => "" }, issuer, now);
}

const attested = (token: string, key: JWK) => verifyAttestation(token, { key, issuer: vendor.clientId, audience: issuer, grant });

const open = async (token: string, { key, grant: of, clientId }: SealedVector): Promise<string> =>
  Buffer.from(await openSealed(keys[key], token, grantKeyContext(of, clientId))).toString("base64url");

const keyOf = ({ alg }: ForeignVector): JWK => must(vendor.jwks.keys.find((each) => each.alg === alg && each.kid === keys[alg].kid));

/** Nothing was used before. */
const storage = { once: async () => true };
const started = at - HOUR;

function assertionTaken(assertion: string) {
  const clients = new Clients({
    storage: { getDocument: async () => undefined, putDocument: async () => {}, count: async () => ({ count: 1, resetsAt: at }) },
    now,
    policy: "open",
    fetch: async ({ pathname }) => JSON.stringify(pathname === "/jwks.json" ? vendor.jwks : vendor.metadata),
  });
  const form = new Map([
    ["client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
    ["client_assertion", assertion],
  ]);
  return proveClient(form, { storage, clients, issuer, now, started });
}

const proofTaken = (proof: string) =>
  new Proofs({ storage, now, started, nonces: "start" }).prove(proof, { method: "POST", url: `${issuer}/oauth/token` });

/** With one bit of one byte changed: the first, a middle and the last byte of each part. */
function* changed(token: string): Generator<string> {
  const parts = token.split(".");
  for (const [at, part] of parts.entries()) {
    const length = Buffer.from(part, "base64url").length;
    for (const place of new Set([0, length >> 1, length - 1])) {
      const bytes = Buffer.from(part, "base64url");
      bytes[place] = (bytes[place] ?? 0) ^ 1;
      yield parts.with(at, bytes.toString("base64url")).join(".");
    }
  }
}
