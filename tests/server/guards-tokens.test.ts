import { describe, expect, test } from "vitest";
import { type AuthorizationDetails, CONSENT_TYPE } from "#protocol/authorization-details.ts";
import type { Refusal } from "#protocol/refusal.ts";
import type { Scope } from "#protocol/scopes.ts";
import { readConfig } from "../../server/configuration/config.ts";
import type { Deps } from "../../server/deps.ts";
import { digest } from "../../server/digest.ts";
import { AccessTokens, TOKEN_LIFETIME, type VendorToken } from "../../server/guards/access-token.ts";
import { ProofError } from "../../server/guards/dpop.ts";
import { proveToken } from "../../server/guards/shown-token.ts";
import { holds, proveVendor, revokeVendorToken } from "../../server/guards/vendor-token.ts";
import { makePrivateKey, type ServerKey, serverKeyOf } from "../../server/oauth/server-key.ts";
import { ShortLived } from "../../server/storage/file/short-lived.ts";
import { Clock, MINUTE, SECOND } from "../support/clock.ts";

const ISSUER = "https://counterfoil.example";
const VENDOR = "https://shop.example/client.json";
const JKT = "J".repeat(43);
const KEY = serverKeyOf(makePrivateKey());
const OF = { subject: "customer", clientId: VENDOR, jkt: JKT };
const GRANT = { ...OF, grant: "G".repeat(22), generation: 3, narrowed: null };
const OWN = { subject: VENDOR, clientId: VENDOR, jkt: JKT, grant: null, scopes: ["attest", "ssf.read"] satisfies Scope[] };
const DETAILS: AuthorizationDetails = [
  {
    type: CONSENT_TYPE,
    actions: ["read"],
    paths: ["profile/name"],
    purpose: "https://w3id.org/dpv#CustomerCare",
    necessity: "optional",
    legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
    retention: "P1D",
    expires: "2027-01-01T00:00:00Z",
    if_refused: "nothing",
  },
];
const NARROWED = { n: 2, details: DETAILS };

