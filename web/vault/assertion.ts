import * as v from "valibot";
import { type Act, challengeOf } from "#protocol/act.ts";
import { ACT_TYP, type Assertion, type SignedAct } from "#protocol/api.ts";
import { base64url, canonical, concat, fromUtf8, sha256 } from "#protocol/canonical.ts";
import { EvidenceError, verifyJws } from "#protocol/jws.ts";
import type { Way } from "#protocol/ways.ts";

const ClientData = v.object({ type: v.literal("webauthn.get"), challenge: v.string(), origin: v.string() });
const UP_AND_UV = 0b101;

/** The page's own origin and the id that its passkeys are made for. */
export interface Place {
  readonly origin: string;
  readonly rpId: string;
}

/**
 * Checks that one of `ways` approved exactly this act: a passkey by its assertion (WebAuthn Level 3, 7.2), or a kit by its key.
 * @throws {EvidenceError} `signature`, `context`, `malformed`
 */
export async function verifyAct(signed: SignedAct, expected: Partial<Act>, ways: readonly Way[], place: Place): Promise<void> {
  for (const [member, value] of Object.entries(expected)) {
    if (signed.act[member as keyof Act] !== value) throw new EvidenceError("context", `the act is about another ${member}`);
  }
  if ("kit" in signed) return verifyKitAct(signed, ways);
  await verifyAssertion(signed.act, signed.assertion, ways, place);
}

async function verifyKitAct({ act, kit }: { act: Act; kit: string }, ways: readonly Way[]): Promise<void> {
  const key = ways.find((way) => way.kind === "kit")?.sign;
  if (key == null || canonical(await verifyJws(kit, key, ACT_TYP)) !== canonical(act))
    throw new EvidenceError("signature", "the act is not signed by this store's kit");
}

async function verifyAssertion(act: Act, { id, response }: Assertion, ways: readonly Way[], { origin, rpId }: Place): Promise<void> {
  const passkey = ways.find((way) => way.passkey?.id === id)?.passkey;
  if (passkey == null) throw new EvidenceError("signature", "the act is signed by a passkey that is not this store's");
  const clientData = base64url.decode(response.clientDataJSON);
  const data = v.safeParse(ClientData, JSON.parse(fromUtf8(clientData)));
  if (!data.success) throw new EvidenceError("malformed", "the act's assertion has an unknown shape");
  if (data.output.challenge !== base64url.encode(await challengeOf(act)))
    throw new EvidenceError("context", "the passkey approved another act");
  if (data.output.origin !== origin) throw new EvidenceError("context", "the act was approved on another site");
  const authenticator = base64url.decode(response.authenticatorData);
  const rp = await sha256(rpId);
  if (authenticator.length < 37 || !rp.every((byte, at) => byte === authenticator[at]))
    throw new EvidenceError("context", "the act was approved for another site");
  if (((authenticator[32] as number) & UP_AND_UV) !== UP_AND_UV)
    throw new EvidenceError("signature", "the passkey did not verify who used it");
  const signedBytes = concat(authenticator, await sha256(clientData));
  if (!(await verifyBy(base64url.decode(passkey.publicKey), base64url.decode(response.signature), signedBytes)))
    throw new EvidenceError("signature", "the act is not signed by this store's passkey");
}

/** The object identifier that names an SPKI's algorithm, as hexadecimal DER. */
const ALGORITHMS: ReadonlyArray<{
  oid: string;
  of: AlgorithmIdentifier | EcKeyImportParams | RsaHashedImportParams;
  by: AlgorithmIdentifier | EcdsaParams;
  der: boolean;
}> = [
  { oid: "06072a8648ce3d0201", of: { name: "ECDSA", namedCurve: "P-256" }, by: { name: "ECDSA", hash: "SHA-256" }, der: true },
  { oid: "06092a864886f70d010101", of: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, by: { name: "RSASSA-PKCS1-v1_5" }, der: false },
  { oid: "06032b6570", of: { name: "Ed25519" }, by: { name: "Ed25519" }, der: false },
];

async function verifyBy(spki: Uint8Array, signature: Uint8Array, data: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const start = [...spki.subarray(0, 24)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const algorithm = ALGORITHMS.find(({ oid }) => start.includes(oid));
  if (algorithm === undefined) throw new EvidenceError("malformed", "the passkey's key is of an unknown kind");
  const key = await crypto.subtle.importKey("spki", new Uint8Array(spki), algorithm.of, false, ["verify"]);
  return crypto.subtle.verify(algorithm.by, key, algorithm.der ? rawOf(signature) : new Uint8Array(signature), data);
}

/** WebAuthn gives ECDSA signatures in DER, WebCrypto wants r and s of 32 bytes each. */
function rawOf(der: Uint8Array): Uint8Array<ArrayBuffer> {
  const raw = new Uint8Array(64);
  let at = 2;
  for (const end of [32, 64]) {
    const length = der[at + 1] ?? 0;
    const number = der.subarray(at + 2, at + 2 + length);
    const significant = number.subarray(Math.max(0, number.length - 32));
    raw.set(significant, end - significant.length);
    at += 2 + length;
  }
  return raw;
}
