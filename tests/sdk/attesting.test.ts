import { describe, expect, it } from "vitest";
import type { Remainder } from "#protocol/erasure-attestation.ts";
import { makeKeys } from "../../vendor-sdk/make-keys.ts";
import { memoryState, type StateStore } from "../../vendor-sdk/state.ts";
import { asking, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });
const DAY = 86_400_000;
const INVOICE: Remainder = { what: "invoice", why: "legal-duty", until: "2036-12-31" };
const OWN = "the sealed copies kept beside it were erased";

/** A state whose next write of such a key fails, as a full disk or a crash would make it. */
function breakable(): { state: StateStore; breakAt: (prefix: string | undefined) => void } {
  const whole = memoryState();
  let broken: string | undefined;
  const state: StateStore = {
    ...whole,
    set: async (key, text) => {
      if (broken !== undefined && key.startsWith(broken)) throw new Error("the disk is full");
      await whole.set(key, text);
    },
  };
  return {
    state,
    breakAt(prefix) {
      broken = prefix;
    },
  };
}

describe("an erasure", () => {
  it("is attested, signed, with what was done and what remains, once", async () => {
    await using it = await scene();
    const { sink, remains } = crm();
    remains.push(INVOICE);
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "revoked";
    const report = await it.vendor.sync(sink);
    expect(report).toMatchObject({
      erased: 1,
      erasures: [{ did: ["deleted"], remains: [INVOICE] }],
      attestations: { sent: 1, waiting: 0, refused: [], owed: [] },
    });
    expect(it.server.attestations).toMatchObject([
      {
        claims: {
          grant_id: grant.id,
          n: 1,
          reason: "revoked",
          did: ["deleted", OWN],
          remains: [INVOICE],
        },
      },
    ]);
    expect((await it.vendor.grants.get(grant.id))?.attested).toMatchObject({
      reason: "revoked",
      remains: [INVOICE],
      received: expect.stringMatching(/^20/) as string,
    });
    for (let at = 0; at < 2; at++) expect((await it.restart().sync(sink)).attestations).toMatchObject({ sent: 0, waiting: 0 });
    expect(it.server.attestations).toHaveLength(1);
    expect(JSON.stringify([it.server.attestations, it.events])).not.toContain(ANNA);
  });

  it("is done at once where the server can't be reached, and its word waits, also over a restart, until the server took it", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    it.clock.ahead = 91 * DAY;
    it.server.twist.attest = () => undefined;
    expect(await it.vendor.enforce(sink)).toMatchObject({ erased: 1, failed: [], attestations: { sent: 0, waiting: 1 } });
    expect(rows.size).toBe(0);
    it.server.twist.attest = () => ({ status: 503, body: {} });
    expect((await it.restart().enforce(sink)).attestations).toMatchObject({ sent: 0, waiting: 1 });
    delete it.server.twist.attest;
    expect((await it.restart().enforce(sink)).attestations).toMatchObject({ sent: 1, waiting: 0 });
    expect(it.server.attestations).toMatchObject([{ claims: { reason: "expired" } }]);
    expect((await it.vendor.enforce(sink)).attestations).toMatchObject({ sent: 0, waiting: 0 });
  });

  it("that lost the server's answer is posted again under the same jti", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "revoked";
    it.server.twist.attest = () => undefined;
    await it.vendor.sync(sink);
    // The server took it; the answer was lost.
    expect(it.server.attestations).toHaveLength(1);
    delete it.server.twist.attest;
    expect((await it.vendor.sync(sink)).attestations.sent).toBe(1);
    expect(it.server.attestations).toHaveLength(1);
  });

  it("says the same after a crash before its attestation was kept", async () => {
    const { state, breakAt } = breakable();
    await using it = await scene({ state });
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "revoked";
    breakAt("attestation/");
    await expect(it.vendor.sync(sink)).rejects.toThrow("the disk is full");
    expect(rows.size).toBe(0);
    expect((await it.vendor.grants.get(grant.id))?.attested).toBeUndefined();
    breakAt(undefined);
    expect((await it.restart().sync(sink)).attestations.sent).toBe(1);
    expect(it.server.attestations).toMatchObject([{ claims: { did: ["deleted", OWN] } }]);
  });

  it("says the same after a crash when its attestation was kept and not yet noted", async () => {
    const { state, breakAt } = breakable();
    await using it = await scene({ state });
    const { sink } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "revoked";
    const set = state.set;
    state.set = async (key, text) => {
      await set(key, text);
      if (key.startsWith("attestation/")) breakAt("grant/");
    };
    await expect(it.vendor.sync(sink)).rejects.toThrow("the disk is full");
    state.set = set;
    breakAt(undefined);
    expect((await it.restart().sync(sink)).attestations.sent).toBe(1);
    expect(it.server.attestations).toMatchObject([{ claims: { did: ["deleted", OWN] } }]);
    expect((await it.vendor.grants.get(grant.id))?.attested?.received).toBeDefined();
  });

  it("of a narrowing says the same after a crash, though nothing is left to blank", async () => {
    const { state, breakAt } = breakable();
    await using it = await scene({ state });
    const { sink } = crm();
    const details = asking();
    const { customer } = await it.connect(details);
    await customer.put("profile/name", { value: { given: "Anna" } });
    await it.vendor.sync(sink);
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/emails"] })));
    const set = state.set;
    state.set = async (key, text) => {
      await set(key, text);
      if (key.startsWith("attestation/")) breakAt("grant/");
    };
    await expect(it.vendor.sync(sink)).rejects.toThrow("the disk is full");
    state.set = set;
    breakAt(undefined);
    await it.restart().sync(sink);
    expect(it.server.attestations.map(({ claims }) => claims.did)).toEqual([["blanked: profile/name.given"]]);
  });

  it("of two narrowings, one soon after the other, is attested for the last one", async () => {
    await using it = await scene();
    const { sink } = crm();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await it.vendor.sync(sink);
    for (const paths of [["profile/emails", "profile/name"], ["profile/emails"]]) {
      await customer.consent(details.map((each) => ({ ...each, paths })));
      await it.vendor.grants.query(grant.id);
    }
    await it.vendor.sync(sink);
    expect(it.server.attestations.map(({ claims }) => claims.n)).toEqual([3]);
  });

  it("asks a server in trouble once, however many words wait for it", async () => {
    await using it = await scene();
    const { sink } = crm();
    const all = [await it.connect(), await it.connect(), await it.connect()];
    await it.vendor.sync(sink);
    for (const { customer } of all) customer.state = "revoked";
    it.server.twist.attest = () => ({ status: 503, body: {} });
    expect((await it.vendor.sync(sink)).attestations).toMatchObject({ sent: 0, waiting: 3 });
    expect(it.server.arrived.filter(({ path }) => path.endsWith("/attestations"))).toHaveLength(1);
  });

  it("is not attested before each sink that held the row has erased it", async () => {
    await using it = await scene();
    const [one, two] = [crm("one"), crm("two")];
    two.remains.push(INVOICE);
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    for (const { sink } of [one, two]) await it.vendor.sync(sink);
    customer.state = "revoked";
    expect((await it.vendor.sync(one.sink)).attestations).toMatchObject({
      sent: 0,
      waiting: 0,
      owed: [{ grant: grant.id, sinks: ["two"] }],
    });
    expect(it.server.attestations).toEqual([]);
    expect((await it.restart().sync(two.sink)).attestations).toMatchObject({ sent: 1, owed: [] });
    expect(it.server.attestations).toMatchObject([{ claims: { did: ["deleted", OWN], remains: [INVOICE] } }]);
  });

  it("of a narrowing names the columns, while the grant goes on; a second narrowing is attested for itself", async () => {
    await using it = await scene();
    const { sink } = crm();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    await it.vendor.sync(sink);
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/emails", "profile/addresses"] })));
    const report = await it.vendor.sync(sink);
    expect(report).toMatchObject({
      updated: 1,
      erasures: [{ grant: grant.id, reason: "narrowed", did: ["blanked: profile/name.given"], remains: [] }],
      attestations: { sent: 1 },
    });
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/addresses"] })));
    await it.vendor.sync(sink);
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/addresses/a1"] })));
    await it.vendor.sync(sink);
    expect(it.server.attestations.map(({ claims: { n, reason, did } }) => [n, reason, did])).toEqual([
      [2, "narrowed", ["blanked: profile/name.given"]],
      [3, "narrowed", ["blanked: profile/emails.1.address"]],
      [4, "narrowed", ["nothing of it is held any more"]],
    ]);
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("active");
  });

  it("is not owed for fewer reads, nor where nothing was ever read", async () => {
    await using it = await scene();
    const { sink } = crm();
    const details = asking({ frequency: { max: 20, per: "PT1H" } });
    const one = await it.connect(details);
    await it.vendor.sync(sink);
    await one.customer.consent(details.map((each) => ({ ...each, frequency: { max: 10, per: "PT1H" } })));
    await it.vendor.sync(sink);
    const two = await it.connect(details);
    two.customer.state = "revoked";
    await it.vendor.sync(sink);
    expect((await it.vendor.grants.get(two.grant.id))?.state).toBe("revoked");
    const three = await it.connect(details);
    await it.vendor.grants.query(three.grant.id);
    three.customer.state = "revoked";
    await it.vendor.sync(sink);
    expect(it.server.attestations).toEqual([]);
  });

  it("of a lapsed retention is attested as that, and once", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { customer } = await it.connect(asking({ retention: "P7D" }));
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    it.clock.ahead = 8 * DAY;
    for (let at = 0; at < 3; at++) await it.vendor.enforce(sink);
    expect(it.server.attestations).toMatchObject([{ claims: { reason: "retention", did: ["deleted", OWN] } }]);
  });

  it("that the server refuses doesn't hold up others, is reported, tried later, and at last given up", async () => {
    await using it = await scene();
    const { sink } = crm();
    const one = await it.connect();
    const two = await it.connect();
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    for (const { customer } of [one, two]) customer.state = "revoked";
    it.server.twist.attest = (reply, { path }) =>
      path.includes(one.grant.id) ? { status: 400, body: { code: "invalid_attestation" } } : reply;
    const { attestations } = await it.vendor.sync(sink);
    expect(attestations).toMatchObject({
      sent: 1,
      waiting: 1,
      refused: [{ grant: one.grant.id, error: { reason: "invalid_attestation" } }],
    });
    expect((await it.vendor.sync(sink)).attestations).toMatchObject({ waiting: 1, refused: [] });
    it.clock.ahead = 2 * 60_000;
    expect((await it.vendor.sync(sink)).attestations).toMatchObject({ refused: [{ grant: one.grant.id }] });
    it.clock.ahead = 32 * DAY;
    expect((await it.vendor.sync(sink)).attestations).toMatchObject({ waiting: 0, refused: [{ grant: one.grant.id }] });
    expect((await it.vendor.sync(sink)).attestations).toMatchObject({ waiting: 0, refused: [] });
  });

  it("is signed by the first signing key, also one that was made after it was queued", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "revoked";
    it.server.twist.attest = () => ({ status: 503, body: {} });
    await it.vendor.sync(sink);
    delete it.server.twist.attest;
    it.server.attestations.length = 0;
    const [next] = await makeKeys();
    if (next === undefined) throw new Error("no key");
    // The vendor serves both, and signs with the new one.
    it.keys.unshift(next);
    expect((await it.restart({ keys: it.keys }).sync(sink)).attestations.sent).toBe(0);
    it.server.reloadKeys();
    expect((await it.restart({ keys: it.keys }).sync(sink)).attestations.sent).toBe(1);
    const header = JSON.parse(Buffer.from(it.server.attestations[0]?.token.split(".")[0] ?? "", "base64url").toString()) as { kid: string };
    expect(header).toEqual({ alg: "Ed25519", kid: next.kid, typ: "erasure-attestation+jwt" });
  });

  it("carries a driver's words only as far as they can be shown", async () => {
    await using it = await scene();
    const { sink, remains } = crm();
    remains.push({ what: `a very long \u202e name ${"x".repeat(200)}`, why: "claim", until: "31.12.2036", note: "\u0000" });
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "revoked";
    expect((await it.vendor.sync(sink)).attestations).toMatchObject({ sent: 1, refused: [] });
    const [left] = it.server.attestations[0]?.claims.remains ?? [];
    expect(left).toMatchObject({ why: "claim", until: null });
    expect(left?.what).toHaveLength(100);
    expect(left?.what).not.toContain("\u202e");
  });

  it("is attested in words that a server takes, whatever a driver says", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.pull(grant.id);
    customer.state = "revoked";
    await it.vendor.grants.query(grant.id);
    const { attested } = await it.vendor.grants.attest(grant.id, { did: ["r\u043ew deleted", "\u2800", "Cafe\u0301"], remains: [] });
    expect(attested?.did).toEqual(["something that has no plain name", "something that has no plain name", "Caf\u00e9"]);
  });

  it("that no sink did is attested by hand", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await expect(it.vendor.grants.attest(grant.id, { did: ["x"], remains: [] })).rejects.toThrow(TypeError);
    await it.vendor.pull(grant.id);
    customer.state = "revoked";
    await it.vendor.grants.query(grant.id);
    const unseen = { did: ["shredded the card"], remains: [], statement: "Done\u{e0041}" };
    await expect(it.vendor.grants.attest(grant.id, unseen)).rejects.toThrow(TypeError);
    expect(
      await it.vendor.grants.attest(grant.id, { did: ["shredded the card"], remains: [INVOICE], statement: "All of it." }),
    ).toMatchObject({
      attested: { reason: "revoked", did: ["shredded the card"], received: undefined },
    });
    await it.vendor.enforce(crm().sink);
    expect(it.server.attestations).toMatchObject([{ claims: { did: ["shredded the card"], statement: "All of it." } }]);
  });
});
