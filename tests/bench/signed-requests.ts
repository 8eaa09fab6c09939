import { createHash, generateKeyPairSync, type JsonWebKey, type KeyObject, randomBytes, sign } from "node:crypto";

/** An ES256 key pair that signs at once: thousands of requests are signed before each pass. */
export interface SigningKey {
  readonly private: KeyObject;
  readonly jwk: JsonWebKey;
}

export function makeSigningKey(): SigningKey {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { private: pair.privateKey, jwk: pair.publicKey.export({ format: "jwk" }) };
}

/** RFC 7638 */
export const thumbprintOf = ({ jwk: { crv, kty, x, y } }: SigningKey): string =>
  createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const jti = (): string => randomBytes(16).toString("base64url");
const now = (): number => Math.floor(Date.now() / 1000);

export function signJwt(key: SigningKey, header: object, claims: object): string {
  const text = `${encode({ alg: "ES256", ...header })}.${encode(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key: key.private, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** A DPoP proof (RFC 9449). */
export function proofBy(
  key: SigningKey,
  { method, url, token, iat = now() }: { method: string; url: string; token?: string; iat?: number },
) {
  const ath = token === undefined ? {} : { ath: createHash("sha256").update(token).digest("base64url") };
  return signJwt(key, { typ: "dpop+jwt", jwk: key.jwk }, { htm: method, htu: url, iat, jti: jti(), ...ath });
}

/** How a client proves itself: its id, its key and that key's name. */
export interface Client {
  readonly clientId: string;
  readonly key: SigningKey;
  readonly kid: string;
}

function assertionBy({ clientId, key, kid }: Client, issuer: string): string {
  return signJwt(key, { kid }, { iss: clientId, sub: clientId, aud: issuer, iat: now(), exp: now() + 60, jti: jti() });
}

/** POST of a form with private_key_jwt, as bytes on the wire. @param dpop the key of the proof, where there is one */
export function formRequest(issuer: string, path: string, parameters: Record<string, string>, client: Client, dpop?: SigningKey): Buffer {
  const body = new URLSearchParams({
    client_id: client.clientId,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertionBy(client, issuer),
    ...parameters,
  }).toString();
  const proof = dpop === undefined ? "" : `DPoP: ${proofBy(dpop, { method: "POST", url: issuer + path })}\r\n`;
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: ${new URL(issuer).host}\r\nContent-Type: application/x-www-form-urlencoded\r\n${proof}Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

/** GET of a resource with a token bound to `dpop`, as bytes on the wire. */
export function resourceRequest(url: string, token: string, dpop: SigningKey): Buffer {
  const { host, pathname } = new URL(url);
  const proof = proofBy(dpop, { method: "GET", url, token });
  return Buffer.from(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: DPoP ${token}\r\nDPoP: ${proof}\r\n\r\n`);
}
