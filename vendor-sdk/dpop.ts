import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { hashOf } from "../protocol/canonical.ts";
import { thumbprint } from "../protocol/jws.ts";
import { newToken } from "./random.ts";
import type { StateStore } from "./state.ts";

/** Proofs of possession (RFC 9449): one P-256 key for each vendor state, kept there, so that customers see reads by one known key. */
export interface Dpop {
  /** RFC 7638 thumbprint of the key. */
  thumbprint(): Promise<string>;
  /** A proof for one request. @param token the access token that it goes with */
  proof(method: string, url: string, token?: string): Promise<string>;
  /** Remembers the nonce of an answer, by its origin (RFC 9449, 8.2). */
  remember(url: string, headers: Headers): void;
}

const ALG = "ES256";
const KEY = "dpop/key";

export function dpop(store: StateStore, now: () => number): Dpop {
  const nonces = new Map<string, string>();
  let loading: Promise<{ key: CryptoKey; jwk: JWK }> | undefined;
  const key = () => {
    loading ??= load(store).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  return {
    thumbprint: async () => thumbprint((await key()).jwk),
    async proof(method, url, token) {
      const pair = await key();
      const { origin, pathname } = new URL(url);
      const nonce = nonces.get(origin);
      return new SignJWT({
        jti: newToken(),
        htm: method,
        htu: origin + pathname,
        iat: Math.floor(now() / 1000),
        ...(nonce === undefined ? {} : { nonce }),
        ...(token === undefined ? {} : { ath: await hashOf(token) }),
      })
        .setProtectedHeader({ alg: ALG, typ: "dpop+jwt", jwk: pair.jwk })
        .sign(pair.key);
    },
    remember(url, headers) {
      const nonce = headers.get("dpop-nonce");
      if (nonce !== null) nonces.set(new URL(url).origin, nonce);
    },
  };
}

async function load(store: StateStore): Promise<{ key: CryptoKey; jwk: JWK }> {
  const kept = await store.get(KEY);
  const full: JWK = kept === undefined ? await exportJWK((await generateKeyPair(ALG, { extractable: true })).privateKey) : JSON.parse(kept);
  if (kept === undefined) await store.set(KEY, JSON.stringify(full));
  const { kty, crv, x, y } = full;
  return { key: (await importJWK(full, ALG)) as CryptoKey, jwk: { kty, crv, x, y } as JWK };
}
