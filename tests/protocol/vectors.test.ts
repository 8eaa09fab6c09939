import { hkdfSync } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Act, challengeOf } from "#protocol/act.ts";
import type { AuthorizationDetail, AuthorizationDetails, Filter } from "#protocol/authorization-details.ts";
import { base64url, canonical, fromUtf8, hashOf, hashOfJson, sha256, utf8 } from "#protocol/canonical.ts";
import { digestAt, formOf, isRecordPath, kindAt } from "#protocol/categories.ts";
import { CONSENT_TYP, type Consent, consentObject, hashOfConsent, readConsent, verifyConsent } from "#protocol/consent-token.ts";
import { type Channel, type Contact, type ContactPurpose, contactFor, mayContact } from "#protocol/data/contact.ts";
import type { Epoch } from "#protocol/epoch.ts";
import {
  BUCKETS,
  bucketOf,
  EMPTY_BUCKET,
  type Head,
  hashOfBucket,
  hashOfHead,
  hashOfLeaf,
  type Leaf,
  readHead,
  rootOf,
  shortCodeOf,
  verifyHead,
} from "#protocol/head.ts";
import { ed25519Thumbprint, verifyJws } from "#protocol/jws.ts";
import { frequencyIsWider, widening } from "#protocol/narrow.ts";
import { covers, isShareable } from "#protocol/paths.ts";
import { aliasOf } from "#protocol/sealing/alias.ts";
import { box, type Context, openBox } from "#protocol/sealing/box.ts";
import { openEpoch, openKeyChain } from "#protocol/sealing/epoch.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { kitCode, readKitCode } from "#protocol/sealing/kit-code.ts";
import { pad, paddedLength, unpad } from "#protocol/sealing/padding.ts";
import { pairFromSeed, type SigningPair } from "#protocol/sealing/pairs.ts";
import { type Content, hashOfGrantKey, openRecord, openShare, type RecordVersion, type Share } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { signSuccession } from "#protocol/sealing/succession.ts";
import { kitKeys, openWayIn, prfSalt } from "#protocol/sealing/way-in.ts";
import { followSuccessions, type Succession, type SuccessionEvidence, type Trust } from "#protocol/succession.ts";
import type { WaySeal } from "#protocol/ways.ts";
import { mergePatch } from "./support/merge-patch.ts";
import { vectors } from "./vectors/read.ts";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (of: Uint8Array): string => Buffer.from(of).toString("hex");

it("every vector file says where it comes from", () => {
  const files = readdirSync(join(import.meta.dirname, "vectors")).filter((each) => each.endsWith(".json"));
  expect(files).toHaveLength(23);
  for (const file of files) expect(vectors(file.slice(0, -5)).provenance.length, file).toBeGreaterThan(20);
});

describe("canonical", () => {
  interface Case {
    name: string;
    input: string;
    text: string;
    sha256: string;
  }
  const file = vectors<{ cases: Case[]; refused: string[]; sha256: { text: string; hex: string; base64url: string }[] }>("canonical");
  it.each(file.cases)("$name", async ({ input, text, sha256: hash }) => {
    expect(canonical(JSON.parse(input))).toBe(text);
    expect(await hashOf(text)).toBe(hash);
    expect(await hashOfJson(JSON.parse(input))).toBe(hash);
  });
  it.each(file.refused)("refuses %s", (input) => expect(() => canonical(JSON.parse(input))).toThrow(TypeError));
  it.each(file.sha256)("SHA-256 of $text", async (each) => {
    expect(hex(await sha256(each.text))).toBe(each.hex);
    expect(await hashOf(each.text)).toBe(each.base64url);
  });
});

describe("padding", () => {
  const file = vectors<{
    lengths: { length: number; padded: number }[];
    cases: { plaintext: string; padded: string }[];
    refused: Record<string, string>;
  }>("padding");
  it.each(file.lengths)("$length bytes become $padded", ({ length, padded }) => {
    expect(paddedLength(length + 1)).toBe(padded);
    expect(pad(new Uint8Array(length))).toHaveLength(padded);
  });
  it.each(file.cases)("of $plaintext", ({ plaintext, padded }) => {
    expect(hex(pad(bytes(plaintext)))).toBe(padded);
    expect(hex(unpad(bytes(padded)))).toBe(plaintext);
  });
  it.each(Object.entries(file.refused))("refuses %s", (_, padded) =>
    expect(() => unpad(bytes(padded))).toThrow(expect.objectContaining({ name: "EvidenceError", code: "malformed" })),
  );
});

