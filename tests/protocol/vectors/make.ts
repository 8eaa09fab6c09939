import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair } from "jose";
import { type Act, challengeOf } from "#protocol/act.ts";
import { base64url, canonical, hashOf, sha256, utf8 } from "#protocol/canonical.ts";
import { CONSENT_TYP, type Consent, consentObject, hashOfConsent } from "#protocol/consent-token.ts";
import { ATTESTATION_TYP, type ErasureAttestation } from "#protocol/erasure-attestation.ts";
import { EXPORT_TYPE, type ExportHeader } from "#protocol/export-header.ts";
import {
  BUCKETS,
  bucketOf,
  EMPTY_BUCKET,
  type Head,
  hashOfBucket,
  hashOfHead,
  hashOfLeaf,
  type Leaf,
  rootOf,
  shortCodeOf,
} from "#protocol/head.ts";
import { ed25519Thumbprint, VENDOR_ALGORITHMS } from "#protocol/jws.ts";
import { aliasOf } from "#protocol/sealing/alias.ts";
import { box } from "#protocol/sealing/box.ts";
import { hkdf, NO_SALT } from "#protocol/sealing/derive.ts";
import { makeEpoch } from "#protocol/sealing/epoch.ts";
import { sealExport } from "#protocol/sealing/export.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { kitCode } from "#protocol/sealing/kit-code.ts";
import { pad, paddedLength } from "#protocol/sealing/padding.ts";
import { pairFromSeed } from "#protocol/sealing/pairs.ts";
import { hashOfGrantKey, sealRecord, sealShare } from "#protocol/sealing/record.ts";
import { sealTo } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { signSuccession } from "#protocol/sealing/succession.ts";
import { kitKeys, makeWayIn } from "#protocol/sealing/way-in.ts";
import type { Succession } from "#protocol/succession.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";

/**
 * Makes the vectors whose outputs are bytes: `npx tsx tests/protocol/vectors/make.ts`, by hand, when a format changes on purpose.
 * Files that exist stay (what is sealed differs each time): delete the one to be made anew. narrowing, paths and forms are written
 * by hand and never made.
 */
const here = import.meta.dirname;
const BY = "made by tests/protocol/vectors/make.ts with protocol/sealing; bytes are base64url, RFC 4648 section 5, without padding";

