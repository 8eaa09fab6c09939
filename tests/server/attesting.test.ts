import { CompactSign, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { DELETION_TIME, deletionState, REMINDER_TIME } from "#protocol/deletion.ts";
import { type ErasureAttestation, verifyAttestation } from "#protocol/erasure-attestation.ts";
import { DAY, MINUTE, SECOND } from "../support/clock.ts";
import { TestVendor } from "../support/vendor.ts";
import { connect, problemOf, refusal, type Scene, scene } from "./scene.ts";

const instant = (at: number): string => new Date(at).toISOString();

/** A grant that was read and then stopped, with the deletion asked for. */
async function stopped(at: Scene) {
  const { grant, tokens } = await connect(at);
  await at.vendor.pull(tokens.access_token, grant.grant);
  at.system.clock.pass(MINUTE);
  await at.customer.revoke(grant.grant, true);
  at.system.clock.pass(MINUTE);
  return { id: grant.grant, tokens };
}

const post = async ({ vendor }: Scene, id: string, attestation: string) =>
  problemOf(await vendor.callRaw("attest", { id, body: { attestation } }));

describe("an attestation", () => {
  test("is kept as it was signed, with the key that verifies it, and shown to the customer", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { id } = await stopped(at);
    const remains = [{ what: "The invoice", why: "legal-duty" as const, until: "2036-12-31", note: "Commercial code" }];
    const before = (await customer.read()).position;
    const { received } = await vendor.attest(id, { remains, statement: "Done by hand." });
    expect(received).toBe(instant(system.clock.now()));
    const { deletion } = await customer.view(id);
    const [attestation] = deletion?.attestations ?? [];
    if (attestation === undefined || deletion === null) throw new Error("it is not shown");
    expect(attestation.key, "only what is public").not.toHaveProperty("d");
    const claims = await verifyAttestation(attestation.token, {
      key: attestation.key,
      issuer: vendor.clientId,
      audience: system.issuer,
      grant: id,
    });
    const owed = { ...deletion, since: Date.parse(deletion.since), by: deletion.by === null ? null : Date.parse(deletion.by) };
    expect(deletionState(owed, [claims], system.clock.now())).toMatchObject({ state: "kept", remains });
    expect(await vendor.query(id)).toMatchObject({ attested: received });
    const changed = await customer.api.call("store", { query: { since: String(before) } });
    expect(changed.history.map(({ type, grant, number }) => [type, grant, number])).toEqual([["attest", id, 1]]);
    expect(changed.grants[0]?.deletion?.attestations, "another device hears of it").toHaveLength(1);
  });

  test("is no reminder's business any more", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const { id } = await stopped(at);
    const remind = system.clock.now() - MINUTE + DELETION_TIME - REMINDER_TIME;
    expect(await system.storage.findDue(remind, 1)).toHaveLength(1);
    await vendor.attest(id);
    expect(await system.storage.findDue(remind, 1)).toEqual([]);
  });

  test("that says that a retention has lapsed answers no stop, nor one of a narrowing an end", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, tokens } = await connect(at, { paths: ["profile/emails", "profile/name"] });
    await vendor.pull(tokens.access_token, grant.grant);
    await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    await customer.revoke(grant.grant, true);
    await vendor.attest(grant.grant, { reason: "retention" });
    await vendor.attest(grant.grant, { reason: "narrowed", n: 2 });
    expect(await vendor.query(grant.grant)).toMatchObject({ attested: null });
    await vendor.attest(grant.grant, { reason: "revoked", n: 2 });
    expect(await vendor.query(grant.grant)).toMatchObject({ attested: expect.any(String) });
    expect((await customer.view(grant.grant)).deletion?.attestations).toHaveLength(3);
  });

  test("of one narrowing answers no later one, however soon that came", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, tokens } = await connect(at, { paths: ["profile/emails", "profile/name", "profile/birthday"] });
    await vendor.pull(tokens.access_token, grant.grant);
    await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails", "profile/name"] })]);
    await vendor.attest(grant.grant, { reason: "narrowed", n: 2 });
    await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    await vendor.attest(grant.grant, { reason: "narrowed", n: 2 });
    expect(await vendor.query(grant.grant)).toMatchObject({ attested: null });
    await vendor.attest(grant.grant, { reason: "narrowed", n: 3 });
    expect(await vendor.query(grant.grant)).toMatchObject({ attested: expect.any(String) });
  });

  test("can be sent again, signed anew or not: it is there once, and it came when it first came", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { id } = await stopped(at);
    const time = instant(system.clock.now());
    const iat = Math.floor(system.clock.now() / 1000);
    const same = { jti: "once/with a slash", at: time, iat };
    const first = await vendor.attest(id, same);
    system.clock.pass(DAY);
    expect(await vendor.attest(id, same)).toEqual(first);
    expect((await customer.view(id)).deletion?.attestations).toHaveLength(1);
    expect((await customer.read()).history.filter(({ type }) => type === "attest")).toHaveLength(1);
    await expect(vendor.attest(id, { ...same, did: ["Something else"] })).rejects.toMatchObject(refusal("invalid_attestation"));
  });

  test("of many at once with one jti is kept once", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { id } = await stopped(at);
    const same = { jti: "one", at: instant(system.clock.now()), iat: Math.floor(system.clock.now() / 1000) };
    const answers = await Promise.all(Array.from({ length: 10 }, () => vendor.attest(id, same)));
    expect(new Set(answers.map(({ received }) => received)).size).toBe(1);
    expect((await customer.view(id)).deletion?.attestations).toHaveLength(1);
    await Promise.all(Array.from({ length: 15 }, () => vendor.attest(id)));
    expect((await customer.view(id)).deletion?.attestations).toHaveLength(16);
  });

  test("of twenty before makes the oldest of its own reason go, so that none is pushed out by chatter", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { id } = await stopped(at);
    await vendor.attest(id, { jti: "the end" });
    for (let count = 0; count < 24; count++) {
      system.clock.pass(61 * SECOND);
      await vendor.attest(id, { reason: "retention", jti: `retention ${count}` });
    }
    const claims = (await customer.view(id)).deletion?.attestations.map(({ token }) => read(token)) ?? [];
    expect(claims).toHaveLength(20);
    expect(claims[0]?.jti).toBe("the end");
    expect(claims.at(-1)?.jti).toBe("retention 23");
    expect(claims.some(({ jti }) => jti === "retention 4")).toBe(false);
    system.clock.pass(61 * SECOND);
    await vendor.attest(id, { jti: "the end, again" });
    const after = (await customer.view(id)).deletion?.attestations.map(({ token }) => read(token).jti) ?? [];
    expect(after).toEqual([...claims.map(({ jti }) => jti).slice(1), "the end, again"]);
  });

  test("can come long after the end, and is refused when the store is erased", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { id } = await stopped(at);
    system.clock.pass(20 * DAY);
    await vendor.attest(id, { at: instant(system.clock.now() - 15 * DAY) });
    await customer.erase("later");
    await vendor.attest(id);
    system.clock.pass(7 * DAY);
    await expect(vendor.attest(id), "its time has come").rejects.toMatchObject(refusal("not_found"));
    await system.sweep();
    await expect(vendor.attest(id)).rejects.toMatchObject(refusal("not_found"));
  });

  test("after an expiry needs no sweep to count", async () => {
    await using at = await scene();
    const { vendor, system, customer } = at;
    const { grant, tokens } = await connect(at, { expires: `${instant(system.clock.now() + DAY).slice(0, 19)}Z` });
    await vendor.pull(tokens.access_token, grant.grant);
    system.clock.pass(DAY);
    await vendor.attest(grant.grant, { reason: "expired" });
    const attested = (await vendor.query(grant.grant)).attested;
    expect(attested).not.toBeNull();
    await system.sweep();
    expect(await vendor.query(grant.grant)).toMatchObject({ state: "expired", attested });
    expect((await customer.read()).history.map(({ type }) => type)).toEqual(expect.arrayContaining(["attest", "expire"]));
    expect(await system.storage.findDue(system.clock.now() + 400 * DAY, 1), "nothing is left to do").toEqual([]);
  });
});

