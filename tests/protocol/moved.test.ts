import { beforeAll, describe, expect, it } from "vitest";
import { type Act, challengeOf } from "#protocol/act.ts";
import { base64url, canonical, utf8 } from "#protocol/canonical.ts";
import { type ConsentExpectation, verifyConsent } from "#protocol/consent-token.ts";
import { type Head, verifyHead } from "#protocol/head.ts";
import { thumbprint } from "#protocol/jws.ts";
import { box } from "#protocol/sealing/box.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { makeEpoch, openEpoch, openKeyChain } from "#protocol/sealing/epoch.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { grantKeyContext, openRecord, openShare, sealRecord } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { makeWayIn, newId, openWayIn, sealAccountKey } from "#protocol/sealing/way-in.ts";
import { evidence } from "./support/changes.ts";
import { makeConsent, makeSecrets, makeVendor, type Received, type Secrets, share, signConsent, type Vendor } from "./support/customer.ts";
import { vectors } from "./vectors/read.ts";

const account = newId();
const other = newId();
const key = randomBytes(32);
const value = { value: { address: "mira@example.org" } };
let identity: SigningPair;
let vendor: Vendor;
let secrets: Secrets;
let received: Received;
beforeAll(async () => {
  identity = await makeSigningPair();
  vendor = await makeVendor("https://shop.example/client.json");
  secrets = await makeSecrets();
  received = await share(vendor, secrets);
});

it("a record opens at its own account, path, version and epoch, under its own key", async () => {
  const record = await sealRecord(key, account, { path: "profile/emails/e1", version: 2, epoch: 3 }, value);
  expect(await openRecord(key, account, record)).toEqual(value);
  await expect(openRecord(key, other, record)).rejects.toEqual(evidence("context"));
  await expect(openRecord(key, account, { ...record, path: "profile/emails/e2" })).rejects.toEqual(evidence("context"));
  await expect(openRecord(key, account, { ...record, version: 3 })).rejects.toEqual(evidence("context"));
  await expect(openRecord(key, account, { ...record, epoch: 4 })).rejects.toEqual(evidence("context"));
  await expect(openRecord(randomBytes(32), account, record)).rejects.toEqual(evidence("commitment"));
});

it("a share opens at its own grant, path and version, under its own grant key", async () => {
  const [first] = received.shares;
  if (first === undefined) throw new TypeError("no share");
  expect(await openShare(secrets.grantKey, first)).toEqual(value);
  await expect(openShare(secrets.grantKey, { ...first, grant: newId() })).rejects.toEqual(evidence("context"));
  await expect(openShare(secrets.grantKey, { ...first, path: "profile/emails/e2" })).rejects.toEqual(evidence("context"));
  await expect(openShare(secrets.grantKey, { ...first, path: "profile/emails/e1:x" })).rejects.toEqual(evidence("context"));
  await expect(openShare(secrets.grantKey, { ...first, version: 2 })).rejects.toEqual(evidence("context"));
  await expect(openShare(randomBytes(32), first)).rejects.toEqual(evidence("commitment"));
});

it("a record is no share, under one and the same key", async () => {
  const record = await sealRecord(key, account, { path: "profile/emails/e1", version: 1, epoch: 1 }, value);
  await expect(openShare(key, { ...record, grant: account })).rejects.toEqual(evidence("context"));
});

it("a grant key opens for its own grant and vendor, by the vendor's key", async () => {
  const jwk = { kty: "OKP", crv: "X25519", ...vendor.encryption };
  const open = (grant: string, clientId: string) => openSealed(jwk, received.grantKey, grantKeyContext(grant, clientId));
  expect(await open(secrets.grant, vendor.clientId)).toEqual(secrets.grantKey);
  await expect(open(newId(), vendor.clientId)).rejects.toEqual(evidence("context"));
  await expect(open(secrets.grant, "https://other.example/client.json")).rejects.toEqual(evidence("context"));
  const stranger = await makeVendor(vendor.clientId);
  const context = grantKeyContext(secrets.grant, vendor.clientId);
  await expect(openSealed({ kty: "OKP", crv: "X25519", ...stranger.encryption }, received.grantKey, context)).rejects.toEqual(
    evidence("malformed"),
  );
});

