/**
 * What the worker needs of jose, by the same names, on WebCrypto alone: JWS (RFC 7515) by Ed25519, JWE (RFC 7516) by ECDH-ES+A256KW
 * with A256GCM. The build puts it in jose's place, whose many algorithms would be a third of the worker. Tests run it against jose.
 */
type Jwk = { kty: string; crv: string; x: string; y?: string; d?: string };
type Bytes = Uint8Array<ArrayBuffer>;
type Header = { alg?: string; enc?: string; typ?: string; ctx?: string; epk?: Jwk; crit?: unknown; zip?: unknown; jwk?: unknown };

class JWSSignatureVerificationFailed extends Error {}
export const errors = { JWSSignatureVerificationFailed };

const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

export const base64url = {
  encode(input: Uint8Array | string): string {
    const bytes = typeof input === "string" ? utf8(input) : input;
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  },
  decode(text: string): Bytes {
    if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) throw new TypeError("not base64url");
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  },
};

/** RFC 7638 */
export async function calculateJwkThumbprint({ kty, crv, x, y }: Jwk): Promise<string> {
  const members = kty === "EC" ? { crv, kty, x, y } : { crv, kty, x };
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify(members)))));
}

const algorithmOf = ({ kty, crv }: Jwk): { name: string; namedCurve?: string } => {
  if (kty === "OKP" && (crv === "Ed25519" || crv === "X25519")) return { name: crv };
  if (kty === "EC" && crv === "P-256") return { name: "ECDH", namedCurve: crv };
  throw new TypeError("unsupported key");
};

export function importJWK({ kty, crv, x, y, d }: Jwk): Promise<CryptoKey> {
  const jwk = { kty, crv, x, ...(y === undefined ? {} : { y }), ...(d === undefined ? {} : { d }) };
  const usage: KeyUsage[] = crv === "Ed25519" ? [d === undefined ? "verify" : "sign"] : d === undefined ? [] : ["deriveBits"];
  return crypto.subtle.importKey("jwk", jwk, algorithmOf(jwk), true, usage);
}

export const exportJWK = (key: CryptoKey): Promise<JsonWebKey> => crypto.subtle.exportKey("jwk", key);

export const generateKeyPair = (_alg: string, { crv }: { crv: string }): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey({ name: crv }, true, crv === "Ed25519" ? ["sign", "verify"] : ["deriveBits"]) as Promise<CryptoKeyPair>;

const headerOf = (part: string | undefined): Header => {
  const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(base64url.decode(part ?? "!")));
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw new TypeError("malformed header");
  return header;
};
export const decodeProtectedHeader = (token: string): Header => headerOf(token.split(".")[0]);

const encoded = (header: Header): string => base64url.encode(JSON.stringify(header));

abstract class Protected {
  protected header: Header = {};
  setProtectedHeader(header: Header): this {
    this.header = header;
    return this;
  }
}

export class CompactSign extends Protected {
  readonly #payload: Uint8Array;
  constructor(payload: Uint8Array) {
    super();
    this.#payload = payload;
  }
  async sign(key: CryptoKey): Promise<string> {
    const input = `${encoded(this.header)}.${base64url.encode(this.#payload)}`;
    return `${input}.${base64url.encode(new Uint8Array(await crypto.subtle.sign("Ed25519", key, utf8(input))))}`;
  }
}

export async function compactVerify(token: string, key: CryptoKey, { algorithms }: { algorithms: readonly string[] }): Promise<{ payload: Bytes; protectedHeader: Header }> {
  const [head, payload, signature, ...more] = token.split(".");
  const protectedHeader = headerOf(head);
  if (payload === undefined || signature === undefined || more.length > 0 || protectedHeader.crit !== undefined || !algorithms.includes(protectedHeader.alg ?? "")) throw new TypeError("malformed JWS");
  if (!(await crypto.subtle.verify("Ed25519", key, base64url.decode(signature), utf8(`${head}.${payload}`)))) throw new JWSSignatureVerificationFailed("signature verification failed");
  return { payload: base64url.decode(payload), protectedHeader };
}

/** RFC 7518, 4.6.2 with empty party information: the key that wraps. */
async function agree(alg: string, own: CryptoKey, other: CryptoKey, usage: "wrapKey" | "unwrapKey"): Promise<CryptoKey> {
  const secret = new Uint8Array(await crypto.subtle.deriveBits({ name: own.algorithm.name, public: other }, own, 256));
  const id = utf8(alg);
  const info = new Uint8Array(4 + 32 + 4 + id.length + 12);
  const view = new DataView(info.buffer);
  view.setUint32(0, 1);
  info.set(secret, 4);
  view.setUint32(36, id.length);
  info.set(id, 40);
  view.setUint32(info.length - 4, 256);
  return crypto.subtle.importKey("raw", await crypto.subtle.digest("SHA-256", info), "AES-KW", false, [usage]);
}

const TAG = 16;

export class CompactEncrypt extends Protected {
  readonly #plaintext: Uint8Array<ArrayBuffer>;
  constructor(plaintext: Uint8Array<ArrayBuffer>) {
    super();
    this.#plaintext = plaintext;
  }
  async encrypt(key: CryptoKey): Promise<string> {
    const own = (await crypto.subtle.generateKey(key.algorithm, true, ["deriveBits"])) as CryptoKeyPair;
    const { kty, crv, x, y } = (await exportJWK(own.publicKey)) as Jwk;
    const content = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    const wrapped = await crypto.subtle.wrapKey("raw", content, await agree(this.header.alg as string, own.privateKey, key, "wrapKey"), "AES-KW");
    const head = encoded({ ...this.header, epk: { kty, crv, x, ...(y === undefined ? {} : { y }) } });
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: utf8(head) }, content, this.#plaintext));
    return [head, ...[new Uint8Array(wrapped), iv, sealed.subarray(0, -TAG), sealed.subarray(-TAG)].map((part) => base64url.encode(part))].join(".");
  }
}

export async function compactDecrypt(
  token: string,
  key: CryptoKey,
  { keyManagementAlgorithms, contentEncryptionAlgorithms }: { keyManagementAlgorithms: readonly string[]; contentEncryptionAlgorithms: readonly string[] },
): Promise<{ plaintext: Bytes; protectedHeader: Header }> {
  const parts = token.split(".");
  const protectedHeader = headerOf(parts[0]);
  const { alg = "", enc = "", epk, crit, zip } = protectedHeader;
  if (parts.length !== 5 || epk === undefined || crit !== undefined || zip !== undefined || !keyManagementAlgorithms.includes(alg) || !contentEncryptionAlgorithms.includes(enc))
    throw new TypeError("malformed JWE");
  const [wrapped, iv, text, tag] = parts.slice(1).map((part) => base64url.decode(part)) as [Bytes, Bytes, Bytes, Bytes];
  if (iv.length !== 12 || tag.length !== TAG) throw new TypeError("malformed JWE");
  const wrapping = await agree(alg, key, await importJWK({ kty: epk.kty, crv: epk.crv, x: epk.x, ...(epk.y === undefined ? {} : { y: epk.y }) }), "unwrapKey");
  const content = await crypto.subtle.unwrapKey("raw", wrapped, wrapping, "AES-KW", "AES-GCM", false, ["decrypt"]);
  const sealed = new Uint8Array(text.length + TAG);
  sealed.set(text);
  sealed.set(tag, text.length);
  const plaintext = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: utf8(parts[0] as string) }, content, sealed));
  return { plaintext, protectedHeader };
}
