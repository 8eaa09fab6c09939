import { describe, expect, test } from "vitest";
import type { Act } from "#protocol/act.ts";
import { ACT_TYP, LIMITS } from "#protocol/api.ts";
import { hashOf } from "#protocol/canonical.ts";
import { hashOfHead } from "#protocol/head.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { KEEPING } from "../../server/store/compaction.ts";
import { keepFeeds } from "../../server/store/keep-feeds.ts";
import { type Patience, type Sweeping, sweep, sweepRegularly } from "../../server/store/sweep.ts";
import { ApiClient } from "../support/api-client.ts";
import { DAY } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { searchPlaintext } from "../support/plaintext-search.ts";
import { silentLog } from "../support/system.ts";
import { connect, EMAIL, NAME, problemOf, refusal, type Scene, scene } from "./scene.ts";

const erasing = async (customer: Customer, when: "now" | "later" = "later") =>
  customer.act({ action: "erase", grant: null, object: await hashOf(when) });

/** What a refused act must not have done. */
async function expectWhole({ customer, vendor }: Scene, grant: string, token: string): Promise<void> {
  expect((await customer.read()).erasing).toBeNull();
  expect((await customer.view(grant)).ended).toBeNull();
  expect((await vendor.pull(token, grant)).consent).toBeDefined();
}

describe("taking everything along", () => {
  test("is a line in the history, with the passkey that approved it", async () => {
    await using at = await scene();
    const { customer } = at;
    const act = await customer.act({ action: "export", grant: null, object: await hashOf("plain") });
    const { position } = await customer.api.call("exports", { body: { act, what: "plain" } });
    expect((await customer.read()).history.at(-1)).toMatchObject({ position, type: "export", by: customer.passkeyWay, grant: null });
    await expect(customer.api.call("exports", { body: { act, what: "plain" } }), "a nonce works once").rejects.toMatchObject(
      refusal("invalid_act", "/act/act/nonce"),
    );
  });

  test("takes a passkey's act that says just this", async () => {
    await using at = await scene();
    const { customer } = at;
    const kit = await customer.addKit();
    const sealed = await hashOf("sealed");
    const wrong = [
      await customer.act({ action: "export", grant: null, object: await hashOf("plain") }),
      await customer.act({ action: "erase", grant: null, object: sealed }),
      await customer.act({ action: "export", grant: "A".repeat(22), object: sealed }),
      await customer.kitAct({ action: "export", grant: null, object: sealed }, kit),
    ];
    for (const act of wrong)
      await expect(customer.api.call("exports", { body: { act, what: "sealed" } })).rejects.toMatchObject(refusal("invalid_act"));
    expect((await customer.read()).history.some(({ type }) => type === "export")).toBe(false);
  });
});

