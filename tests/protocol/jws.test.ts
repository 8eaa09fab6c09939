import { createHmac, createPrivateKey, generateKeyPairSync, sign as nodeSign } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { base64url, canonical, utf8 } from "#protocol/canonical.ts";
import { type Consent, readConsent, verifyConsent } from "#protocol/consent-token.ts";
import { type Head, readHead, verifyHead } from "#protocol/head.ts";
import { readJws, verifyJws } from "#protocol/jws.ts";
import { makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { anyText, evidence, outcomeOf } from "./support/changes.ts";
import { vectors } from "./vectors/read.ts";

let pair: SigningPair;
beforeAll(async () => {
  pair = await makeSigningPair();
});

const TYP = "example+jwt";
const HEADER = `{"alg":"Ed25519","typ":"${TYP}"}`;
const b64 = (text: string): string => Buffer.from(text).toString("base64url");

/** A JWS over exactly these texts, signed by the right key. */
function forge(header: string, payload: string, encode = b64): string {
  const input = `${b64(header)}.${encode(payload)}`;
  const key = createPrivateKey({ key: { kty: "OKP", crv: "Ed25519", ...pair }, format: "jwk" });
  return `${input}.${nodeSign(null, Buffer.from(input), key).toString("base64url")}`;
}
const outcome = (token: string) => outcomeOf((text) => verifyJws(text, pair.x, TYP), token);

describe("a signature by the right key", () => {
  it("is taken over canonical texts", async () => {
    expect(forge(HEADER, '{"a":1}')).toBe(await sign({ a: 1 }, TYP, pair));
    expect(await verifyJws(forge(HEADER, '{"a":1}'), pair.x, TYP)).toEqual({ a: 1 });
  });

  it.each([
    ["another algorithm's name", `{"alg":"EdDSA","typ":"${TYP}"}`],
    ["none", `{"alg":"none","typ":"${TYP}"}`],
    ["HS256", `{"alg":"HS256","typ":"${TYP}"}`],
    ["no alg", `{"typ":"${TYP}"}`],
    ["a crit that is unknown", `{"alg":"Ed25519","crit":["exp"],"exp":1,"typ":"${TYP}"}`],
    ["an empty crit", `{"alg":"Ed25519","crit":[],"typ":"${TYP}"}`],
    ["b64 that isn't critical", `{"alg":"Ed25519","b64":false,"typ":"${TYP}"}`],
    ["b64 true", `{"alg":"Ed25519","b64":true,"crit":["b64"],"typ":"${TYP}"}`],
    ["an unknown parameter", `{"alg":"Ed25519","kid":"1","typ":"${TYP}"}`],
    ["a key by address", `{"alg":"Ed25519","jku":"https://evil.example","typ":"${TYP}"}`],
    ["a member twice, of which either reader takes another", `{"alg":"Ed25519","typ":"other+jwt","typ":"${TYP}"}`],
    ["a space", `{"alg":"Ed25519", "typ":"${TYP}"}`],
    ["another order", `{"typ":"${TYP}","alg":"Ed25519"}`],
    ["an escape", `{"alg":"Ed25519","typ":"\\u0065xample+jwt"}`],
    ["no object", `["alg"]`],
    ["null", "null"],
    ["a member named __proto__", `{"__proto__":{"alg":"Ed25519","typ":"${TYP}"}}`],
  ])("is refused under a header with %s", async (_, header) => expect(await outcome(forge(header, "{}"))).toMatch(/^(malformed|typ)$/));

  it("is refused with an unencoded payload (RFC 7797)", async () => {
    const token = forge(`{"alg":"Ed25519","b64":false,"crit":["b64"],"typ":"${TYP}"}`, "e30", (payload) => payload);
    expect(await outcome(token)).toBe("malformed");
  });

  it.each([
    ["a member twice", '{"a":1,"a":2}'],
    ["a space", '{"a": 1}'],
    ["another order", '{"b":1,"a":1}'],
    ["a number in other words", '{"a":1.0}'],
    ["a lone surrogate", '{"a":"\\ud800"}'],
    ["no JSON", "a"],
    ["nothing", ""],
    ["a byte order mark", "\ufeff{}"],
    ["a depth that no stack holds", `${"[".repeat(60_000)}${"]".repeat(60_000)}`],
  ])("is refused over a payload with %s", async (_, payload) => expect(await outcome(forge(HEADER, payload))).toBe("malformed"));

  it("is refused over bytes that aren't UTF-8", async () =>
    expect(await outcome(forge(HEADER, "", () => Buffer.from([0x22, 0xff, 0x22]).toString("base64url")))).toBe("malformed"));

  it.each(["head+jwt", "EXAMPLE+JWT", "application/example+jwt", "example+jwt "])("is refused under typ %s", async (typ) =>
    expect(await outcome(forge(canonical({ alg: "Ed25519", typ }), "{}"))).toBe("typ"),
  );

  it("is refused without a typ", async () => expect(await outcome(forge('{"alg":"Ed25519"}', "{}"))).toBe("typ"));
});

describe("a signature by another key or algorithm", () => {
  it("is refused: an HMAC by the public key", async () => {
    const input = `${b64(`{"alg":"HS256","typ":"${TYP}"}`)}.${b64("{}")}`;
    expect(await outcome(`${input}.${createHmac("sha256", base64url.decode(pair.x)).update(input).digest("base64url")}`)).toBe("malformed");
  });
  it("is refused: none, with and without the dot", async () => {
    const input = `${b64(`{"alg":"none","typ":"${TYP}"}`)}.${b64("{}")}`;
    expect(await outcome(`${input}.`)).toBe("malformed");
    expect(await outcome(input)).toBe("malformed");
  });
  it("is refused: ES256", async () => {
    const input = `${b64(`{"alg":"ES256","typ":"${TYP}"}`)}.${b64("{}")}`;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const signature = nodeSign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
    expect(await outcome(`${input}.${signature.toString("base64url")}`)).toBe("malformed");
  });
  it("is refused: another Ed25519 key, also when the header names it", async () => {
    const stranger = await makeSigningPair();
    expect(await outcome(await sign({}, TYP, stranger))).toBe("signature");
    expect(await outcome(await sign({}, TYP, stranger, true))).toBe("signature");
  });
  it("is refused where the expected key is no key, or its text has spare bits", async () => {
    const token = await sign({}, TYP, pair);
    const spare = pair.x.slice(0, 42) + String.fromCharCode(pair.x.charCodeAt(42) + 1);
    expect(Buffer.from(spare, "base64url").equals(Buffer.from(pair.x, "base64url"))).toBe(true);
    for (const key of ["", "AAAA", "*".repeat(43), `${pair.x}A`, spare]) {
      expect(await outcomeOf((text) => verifyJws(text, key, TYP), token)).toBe("malformed");
      // The second time too, from whatever was kept of the first.
      expect(await outcomeOf((text) => verifyJws(text, key, TYP), token)).toBe("malformed");
    }
  });
});

describe("a consent", () => {
  const file = vectors<{ consent: Consent; pair: SigningPair }>("consent");
  const own = file.pair;
  const header = (jwk: unknown) => canonical({ alg: "Ed25519", jwk, typ: "consent+jwt" });
  const publicKey = { crv: "Ed25519", kty: "OKP", x: own.x };
  const make = (head: string, payload: string) => {
    const input = `${b64(head)}.${b64(payload)}`;
    return `${input}.${nodeSign(null, Buffer.from(input), createPrivateKey({ key: { kty: "OKP", crv: "Ed25519", ...own }, format: "jwk" })).toString("base64url")}`;
  };
  const verify = (token: string) => outcomeOf((text) => verifyConsent(text, {}), token);

  it("is taken as it is", async () => expect(await verify(make(header(publicKey), canonical(file.consent)))).toBe("opened"));

  it.each([
    ["its private key", { ...publicKey, d: own.d }],
    ["an X25519 key", { ...publicKey, crv: "X25519" }],
    ["a key of another kind", { crv: "P-256", kty: "EC", x: own.x, y: own.x }],
    ["no key", null],
    ["more than the key", { ...publicKey, kid: "1" }],
    ["a key in a list", [publicKey]],
  ])("whose header names %s is refused", async (_, jwk) =>
    expect(await verify(make(header(jwk), canonical(file.consent)))).toBe("malformed"),
  );

  it("whose header names its key by a text with spare bits, for another thumbprint, is refused", async () => {
    const x = own.x.slice(0, 42) + String.fromCharCode(own.x.charCodeAt(42) + 1);
    expect(await verify(make(header({ ...publicKey, x }), canonical(file.consent)))).toBe("malformed");
  });

  const [detail] = file.consent.authorization_details;
  const member = (name: string, text: string) => canonical(file.consent).replace(/^\{/, `{${JSON.stringify(name)}:${text},`);
  it.each([
    ["an unknown member", canonical({ ...file.consent, more: 1 })],
    ["a member named __proto__", member("__proto__", '{"more":1}')],
    ["an unknown member of an object", canonical({ ...file.consent, authorization_details: [{ ...detail, more: 1 }] })],
    [
      "an explanation for no language",
      canonical({ ...file.consent, authorization_details: [{ ...detail, explanation: { constructor: "x" } }] }),
    ],
    ["a filter that is a list", canonical({ ...file.consent, authorization_details: [{ ...detail, filter: [] }] })],
    ["an explanation that is a list", canonical({ ...file.consent, authorization_details: [{ ...detail, explanation: [] }] })],
    ["no objects", canonical({ ...file.consent, authorization_details: [] })],
    ["a fraction of a second", canonical({ ...file.consent, exp: file.consent.exp + 0.5 })],
    [
      "an object that ends within a second",
      canonical({ ...file.consent, authorization_details: [{ ...detail, expires: "2027-05-20T10:15:00.500Z" }] }),
    ],
    [
      "a day that doesn't exist",
      canonical({
        ...file.consent,
        exp: Date.parse("2027-03-01") / 1000,
        authorization_details: [{ ...detail, expires: "2027-02-29T00:00:00Z" }],
      }),
    ],
    ["several audiences", canonical({ ...file.consent, aud: [file.consent.aud] })],
    ["n of zero", canonical({ ...file.consent, n: 0 })],
    ["an inbox that can't be sealed to", canonical({ ...file.consent, inbox: { ...file.consent.inbox, crv: "Ed25519" } })],
    ["an inbox with its private key", canonical({ ...file.consent, inbox: { ...file.consent.inbox, d: own.d } })],
  ])("with %s is refused", async (_, payload) => {
    const token = make(header(publicKey), payload);
    expect(await verify(token)).toBe("malformed");
    expect(() => readConsent(token)).toThrow(evidence("malformed") as Error);
  });
});

describe("readers of what isn't verified", () => {
  const readers: Record<string, (token: string) => unknown> = { readJws, readConsent, readHead };
  const segment = fc.oneof(
    fc.base64String(),
    fc.json().map(b64),
    fc.jsonValue().map((value) => b64(JSON.stringify(value))),
    fc.constant(b64(HEADER)),
  );
  const junk = fc.oneof(
    anyText,
    fc.array(segment, { maxLength: 5 }).map((segments) => segments.join(".")),
  );

  it.each(Object.entries(readers))("%s throws nothing but an EvidenceError", (_, read) =>
    fc.assert(
      fc.property(junk, (token) => {
        try {
          read(token);
        } catch (error) {
          expect(error).toEqual(evidence("malformed"));
        }
      }),
    ),
  );

  it.each(Object.entries(readers))("%s reads three segments, no fewer and no more", (name, read) => {
    const { token } = vectors<{ token: string }>(name === "readHead" ? "head" : "consent");
    expect(read(token)).toBeDefined();
    for (const other of [token.split(".").slice(0, 2).join("."), `${token}.AA`, `${token}.`, `${token}..`])
      expect(() => read(other)).toThrow(evidence("malformed") as Error);
  });

  it.each(["1", "true", '""', "null"])("a header %s is none", (header) =>
    expect(() => readJws(`${b64(header)}.${b64("{}")}.AA`)).toThrow(evidence("malformed") as Error),
  );

  it("verifiers neither", () =>
    fc.assert(
      fc.asyncProperty(junk, async (token) => {
        for (const verify of [
          (text: string) => verifyJws(text, pair.x, TYP),
          (text: string) => verifyConsent(text, {}),
          (text: string) => verifyHead(text, { account: "AAAAAAAAAAAAAAAAAAAAAA", identity: pair.x }),
        ])
          expect(["malformed", "typ", "signature"]).toContain(await outcomeOf(verify, token));
      }),
    ));

  it("a head is read only under a head's typ, and whole", async () => {
    const { head } = vectors<{ head: Head }>("head");
    expect(readHead(await sign(head, "head+jwt", pair))).toEqual(head);
    expect(() => readHead(forge(HEADER, canonical(head)))).toThrow(evidence("malformed") as Error);
    for (const changed of [
      { ...head, more: 1 },
      { ...head, restored: false },
      { ...head, seq: 0 },
      { ...head, at: "2026-02-30T00:00:00Z" },
      { ...head, prev: undefined },
    ]) {
      const token = await sign(changed, "head+jwt", pair);
      expect(() => readHead(token)).toThrow(evidence("malformed") as Error);
      expect(await outcomeOf((text) => verifyHead(text, { account: head.account, identity: pair.x }), token)).toBe("malformed");
    }
  });
});

it("base64url has one text for each run of bytes", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.string(), (bytes, junk) => {
      const text = base64url.encode(bytes);
      expect(base64url.decode(text)).toEqual(Uint8Array.from(bytes));
      for (const other of [`${text}=`, `${text}==`, ` ${text}`, `${text}\n`, `${text}+`, junk]) {
        try {
          expect(base64url.encode(base64url.decode(other))).toBe(other);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
        }
      }
    }),
  ));

it("canonical text is one for each value, whatever the order of its members, and refuses what has none", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonical(reversed)).toBe(canonical(value));
      expect(canonical(JSON.parse(canonical(value)))).toBe(canonical(value));
    }),
  );
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const value of [undefined, Number.NaN, [Number.POSITIVE_INFINITY], 1n, { a: [2n] }, cycle, Symbol("a"), "\ud800", { "\udfff": 1 }])
    expect(() => canonical(value)).toThrow(TypeError);
  expect(canonical(["\\ud800", "😀", "\\\\ud800"])).toBe('["\\\\ud800","😀","\\\\\\\\ud800"]');
  expect(utf8(canonical("ț"))).toHaveLength(4);
});