it("box", async () => {
  const file = vectors<{ key: string; nonce: string; context: Context; plaintext: string; box: string }>("box");
  expect(await box(bytes(file.key), utf8(file.plaintext), file.context, new Uint8Array(bytes(file.nonce)))).toBe(file.box);
  expect(fromUtf8(await openBox(bytes(file.key), file.box, file.context))).toBe(file.plaintext);
});

describe("seal-to", () => {
  const file = vectors<{ context: Context; ctx: string; plaintext: string; cases: { privateKey: { crv: string }; jwe: string }[] }>(
    "seal-to",
  );
  it.each(file.cases)("$privateKey.crv", async ({ privateKey, jwe }) => {
    expect(base64url.encode(await openSealed(privateKey, jwe, file.context))).toBe(file.plaintext);
    expect(JSON.parse(fromUtf8(base64url.decode(jwe.split(".")[0] as string))).ctx).toBe(file.ctx);
  });
});

it("sign", async () => {
  const file = vectors<{ pair: SigningPair; typ: string; payload: unknown; token: string }>("sign");
  expect(await pairFromSeed("Ed25519", base64url.decode(file.pair.d))).toEqual(file.pair);
  expect(await sign(file.payload, file.typ, file.pair)).toBe(file.token);
  expect(await verifyJws(file.token, file.pair.x, file.typ)).toEqual(file.payload);
});

it("consent", async () => {
  const file = vectors<{ pair: SigningPair; consent: Consent; object: string; token: string; hash: string }>("consent");
  expect(await sign(file.consent, CONSENT_TYP, file.pair, true)).toBe(file.token);
  expect(await verifyConsent(file.token, {})).toEqual({ consent: file.consent, key: file.pair.x, hash: file.hash });
  expect(readConsent(file.token)).toEqual(file.consent);
  expect(await consentObject(file.consent)).toBe(file.object);
  expect(await hashOfConsent(file.token)).toBe(file.hash);
  expect(await ed25519Thumbprint(file.pair.x)).toBe(file.consent.iss);
});

it("act", async () => {
  const file = vectors<{ act: Act; text: string; challenge: string }>("act");
  expect(base64url.encode(await challengeOf(file.act))).toBe(file.challenge);
  expect(await hashOf(file.text)).toBe(file.challenge);
});

it("head", async () => {
  const file = vectors<{
    leaves: (Leaf & { bucket: number; leaf: string })[];
    emptyBucket: string;
    buckets: { bucket: number; hash: string }[];
    root: string;
    emptyRoot: string;
    pair: SigningPair;
    head: Head;
    token: string;
    hash: string;
    shortCode: string;
  }>("head");
  expect(await hashOfBucket([])).toBe(EMPTY_BUCKET);
  expect(file.emptyBucket).toBe(EMPTY_BUCKET);
  const leaves = new Map<number, string[]>();
  for (const leaf of file.leaves) {
    expect(await bucketOf(leaf.path)).toBe(leaf.bucket);
    expect(await hashOfLeaf(leaf)).toBe(leaf.leaf);
    leaves.set(leaf.bucket, [...(leaves.get(leaf.bucket) ?? []), leaf.leaf]);
  }
  const hashes = new Array<string>(BUCKETS).fill(EMPTY_BUCKET);
  for (const { bucket, hash } of file.buckets) {
    hashes[bucket] = await hashOfBucket(leaves.get(bucket) ?? []);
    expect(hashes[bucket]).toBe(hash);
    // A bucket doesn't depend on the order in which its leaves came.
    expect(await hashOfBucket((leaves.get(bucket) ?? []).toReversed())).toBe(hash);
  }
  expect(Math.max(...[...leaves.values()].map((each) => each.length))).toBeGreaterThan(1);
  expect(await rootOf(hashes)).toBe(file.root);
  expect(() => rootOf(hashes.slice(1))).toThrow(TypeError);
  expect(() => rootOf([...hashes, EMPTY_BUCKET])).toThrow(TypeError);
  expect(await rootOf(new Array<string>(BUCKETS).fill(EMPTY_BUCKET))).toBe(file.emptyRoot);
  expect(await signHead(file.head, file.pair)).toBe(file.token);
  expect(await verifyHead(file.token, { account: file.head.account, identity: file.pair.x })).toEqual(file.head);
  expect(readHead(file.token)).toEqual(file.head);
  expect(await hashOfHead(file.token)).toBe(file.hash);
  expect(shortCodeOf(await hashOfHead(file.token))).toBe(file.shortCode);
});

