import { createPublicKey, type KeyObject } from "node:crypto";
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import { cose, decodeAttestationObject, decodeCredentialPublicKey, isoBase64URL } from "@simplewebauthn/server/helpers";
import type { Assertion, Attestation } from "#protocol/api.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { PasskeyRow } from "../rows.ts";

/** Algorithms of passkeys: ES256, EdDSA, RS256 (COSE). */
export const PASSKEY_ALGORITHMS = [-7, -8, -257];

/** Statements that hold no certificate: none, and one by the passkey's own key. */
const FORMATS: readonly string[] = ["none", "packed"];

export const rpIdOf = (issuer: string): string => new URL(issuer).hostname;

const wrong = (cause?: unknown): Refusal =>
  new Refusal("invalid_passkey", "This passkey's answer does not fit what was asked. Try again.", { cause });

/** What a new passkey says of itself, if it is an answer to `challenge`. `spki`: its public key. @throws {Refusal} `invalid_passkey` */
export async function verifyAttestation(
  response: Attestation,
  expected: { challenge: string; issuer: string; now: number },
): Promise<{ passkey: PasskeyRow; spki: string }> {
  try {
    // Certificates would be looked up on the network, and what made the passkey is nobody's concern here.
    const attestation = decodeAttestationObject(isoBase64URL.toBuffer(response.response.attestationObject));
    if (!FORMATS.includes(attestation.get("fmt")) || attestation.get("attStmt").get("x5c") !== undefined) throw wrong();
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: response as Parameters<typeof verifyRegistrationResponse>[0]["response"],
      expectedChallenge: expected.challenge,
      expectedOrigin: expected.issuer,
      expectedRPID: rpIdOf(expected.issuer),
      requireUserVerification: true,
      supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
    });
    if (!verified || registrationInfo.credential.id !== response.id) throw wrong();
    const { credential, aaguid, credentialBackedUp } = registrationInfo;
    return {
      passkey: {
        credential: credential.id,
        publicKey: isoBase64URL.fromBuffer(credential.publicKey),
        counter: credential.counter,
        aaguid,
        backedUp: credentialBackedUp,
        transports: response.response.transports ?? [],
        created: expected.now,
        lastUsed: expected.now,
      },
      spki: keyOf(credential.publicKey).export({ format: "der", type: "spki" }).toString("base64url"),
    };
  } catch (error) {
    throw error instanceof Refusal ? error : wrong(error);
  }
}

/** The passkey after it has signed `challenge`: its counter must have gone up, unless it has none. @throws {Refusal} `invalid_passkey` */
export async function verifyAssertion(
  assertion: Assertion,
  passkey: PasskeyRow,
  expected: { challenge: string; issuer: string; now: number },
): Promise<PasskeyRow> {
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: assertion as Parameters<typeof verifyAuthenticationResponse>[0]["response"],
      expectedChallenge: expected.challenge,
      expectedOrigin: expected.issuer,
      expectedRPID: rpIdOf(expected.issuer),
      requireUserVerification: true,
      credential: { id: passkey.credential, publicKey: isoBase64URL.toBuffer(passkey.publicKey), counter: passkey.counter },
    });
    if (!verified || assertion.id !== passkey.credential) throw wrong();
    return { ...passkey, counter: authenticationInfo.newCounter, backedUp: authenticationInfo.credentialBackedUp, lastUsed: expected.now };
  } catch (error) {
    throw error instanceof Refusal ? error : wrong(error);
  }
}

function keyOf(publicKey: Uint8Array): KeyObject {
  const key = decodeCredentialPublicKey(publicKey as Parameters<typeof decodeCredentialPublicKey>[0]);
  const text = (bytes: Uint8Array | undefined): string => {
    if (bytes === undefined) throw wrong();
    return Buffer.from(bytes).toString("base64url");
  };
  if (cose.isCOSEPublicKeyEC2(key))
    return createPublicKey({
      format: "jwk",
      key: { kty: "EC", crv: "P-256", x: text(key.get(cose.COSEKEYS.x)), y: text(key.get(cose.COSEKEYS.y)) },
    });
  if (cose.isCOSEPublicKeyOKP(key))
    return createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: text(key.get(cose.COSEKEYS.x)) } });
  if (cose.isCOSEPublicKeyRSA(key))
    return createPublicKey({ format: "jwk", key: { kty: "RSA", n: text(key.get(cose.COSEKEYS.n)), e: text(key.get(cose.COSEKEYS.e)) } });
  throw wrong();
}