async function vector(name: string, provenance: string, make: () => Promise<Record<string, unknown>>): Promise<void> {
  const file = join(here, `${name}.json`);
  if (existsSync(file)) return;
  writeFileSync(file, `${JSON.stringify({ provenance, ...(await make()) }, null, 2)}\n`);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** 32 bytes (or `length`) that anyone can make again. */
const bytesOf = async (label: string, length = 32): Promise<Uint8Array<ArrayBuffer>> =>
  (await sha256(`counterfoil vector ${label}`)).slice(0, length);
const id = async (label: string): Promise<string> => base64url.encode(await bytesOf(label, 16));
const read = (name: string): Record<string, never> => JSON.parse(readFileSync(join(here, `${name}.json`), "utf8"));

const account = await id("account");
const grant = await id("grant");
const vendor = "https://shop.example/client.json";
// RFC 8032, 7.1, test 1.
const identity = await pairFromSeed(
  "Ed25519",
  new Uint8Array(Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex")),
);
const relationship = await pairFromSeed("Ed25519", await bytesOf("relationship"));
const inbox = await pairFromSeed("X25519", await bytesOf("inbox"));

await vector(
  "canonical",
  "the first two are RFC 8785 sections 3.2.2 and 3.2.3, `abc` is FIPS 180-4; `input` is JSON text, `sha256` of the canonical text's UTF-8",
  async () => {
    const inputs = {
      "RFC 8785 3.2.2":
        '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
      "RFC 8785 3.2.3":
        '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}',
      "a member named __proto__": '{"b":1,"__proto__":{"a":[1]},"constructor":null}',
      "a context": '["record","YWNjb3VudA","profile/emails/e1",1,1]',
      "zeros and exponents": "[0,-0,1e21,1e-7,9007199254740991]",
      empty: "{}",
    };
    const cases = await Promise.all(
      Object.entries(inputs).map(async ([name, input]) => {
        const text = canonical(JSON.parse(input));
        return { name, input, text, sha256: await hashOf(text) };
      }),
    );
    return {
      cases,
      refused: ['"\\ud800"', '{"a":"\\udc00x"}', '{"\\udfff":1}'],
      sha256: [{ text: "abc", hex: hex(await sha256("abc")), base64url: await hashOf("abc") }],
    };
  },
);

await vector(
  "padding",
  "lengths of PURB section 4 (Padmé), at least 256, of the plaintext and one byte 0x80; hex of whole paddings; the refused ones are altered by hand",
  async () => ({
    lengths: [0, 1, 254, 255, 256, 257, 271, 272, 511, 512, 1000, 1023, 1024, 4096, 10_000, 65_535, 65_536].map((length) => ({
      length,
      padded: paddedLength(length + 1),
    })),
    cases: [
      { plaintext: "", padded: hex(pad(new Uint8Array(0))) },
      { plaintext: "616263", padded: hex(pad(utf8("abc"))) },
      { plaintext: "8000", padded: hex(pad(new Uint8Array([0x80, 0]))) },
    ],
    refused: {
      "no mark": "00".repeat(256),
      "another mark": `6162${"00".repeat(253)}81`,
      "longer than its class": `80${"00".repeat(271)}`,
      "shorter than 256": `61628000`,
      empty: "",
    },
  }),
);

await vector("box", BY, async () => {
  const key = await bytesOf("box key");
  const nonce = await bytesOf("box nonce", 24);
  const plaintext = '{"value":{"address":"mira@example.org"}}';
  const context = ["record", account, "profile/emails/e1", 1, 1] as const;
  return {
    key: hex(key),
    nonce: hex(nonce),
    context,
    plaintext,
    box: await box(key, utf8(plaintext), context, nonce),
  };
});

await vector("seal-to", `${BY}; the private keys open`, async () => {
  const context = ["grant-key", grant, vendor] as const;
  const plaintext = await bytesOf("grant key");
  const x25519 = await pairFromSeed("X25519", await bytesOf("vendor"));
  const p256 = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey("jwk", p256.privateKey);
  return {
    context,
    ctx: await hashOf(canonical(context)),
    plaintext: base64url.encode(plaintext),
    cases: [
      {
        privateKey: { kty: "OKP", crv: "X25519", ...x25519 },
        jwe: await sealTo({ kty: "OKP", crv: "X25519", x: x25519.x }, plaintext, context),
      },
      { privateKey: { kty, crv, x, y, d }, jwe: await sealTo({ kty, crv, x, y } as { kty: string }, plaintext, context) },
    ],
  };
});

await vector("sign", `${BY}; the key is test 1 of RFC 8032 section 7.1; Ed25519 is deterministic`, async () => {
  const payload = { b: "due", a: [1, null, true], c: { "€": "ț" } };
  return { pair: identity, typ: "example+jwt", payload, token: await sign(payload, "example+jwt", identity) };
});

await vector("consent", BY, async () => {
  const iss = await ed25519Thumbprint(relationship.x);
  const consent: Consent = {
    iss,
    sub: iss,
    aud: vendor,
    jti: await id("jti"),
    grant_id: grant,
    n: 1,
    prev: null,
    iat: 1_795_255_800,
    exp: 1_810_808_100,
    authorization_details: [
      {
        type: "https://w3id.org/counterfoil/consent/1",
        actions: ["read"],
        paths: ["profile/emails/e1", "profile/addresses:town"],
        purpose: "https://w3id.org/dpv#DirectMarketing",
        necessity: "optional",
        legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
        explanation: { en: "News of new books", it: "Novità in libreria" },
        retention: "P30D",
        expires: "2027-05-20T10:15:00Z",
        frequency: { max: 1, per: "PT1H" },
        recipients: [],
        storage_countries: ["DE"],
        if_refused: "nothing",
      },
    ],
    cnf: { jkt: await hashOf("vendor encryption key") },
    inbox: { kty: "OKP", crv: "X25519", x: inbox.x },
    grant_key: await hashOfGrantKey(await bytesOf("grant key")),
    agreement: null,
    notice: { sha256: await hashOf("what was shown"), language: "en" },
  };
  consent.exp = Date.parse(consent.authorization_details[0]?.expires as string) / 1000;
  const token = await sign(consent, CONSENT_TYP, relationship, true);
  return { pair: relationship, consent, object: await consentObject(consent), token, hash: await hashOfConsent(token) };
});

await vector("act", BY, async () => {
  const act: Act = {
    action: "approve",
    account,
    grant,
    object: await hashOf("what is approved"),
    nonce: await hashOf("nonce"),
    at: "2026-11-21T10:15:00.000Z",
  };
  const text = `counterfoil/act/v1\n${canonical(act)}`;
  return { act, text, challenge: base64url.encode(await challengeOf(act)) };
});

await vector("head", `${BY}; the identity is test 1 of RFC 8032 section 7.1`, async () => {
  const leaves: Leaf[] = await Promise.all(
    (
      [
        ["record", "profile/name", 2],
        ["record", "profile/emails/e1", 1],
        ["record", "preferences/contact", 1],
        ["share", `${grant}/profile/emails/e1`, 1],
        ["consent", grant, 1],
        ["epoch", "1", 1],
        ["end", await id("ended"), 1],
      ] as const
    ).map(async ([kind, path, version]) => ({ kind, path, version, hash: await hashOf(`body of ${kind} ${path}`) })),
  );
  // Two leaves of one path share a bucket whatever it is.
  leaves.push({ kind: "record", path: "1", version: 1, hash: await hashOf("a neighbour") });
  const buckets = new Map<number, string[]>();
  const rows = [];
  for (const leaf of leaves) {
    const bucket = await bucketOf(leaf.path);
    const hash = await hashOfLeaf(leaf);
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), hash]);
    rows.push({ ...leaf, bucket, leaf: hash });
  }
  const hashes = await Promise.all(Array.from({ length: BUCKETS }, (_, at) => hashOfBucket(buckets.get(at) ?? [])));
  const root = await rootOf(hashes);
  const head: Head = {
    account,
    identity: identity.x,
    seq: 1,
    prev: null,
    root,
    epoch: 1,
    ways: await hashOf("ways"),
    at: "2026-11-21T10:15:00.000Z",
  };
  const token = await signHead(head, identity);
  const full = [...buckets.keys()].sort((a, b) => a - b);
  return {
    leaves: rows,
    emptyBucket: EMPTY_BUCKET,
    buckets: full.map((bucket) => ({ bucket, hash: hashes[bucket] })),
    root,
    emptyRoot: await rootOf(Array.from({ length: BUCKETS }, () => EMPTY_BUCKET)),
    pair: identity,
    head,
    token,
    hash: await hashOfHead(token),
    shortCode: shortCodeOf(await hashOfHead(token)),
  };
});