it("succession", async () => {
  const file = vectors<{ kit: SigningPair; succession: Succession; evidence: SuccessionEvidence; trust: Trust }>("succession");
  const { account, from: identity } = file.succession;
  expect(await signSuccession(file.succession, file.kit)).toBe(file.evidence.token);
  expect(await followSuccessions(account, { identity, kit: file.kit.x }, [file.evidence])).toEqual(file.trust);
});

describe("record", () => {
  const file = vectors<{ accountKey: string; account: string; cases: { content: Content; record: RecordVersion }[] }>("record");
  it.each(file.cases)("$record.path $record.version", async ({ content, record }) =>
    expect(await openRecord(base64url.decode(file.accountKey), file.account, record)).toEqual(content),
  );
});

describe("alias", () => {
  const file = vectors<{ grantKey: string; cases: { path: string; alias: string }[]; refused: string[] }>("alias");
  const key = base64url.decode(file.grantKey);
  it.each(file.cases)("$path is $alias", async ({ path, alias }) => {
    expect(await aliasOf(key, path)).toBe(alias);
    if (path === alias) return;
    const bytes = hkdfSync("sha256", key, "", `counterfoil/alias/v1\n${path}`, 16);
    expect(alias.split("/").at(-1)).toBe(Buffer.from(bytes).toString("base64url"));
  });
  it.each(file.refused)("there is none of %s", (path) => expect(aliasOf(key, path)).rejects.toThrow(TypeError));
});

describe("share", () => {
  const file = vectors<{ grantKey: string; grantKeyHash: string; cases: { content: Content; share: Share }[] }>("share");
  it.each(file.cases)("$share.path $share.version", async ({ content, share }) =>
    expect(await openShare(base64url.decode(file.grantKey), share)).toEqual(content),
  );
  it("grant key hash", async () => expect(await hashOfGrantKey(base64url.decode(file.grantKey))).toBe(file.grantKeyHash));
});

it("epoch chain", async () => {
  const file = vectors<{ account: string; identity: SigningPair; accountKeys: string[]; epochs: Epoch[] }>("epoch");
  const keys = file.accountKeys.map((each) => base64url.decode(each));
  for (const [index, row] of file.epochs.entries()) {
    const opened = await openEpoch(file.account, keys[index] as Uint8Array, row, file.identity.x);
    expect(opened).toEqual({ identity: file.identity, previousKey: keys[index - 1] });
  }
  const chain = await openKeyChain(file.account, { epoch: 3, accountKey: keys[2] as Uint8Array }, file.epochs.toReversed());
  expect([...chain].sort(([a], [b]) => a - b)).toEqual(keys.map((key, index) => [index + 1, key]));
});

it("way in", async () => {
  const file = vectors<{
    prfSalt: string;
    account: string;
    secret: string;
    identity: string;
    accountKey: string;
    key: string;
    seal: WaySeal;
  }>("way-in");
  expect(hex(await prfSalt())).toBe(file.prfSalt);
  const opened = await openWayIn(file.account, bytes(file.secret), file.seal);
  expect(opened).toEqual({ accountKey: base64url.decode(file.accountKey), identity: file.identity, key: file.key });
});