describe("erasing later", () => {
  test("ends every grant at once, by that act, and the store stays until its time", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    await customer.addKit();
    const first = await connect(at);
    const second = await connect(at);
    await customer.revoke(second.grant.grant);
    const third = await connect(at);
    const act = await erasing(customer);
    const since = (await customer.read()).position;
    const { at: time } = await customer.api.call("erase", { body: { act, when: "later", askDeletion: true } });
    expect(Date.parse(time)).toBe(system.clock.now() + LIMITS.grace);

    const { erasing: said, history, grants } = await customer.read();
    expect(said).toBe(time);
    expect(history.slice(-3).map(({ type, grant }) => [type, grant])).toEqual(
      expect.arrayContaining([
        ["revoke", first.grant.grant],
        ["revoke", third.grant.grant],
        ["erase", null],
      ]),
    );
    expect(history.at(-1)).toMatchObject({ type: "erase", by: customer.passkeyWay });
    const ends = Object.fromEntries(grants.map(({ grant, ended }) => [grant, ended]));
    for (const { grant } of [first, third])
      expect(ends[grant.grant]).toMatchObject({ state: "revoked", actor: "customer", askDeletion: true, act });
    expect(ends[second.grant.grant], "it ended before, by its own act").toMatchObject({ act: { act: { action: "revoke" } } });
    const changed = await customer.api.call("store", { query: { since: String(since) } });
    expect(
      changed.grants.filter(({ ended }) => ended !== null),
      "another device hears of it",
    ).toHaveLength(2);

    expect(await problemOf(await vendor.pullRaw(first.tokens.access_token, first.grant.grant))).toMatchObject({
      status: 403,
      code: "grant_ended",
    });
    expect(await vendor.token({ grant_type: "refresh_token", refresh_token: first.tokens.refresh_token })).toMatchObject({
      status: 400,
      body: { error: "invalid_grant" },
    });
    const link = { grant: first.grant.grant, secret: first.grant.pauseSecret };
    await expect(customer.api.call("pauseByLink", { body: link })).rejects.toMatchObject(refusal("not_found"));
    const leftBodies = await system.storage.read(customer.account, (store) => store.list("shares", { limit: 10 }));
    expect(leftBodies).toEqual([]);
  });

  test("leaves the store open for everything but sharing anew", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    await customer.addKit();
    const { grant } = await connect(at);
    const request = await vendor.request();
    const act = await erasing(customer);
    const { at: time } = await customer.api.call("erase", { body: { act, when: "later", askDeletion: false } });
    await expect(customer.approve(request, { contents: {} })).rejects.toMatchObject(refusal("store_erasing"));
    await customer.commit({
      records: { "profile/name": NAME },
      drop: [`${grant.grant}/profile/emails/e1`],
      ends: [{ grant: grant.grant, hash: await hashOf("what this device saw") }],
    });
    const taken = await customer.act({ action: "export", grant: null, object: await hashOf("sealed") });
    await customer.api.call("exports", { body: { act: taken, what: "sealed" } });
    expect((await customer.read()).erasing, "a commit takes nothing back").toBe(time);
    await customer.login();

    await customer.api.call("keep");
    const { erasing: kept, history } = await customer.read();
    expect(kept).toBeNull();
    expect(history.at(-1)).toMatchObject({ type: "keep", by: customer.passkeyWay });
    expect((await customer.view(grant.grant)).ended, "what ended stays ended").not.toBeNull();
    await customer.approve(await vendor.request(), { contents: {} });
  });

  test("again gives no more time; now is sooner", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const { at: time } = await customer.erase("later");
    system.clock.pass(DAY);
    expect((await customer.erase("later")).at).toBe(time);
    const act = await erasing(customer, "now");
    await expect(customer.api.call("erase", { body: { act, when: "later", askDeletion: false } })).rejects.toMatchObject(
      refusal("invalid_act"),
    );
    expect((await customer.api.call("erase", { body: { act, when: "now", askDeletion: false } })).at).toBe(
      new Date(system.clock.now()).toISOString(),
    );
    await expect(system.storage.read(customer.account, async () => 1)).rejects.toMatchObject({ code: "absent" });
  });

  test("happens at its time, of any number of stores, unless it was taken back before", async () => {
    const erased: number[] = [];
    await using at = await scene({
      log: { ...silentLog, erased: (count) => erased.push(count) },
    });
    const { customer, system } = at;
    const others = await Promise.all(Array.from({ length: 6 }, () => Customer.register(system.issuer, system.clock.now)));
    for (const other of others) await other.erase("later");
    await customer.erase("later");
    await customer.api.call("keep");
    const [late] = others as [Customer];
    system.clock.pass(LIMITS.grace - 1);
    await late.login();
    await system.sweep();
    expect(erased).toEqual([]);
    for (const other of others) expect(await system.storage.read(other.account, async () => "there")).toBe("there");
    system.clock.pass(1);
    await expect(late.api.call("keep"), "too late").rejects.toMatchObject(refusal("unauthenticated"));
    await system.sweep();
    expect(erased.reduce((sum, count) => sum + count, 0)).toBe(6);
    for (const other of others) await expect(system.storage.read(other.account, async () => 1)).rejects.toMatchObject({ code: "absent" });
    await expect(late.api.call("keep"), "it is done").rejects.toMatchObject(refusal("unauthenticated"));
    expect((await customer.read()).erasing).toBeNull();
    await system.sweep();
    expect(erased.reduce((sum, count) => sum + count, 0)).toBe(6);
  });
});

