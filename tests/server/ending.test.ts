import { describe, expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { hashOf } from "#protocol/canonical.ts";
import { DELETION_TIME } from "#protocol/deletion.ts";
import { sweep } from "../../server/store/sweep.ts";
import { DAY, HOUR, MINUTE } from "../support/clock.ts";
import { Customer, type GivenGrant } from "../support/customer.ts";
import { TestVendor } from "../support/vendor.ts";
import { connect, problemOf, refusal, type Scene, scene } from "./scene.ts";

const instant = (at: number): string => new Date(at).toISOString();
const seconds = (at: number): string => `${instant(at).slice(0, 19)}Z`;

/** What was granted, but for this. */
const less = ({ consent }: GivenGrant, change: Partial<AuthorizationDetail>): AuthorizationDetail[] =>
  consent.authorization_details.map((detail) => ({ ...detail, ...change }));

/** Bodies, leaves and calendar of a store. */
const inside = ({ system, customer }: Scene) =>
  system.storage.read(customer.account, async (store) => ({
    bodies: (await store.list("shares", { limit: 100 })).length,
    calendar: (await store.list("calendar", { limit: 100 })).map(([key]) => key.split("/")[1]),
    grants: (await store.list("grants", { limit: 100 })).map(([, row]) => row),
  }));

describe("a grant whose time is over", () => {
  test("gives nothing from that moment on, and with the next sweep its bodies and its refresh token are gone", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const end = system.clock.now() + HOUR;
    const { grant, tokens } = await connect(at, { expires: seconds(end) });
    await vendor.pull(tokens.access_token, grant.grant);
    const read = system.clock.now();
    system.clock.pass(HOUR - 1000);
    await system.sweep();
    const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    expect((await customer.read()).history.some(({ type }) => type === "expire")).toBe(false);
    system.clock.pass(1000);
    expect(await problemOf(await vendor.pullRaw(body.access_token, grant.grant)), "before any sweep").toMatchObject({
      code: "grant_ended",
    });
    const owed = {
      reason: "expired",
      n: 1,
      since: instant(end),
      by: instant(read + 30 * DAY + DELETION_TIME),
      told: null,
      attestations: [],
    };
    expect((await customer.view(grant.grant)).deletion, "retention goes on from the last read").toEqual(owed);
    await system.sweep();
    expect(await inside(at)).toMatchObject({ bodies: 0, calendar: ["remind"], grants: [{ refresh: null, pauseSecret: null }] });
    expect((await customer.read()).history.filter(({ type }) => type === "expire")).toMatchObject([
      { grant: grant.grant, at: instant(end) },
    ]);
    expect((await customer.view(grant.grant)).deletion).toEqual(owed);
    await system.sweep();
    expect((await customer.read()).history.filter(({ type }) => type === "expire")).toHaveLength(1);
    await customer.commit({
      drop: [`${grant.grant}/profile/emails/e1`],
      ends: [{ grant: grant.grant, hash: await hashOf("expired") }],
    });
  });

  test("that was never read leaves nothing to delete", async () => {
    await using at = await scene();
    const { grant } = await connect(at, { expires: seconds(at.system.clock.now() + HOUR) });
    at.system.clock.pass(HOUR);
    await at.system.sweep();
    expect((await at.customer.view(grant.grant)).deletion).toMatchObject({ reason: "expired", by: null });
    expect(await inside(at)).toMatchObject({ calendar: [] });
  });

  test("that was stopped before does not expire as well", async () => {
    await using at = await scene();
    const { grant } = await connect(at, { expires: seconds(at.system.clock.now() + HOUR) });
    await at.customer.revoke(grant.grant);
    at.system.clock.pass(HOUR);
    expect(await at.system.storage.findDue(at.system.clock.now(), 10)).toEqual([]);
    await at.system.sweep();
    expect((await at.customer.read()).history.some(({ type }) => type === "expire")).toBe(false);
  });

  test("follows its latest consent: sooner where that says so, later where it was replaced", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const now = system.clock.now();
    const { grant } = await connect(at, { expires: seconds(now + 10 * DAY) });
    await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"], expires: seconds(now + HOUR) })]);
    expect(await system.storage.findDue(now + HOUR, 10)).toEqual([customer.account]);
    const longer = [vendor.ask({ paths: ["profile/emails"], expires: seconds(now + 20 * DAY) })];
    await customer.approve(await vendor.amend(grant.grant, longer), { contents: {} });
    expect(await system.storage.findDue(now + 10 * DAY, 10)).toEqual([]);
    system.clock.pass(20 * DAY);
    await system.sweep();
    expect((await customer.read()).history.filter(({ type }) => type === "expire")).toHaveLength(1);
  });

  test("is ended also in a store that waits to be erased, and that is erased in its time", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    await vendor.pull(tokens.access_token, grant.grant);
    await customer.erase("later", true);
    expect(await system.storage.findDue(system.clock.now() + LIMITS.grace - 2 * DAY, 10), "the reminder comes first").toHaveLength(1);
    system.clock.pass(LIMITS.grace - 2 * DAY);
    await system.sweep();
    expect((await customer.view(grant.grant)).deletion).toMatchObject({ reason: "revoked" });
    expect(await system.storage.findDue(system.clock.now(), 10)).toEqual([]);
    system.clock.pass(2 * DAY);
    await system.sweep();
    expect(await system.storage.read(customer.account, async () => "there").catch(({ code }) => code)).toBe("absent");
  });

  test("is ended though it's one of many, and though another store fails", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    await customer.addKit();
    const end = seconds(system.clock.now() + HOUR);
    for (let count = 0; count < 60; count++)
      await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"], expires: end })]), { contents: {} });
    const stays = await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"] })]), { contents: {} });
    const others = await Promise.all(Array.from({ length: 6 }, () => Customer.register(system.issuer, system.clock.now)));
    for (const other of others)
      await other.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"], expires: end })]), { contents: {} });
    system.clock.pass(HOUR);
    const bad = new Set(others.slice(0, 5).map(({ account }) => account));
    const faults: string[] = [];
    const { storage, outbox } = system;
    await sweep(
      {
        storage: {
          findDue: (now, limit) => storage.findDue(now, limit),
          read: (id, work) => storage.read(id, work),
          erase: (id, work) => storage.erase(id, work),
          change: (id, work) => (bad.has(id) ? Promise.reject(new Error("a bad document")) : storage.change(id, work)),
        },
        outbox,
        log: { erased: () => {}, fault: (place) => faults.push(place) },
      },
      system.clock.now(),
    );
    expect(faults).toEqual(Array.from({ length: 5 }, () => "sweep"));
    expect(new Set(await storage.findDue(system.clock.now(), 100))).toEqual(bad);
    const { history } = await customer.read();
    expect(history.filter(({ type }) => type === "expire")).toHaveLength(60);
    expect((await customer.view(stays.grant)).deletion).toBeNull();
  });
});