describe("a way in", () => {
  const secret = randomBytes(32);
  const id = newId();
  const make = () => makeWayIn({ id, account, secret, identity: identity.x, epoch: 2, accountKey: key });

  it("opens at its own account, id and epoch, by its own secret", async () => {
    const { seal, key: way } = await make();
    expect(await openWayIn(account, secret, seal)).toEqual({ accountKey: key, identity: identity.x, key: way });
    await expect(openWayIn(other, secret, seal)).rejects.toEqual(evidence("context"));
    await expect(openWayIn(account, secret, { ...seal, id: newId() })).rejects.toEqual(evidence("context"));
    await expect(openWayIn(account, secret, { ...seal, epoch: 3 })).rejects.toEqual(evidence("context"));
    await expect(openWayIn(account, randomBytes(32), seal)).rejects.toEqual(evidence("commitment"));
  });

  it("does not open with the envelope of another way in, account or epoch, though sealed to its key", async () => {
    const { seal, key: way } = await make();
    for (const envelope of [
      await sealAccountKey(account, newId(), way, 2, key),
      await sealAccountKey(other, id, way, 2, key),
      await sealAccountKey(account, id, way, 1, key),
    ])
      await expect(openWayIn(account, secret, { ...seal, envelope })).rejects.toEqual(evidence("context"));
  });

  it("does not open an account key that is no key", async () => {
    const { seal, key: way } = await make();
    const envelope = await sealAccountKey(account, id, way, 2, new Uint8Array(31));
    await expect(openWayIn(account, secret, { ...seal, envelope })).rejects.toEqual(evidence("malformed"));
  });
});

describe("an epoch's row", () => {
  it("opens at its own account and epoch, under its own key, for its own identity", async () => {
    const previous = randomBytes(32);
    const row = await makeEpoch(account, 2, key, identity, previous);
    expect(await openEpoch(account, key, row, identity.x)).toEqual({ identity, previousKey: previous });
    await expect(openEpoch(other, key, row, identity.x)).rejects.toEqual(evidence("context"));
    await expect(openEpoch(account, key, { ...row, epoch: 3 }, identity.x)).rejects.toEqual(evidence("context"));
    await expect(openEpoch(account, randomBytes(32), row, identity.x)).rejects.toEqual(evidence("commitment"));
    await expect(openEpoch(account, key, row, (await makeSigningPair()).x)).rejects.toEqual(evidence("signature"));
    await expect(openEpoch(account, key, { ...row, previous: row.identity }, identity.x)).rejects.toEqual(evidence("context"));
  });

  it("proves the account key: a server that seals a key of its own can't make the row without the identity's private key", async () => {
    const own = randomBytes(32);
    const stranger = await makeSigningPair();
    const row = await makeEpoch(account, 2, own, { x: identity.x, d: stranger.d }, undefined);
    await expect(openEpoch(account, own, row, identity.x)).rejects.toEqual(evidence("signature"));
  });

  it("holds a pair of keys and nothing else", async () => {
    for (const inside of [
      "[]",
      "null",
      "{",
      `{"x":"${identity.x}"}`,
      canonical({ ...identity, d: "AAAA" }),
      canonical({ ...identity, more: 1 }),
    ]) {
      const row = { epoch: 1, identity: await box(key, utf8(inside), ["identity", account, 1]), previous: null };
      await expect(openEpoch(account, key, row, identity.x)).rejects.toEqual(evidence("malformed"));
    }
  });

  it("a chain with a gap, or a row of another account, opens no older key", async () => {
    const keys = [randomBytes(32), randomBytes(32), randomBytes(32)] as const;
    const rows = [
      await makeEpoch(account, 1, keys[0], identity, undefined),
      await makeEpoch(account, 2, keys[1], identity, keys[0]),
      await makeEpoch(account, 3, keys[2], identity, keys[1]),
    ];
    const newest = { epoch: 3, accountKey: keys[2] };
    expect((await openKeyChain(account, newest, rows)).get(1)).toEqual(keys[0]);
    await expect(
      openKeyChain(
        account,
        newest,
        [rows[0], rows[2]].flatMap((each) => each ?? []),
      ),
    ).rejects.toEqual(evidence("malformed"));
    await expect(openKeyChain(account, newest, [])).rejects.toEqual(evidence("malformed"));
    await expect(openKeyChain(other, newest, rows)).rejects.toEqual(evidence("context"));
    const swapped = rows.map((each) => ({ ...each, previous: each.epoch === 3 ? (rows[1]?.previous ?? null) : each.previous }));
    await expect(openKeyChain(account, newest, swapped)).rejects.toEqual(evidence("commitment"));
  });
});