describe("a store whose time has come, and that the sweep has not reached", () => {
  test("lets nobody in: not by an old session, not by its passkey, not by its kit", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const kit = await customer.addKit();
    await customer.erase("later");
    system.clock.pass(LIMITS.grace);
    expect(await system.storage.read(customer.account, async () => "there")).toBe("there");
    await expect(customer.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
    await expect(customer.api.call("store")).rejects.toMatchObject(refusal("unauthenticated"));
    const unknown = await Customer.make(system.issuer, system.clock.now);
    await unknown.prepareFirst();
    const refused = (who: Customer) =>
      who.login().then(
        () => "in",
        ({ problem: { code, detail, status } }: { problem: Record<string, unknown> }) => ({ code, detail, status }),
      );
    expect(await refused(customer)).toEqual(await refused(unknown));
    const { account, nonce, at: time, head } = await customer.api.call("recovery", { body: { locator: kit.locator } });
    const act: Act = { action: "recover", account, grant: null, object: await hashOfHead(head), nonce, at: time };
    const body = { locator: kit.locator, act: { act, kit: await sign(act, ACT_TYP, kit.sign) } };
    await expect(customer.api.call("recover", { body })).rejects.toMatchObject(refusal("unauthenticated"));
  });
});

describe("a sweep", () => {
  const quiet = { erased: () => {}, fault: () => {} };

  test("is held up by no store that can't be erased, however many there are", async () => {
    await using at = await scene();
    const { system } = at;
    const all = await Promise.all(Array.from({ length: 12 }, () => Customer.register(system.issuer, system.clock.now)));
    for (const each of all) await each.erase("later");
    system.clock.pass(LIMITS.grace);
    const due = await system.storage.findDue(system.clock.now(), 100);
    expect(due).toHaveLength(12);
    const bad = new Set(due.slice(0, 9));
    let tries = 0;
    const storage: Sweeping["storage"] = {
      findDue: (now, limit) => system.storage.findDue(now, limit),
      read: (id, work) => system.storage.read(id, work),
      change: (id, work) => system.storage.change(id, work),
      erase: async (id, work) => {
        if (!bad.has(id)) return system.storage.erase(id, work);
        tries++;
        throw new Error("a bad document");
      },
    };
    await sweep({ storage, outbox: system.outbox, log: quiet }, system.clock.now());
    expect(tries, "each once").toBe(9);
    expect(new Set(await system.storage.findDue(system.clock.now(), 100))).toEqual(bad);
  });

  test("has more patience with a store each time that it fails, and none with the others", async () => {
    await using at = await scene();
    const { customer, system } = at;
    await customer.erase("later");
    system.clock.pass(LIMITS.grace);
    let tries = 0;
    let works = false;
    const storage: Sweeping["storage"] = {
      findDue: (now, limit) => system.storage.findDue(now, limit),
      read: (id, work) => system.storage.read(id, work),
      change: (id, work) => system.storage.change(id, work),
      erase: async (id, work) => {
        tries++;
        if (!works) throw new Error("a bad document");
        return system.storage.erase(id, work);
      },
    };
    const patience: Patience = new Map();
    const run = () => sweep({ storage, outbox: system.outbox, log: quiet }, system.clock.now(), patience);
    for (const [wait, expected] of [
      [0, 1],
      [4_999, 1],
      [1, 2],
      [9_999, 2],
      [1, 3],
    ] as const) {
      system.clock.pass(wait);
      await run();
      expect(tries).toBe(expected);
    }
    works = true;
    system.clock.pass(20_000);
    await run();
    expect([await system.storage.findDue(system.clock.now(), 10), patience.size]).toEqual([[], 0]);
  });

  test("is made when a server starts", async () => {
    await using at = await scene();
    const { customer, system } = at;
    await customer.erase("later");
    system.clock.pass(LIMITS.grace);
    await using _sweeping = sweepRegularly({ storage: system.storage, outbox: system.outbox, log: quiet }, system.clock.now);
    await expect.poll(() => system.storage.read(customer.account, async () => "there").catch(({ code }) => code)).toBe("absent");
  });
});