describe("what a vendor owes after a stop", () => {
  test("is due seven days later where its customer asked for it, else when what was granted has lapsed", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    await customer.addKit();
    const [asked, not, unread] = [await connect(at), await connect(at), await connect(at)];
    for (const each of [asked, not]) await vendor.pull(each.tokens.access_token, each.grant.grant);
    const read = system.clock.now();
    system.clock.pass(HOUR);
    await customer.revoke(asked.grant.grant, true);
    await customer.revoke(not.grant.grant);
    await customer.revoke(unread.grant.grant, true);
    const now = system.clock.now();
    const owed = { reason: "revoked", n: 1, since: instant(now), told: null, attestations: [] };
    expect((await customer.view(asked.grant.grant)).deletion).toEqual({ ...owed, by: instant(now + DELETION_TIME) });
    expect((await customer.view(not.grant.grant)).deletion).toEqual({ ...owed, by: instant(read + 30 * DAY + DELETION_TIME) });
    expect((await customer.view(unread.grant.grant)).deletion).toEqual({ ...owed, by: null });
  });

  test("is not put off by a second change", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at, { paths: ["profile/emails", "profile/name", "profile/birthday"] });
    await vendor.pull(tokens.access_token, grant.grant);
    const first = system.clock.now() + DELETION_TIME;
    await customer.narrow(grant.grant, less(grant, { paths: ["profile/emails", "profile/name"] }));
    system.clock.pass(DAY);
    await customer.narrow(grant.grant, less(grant, { paths: ["profile/emails"] }));
    expect((await customer.view(grant.grant)).deletion).toMatchObject({ by: instant(first) });
    system.clock.pass(DAY);
    await customer.revoke(grant.grant, true);
    expect((await customer.view(grant.grant)).deletion).toMatchObject({ reason: "revoked", by: instant(first) });
    expect(await inside(at)).toMatchObject({ calendar: ["remind"] });
  });

  test("is told also of a grant that ended before there was a word for it", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    await vendor.pull(tokens.access_token, grant.grant);
    await customer.revoke(grant.grant, true);
    await system.storage.change(customer.account, async (store) => {
      const { deletion: _, ...standing } = (await store.get("standings", grant.grant)) ?? {};
      store.put("standings", grant.grant, standing as never);
    });
    expect((await customer.view(grant.grant)).deletion).toMatchObject({
      reason: "revoked",
      by: instant(system.clock.now() + DELETION_TIME),
    });
  });
});