describe("a consent", () => {
  const expected = async (): Promise<ConsentExpectation> => {
    const { iss, cnf } = await makeConsent(secrets, vendor);
    return { audience: vendor.clientId, grant: secrets.grant, pinned: iss, encryptionKeys: [cnf.jkt], now: Date.parse("2027-01-01") };
  };

  it("is taken by its own vendor", async () => {
    const { consent } = await verifyConsent(received.consent, await expected());
    expect(consent).toEqual(await makeConsent(secrets, vendor));
  });

  it("is refused by another vendor, for another grant, key or issuer", async () => {
    const own = await expected();
    const moved: [Partial<ConsentExpectation>, string][] = [
      [{ audience: "https://other.example/client.json" }, "audience"],
      [{ grant: newId() }, "context"],
      [{ pinned: await thumbprint({ kty: "OKP", crv: "Ed25519", x: (await makeSigningPair()).x }) }, "pin"],
      [{ encryptionKeys: [] }, "confirmation"],
      [{ encryptionKeys: [await thumbprint({ kty: "OKP", crv: "X25519", x: identity.x })] }, "confirmation"],
    ];
    for (const [change, code] of moved)
      await expect(verifyConsent(received.consent, { ...own, ...change })).rejects.toEqual(evidence(code));
  });

  it("is refused from its last moment on, and taken as evidence of the past", async () => {
    const { exp } = await makeConsent(secrets, vendor);
    const at = async (now: number) => verifyConsent(received.consent, { ...(await expected()), now });
    expect((await at(exp * 1000 - 1)).consent.exp).toBe(exp);
    await expect(at(exp * 1000)).rejects.toEqual(evidence("expired"));
    expect((await verifyConsent(received.consent, { audience: vendor.clientId })).consent.exp).toBe(exp);
  });

  it("is refused where it says another issuer or end than it has", async () => {
    const stranger = await makeSecrets();
    const own = await makeConsent(secrets, vendor);
    const foreign = await makeConsent(stranger, vendor);
    for (const changes of [{ iss: foreign.iss }, { sub: foreign.sub }, { iss: foreign.iss, sub: foreign.sub }])
      await expect(verifyConsent(await signConsent({ ...own, ...changes }, secrets), {})).rejects.toEqual(evidence("signature"));
    for (const exp of [own.exp + 1, own.exp - 1])
      await expect(verifyConsent(await signConsent({ ...own, exp }, secrets), {})).rejects.toEqual(evidence("malformed"));
  });

  it("ends with the last of its objects", async () => {
    const own = await makeConsent(secrets, vendor);
    const [detail] = own.authorization_details;
    if (detail === undefined) throw new TypeError("no detail");
    const both = [detail, { ...detail, expires: "2027-06-01T00:00:00Z" }];
    const token = await signConsent({ ...own, authorization_details: both, exp: Date.parse("2027-06-01") / 1000 }, secrets);
    expect((await verifyConsent(token, {})).consent.authorization_details).toEqual(both);
    await expect(verifyConsent(await signConsent({ ...own, authorization_details: both }, secrets), {})).rejects.toEqual(
      evidence("malformed"),
    );
  });
});

describe("an act", () => {
  const { act } = vectors<{ act: Act }>("act");
  it("moved to another action, account, grant, object, nonce or time has another challenge", async () => {
    const moves: Partial<Act>[] = [
      { action: "widen" },
      { account: other },
      { grant: newId() },
      { grant: null },
      { object: act.nonce },
      { nonce: act.object },
      { at: "2026-11-21T10:15:00.001Z" },
    ];
    const challenges = await Promise.all([act, ...moves.map((move) => ({ ...act, ...move }))].map(challengeOf));
    expect(new Set(challenges.map((each) => base64url.encode(each))).size).toBe(moves.length + 1);
  });
});

describe("a head", () => {
  const { head: example } = vectors<{ head: Head }>("head");
  it("is taken for its own account by its own identity", async () => {
    const head = { ...example, account, identity: identity.x };
    const token = await signHead(head, identity);
    expect(await verifyHead(token, { account, identity: identity.x })).toEqual(head);
    await expect(verifyHead(token, { account: other, identity: identity.x })).rejects.toEqual(evidence("account"));
    await expect(verifyHead(token, { account, identity: (await makeSigningPair()).x })).rejects.toEqual(evidence("signature"));
  });
  it("that names another identity than signed it is refused", async () => {
    const token = await signHead({ ...example, account, identity: (await makeSigningPair()).x }, identity);
    await expect(verifyHead(token, { account, identity: identity.x })).rejects.toEqual(evidence("account"));
  });
  it("under another typ is refused, as is an act under a head's", async () => {
    const token = await sign({ ...example, account, identity: identity.x }, "consent+jwt", identity);
    await expect(verifyHead(token, { account, identity: identity.x })).rejects.toEqual(evidence("typ"));
  });
});