await vector("succession", `${BY}; the old identity is test 1 of RFC 8032 section 7.1`, async () => {
  const kit = (await kitKeys(await bytesOf("kit", 16))).sign;
  const ways: Way[] = [{ id: await id("kit way"), kind: "kit", key: inbox.x, passkey: null, sign: kit.x }];
  const head: Head = {
    account,
    identity: identity.x,
    seq: 7,
    prev: await hashOf("head 6"),
    root: await hashOf("root"),
    epoch: 1,
    ways: await hashOfWays(ways),
    at: "2026-11-21T10:15:00.000Z",
  };
  const next = await pairFromSeed("Ed25519", await bytesOf("next identity"));
  const nextKit = (await kitKeys(await bytesOf("next kit", 16))).sign;
  const succession: Succession = { account, from: identity.x, to: next.x, kit: nextKit.x, at: "2026-11-21T10:15:01.000Z" };
  const token = await signSuccession(succession, kit);
  return { kit, succession, evidence: { token, head: await signHead(head, identity), ways }, trust: { identity: next.x, kit: nextKit.x } };
});

await vector("record", BY, async () => {
  const key = await bytesOf("account key 1");
  const place = { path: "profile/emails/e1", version: 3, epoch: 1 };
  const value = { value: { address: "mira@example.org" } };
  const gone = { removed: true } as const;
  return {
    accountKey: base64url.encode(key),
    account,
    cases: [
      { content: value, record: await sealRecord(key, account, place, value) },
      { content: { value: null }, record: await sealRecord(key, account, { path: "profile/name", version: 1, epoch: 1 }, { value: null }) },
      { content: gone, record: await sealRecord(key, account, { ...place, version: 4 }, gone) },
    ],
  };
});

