import { createHash, createPublicKey, verify } from "node:crypto";
import { type Act, challengeOf } from "#protocol/act.ts";
import type { Assertion } from "#protocol/api.ts";
import type { Way } from "#protocol/ways.ts";

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;

/**
 * Whether a passkey of this list has approved the act at `origin` (WebAuthn Level 3, 7.2): by its public key as the head covers it, since
 * what the server beside it knows of a passkey is that server's word. Its counter was that server's to watch.
 */
export async function isApproved(
  act: Act,
  assertion: Assertion,
  { ways, origin }: { ways: readonly Way[]; origin: string },
): Promise<boolean> {
  const passkey = ways.find((way) => way.passkey?.id === assertion.id)?.passkey;
  if (passkey == null) return false;
  try {
    const clientData = Buffer.from(assertion.response.clientDataJSON, "base64url");
    const said = JSON.parse(clientData.toString()) as Record<string, unknown>;
    const challenge = Buffer.from(await challengeOf(act)).toString("base64url");
    if (said.type !== "webauthn.get" || said.challenge !== challenge || said.origin !== origin || said.crossOrigin === true) return false;
    const data = Buffer.from(assertion.response.authenticatorData, "base64url");
    const isHere = data.subarray(0, 32).equals(createHash("sha256").update(new URL(origin).hostname).digest());
    const flags = data[32] ?? 0;
    if (!isHere || data.length < 37 || !(flags & USER_PRESENT) || !(flags & USER_VERIFIED)) return false;
    const key = createPublicKey({ key: Buffer.from(passkey.publicKey, "base64url"), format: "der", type: "spki" });
    const signed = Buffer.concat([data, createHash("sha256").update(clientData).digest()]);
    // ES256 and RS256 hash with SHA-256; Ed25519 does by itself (COSE, RFC 9053).
    const hash = key.asymmetricKeyType === "ed25519" ? null : "sha256";
    return verify(hash, signed, key, Buffer.from(assertion.response.signature, "base64url"));
  } catch {
    return false;
  }
}
