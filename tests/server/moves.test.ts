import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { verifyMove } from "#protocol/move.ts";
import { StorageError } from "../../server/storage/storage.ts";
import { DAY, HOUR, MINUTE } from "../support/clock.ts";
import { overPostgres } from "./many-house.ts";
import { appOf, arriveAt, goOnAt, moveOver, offer, openByKit, planOf, statementOf, twoServers, unknownCode } from "./moving.ts";
import { connect, EMAIL, NAME, problemOf, refusal } from "./scene.ts";

const OTHER = { value: { address: "ada@elsewhere.example" } };

const books = (from: number, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`purchases/b${from + at}`, { value: { name: `Book ${from + at}` } }]));

describe("a customer who moves to another server", () => {
  test("takes grants, values and history along; the vendor hears of it, and reads on there with its old refresh token", async () => {
    await using at = await twoServers();
    const { customer, vendor, system, there } = at;
    const { grant, tokens } = await connect(at);
    await vendor.listen();
    const first = await vendor.pull(tokens.access_token, grant.grant);
    const before = await customer.read();
    const old = customer.api;
    await moveOver(at);

    const heard = await vendor.heard();
    expect(heard.map(({ event }) => event)).toEqual(["grant-moved"]);
    const [told] = heard;
    const { to, statement } = (told?.payload ?? {}) as { to: string; statement: string };
    expect(to).toBe(there.issuer);
    await verifyMove(statement, { pinned: grant.consent.iss, audience: vendor.clientId, grant: grant.grant, from: system.issuer, to });

    const after = await customer.read();
    expect(after.account).toBe(before.account);
    expect(after.records.filter(({ path }) => path === "profile/name")).toEqual(
      before.records.filter(({ path }) => path === "profile/name"),
    );
    expect(after.history.slice(0, before.history.length), "line by line").toEqual(before.history);
    expect(after.history.slice(before.history.length).map(({ type }) => type)).toEqual(["move", "arrive", "recover", "commit", "way"]);

    vendor.goTo(there.issuer);
    system.clock.pass(HOUR);
    const { status, body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    expect(status).toBe(200);
    await customer.commit({
      records: { "profile/emails/e1": OTHER },
      shares: [{ grant: grant.grant, path: "profile/emails/e1", content: OTHER }],
    });
    const page = await vendor.pull(body.access_token, grant.grant, first.cursor);
    expect(await vendor.open(grant.grant, page), "its cursor holds").toEqual({ "profile/emails/e1": OTHER });
    expect((await vendor.query(grant.grant)).state).toBe("active");

    await expect(old.call("session")).rejects.toMatchObject({ problem: { code: "store_moved", to: there.issuer } });
  });

  test("leaves nothing behind but where it went, for 400 days", async () => {
    await using at = await twoServers();
    const { customer, vendor, system, there } = at;
    const { grant, tokens } = await connect(at);
    await moveOver(at);
    const gone = { code: "grant_moved", to: there.issuer };
    const answer = await vendor.pullRaw(tokens.access_token, grant.grant);
    expect([answer.status, await answer.json()]).toMatchObject([403, { ...gone, statement: expect.any(String) }]);
    expect((await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).body).toMatchObject({
      error: "invalid_grant",
      to: there.issuer,
      statement: expect.any(String),
    });
    await expect(vendor.query(grant.grant)).rejects.toMatchObject({ problem: gone });
    await expect(vendor.release(grant.grant)).rejects.toMatchObject({ problem: gone });
    await expect(appOf(system).call("recovery", { body: { locator: at.kit.locator } })).rejects.toMatchObject(refusal("store_moved"));
    const left = await system.storage.read(customer.account, (store) => store.listAll({ limit: 100 }));
    expect(left.map(([table]) => table)).toEqual(["statements", "store"]);
    system.clock.pass(LIMITS.moved);
    await system.sweep();
    expect(await system.storage.find("grant", grant.grant)).toBeUndefined();
  });

  test("takes along what an ended grant still owes, and its vendor attests there", async () => {
    await using at = await twoServers();
    const { customer, vendor, there, kit, system } = at;
    const { grant, tokens } = await connect(at);
    await vendor.pull(tokens.access_token, grant.grant);
    await customer.revoke(grant.grant, true);
    const { deletion } = await customer.view(grant.grant);
    const code = await offer(customer, there.issuer, await planOf(customer, there.issuer, [grant.grant]));
    const api = appOf(there);
    await api.call("arrive", { body: { from: system.issuer, code } });
    await openByKit(api, kit);
    await api.call("settle");
    await expect(vendor.attest(grant.grant)).rejects.toMatchObject({ problem: { code: "grant_moved" } });
    await goOnAt(customer, api, kit);
    expect((await customer.view(grant.grant)).deletion).toEqual(deletion);
    vendor.goTo(there.issuer);
    await vendor.attest(grant.grant);
    expect((await customer.view(grant.grant)).deletion?.attestations).toHaveLength(1);
    expect(await there.storage.findDue(there.clock.now() + 400 * DAY, 10), "and is not ended by time as well").toEqual([]);
  });

  test.each(["a folder", "PostgreSQL"])(
    "goes to a server over %s, with thousands of records or few, and can come back to where it was",
    async (engine) => {
      await using at = await twoServers(engine === "PostgreSQL" ? await overPostgres() : {});
      const { customer, vendor, system, there, kit } = at;
      const { grant, tokens } = await connect(at);
      for (let page = 0; page < (engine === "PostgreSQL" ? 2 : 0); page++) await customer.commit({ records: books(page * 1000, 1000) });
      const { records } = await customer.read();
      await moveOver(at);
      expect((await customer.read()).records).toEqual(records);
      const code = await offer(customer, system.issuer);
      const api = appOf(system);
      await api.call("arrive", { body: { from: there.issuer, code } });
      expect(await problemOf(await vendor.pullRaw(tokens.access_token, grant.grant)), "until it is told").toMatchObject({ status: 503 });
      await openByKit(api, kit);
      await api.call("settle");
      await goOnAt(customer, api, kit);
      expect((await customer.read()).records).toEqual(records);
      const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
      expect((await vendor.pull(body.access_token, grant.grant)).records).toHaveLength(1);
      vendor.goTo(there.issuer);
      expect((await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).body).toMatchObject({
        to: system.issuer,
      });
    },
  );

  test("who does not come back after all is where they went, and vendors still hear where", async () => {
    await using at = await twoServers();
    const { customer, vendor, system, there, kit } = at;
    const { grant, tokens } = await connect(at);
    await moveOver(at);
    const code = await offer(customer, system.issuer);
    const api = appOf(system);
    await api.call("arrive", { body: { from: there.issuer, code } });
    await openByKit(api, kit);
    await customer.api.call("stay");
    system.clock.pass(LIMITS.move);
    await system.sweep();
    const answer = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    expect(answer.body).toMatchObject({ code: "grant_moved", to: there.issuer });
    expect(await problemOf(await vendor.pullRaw(tokens.access_token, grant.grant))).toMatchObject({ code: "invalid_token" });
    await expect(api.call("recovery", { body: { locator: kit.locator } })).rejects.toMatchObject(refusal("store_moved"));
    const left = await system.storage.read(customer.account, (store) => store.listAll({ limit: 100 }));
    expect([...new Set(left.map(([table]) => table))].sort()).toEqual(["statements", "store"]);
  });

  test("what an earlier attempt to come back has left, a stop having cut it off, does not come along", async () => {
    await using at = await twoServers();
    const { customer, system, there, kit } = at;
    await connect(at);
    await moveOver(at);
    const host = "h".repeat(43);
    await system.storage.change(customer.account, async (store) => {
      store.put("filling", "filling", { from: there.issuer, run: "cut", until: system.clock.now() + HOUR });
      store.put("refusals", host, { until: system.clock.now() + DAY });
    });
    const api = appOf(system);
    await api.call("arrive", { body: { from: there.issuer, code: await offer(customer, system.issuer) } });
    await openByKit(api, kit);
    await api.call("settle");
    expect(await system.storage.read(customer.account, (store) => store.get("refusals", host))).toBeUndefined();
  });
});

describe("while a store waits for the other server", () => {
  test("nothing is taken or given, and no vendor thinks that it has ended", async () => {
    await using at = await twoServers();
    const { customer, vendor, there } = at;
    const { grant, tokens } = await connect(at);
    await offer(customer, there.issuer);
    await expect(customer.commit({ records: { "profile/name": NAME } })).rejects.toMatchObject(refusal("store_moving"));
    const pull = await vendor.pullRaw(tokens.access_token, grant.grant);
    expect([pull.status, Number(pull.headers.get("retry-after"))]).toEqual([503, 60]);
    const { status, body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    expect([status, body.error]).toEqual([503, "temporarily_unavailable"]);
    await expect(vendor.release(grant.grant)).rejects.toMatchObject(refusal("unavailable"));
    expect((await customer.read()).moving).toMatchObject({ to: there.issuer });
  });

  test("its customer can call it off, and all is as it was; the code is worth nothing", async () => {
    await using at = await twoServers();
    const { customer, vendor, system, there } = at;
    const { grant, tokens } = await connect(at);
    const code = await offer(customer, there.issuer);
    await customer.api.call("stay");
    await expect(appOf(there).call("arrive", { body: { from: system.issuer, code } })).rejects.toMatchObject(refusal("invalid_move"));
    expect((await vendor.pull(tokens.access_token, grant.grant)).records).toHaveLength(1);
    await customer.commit({ records: { "profile/name": NAME } });
    expect((await customer.read()).history.map(({ type }) => type)).toEqual(expect.arrayContaining(["move", "stay"]));
  });

  test("it stays by itself after a day", async () => {
    await using at = await twoServers();
    const { customer, vendor, there, system } = at;
    const { grant, tokens } = await connect(at);
    await offer(customer, there.issuer);
    system.clock.pass(LIMITS.move);
    await system.sweep();
    await customer.commit({ records: { "profile/name": NAME } });
    const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    expect((await vendor.pull(body.access_token, grant.grant)).records).toHaveLength(1);
    expect((await customer.read()).moving).toBeNull();
  });

  test("a vendor that sends its code a second time calls the move off once, not whenever its customer tries again", async () => {
    await using at = await twoServers();
    const { customer, vendor, there } = at;
    const { grant } = await connect(at);
    await offer(customer, there.issuer);
    expect((await vendor.redeem(grant.redirect)).body.error).toBe("invalid_grant");
    expect((await customer.read()).moving).toBeNull();
    await offer(customer, there.issuer);
    expect((await vendor.redeem(grant.redirect)).body.error).toBe("invalid_grant");
    expect((await customer.read()).moving).toMatchObject({ to: there.issuer });
  });

  test("more stores than a server checks at a time wait for a place there, and of one address all but one", async () => {
    await using at = await twoServers();
    const { customer, there, system } = at;
    const code = await offer(customer, there.issuer);
    const others = [0, 1, 2, 3, 4, 5, 6, 7].map((place) => `arrivals/${place}`);
    for (const place of others) await there.storage.hold(place, "another", MINUTE);
    const arrive = () => appOf(there).call("arrive", { body: { from: system.issuer, code } });
    await expect(arrive()).rejects.toMatchObject(refusal("unavailable"));
    await there.storage.release("arrivals/2", "another");
    const own = ["127.0.0.1", "::1", "0:0:0:0::/64"].map((address) => `arrivals/${address}/0`);
    for (const place of own) await there.storage.hold(place, "another", MINUTE);
    await expect(arrive(), "of the same address").rejects.toMatchObject(refusal("unavailable"));
    for (const place of own) await there.storage.release(place, "another");
    await arrive();
    for (const place of ["arrivals/2", ...own])
      expect(await there.storage.hold(place, "another", MINUTE), "its place is free again").toBe(true);
  });

  test("a server that says nothing keeps nobody's place for long", { timeout: 30_000 }, async () => {
    await using at = await twoServers();
    const { there } = at;
    const silent = createServer(() => {});
    silent.listen(0, "localhost");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const began = performance.now();
    const body = { from: `http://localhost:${port}`, code: unknownCode() };
    await expect(appOf(there).call("arrive", { body })).rejects.toMatchObject(refusal("unavailable"));
    expect(performance.now() - began).toBeLessThan(10_000);
    silent.closeAllConnections();
    silent.close();
  });

  test.each(["pause", "revoke"] as const)("a %s takes hold, and calls the move off", async (what) => {
    await using at = await twoServers();
    const { customer, vendor, there } = at;
    const { grant, tokens } = await connect(at);
    const { api } = await arriveAt(at);
    if (what === "pause") await customer.api.call("pause", { id: grant.grant });
    else await customer.revoke(grant.grant);
    const ended = what === "pause" ? "grant_paused" : "grant_ended";
    expect(await problemOf(await vendor.pullRaw(tokens.access_token, grant.grant))).toMatchObject({ code: ended });
    await expect(api.call("settle"), "the copy that has the right is never live").rejects.toMatchObject(refusal("invalid_move"));
    expect(await there.storage.find("grant", grant.grant)).toBeUndefined();
  });
});

describe("one server at most is live", () => {
  test("the new one gives and takes nothing before the old one has agreed", async () => {
    await using at = await twoServers();
    const { customer, vendor, there, system, kit } = at;
    const { grant, tokens } = await connect(at);
    const { api, code } = await arriveAt(at);
    expect((await api.call("store")).arriving).toEqual({ from: system.issuer });
    await expect(goOnAt(customer, api, kit)).rejects.toMatchObject(refusal("store_moving"));
    await expect(api.call("pause", { id: grant.grant })).rejects.toMatchObject(refusal("store_moving"));
    vendor.goTo(there.issuer);
    const { status } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    expect(status).toBe(503);
    await api.call("arrive", { body: { from: system.issuer, code } });
    await api.call("settle");
    await api.call("settle");
    expect((await api.call("store")).arriving).toBeNull();
  });

  test("a copy whose move was never told of goes by itself, and the old server goes on", async () => {
    await using at = await twoServers();
    const { customer, there, system, kit } = at;
    await connect(at);
    const code = await offer(customer, there.issuer);
    const api = appOf(there);
    await api.call("arrive", { body: { from: system.issuer, code } });
    system.clock.pass(LIMITS.move);
    await system.sweep();
    await there.sweep();
    await expect(api.call("recovery", { body: { locator: kit.locator } })).rejects.toMatchObject(refusal("not_found"));
    await customer.commit({ records: { "profile/name": NAME } });
  });

  test("where the old server's answer is lost, the new one asks again until it knows, and never throws away what may be the only copy", async () => {
    await using at = await twoServers();
    const { customer, there, system, kit, vendor } = at;
    const { grant, tokens } = await connect(at);
    const { api } = await arriveAt(at);
    // The old server has agreed; the new one could not write that down.
    let changes = 0;
    const change = there.storage.change.bind(there.storage);
    there.storage.change = (id, work) =>
      ++changes > 1 ? Promise.reject(new StorageError("failed", "as the test says")) : change(id, work);
    await expect(api.call("settle")).rejects.toMatchObject(refusal("unavailable"));
    there.storage.change = change;
    expect((await api.call("store")).arriving).not.toBeNull();
    const pull = await vendor.pullRaw(tokens.access_token, grant.grant);
    expect(await problemOf(pull)).toMatchObject({ code: "grant_moved" });
    system.clock.pass(LIMITS.move + 2 * HOUR);
    await there.sweep();
    expect((await api.call("store")).arriving, "by itself").toBeNull();
    await goOnAt(customer, api, kit);
  });

  test("while the old server is away, the new one waits with it", async () => {
    await using at = await twoServers();
    const { customer, there, system, kit } = at;
    await connect(at);
    const { api } = await arriveAt(at);
    system.failWith("failed");
    await expect(api.call("settle")).rejects.toMatchObject(refusal("unavailable"));
    await expect(goOnAt(customer, api, kit)).rejects.toMatchObject(refusal("store_moving"));
    system.failWith(undefined);
    system.clock.pass(10 * MINUTE);
    await there.sweep();
    expect((await api.call("store")).arriving).toBeNull();
  });
});

describe("what is offered to one server", () => {
  test("no other gets, nor is it got by a code that was guessed", async () => {
    await using at = await twoServers();
    const { customer, system, there } = at;
    await using third = await twoServers();
    const code = await offer(customer, there.issuer);
    const wrong = { from: system.issuer, code: unknownCode() };
    await expect(appOf(there).call("arrive", { body: wrong })).rejects.toMatchObject(refusal("invalid_move"));
    await expect(appOf(third.there).call("arrive", { body: { from: system.issuer, code } })).rejects.toMatchObject(refusal("invalid_move"));
    for (const word of ["a.b.c", `${Buffer.from("{}").toString("base64url")}.e30.AA`]) {
      const response = await fetch(`${system.issuer}/api/moves/arrived`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ word }),
      });
      expect((await problemOf(response)).code).toBe("invalid_token");
    }
    expect((await customer.read()).moving).not.toBeNull();
  });

  test("is never offered to itself, nor to what is no address of a server or in a private network", async () => {
    await using at = await twoServers();
    for (const address of [at.system.issuer, "https://counterfoil.example/x", "http://10.0.0.1", "over there"])
      await expect(offer(at.customer, address), address).rejects.toMatchObject(refusal("invalid_move", "/plan/to"));
  });

  test("is what a passkey approved, whole: no grant left out, no word for another", async () => {
    await using at = await twoServers();
    const { customer, there, system } = at;
    const { grant } = await connect(at);
    const plan = await planOf(customer, there.issuer);
    await expect(offer(customer, there.issuer, { ...plan, living: [] })).rejects.toMatchObject(refusal("invalid_move", "/plan/living"));
    await expect(offer(customer, there.issuer, { ...plan, statements: {} })).rejects.toMatchObject(
      refusal("invalid_move", "/plan/statements"),
    );
    const elsewhere = await statementOf(grant, { from: system.issuer, to: "https://evil.example" });
    await expect(offer(customer, there.issuer, { ...plan, statements: { [grant.grant]: elsewhere } })).rejects.toMatchObject(
      refusal("invalid_move", "/plan/statements"),
    );
    const act = await customer.act({ action: "move", grant: null, object: unknownCode() });
    await expect(customer.api.call("move", { body: { act, plan } })).rejects.toMatchObject(refusal("invalid_act"));
    await expect(offer(customer, there.issuer, { ...plan, head: unknownCode() })).rejects.toMatchObject(refusal("stale_head"));
  });

  test("needs a kit, or nothing would open it there", async () => {
    await using at = await twoServers();
    const { Customer } = await import("../support/customer.ts");
    const customer = await Customer.register(at.system.issuer, at.system.clock.now);
    await expect(offer(customer, at.there.issuer)).rejects.toMatchObject(refusal("kit_required"));
  });
});

test("shops that the new server does not admit are named before anything has happened", async () => {
  await using at = await twoServers({ config: { clients: new Set(["https://someone.example/client.json"]) } });
  const { customer, system, there } = at;
  await connect(at);
  const code = await offer(customer, there.issuer);
  const { left } = await appOf(there).call("arrive", { body: { from: system.issuer, code } });
  expect(left).toEqual(["Libreria Aldina"]);
  await customer.api.call("stay");
  await customer.commit({ records: { "profile/emails/e1": EMAIL } });
});