await vector("alias", `${BY}; 16 bytes of HKDF-SHA256 (RFC 5869) without salt, info \`counterfoil/alias/v1\\n\` + path`, async () => {
  const key = await bytesOf("grant key");
  const paths = [`profile/emails/${await id("e-mail")}`, `profile/addresses/${await id("address")}`, "profile/name"];
  return {
    grantKey: base64url.encode(key),
    cases: await Promise.all(paths.map(async (path) => ({ path, alias: await aliasOf(key, path) }))),
    refused: ["profile/emails", "profile/emails/e1:given", "profile/nothing"],
  };
});

await vector("share", BY, async () => {
  const key = await bytesOf("grant key");
  const town = { value: { locality: "Cluj-Napoca", countryCode: "RO" } };
  const gone = { removed: true } as const;
  const place = { grant, path: "profile/addresses/a1:town", version: 7 };
  return {
    grantKey: base64url.encode(key),
    grantKeyHash: await hashOfGrantKey(key),
    cases: [
      { content: town, share: await sealShare(key, place, town) },
      { content: gone, share: await sealShare(key, { ...place, version: 8 }, gone) },
    ],
  };
});

await vector("epoch", `${BY}; the identity is test 1 of RFC 8032 section 7.1`, async () => {
  const keys = await Promise.all([1, 2, 3].map((epoch) => bytesOf(`account key ${epoch}`)));
  const rows = [];
  for (const [index, key] of keys.entries()) rows.push(await makeEpoch(account, index + 1, key, identity, keys[index - 1]));
  return { account, identity, accountKeys: keys.map((key) => base64url.encode(key)), epochs: rows };
});

await vector("way-in", BY, async () => {
  const secret = await bytesOf("prf output");
  const accountKey = await bytesOf("account key 1");
  const way = await makeWayIn({ id: await id("way"), account, secret, identity: identity.x, epoch: 1, accountKey });
  return {
    prfSalt: hex(await sha256("counterfoil/prf/v1/unlock")),
    account,
    secret: hex(secret),
    identity: identity.x,
    accountKey: base64url.encode(accountKey),
    key: way.key,
    seal: way.seal,
  };
});

await vector("kit", BY, async () => {
  const secrets = [new Uint8Array(16), new Uint8Array(16).fill(255), await bytesOf("kit", 16)];
  return {
    cases: await Promise.all(
      secrets.map(async (secret) => {
        const keys = await kitKeys(secret);
        return { secret: hex(secret), code: await kitCode(secret), locator: keys.locator, wayInSecret: hex(keys.secret), sign: keys.sign };
      }),
    ),
  };
});