/** Tokens of a server whose keys can be taken away. */
function issuing() {
  const clock = new Clock();
  const known = new Map<unknown, ServerKey>([[KEY.kid, KEY]]);
  const keys = { kid: KEY.kid, sign: KEY.sign, find: (kid: unknown) => known.get(kid)?.publicKey, look: async () => false };
  return { clock, known, tokens: new AccessTokens(keys, ISSUER, clock.now) };
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const claimsOf = (token: string): Record<string, unknown> => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
/** The token with other claims or header, signed by the server's own key. */
function forged(token: string, claims: object, header: object = {}): string {
  const signed = `${encode({ alg: "Ed25519", typ: "at+jwt", kid: KEY.kid, ...header })}.${encode({ ...claimsOf(token), ...claims })}`;
  return `${signed}.${KEY.sign(signed)}`;
}

describe("an access token", () => {
  test("says who it speaks for", () => {
    const { clock, tokens } = issuing();
    expect(tokens.audience).toBe(`${ISSUER}/api`);
    const iat = Math.floor(clock.now() / 1000);
    const facts = { subject: "customer", clientId: VENDOR, jkt: JKT, iat, exp: iat + 300, jti: expect.stringMatching(/^[\w-]{22}$/) };
    for (const narrowed of [null, NARROWED]) {
      const token = tokens.make({ ...GRANT, narrowed });
      const { grant, generation } = GRANT;
      expect(tokens.read(token)).toEqual({ ...facts, hash: digest(token), grant, generation, narrowed });
    }
    const own = tokens.make(OWN);
    expect(tokens.read(own)).toEqual({ ...facts, subject: VENDOR, hash: digest(own), grant: null, scopes: ["attest", "ssf.read"] });
    expect(claimsOf(own)).not.toHaveProperty("grant_id");
    expect(claimsOf(tokens.make(GRANT))).not.toHaveProperty("scope");
    expect(tokens.make(GRANT), "each is one of its own").not.toBe(tokens.make(GRANT));
  });

  test("of neither scope nor generation is good for nothing", () => {
    const { tokens } = issuing();
    expect(tokens.read(forged(tokens.make(OWN), { scope: undefined }))).toMatchObject({ grant: null, scopes: [""] });
    expect(tokens.read(forged(tokens.make(GRANT), { generation: undefined }))).toMatchObject({ generation: 0 });
  });

  test("is whole where only a part says that it is for less", () => {
    const { tokens } = issuing();
    const token = tokens.make({ ...GRANT, narrowed: NARROWED });
    for (const left of ["n", "authorization_details"])
      expect(tokens.read(forged(token, { [left]: undefined })), left).toMatchObject({ narrowed: null });
  });

  test.each([
    ["another typ", {}, { typ: "JWT" }],
    ["no typ", {}, { typ: undefined }],
    ["another alg", {}, { alg: "EdDSA" }],
    ["no alg", {}, { alg: "none" }],
    ["an unknown key", {}, { kid: "k" }],
    ["no key", {}, { kid: undefined }],
    ["another issuer", { iss: "https://other.example" }, {}],
    ["no issuer", { iss: undefined }, {}],
    ["the server as audience, not its API", { aud: ISSUER }, {}],
    ["more audiences", { aud: [`${ISSUER}/api`] }, {}],
  ])("is not taken with %s, though the server's key has signed it", (_, claims, header) => {
    const { tokens } = issuing();
    expect(tokens.read(forged(tokens.make(GRANT), {}))).toBeDefined();
    expect(tokens.read(forged(tokens.make(GRANT), claims, header))).toBeUndefined();
  });

  test("is not taken where it is none, or another signed it", () => {
    const { tokens } = issuing();
    const token = tokens.make(GRANT);
    const [header, payload, signature = ""] = token.split(".");
    const other = serverKeyOf(makePrivateKey());
    const wrong = [
      "",
      "x",
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${encode({ ...claimsOf(token), sub: "other" })}.${signature}`,
      `${header}.${payload}.${other.sign(`${header}.${payload}`)}`,
      `${encode([])}.${payload}.${signature}`,
    ];
    for (const each of wrong) expect(tokens.read(each), each).toBeUndefined();
    const empty = `${header}.${encode([])}`;
    expect(tokens.read(`${empty}.${KEY.sign(empty)}`)).toBeUndefined();
    const sized = (length: number) => {
      const bare = forged(token, { pad: "" }).length;
      for (let pad = Math.floor((length - bare) * 0.75) - 3; ; pad++) {
        const made = forged(token, { pad: "x".repeat(pad) });
        if (made.length >= length) return made;
      }
    };
    expect(tokens.read(sized(99_990)), "is long").toBeDefined();
    expect(tokens.read(sized(100_001)), "is too long").toBeUndefined();
  });

  test("ends after five minutes, whether it was seen before or not", () => {
    const { clock, tokens } = issuing();
    clock.pass(-(clock.now() % SECOND));
    const [seen, unseen, last] = [tokens.make(GRANT), tokens.make(GRANT), tokens.make(GRANT)];
    expect(tokens.read(seen)).toBeDefined();
    clock.pass(TOKEN_LIFETIME * SECOND - 1);
    for (const each of [seen, last]) expect(tokens.read(each)).toBeDefined();
    clock.pass(1);
    for (const each of [seen, unseen, last]) expect(tokens.read(each)).toBeUndefined();
    clock.pass(-1);
    expect(tokens.read(seen), "by a clock that was set back it is read anew").toBeDefined();
  });

  test("that was verified is known, but for one that says what it is for, until its grant is over", () => {
    const { known, tokens } = issuing();
    const [own, grant, less] = [tokens.make(OWN), tokens.make(GRANT), tokens.make({ ...GRANT, narrowed: NARROWED })];
    const [other, unseen] = [tokens.make({ ...GRANT, grant: "H".repeat(22) }), tokens.make(GRANT)];
    for (const each of [own, grant, less, other]) expect(tokens.read(each)).toBeDefined();
    known.clear();
    const read = () => [own, grant, less, other, unseen].map((each) => tokens.read(each) !== undefined);
    expect(read()).toEqual([true, true, false, true, false]);
    tokens.forget(GRANT.grant);
    expect(read()).toEqual([true, false, false, true, false]);
  });
});

/** What an endpoint does with a request; `proof` stands for the key that made it, `bad` for a wrong one. */
function answering({ clients = "open" as Deps["config"]["clients"], ago = 10 * MINUTE } = {}) {
  const { clock, tokens } = issuing();
  const live = new ShortLived(clock.now);
  const seen: unknown[] = [];
  const parts = {
    accessTokens: tokens,
    config: { ...readConfig({ COUNTERFOIL_ISSUER: ISSUER }), clients },
    started: clock.now() - ago,
    proofs: {
      async prove(proof: string | undefined, expected: unknown) {
        seen.push(expected);
        if (proof === "broken") throw new TypeError("broken");
        if (proof === "old") throw new ProofError("this server takes proofs with its nonce", "fresh");
        if (proof === undefined) throw new ProofError("one DPoP header with a proof is needed");
        return { jkt: proof, nonce: proof === JKT ? undefined : "next" };
      },
    },
    storage: {
      getTicket: async (...which: Parameters<ShortLived["getTicket"]>) => live.getTicket(...which),
      putTicket: async (...which: Parameters<ShortLived["putTicket"]>) => live.putTicket(...which),
    },
  } as unknown as Deps;
  const answer: Record<string, string> = {};
  const shown = (authorization: string | undefined, proof: string | undefined = JKT) => ({
    method: "POST",
    path: "/api/records",
    header: (name: string) => ({ authorization, dpop: proof === "" ? undefined : proof })[name],
    answer,
  });
  return { clock, tokens, parts, shown, answer, seen };
}
const refusalOf = (work: Promise<unknown>): Promise<Refusal> =>
  work.then(
    () => Promise.reject(new Error("it was taken")),
    (error) => error,
  );
const ALGS = 'algs="Ed25519 EdDSA ES256 PS256", resource_metadata="https://counterfoil.example/.well-known/oauth-protected-resource/api"';

describe("a request that shows a token", () => {
  test("is known by it, whichever case the scheme is written in, with a proof for this request", async () => {
    const { tokens, parts, shown, answer, seen } = answering();
    const token = tokens.make(GRANT);
    for (const each of [`DPoP ${token}`, `dpop ${token}`, ` DPOP   ${token} `])
      expect(await proveToken(parts, shown(each))).toMatchObject({ grant: GRANT.grant, jkt: JKT });
    expect(seen[0]).toEqual({ method: "POST", url: `${ISSUER}/api/records`, ath: digest(token) });
    expect(answer).toStrictEqual({});
  });

  test("learns the next nonce by the answer", async () => {
    const { tokens, parts, shown, answer } = answering();
    await proveToken(parts, shown(`DPoP ${tokens.make({ ...GRANT, jkt: "other" })}`, "other"));
    expect(answer).toEqual({ "DPoP-Nonce": "next" });
  });

  test("learns how to, where it shows none", async () => {
    const { tokens, parts, shown } = answering();
    const token = tokens.make(GRANT);
    for (const each of [undefined, "", `Bearer ${token}`, token, `xDPoP ${token}`, `DPoP${token}`])
      expect(await refusalOf(proveToken(parts, shown(each))), each).toMatchObject({
        code: "invalid_token",
        message: "This takes an access token: Authorization: DPoP, with a DPoP proof.",
        extra: { error: "invalid_token", challenge: `DPoP ${ALGS}` },
      });
  });

  test("is told what is wrong with its token or its proof", async () => {
    const { tokens, parts, shown, answer } = answering();
    const token = `DPoP ${tokens.make(GRANT)}`;
    const unknown = "This access token is not known here or has ended. Get a new one.";
    const proof = (reason: string) => `The DPoP proof is refused: ${reason}.`;
    const wrong: Array<[string, string, string, string, string?]> = [
      ["DPoP", JKT, "invalid_token", unknown],
      ["DPoP x", JKT, "invalid_token", unknown],
      [`${token} x`, JKT, "invalid_token", unknown],
      [token, "", "invalid_dpop_proof", proof("one DPoP header with a proof is needed")],
      [token, "other", "invalid_dpop_proof", proof("the access token is bound to another key")],
      [token, "old", "use_dpop_nonce", proof("this server takes proofs with its nonce"), "fresh"],
    ];
    for (const [authorization, by, error, detail, dpopNonce] of wrong) {
      const refusal = await refusalOf(proveToken(parts, shown(authorization, by)));
      expect(refusal).toMatchObject({ code: "invalid_token", message: detail });
      expect(refusal.extra).toStrictEqual({
        error,
        challenge: `DPoP error="${error}", ${ALGS}`,
        ...(dpopNonce === undefined ? {} : { dpopNonce }),
      });
    }
    expect(answer).toStrictEqual({});
    await expect(proveToken(parts, shown(token, "broken")), "a fault of ours is no fault of the token").rejects.toThrow(TypeError);
  });
});

describe("a vendor that calls by itself", () => {
  test("is known with the scope that is needed, or where none is", async () => {
    const { tokens, parts, shown } = answering();
    const request = shown(`DPoP ${tokens.make(OWN)}`);
    for (const scope of ["attest", "ssf.read", undefined] as const)
      expect(await proveVendor(parts, { ...request, scope })).toEqual({ clientId: VENDOR, jkt: JKT });
    const refusal = await refusalOf(proveVendor(parts, { ...request, scope: "ssf.manage" }));
    expect(refusal).toMatchObject({ code: "insufficient_scope", message: "This takes a token with the scope ssf.manage." });
    expect(refusal.extra).toEqual({
      error: "insufficient_scope",
      challenge: `DPoP error="insufficient_scope", scope="ssf.manage", ${ALGS}`,
    });
  });

  test("is not known by a grant's token, one that was revoked, one from before the start, nor where it isn't allowed", async () => {
    const { tokens, parts, shown } = answering();
    const prove = (at: Deps, token: string) => refusalOf(proveVendor(at, { ...shown(`DPoP ${token}`), scope: "attest" }));
    expect(await prove(parts, tokens.make(GRANT))).toMatchObject({
      code: "invalid_token",
      message: "This takes a token of the vendor itself (client_credentials).",
    });
    const [token, other] = [tokens.make(OWN), tokens.make(OWN)];
    await revokeVendorToken(parts, tokens.read(token) as VendorToken);
    expect(await prove(parts, token)).toMatchObject({
      code: "invalid_token",
      message: "This access token is not known here or has ended. Get a new one.",
    });
    expect(await proveVendor(parts, { ...shown(`DPoP ${other}`), scope: "attest" })).toMatchObject({ clientId: VENDOR });
    const closed = { ...parts, config: { ...parts.config, clients: new Set(["https://other.example/client.json"]) } };
    expect(await prove(closed, other)).toMatchObject({ code: "invalid_token" });
    const restarted = { ...parts, started: parts.started + 11 * MINUTE };
    expect(await prove(restarted, other)).toMatchObject({ code: "invalid_token" });
  });

  test("has its token for as long as it says", async () => {
    const { clock, tokens, parts } = answering({ clients: new Set([VENDOR]) });
    const facts = tokens.read(tokens.make(OWN)) as VendorToken;
    const begin = facts.iat * SECOND;
    for (const [started, answer] of [
      [begin + 999, true],
      [begin + 1000, false],
    ] as const)
      expect(await holds({ ...parts, started }, facts)).toBe(answer);
    expect(await holds(parts, facts)).toBe(true);
    await revokeVendorToken(parts, facts);
    clock.pass(facts.exp * SECOND - clock.now() - 1);
    expect(await holds(parts, facts), "to its last moment").toBe(false);
  });
});