describe("kit", () => {
  const file = vectors<{ cases: { secret: string; code: string[]; locator: string; wayInSecret: string; sign: SigningPair }[] }>("kit");
  it.each(file.cases)("$secret", async ({ secret, code, locator, wayInSecret, sign: pair }) => {
    expect(await kitCode(bytes(secret))).toEqual(code);
    expect(hex((await readKitCode(code.join(" "))) as Uint8Array)).toBe(secret);
    const keys = await kitKeys(bytes(secret));
    expect({ ...keys, secret: hex(keys.secret) }).toEqual({ locator, secret: wayInSecret, sign: pair });
  });
});

describe("narrowing", () => {
  interface Case {
    name: string;
    asked: unknown[];
    granted: unknown[];
    wider: string | null;
  }
  const file = vectors<{
    base: AuthorizationDetail;
    cases: Case[];
    frequencies: { granted: AuthorizationDetail["frequency"] | null; asked: AuthorizationDetail["frequency"] | null; wider: boolean }[];
  }>("narrowing");
  const details = (patches: unknown[]) => patches.map((each) => mergePatch(file.base, each)) as AuthorizationDetails;
  it.each(file.cases)("$name: $wider", ({ asked, granted, wider }) =>
    expect(widening(details(granted), details(asked))?.pointer ?? null).toBe(wider),
  );
  it.each(file.frequencies)("frequency $granted of $asked", ({ granted, asked, wider }) =>
    expect(frequencyIsWider(granted ?? undefined, asked ?? undefined)).toBe(wider),
  );
});

describe("paths", () => {
  const file = vectors<{
    covers: { wide: string; narrow: string; covers: boolean }[];
    shareable: { path: string; shareable: boolean }[];
    records: { path: string; record: boolean }[];
  }>("paths");
  it.each(file.covers)("$wide covers $narrow: $covers", (each) => expect(covers(each.wide, each.narrow)).toBe(each.covers));
  it.each(file.shareable)("$path is shareable: $shareable", (each) => expect(isShareable(each.path)).toBe(each.shareable));
  it.each(file.records)("$path is a record's: $record", (each) => expect(isRecordPath(each.path)).toBe(each.record));
});

describe("forms", () => {
  const file = vectors<{ cases: { path: string; value: unknown; now: string; form: unknown }[]; refused: string[] }>("forms");
  it.each(file.cases)("$path of $value", ({ path, value, now, form }) => expect(formOf(path, value, new Date(now))).toEqual(form));
  it.each(file.refused)("refuses %s", (path) => expect(() => formOf(path, { locality: "Trieste" }, new Date(0))).toThrow(TypeError));
});

describe("digests", () => {
  const file = vectors<{ cases: { path: string; values: never[]; digest: unknown }[]; none: string[] }>("digests");
  it.each(file.cases)("$path of $values.length", ({ path, values, digest }) => {
    for (const order of [values, values.toReversed()]) expect(digestAt(path)?.of(order, new Date(0))).toEqual(digest);
  });
  it.each(file.none)("there is none at %s", (path) => expect(digestAt(path)).toBeUndefined());
});

describe("filters", () => {
  const file = vectors<{ cases: { path: string; value: never; filter: Filter; passes: boolean }[]; unasked: string[] }>("filters");
  it.each(file.cases)("$filter lets $value through: $passes", ({ path, value, filter, passes }) =>
    expect(kindAt(path)?.passes?.(value, filter)).toBe(passes),
  );
  it.each(file.unasked)("none can be asked about %s", (path) => expect(kindAt(path)).toMatchObject({ passes: undefined }));
});

describe("contact", () => {
  interface Case {
    name: string;
    contact: Contact | null;
    channel: Channel;
    purpose: ContactPurpose;
    at: string;
    sent: string[];
    answer: { allowed: boolean; reason: string; next?: string };
  }
  const file = vectors<{ may: Case[]; over: { name: string; general: Contact | null; own: Contact | null; card: Contact | null }[] }>(
    "contact",
  );
  it.each(file.may)("$name: $answer.reason", ({ contact, channel, purpose, at, sent, answer }) => {
    const dates = sent.map((each) => new Date(each));
    expect(JSON.parse(JSON.stringify(mayContact(contact, channel, purpose, new Date(at), dates)))).toEqual(answer);
  });
  it.each(file.over)("over the general card: $name", ({ general, own, card }) =>
    expect(contactFor(general, own ?? undefined)).toEqual(card),
  );
});