describe("erasing is refused, and nothing of it is done,", () => {
  test("without a passkey's act for this store, of now, that says when", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const kit = await customer.addKit();
    const { grant, tokens } = await connect(at);
    const other = await Customer.register(system.issuer, system.clock.now);
    const later = await hashOf("later");
    const about = { action: "erase", grant: null, object: later } as const;
    const old = await customer.act(about);
    const used = await customer.act({ action: "export", grant: null, object: later });
    await expect(customer.api.call("exports", { body: { act: used, what: "sealed" } })).rejects.toMatchObject(refusal("invalid_act"));
    const right = await customer.act(about);
    const wrong = {
      "another time": await erasing(customer, "now"),
      "another store": await other.act(about),
      "another store's passkey": { ...right, assertion: await customer.assertion(right.act, other.passkey) },
      "another act": await customer.act({ ...about, action: "revoke" }),
      "one grant's": await customer.act({ ...about, grant: grant.grant }),
      "the kit's": await customer.kitAct(about, kit),
      changed: { ...right, act: { ...right.act, object: await hashOf("now") } },
    };
    for (const [name, act] of Object.entries(wrong))
      await expect(customer.api.call("erase", { body: { act, when: "later", askDeletion: false } }), name).rejects.toMatchObject(
        refusal("invalid_act"),
      );
    await expectWhole(at, grant.grant, tokens.access_token);
    system.clock.pass(LIMITS.actLifetime + 1);
    await expect(customer.api.call("erase", { body: { act: old, when: "later", askDeletion: false } }), "too old").rejects.toMatchObject(
      refusal("invalid_act"),
    );
    const stranger = new ApiClient(system.issuer);
    const now = await customer.act(about);
    await expect(stranger.call("erase", { body: { act: now, when: "later", askDeletion: false } })).rejects.toMatchObject(
      refusal("unauthenticated"),
    );
    expect((await customer.read()).erasing).toBeNull();
    await customer.api.call("erase", { body: { act: now, when: "later", askDeletion: false } });
    await customer.api.call("keep");
    await expect(customer.api.call("erase", { body: { act: now, when: "later", askDeletion: false } }), "used").rejects.toMatchObject(
      refusal("invalid_act", "/act/act/nonce"),
    );
    expect((await customer.read()).erasing).toBeNull();
  });

  test("where nothing can be saved", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const { grant, tokens } = await connect(at);
    system.failWith("full");
    await expect(customer.erase("now")).rejects.toMatchObject(refusal("storage_full"));
    system.failWith(undefined);
    await expectWhole(at, grant.grant, tokens.access_token);
  });
});

/** What is left outside vendors' feeds. */
const isNoLastWord = ({ place }: { place: string }): boolean => !/\/feeds\//.test(place);