test.each(["Ed25519", "ES256", "PS256"] as const)("is taken with a key of %s that the vendor has just added", async (alg) => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const { id } = await stopped(at);
  const key = await vendor.addKey(alg, "new");
  system.clock.pass(2 * MINUTE);
  const attestation = await vendor.attestation(id, {}, { header: { alg, kid: "new" }, key });
  await vendor.call("attest", { id, body: { attestation } });
  const [kept] = (await customer.view(id)).deletion?.attestations ?? [];
  expect(kept?.key).toMatchObject({ kid: "new", alg });
  await verifyAttestation(attestation, { key: kept?.key ?? {}, issuer: vendor.clientId, audience: system.issuer, grant: id });
});

describe("is refused, and nothing of it is kept,", () => {
  const wrong: Array<[string, Partial<ErasureAttestation> & Record<string, unknown>]> = [
    ["of another vendor", { iss: "https://other.example/client.json" }],
    ["for another server", { aud: "https://other.example" }],
    ["of another grant", { grant_id: "A".repeat(22) }],
    ["of a consent that never was", { n: 2 }],
    ["of a narrowing that never was", { reason: "narrowed" }],
    ["of a time to come", { at: "2026-12-21T10:00:00Z" }],
    ["signed in a time to come", { iat: 1_797_000_000 }],
    ["from before the grant", { at: "2026-11-20T10:00:00Z" }],
    ["with an unknown member", { more: true }],
    ["with a reason to keep that isn't one", { remains: [{ what: "x", why: "we like it", until: null } as never] }],
    ["with words that hide", { did: ["a\u202eb"] }],
  ];
  test.each(wrong)("%s", async (_name, change) => {
    await using at = await scene();
    const { id } = await stopped(at);
    const before = await at.customer.read();
    expect(await post(at, id, await at.vendor.attestation(id, change))).toMatchObject({
      status: 400,
      code: "invalid_attestation",
      pointer: "/attestation",
    });
    expect(await at.customer.read()).toEqual(before);
  });

  test("by a key that is not the vendor's, or under another header", async () => {
    await using at = await scene();
    const { vendor } = at;
    const { id } = await stopped(at);
    const { privateKey } = await generateKeyPair("ES256");
    const refused = { status: 400, code: "invalid_attestation" };
    expect(await post(at, id, await vendor.attestation(id, {}, { key: privateKey }))).toMatchObject(refused);
    for (const header of [{ kid: "e1" }, { kid: "none" }, { kid: "" }, { typ: "JWT" }, { x: 1 }, { jwk: {} }, { cty: "x" }])
      expect(await post(at, id, await vendor.attestation(id, {}, { header })), JSON.stringify(header)).toMatchObject(refused);
    const good = await vendor.attestation(id);
    const [header = "", payload = "", signature = ""] = good.split(".");
    const none = Buffer.from('{"alg":"none","kid":"s1","typ":"erasure-attestation+jwt"}').toString("base64url");
    expect(await post(at, id, `${none}.${payload}.${signature}`)).toMatchObject(refused);
    expect(await post(at, id, `${header}.${payload.slice(0, -1)}.${signature}`)).toMatchObject(refused);
    const spaced = await new CompactSign(Buffer.from(JSON.stringify(read(good), null, 1)))
      .setProtectedHeader({ alg: "ES256", kid: "s1", typ: "erasure-attestation+jwt" })
      .sign(privateKey);
    expect(await post(at, id, spaced), "not canonical").toMatchObject(refused);
  });

  test("while the grant stands, unless it is of a narrowing or a retention", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, tokens } = await connect(at, { paths: ["profile/emails", "profile/name"] });
    await vendor.pull(tokens.access_token, grant.grant);
    for (const reason of ["revoked", "expired", "declined"] as const)
      await expect(vendor.attest(grant.grant, { reason })).rejects.toMatchObject(refusal("invalid_attestation"));
    await vendor.attest(grant.grant, { reason: "retention" });
    expect((await customer.view(grant.grant)).deletion, "nothing is owed").toBeNull();
    await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    await vendor.attest(grant.grant, { reason: "narrowed", n: 2 });
    expect(await vendor.query(grant.grant)).toMatchObject({ attested: expect.any(String) });
  });

  test("without the vendor's own token for it", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const { id } = await stopped(at);
    const attestation = await vendor.attestation(id);
    const other = await vendor.ownToken("grant_management_query");
    expect(await problemOf(await vendor.callRaw("attest", { id, token: other, body: { attestation } }))).toMatchObject({ status: 403 });
    await using stranger = await TestVendor.start(system.issuer, system.clock.now);
    expect(await problemOf(await stranger.callRaw("attest", { id, body: { attestation } }))).toMatchObject({ status: 404 });
  });

  test("too often", async () => {
    await using at = await scene();
    const { id } = await stopped(at);
    const answers = await Promise.all(
      Array.from(
        { length: 40 },
        async () => (await at.vendor.callRaw("attest", { id, body: { attestation: await at.vendor.attestation(id) } })).status,
      ),
    );
    expect(answers.filter((status) => status === 429)).toHaveLength(10);
  });
});

const read = (token: string): ErasureAttestation => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