describe("a vendor that asks for its grant", () => {
  test("learns where it stands at any time, and it is no read", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at, { frequency: { max: 1, per: "P1D" } });
    const active = { grant_id: grant.grant, state: "active", consent: grant.token, delete_by: null, attested: null };
    expect(await vendor.query(grant.grant)).toEqual({ ...active, authorization_details: grant.consent.authorization_details });
    await vendor.pull(tokens.access_token, grant.grant);
    system.clock.pass(2 * HOUR);
    const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    expect(await problemOf(await vendor.pullRaw(body.access_token, grant.grant))).toMatchObject({ code: "frequency_exceeded" });
    const narrowed = await customer.narrow(grant.grant, less(grant, { paths: ["profile/emails/e1"] }));
    expect(await vendor.query(grant.grant), "a frequency hides no narrowing").toMatchObject({
      consent: narrowed.token,
      delete_by: instant(system.clock.now() + DELETION_TIME),
    });
    await customer.api.call("pause", { id: grant.grant });
    expect(await vendor.query(grant.grant)).toMatchObject({ state: "paused" });
    await customer.revoke(grant.grant, true);
    expect(await vendor.query(grant.grant)).toMatchObject({ state: "revoked", consent: narrowed.token });
    const { history } = await customer.read();
    expect(history.filter(({ type }) => type === "read")).toHaveLength(1);
    await customer.erase("now");
    await expect(vendor.query(grant.grant)).rejects.toMatchObject(refusal("not_found"));
  });

  test("learns nothing of another's: it is as one that isn't there", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const { grant, tokens } = await connect(at);
    await using stranger = await TestVendor.start(system.issuer, system.clock.now);
    const answers = [
      await problemOf(await stranger.callRaw("grant", { id: grant.grant })),
      await problemOf(await stranger.callRaw("grant", { id: "A".repeat(22) })),
      await problemOf(await stranger.callRaw("release", { id: grant.grant })),
      await problemOf(
        await stranger.callRaw("attest", { id: grant.grant, body: { attestation: await stranger.attestation(grant.grant) } }),
      ),
    ];
    const said = answers.map(({ text }) => ({ ...JSON.parse(text), request: "" }));
    for (const each of said) expect(each).toEqual(said[0]);
    expect(answers[0]).toMatchObject({ status: 404, code: "not_found" });
    await vendor.pull(tokens.access_token, grant.grant);
    expect(await problemOf(await vendor.callRaw("grant", { id: grant.grant, token: tokens.access_token }))).toMatchObject({ status: 401 });
    const attest = await vendor.ownToken("attest");
    expect(await problemOf(await vendor.callRaw("release", { id: grant.grant, token: attest }))).toMatchObject({
      status: 403,
      code: "insufficient_scope",
    });
  });
});

describe("a vendor that gives a grant up", () => {
  test("ends it for good, and owes the deletion at once", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    await vendor.pull(tokens.access_token, grant.grant);
    system.clock.pass(MINUTE);
    await vendor.release(grant.grant);
    const now = system.clock.now();
    expect(await problemOf(await vendor.pullRaw(tokens.access_token, grant.grant))).toMatchObject({ code: "grant_ended" });
    expect(await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).toMatchObject({
      body: { error: "invalid_grant" },
    });
    const { history, grants } = await customer.read();
    expect(history.at(-1)).toMatchObject({ type: "end", grant: grant.grant });
    expect(grants[0]).toMatchObject({
      ended: { state: "revoked", actor: "vendor", act: null, at: instant(now) },
      deletion: { reason: "revoked", by: instant(now + DELETION_TIME) },
    });
    expect(await inside(at)).toMatchObject({ bodies: 0 });
    await vendor.release(grant.grant);
    expect((await customer.read()).history, "again is no fault, and nothing new").toEqual(history);
    await expect(customer.revoke(grant.grant)).rejects.toMatchObject(refusal("grant_ended"));
    await customer.commit({ drop: [`${grant.grant}/profile/emails/e1`], ends: [{ grant: grant.grant, hash: await hashOf("revoked") }] });
  });
});

test("a stop that another consent overtook on its way is a stop; one that is older is not", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { grant } = await connect(at, { paths: ["profile/emails", "profile/name"] });
  const stop = () => customer.act({ action: "revoke", grant: grant.grant, object: String(objects.shift()) });
  const objects = [await hashOf(grant.token), await hashOf(grant.token)];
  await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails", "profile/name"], retention: "P2D" })]);
  await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"], retention: "P1D" })]);
  await expect(customer.api.call("revoke", { id: grant.grant, body: { act: await stop(), askDeletion: true } })).rejects.toMatchObject(
    refusal("invalid_act"),
  );
  const { prev } = customer.grants.get(grant.grant)?.consent ?? {};
  const act = await customer.act({ action: "revoke", grant: grant.grant, object: prev ?? "" });
  await customer.api.call("revoke", { id: grant.grant, body: { act, askDeletion: true } });
  expect((await customer.view(grant.grant)).ended).toMatchObject({ state: "revoked", act });
});