describe("a store that was erased", () => {
  test("is nowhere: not for its customer, not for a vendor, not on the disk", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const kit = await customer.addKit();
    const bystander = await Customer.register(system.issuer, system.clock.now);
    const { grant, tokens } = await connect(at);
    const request = await vendor.request();
    const open = await customer.approve(request, { contents: { "profile/emails/e1": EMAIL } });
    const { records } = await customer.read();
    const marks = [
      customer.account,
      customer.passkey.id,
      customer.passkeyWay,
      customer.identity.x,
      grant.grant,
      open.grant,
      grant.token,
      kit.locator,
      ...records.map(({ body }) => body),
    ];
    expect((await searchPlaintext(marks, { paths: [system.data] })).length, "the search finds what is there").toBeGreaterThan(10);
    const cookie = customer.api.cookie;
    const reply = await customer.erase("now");
    expect(reply).toEqual({ at: new Date(system.clock.now()).toISOString() });
    const left = await searchPlaintext(marks, { paths: [system.data] });
    expect(left.filter(isNoLastWord)).toEqual([]);
    expect(new Set(left.map(({ value }) => value)), "its vendor has to learn which of its grants has ended").toEqual(
      new Set([grant.grant, open.grant]),
    );
    const later = system.clock.now() + KEEPING.ended + 1;
    await using _ = keepFeeds({ storage: system.storage, log: silentLog, now: () => later });
    await expect
      .poll(() => searchPlaintext(marks, { paths: [system.data] }), { timeout: 20_000, message: "and that is not kept for ever" })
      .toEqual([]);
    expect(customer.api.cookie).toMatch(/=$/);

    customer.api.cookie = cookie;
    await expect(customer.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
    await expect(customer.api.call("store")).rejects.toMatchObject(refusal("unauthenticated"));
    await expect(customer.commit({ records: { "profile/name": NAME } })).rejects.toMatchObject(refusal("unauthenticated"));
    await expect(customer.api.call("keep")).rejects.toMatchObject(refusal("unauthenticated"));
    await expect(customer.act({ action: "erase", grant: null, object: await hashOf("now") })).rejects.toMatchObject(
      refusal("unauthenticated"),
    );
    const unknown = await Customer.make(system.issuer, system.clock.now);
    await unknown.prepareFirst();
    const refused = async (who: Customer) =>
      who.login().catch(({ problem: { code, detail, status } }: { problem: Record<string, unknown> }) => ({ code, detail, status }));
    expect(await refused(customer)).toEqual(await refused(unknown));
    await expect(customer.api.call("recovery", { body: { locator: kit.locator } })).rejects.toMatchObject(refusal("not_found"));

    expect(await problemOf(await vendor.pullRaw(tokens.access_token, grant.grant))).toMatchObject({ status: 403, code: "grant_ended" });
    expect(await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).toMatchObject({
      status: 400,
      body: { error: "invalid_grant" },
    });
    expect(await vendor.redeem(open.redirect)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    const link = { grant: grant.grant, secret: grant.pauseSecret };
    await expect(bystander.api.call("pauseByLink", { body: link })).rejects.toMatchObject(refusal("not_found"));
    const answered = JSON.stringify(await new ApiClient(system.issuer).call("request", { id: request }));
    for (const mark of marks) expect(answered).not.toContain(mark);
    expect(answered).toContain('"state":"answered"');

    await bystander.commit({ records: { "profile/name": NAME } });
    expect((await bystander.read()).records.find(({ path }) => path === "profile/name")?.version).toBe(2);
    const again = await connect({ ...at, customer: bystander });
    expect((await vendor.pull(again.tokens.access_token, again.grant.grant)).records).toHaveLength(1);
  });

  test("goes while it is read, pulled and written: each is answered whole or refused", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    const act = await erasing(customer, "now");
    const drafts = await Promise.all([0, 1].map(() => customer.draft({ records: { "profile/name": NAME } })));
    const cookie = customer.api.cookie;
    const other = () => {
      const api = new ApiClient(system.issuer);
      api.cookie = cookie;
      return api;
    };
    const pulls = Array.from({ length: 8 }, () => vendor.pullRaw(tokens.access_token, grant.grant));
    const committing = Promise.allSettled(drafts.map((body) => other().call("commit", { body })));
    const erasures = Promise.allSettled(
      Array.from({ length: 2 }, () => other().call("erase", { body: { act, when: "now", askDeletion: false } })),
    );
    const more = Array.from({ length: 8 }, () => vendor.pullRaw(tokens.access_token, grant.grant));
    const erased = await erasures;
    expect(erased.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of erased) if (one.status === "rejected") expect(["unauthenticated", "invalid_act"]).toContain(one.reason.problem.code);
    for (const answer of await Promise.all([...pulls, ...more])) expect([200, 403]).toContain(answer.status);
    for (const one of await committing)
      if (one.status === "rejected") expect(["unauthenticated", "stale_head"]).toContain(one.reason.problem.code);
    await expect(system.storage.read(customer.account, async () => 1)).rejects.toMatchObject({ code: "absent" });
    expect((await searchPlaintext([customer.account, grant.grant], { paths: [system.data] })).filter(isNoLastWord)).toEqual([]);
  });

  test("though the medium failed between the ends and the erasing: the next sweep does it", async () => {
    const faults: string[] = [];
    await using at = await scene({
      log: { ...silentLog, fault: (place) => faults.push(place) },
    });
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    const cookie = customer.api.cookie;
    system.failWith("failed", "erase");
    await customer.erase("now");
    await system.sweep();
    expect(faults).toEqual(["erasure", "sweep"]);
    customer.api.cookie = cookie;
    await expect(customer.api.call("store")).rejects.toMatchObject(refusal("unauthenticated"));
    expect(await problemOf(await vendor.pullRaw(tokens.access_token, grant.grant))).toMatchObject({ status: 403, code: "grant_ended" });
    await expect(customer.login(), "there is no way back").rejects.toMatchObject(refusal("unauthenticated"));
    system.failWith(undefined);
    await system.sweep();
    expect((await searchPlaintext([customer.account, grant.grant], { paths: [system.data] })).filter(isNoLastWord)).toEqual([]);
  });
});