await vector(
  "export",
  `${BY}; \`file\` is the whole file as text, \`randomness\` the nonce of each part in hex; \`refused\` names why (protocol/sealing/export.ts)`,
  async () => {
    const secret = await bytesOf("export", 16);
    const nonce = await bytesOf("export nonce", 24);
    const header: ExportHeader = { type: EXPORT_TYPE, id: "AAECAwQFBgcICQoLDA0ODw", made: "2026-11-21T10:15:00.000Z" };
    const entries = [
      { store: { created: "2026-10-01T08:00:00.000Z" } },
      { record: { path: "profile/emails/e1", value: { address: "ottavia@posta.example", label: "casa" } } },
      { record: { path: "profile/name", value: { given: "Ottavia" } } },
    ];
    let file = "";
    for await (const line of sealExport(secret, header, entries, () => nonce)) file += line;
    const [first = "", boxed = ""] = file.split("\n");
    const key = await hkdf(secret, NO_SALT, "counterfoil/export/v1", 32);
    const more = await box(key, utf8("{}\n"), ["export", header.id, header.made, 1, "more"], nonce);
    return {
      code: (await kitCode(secret)).join("-"),
      secret: hex(secret),
      entries,
      randomness: [hex(nonce)],
      file,
      refused: {
        "its only part is not the last": { file: `${first}\n${more}\n`, code: "cut" },
        "its last part is torn": { file: file.slice(0, -40), code: "cut" },
        "another time in its header": { file: file.replace("10:15:00", "10:15:01"), code: "changed" },
        "something after its end": { file: `${file}${boxed}\n`, code: "order" },
        "a part under another key": {
          file: `${first}\n${await box(await bytesOf("other"), utf8("{}\n"), ["export", header.id, header.made, 1, "last"], nonce)}\n`,
          code: "code",
        },
        "a later version": { file: file.replace("export/1", "export/2"), code: "newer" },
      },
    };
  },
);

await vector(
  "erasure-attestation",
  "made by tests/protocol/vectors/make.ts with jose and keys of its own; `key` is the public JWK, `token` what the vendor posts (protocol/erasure-attestation.ts)",
  async () => {
    const expected = { issuer: vendor, audience: "https://counterfoil.example", grant };
    const claims: ErasureAttestation = {
      iss: expected.issuer,
      aud: expected.audience,
      jti: "4f1d",
      iat: 1_795_256_100,
      grant_id: grant,
      n: 2,
      reason: "revoked",
      at: "2026-11-21T10:15:00Z",
      did: ["Șters: rândul din lista de clienți", "Deleted from the newsletter"],
      remains: [{ what: "Invoice 2026-114", why: "legal-duty", until: "2036-12-31", note: "Codice civile 2220" }],
    };
    const signed = async (alg: string, key: CryptoKey, payload: object = claims, header: object = {}) =>
      new CompactSign(utf8(canonical(payload)))
        .setProtectedHeader(JSON.parse(canonical({ alg, kid: `${alg}-1`, typ: ATTESTATION_TYP, ...header })))
        .sign(key);
    const cases: Array<Record<string, unknown>> = [];
    const refused: Record<string, unknown> = {};
    for (const alg of VENDOR_ALGORITHMS) {
      const { privateKey, publicKey } = await generateKeyPair(alg === "EdDSA" ? "Ed25519" : alg, { extractable: true });
      const key = { ...(await exportJWK(publicKey)), kid: `${alg}-1`, alg };
      cases.push({ alg, key, token: await signed(alg, privateKey) });
      if (alg !== "Ed25519") continue;
      const wrong = async (name: string, code: string, payload: object, header: object = {}) => {
        refused[name] = { key, token: await signed(alg, privateKey, payload, header), code };
      };
      await wrong("another vendor", "audience", { ...claims, iss: "https://other.example/client.json" });
      await wrong("another server", "audience", { ...claims, aud: "https://other.example" });
      await wrong("another grant", "context", { ...claims, grant_id: await id("another grant") });
      await wrong("an unknown member", "malformed", { ...claims, more: 1 });
      await wrong("a reason to keep that isn't one", "malformed", { ...claims, remains: [{ what: "x", why: "wanted", until: null }] });
      await wrong("words that read otherwise than they are", "malformed", { ...claims, did: ["a\u202eb"] });
      await wrong("another typ", "typ", claims, { typ: "JWT" });
      await wrong("a header more", "malformed", claims, { cty: "x" });
      const other = await generateKeyPair("Ed25519");
      refused["another key"] = { key, token: await signed(alg, other.privateKey), code: "signature" };
    }
    return { expected, claims, cases, refused };
  },
);

const made = [
  "canonical",
  "padding",
  "box",
  "seal-to",
  "sign",
  "consent",
  "act",
  "head",
  "succession",
  "record",
  "share",
  "epoch",
  "way-in",
  "kit",
  "export",
  "erasure-attestation",
];
for (const name of made) process.stdout.write(`${name}: ${String(read(name).provenance)}\n`);
