import type { JWK } from "jose";
import type { ErasureAttestation } from "#protocol/erasure-attestation.ts";
import { signAttestation } from "../../vendor-sdk/attestation.ts";
import { publicKeys } from "../../vendor-sdk/make-keys.ts";
import { vendorKeys } from "../../vendor-sdk/vendor-keys.ts";
import { connect, EMAIL, scene } from "../server/scene.ts";
import { Clock, HOUR, MINUTE } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { TestVendor } from "../support/vendor.ts";
import keys from "./keys.json" with { type: "json" };
import type { ForeignVector, SealedVector, SignedVector, Vectors } from "./vector.ts";

export const ALGORITHMS = ["Ed25519", "ES256", "PS256"] as const;
const INTROSPECTION = "application/token-introspection+jwt";
const POLL = "urn:ietf:rfc:8936";

/** What a vendor is told to make: see verify.py. */
export interface Wanted {
  issuer: string;
  client: string;
  /** Seconds. */
  at: number;
  keys: Record<string, JWK>;
  attestation: Omit<ErasureAttestation, "jti">;
}

/**
 * Everything signed or sealed that one grant brings about, each made by the part that makes it in use: the server, the customer's device, the
 * SDK. Then what `make` makes of the same grant with the vendor's keys is shown to the same server.
 * @throws {Error} if the server refuses any of it
 */
export async function bothSides(make: (wanted: Wanted) => ForeignVector[]): Promise<Vectors> {
  const clock = new Clock();
  // Long enough ago that no proof needs a nonce.
  await using at = await scene({ clock, started: clock.now() - HOUR });
  const { vendor, customer, system } = at;
  useTestKeys(vendor, keys.X25519);
  const { stream_id } = await vendor.call("createStream", {
    body: { delivery: { method: POLL }, events_requested: ["https://w3id.org/counterfoil/event/grant-revoked"] },
  });
  const { grant, tokens } = await connect(at);
  const signed: SignedVector[] = [];
  const jwks = (await (await fetch(`${system.issuer}/.well-known/jwks.json`)).json()) as { keys: JWK[] };
  const byServer = (name: string, token: string): void => {
    const { kid, alg } = headerOf(token);
    const key = jwks.keys.find((each) => each.kid === kid);
    if (key === undefined) throw new Error(`${name}: the server does not publish its key`);
    signed.push({ name, alg: String(alg), key, token });
  };
  byServer("access token", tokens.access_token);
  byServer("vendor's own token", await vendor.ownToken("attest", "ssf.read"));
  byServer("token introspection", await introspected(vendor, tokens.access_token));
  const { jwk, alg } = headerOf(grant.token);
  signed.push({ name: "consent", alg: String(alg), key: jwk as JWK, token: grant.token });

  const sealed: SealedVector[] = [];
  const seal = async (key: SealedVector["key"], of: TestVendor, given: typeof grant, token: string): Promise<void> => {
    const { grant_key } = await of.pull(token, given.grant);
    const plaintext = Buffer.from(given.key).toString("base64url");
    sealed.push({ name: `grant key, ${key}`, key, grant: given.grant, clientId: of.clientId, token: grant_key, plaintext });
  };
  await seal("X25519", vendor, grant, tokens.access_token);
  await using other = await TestVendor.start(system.issuer, clock.now);
  useTestKeys(other, keys["P-256"]);
  // One store gives its second grant only once it has a kit.
  const someone = await Customer.register(system.issuer, clock.now);
  const second = await someone.approve(await other.request(), { contents: { "profile/emails/e1": EMAIL } });
  await seal("P-256", other, second, (await other.redeem(second.redirect)).body.access_token);

  clock.pass(MINUTE);
  await customer.revoke(grant.grant, true);
  const { sets } = await vendor.call("poll", { id: stream_id, body: { returnImmediately: true } });
  const [event = ""] = Object.values(sets);
  byServer("security event", event);

  const seconds = Math.floor(clock.now() / 1000);
  const attestation: Wanted["attestation"] = {
    iss: vendor.clientId,
    aud: system.issuer,
    iat: seconds,
    grant_id: grant.grant,
    n: 1,
    reason: "revoked",
    at: new Date(clock.now()).toISOString(),
    did: ["the row was deleted, città e più"],
    remains: [{ what: "invoice 2026-1", why: "legal-duty", until: "2036-12-31" }],
  };
  for (const alg of ALGORITHMS) {
    const by = { keys: vendorKeys([keys[alg], keys.X25519]) };
    const token = await signAttestation(by, { ...attestation, jti: `sdk-${alg}` });
    await vendor.call("attest", { id: grant.grant, body: { attestation: token } });
    const [key] = publicKeys([keys[alg]]).keys;
    signed.push({ name: `erasure attestation, ${alg}`, alg, key: key as JWK, token });
  }

  const { Ed25519, ES256, PS256 } = keys;
  const wanted = { issuer: system.issuer, client: vendor.clientId, at: seconds, keys: { Ed25519, ES256, PS256 }, attestation };
  const theirs = make(wanted);
  for (const each of theirs) await show(vendor, grant.grant, each);
  return {
    at: clock.now(),
    issuer: system.issuer,
    vendor: { clientId: vendor.clientId, ...structuredClone(vendor.documents) },
    grant: grant.grant,
    ours: { jws: signed, jwe: sealed },
    theirs,
  };
}

export const headerOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as Record<string, unknown>;

/** The vendor shows the test keys besides its own one that signs. */
function useTestKeys(vendor: TestVendor, encryption: JWK): void {
  const [own] = vendor.documents.jwks.keys;
  const shown = publicKeys([keys.Ed25519, keys.ES256, keys.PS256, encryption]).keys;
  vendor.documents.jwks.keys = [...(own === undefined ? [] : [own]), ...shown];
  Object.assign(vendor.encryption, encryption);
}

async function introspected(vendor: TestVendor, token: string): Promise<string> {
  const response = await fetch(`${vendor.issuer}/oauth/introspect`, {
    method: "POST",
    headers: { accept: INTROSPECTION },
    body: new URLSearchParams({
      token,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await vendor.clientAssertion(),
    }),
  });
  if (response.headers.get("content-type") !== INTROSPECTION) throw new Error(`introspection: expected a JWT, got ${response.status}`);
  return response.text();
}

/** A token by their assertion and proof, and their attestation under it. */
async function show(vendor: TestVendor, grant: string, { library, alg, assertion, proof, attestation }: ForeignVector): Promise<void> {
  const { status, body } = await vendor.token({ grant_type: "client_credentials", scope: "attest" }, { assertion, proof });
  if (status !== 200) throw new Error(`${library}, ${alg}: the token endpoint says ${body.error}, ${body.error_description}`);
  await vendor.call("attest", { id: grant, body: { attestation } }).catch((cause: unknown) => {
    throw new Error(`${library}, ${alg}: the attestation is refused`, { cause });
  });
}
