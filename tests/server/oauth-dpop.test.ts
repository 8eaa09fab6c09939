import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { thumbprint } from "#protocol/jws.ts";
import { SECOND } from "../support/clock.ts";
import { makeDpopKey, type TestVendor } from "../support/vendor.ts";
import { EMAIL, type Scene, scene } from "./scene.ts";

type Change = { header?: Record<string, unknown>; claims?: Record<string, unknown>; key?: CryptoKey | Uint8Array };

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

async function prove(
  { dpop }: TestVendor,
  url: string,
  now: number,
  { header = {}, claims = {}, key = dpop.key }: Change = {},
): Promise<string> {
  return new SignJWT({ htm: "POST", htu: url, iat: Math.floor(now / 1000), jti: crypto.randomUUID(), ...claims })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: dpop.jwk, ...header } as { alg: string })
    .sign(key);
}

/** A server that has run for a while, and what asks it for a token with this proof. */
async function running(): Promise<{
  at: Scene;
  url: string;
  send: (proof: string | undefined) => Promise<{ status: number; error?: string }>;
}> {
  const at = await scene();
  at.system.clock.pass(60 * SECOND);
  const url = `${at.system.issuer}/oauth/token`;
  const send = async (proof: string | undefined) => {
    const { status, body } = await at.vendor.form<object>(
      "/oauth/token",
      { grant_type: "client_credentials", scope: "attest" },
      { headers: proof === undefined ? {} : { dpop: proof } },
    );
    return { status, ...(body.error === undefined ? {} : { error: body.error }) };
  };
  return { at, url, send };
}

describe("a DPoP proof at the token endpoint", () => {
  test("is taken from a key of any algorithm on offer, a little behind or ahead, with claims of others", async () => {
    const { at, url, send } = await running();
    await using _ = at;
    const now = at.system.clock.now();
    const second = Math.floor(now / 1000);
    for (const alg of ["ES256", "Ed25519", "EdDSA", "PS256"]) {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const proof = await prove(at.vendor, url, now, { key: privateKey, header: { alg, jwk: await exportJWK(publicKey) } });
      expect(await send(proof), alg).toEqual({ status: 200 });
    }
    const right: Array<[string, Change]> = [
      ["ten seconds ago", { claims: { iat: second - 10 } }],
      ["ten seconds ahead", { claims: { iat: second + 10 } }],
      ["with exp and nbf", { claims: { exp: second + 60, nbf: second - 5 } }],
      ["with a query in htu", { claims: { htu: `${url}?a=b#c` } }],
      ["with more in its jwk", { header: { jwk: { ...at.vendor.dpop.jwk, kid: "k", use: "sig" } } }],
      ["with a nonce that nobody asked for", { claims: { nonce: "x" } }],
    ];
    for (const [name, change] of right) expect(await send(await prove(at.vendor, url, now, change)), name).toEqual({ status: 200 });
  });

  test("is refused where anything of it is wrong", async () => {
    const { at, url, send } = await running();
    await using _ = at;
    const { vendor } = at;
    const now = at.system.clock.now();
    const second = Math.floor(now / 1000);
    const other = await makeDpopKey();
    const rsa = await generateKeyPair("RS256", { extractable: true });
    const used = await prove(vendor, url, now);
    expect(await send(used)).toEqual({ status: 200 });
    const payload = encode({ htm: "POST", htu: url, iat: second, jti: "n" });
    const table: Array<[string, string | Change | undefined]> = [
      ["none at all", undefined],
      ["used before", used],
      ["two", `${await prove(vendor, url, now)}, ${await prove(vendor, url, now)}`],
      ["no JWT", "x"],
      ["alg none", `${encode({ alg: "none", typ: "dpop+jwt", jwk: vendor.dpop.jwk })}.${payload}.AA`],
      ["RS256", { key: rsa.privateKey, header: { alg: "RS256", jwk: await exportJWK(rsa.publicKey) } }],
      ["a shared secret", { key: new Uint8Array(32), header: { alg: "HS256", jwk: { kty: "oct", k: "AAAA" } as JWK } }],
      ["a private key in it", { header: { jwk: await exportJWK(vendor.dpop.key) } }],
      ["no key in it", { header: { jwk: undefined } }],
      ["another key's signature", { header: { jwk: other.jwk } }],
      ["another typ", { header: { typ: "JWT" } }],
      ["another method", { claims: { htm: "GET" } }],
      ["another address", { claims: { htu: `${at.system.issuer}/oauth/par` } }],
      ["another host", { claims: { htu: "https://other.example/oauth/token" } }],
      ["no htu", { claims: { htu: undefined } }],
      ["no jti", { claims: { jti: undefined } }],
      ["a jti without end", { claims: { jti: "x".repeat(201) } }],
      ["no iat", { claims: { iat: undefined } }],
      ["an iat that is text", { claims: { iat: String(second) } }],
      ["too old", { claims: { iat: second - 61 } }],
      ["of the future", { claims: { iat: second + 61 } }],
    ];
    for (const [name, change] of table) {
      const proof = typeof change === "object" ? await prove(vendor, url, now, change) : change;
      expect(await send(proof), name).toEqual({ status: 400, error: "invalid_dpop_proof" });
    }
  });
});

describe("a code is bound to the key", () => {
  const redeemBy = async (at: Scene, change: Record<string, string>, proof?: string): Promise<{ status: number; error?: string }> => {
    const { dpop_jkt: _, ...parameters } = await at.vendor.parParameters([at.vendor.ask({ paths: ["profile/emails"] })]);
    const { body } = await at.vendor.form<{ request_uri: string }>(
      "/oauth/par",
      { ...parameters, ...change },
      proof === undefined ? {} : { headers: { dpop: proof } },
    );
    const arrival = await at.vendor.authorize(body.request_uri);
    const id = (arrival.headers.get("location") ?? "").replace("/ask/", "");
    const { redirect } = await at.customer.approve(id, { contents: { "profile/emails/e1": EMAIL } });
    const answer = await at.vendor.redeem(redirect);
    return { status: answer.status, ...(answer.body.error === undefined ? {} : { error: answer.body.error }) };
  };
  const binding: Array<[string, (at: Scene) => Promise<[Record<string, string>, string?]>]> = [
    ["that dpop_jkt names", async ({ vendor }) => [{ dpop_jkt: await thumbprint(vendor.dpop.jwk) }]],
    ["of the proof at PAR", async ({ vendor, system }) => [{}, await prove(vendor, `${system.issuer}/oauth/par`, system.clock.now())]],
  ];

  test.each(binding)("%s", async (_name, bind) => {
    for (const same of [true, false]) {
      await using at = await scene();
      at.system.clock.pass(60 * SECOND);
      const [change, proof] = await bind(at);
      const before = at.vendor.dpop;
      if (!same) at.vendor.dpop = await makeDpopKey();
      expect(at.vendor.dpop === before).toBe(same);
      expect(await redeemBy(at, change, proof)).toEqual(same ? { status: 200 } : { status: 400, error: "invalid_dpop_proof" });
    }
  });

  test("of none where none was named", async () => {
    await using at = await scene();
    expect(await redeemBy(at, {})).toEqual({ status: 200 });
  });
});

test("a client assertion without iat is taken once nothing of the process before can still hold", async () => {
  await using at = await scene();
  const push = async () =>
    (
      await at.vendor.form("/oauth/par", await at.vendor.parParameters(), {
        assertion: await at.vendor.clientAssertion({ iat: undefined }),
      })
    ).status;
  expect(await push()).toBe(401);
  at.system.clock.pass(311 * SECOND);
  expect(await push()).toBe(201);
});
