import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { DELETION_TIME, REMINDER_TIME } from "#protocol/deletion.ts";
import { EVENTS } from "#protocol/events.ts";
import { DAY, HOUR } from "../support/clock.ts";
import type { TestVendor } from "../support/vendor.ts";
import { connect, EMAIL, NAME, type Scene, scene } from "./scene.ts";

const instant = (at: number): string => new Date(at).toISOString();

/** Names of what a vendor has heard; each has the shape of the table, and says of whom it is. */
async function heard(vendor: TestVendor): Promise<Array<Record<string, unknown>>> {
  const all = await vendor.heard();
  return all.map(({ event, payload, subject }) => {
    v.parse(EVENTS[event], payload);
    expect(Object.keys(payload).sort()).toEqual(Object.keys(EVENTS[event].entries).sort());
    expect(subject).toMatchObject({ format: "complex", grant: { id: payload.grant_id } });
    const { event_timestamp: _, ...rest } = payload;
    return { event, ...rest };
  });
}

async function listening(): Promise<Scene> {
  const at = await scene();
  await at.vendor.listen();
  return at;
}

describe("a vendor with a stream hears", () => {
  test("of its grant from beginning to end, and of nothing twice", async () => {
    await using at = await listening();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at, { paths: ["profile/emails", "profile/name"] });
    const id = grant.grant;
    const by = { grant_id: id, initiating_entity: "user" };
    expect(await heard(vendor), "not also of what came with it").toEqual([{ event: "grant-created", ...by }]);

    await customer.commit({
      shares: [
        { grant: id, path: "profile/emails/e1", content: EMAIL },
        { grant: id, path: "profile/name", content: NAME },
      ],
      records: { "profile/name": NAME },
    });
    const both = ["profile/emails/e1", "profile/name"];
    expect(await heard(vendor)).toEqual([{ event: "records-changed", ...by, paths: both, count: 2 }]);

    await vendor.pull(tokens.access_token, id);
    await customer.narrow(id, [vendor.ask({ paths: ["profile/emails"] })], ["profile/name"]);
    const due = instant(system.clock.now() + DELETION_TIME);
    expect(await heard(vendor)).toEqual([{ event: "grant-changed", ...by, n: 2, delete_by: due }]);
    expect((await customer.view(id)).deletion, "and its customer sees that it has").toMatchObject({ told: instant(system.clock.now()) });

    const { position } = await customer.api.call("pause", { id });
    await customer.api.call("pause", { id });
    await customer.resume(id, position);
    expect(await heard(vendor)).toEqual([
      { event: "grant-paused", ...by },
      { event: "grant-resumed", ...by },
    ]);
    await customer.approve(await vendor.amend(id, [vendor.ask({ paths: ["profile/emails", "profile/name"] })]), { contents: {} });
    expect(await heard(vendor)).toEqual([{ event: "grant-changed", ...by, n: 3, delete_by: null }]);

    await customer.revoke(id, true);
    expect(await heard(vendor)).toEqual([{ event: "grant-revoked", ...by, delete_by: due }]);
    const { history } = await customer.read();
    expect(history.filter(({ type }) => type === "told")).toHaveLength(2);
  });

  test("of a pause of everything, and of one by a receipt's link", async () => {
    await using at = await listening();
    const { customer, vendor } = at;
    await customer.addKit();
    const first = await connect(at);
    const second = await connect(at);
    await vendor.heard();
    await customer.api.call("pauseByLink", { body: { grant: first.grant.grant, secret: first.grant.pauseSecret } });
    await customer.api.call("pauseAll");
    expect((await heard(vendor)).map(({ event, grant_id }) => [event, grant_id])).toEqual([
      ["grant-paused", first.grant.grant],
      ["grant-paused", second.grant.grant],
    ]);
  });

  test("of an expiry on time, and is reminded before the deadline unless it has attested", async () => {
    await using at = await listening();
    const { customer, vendor, system } = at;
    await customer.addKit();
    const end = Math.ceil((system.clock.now() + DAY) / 1000) * 1000;
    const [silent, good] = [
      await connect(at, { expires: `${instant(end).slice(0, 19)}Z`, retention: "PT1H" }),
      await connect(at, { expires: `${instant(end).slice(0, 19)}Z`, retention: "PT1H" }),
    ];
    for (const { grant, tokens } of [silent, good]) await vendor.pull(tokens.access_token, grant.grant);
    await vendor.heard();
    system.clock.pass(DAY - HOUR);
    await system.sweep();
    expect(await heard(vendor)).toEqual([]);
    system.clock.pass(HOUR);
    await system.sweep();
    const due = instant(end + DELETION_TIME);
    const said = { initiating_entity: "policy", delete_by: due };
    const expired = await heard(vendor);
    expect(expired).toHaveLength(2);
    for (const { grant } of [silent, good]) expect(expired).toContainEqual({ event: "grant-expired", grant_id: grant.grant, ...said });
    await vendor.attest(good.grant.grant, { reason: "expired" });
    system.clock.pass(DELETION_TIME - REMINDER_TIME);
    await system.sweep();
    await system.sweep();
    expect(await heard(vendor)).toEqual([
      { event: "erasure-due", grant_id: silent.grant.grant, initiating_entity: "system", delete_by: due },
    ]);
  });

  test("of an erased store's ends, also when the store is gone at once", async () => {
    await using at = await listening();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    await vendor.pull(tokens.access_token, grant.grant);
    await vendor.heard();
    await customer.erase("now", true);
    expect(await heard(vendor)).toEqual([
      {
        event: "grant-revoked",
        grant_id: grant.grant,
        initiating_entity: "user",
        delete_by: instant(system.clock.now() + DELETION_TIME),
      },
    ]);
  });

  test("of its own giving up, as its own doing", async () => {
    await using at = await listening();
    const { vendor } = at;
    const { grant } = await connect(at);
    await vendor.heard();
    await vendor.release(grant.grant);
    expect(await heard(vendor)).toEqual([{ event: "grant-revoked", grant_id: grant.grant, initiating_entity: "admin", delete_by: null }]);
  });

  test("of at most a hundred paths, with the count of all", async () => {
    await using at = await listening();
    const { customer, vendor } = at;
    const { grant } = await connect(at);
    await vendor.heard();
    const shares = Array.from({ length: 130 }, (_, at) => ({ grant: grant.grant, path: `profile/emails/m${at}`, content: EMAIL }));
    await customer.commit({ shares });
    const [changed] = await heard(vendor);
    expect(changed).toMatchObject({ event: "records-changed", count: 130 });
    expect(changed?.paths).toHaveLength(100);
  });

  test("when a backfill is closed, and not of what it can't read while it is paused", async () => {
    await using at = await listening();
    const { customer, vendor } = at;
    const { grant } = await connect(at);
    const { given, commit } = await customer.prepareNarrowing(grant.grant, [vendor.ask({ paths: ["profile/emails"], retention: "P1D" })]);
    await customer.commit({ consent: { ...commit, complete: false } });
    customer.grants.set(grant.grant, { ...given, redirect: "" });
    await vendor.heard();
    await customer.commit({ complete: [grant.grant] });
    await customer.commit({ complete: [grant.grant] });
    expect(await heard(vendor)).toMatchObject([{ event: "records-changed", paths: [], count: 0 }]);
    await customer.api.call("pause", { id: grant.grant });
    await vendor.heard();
    await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: EMAIL }] });
    expect(await heard(vendor)).toEqual([]);
  });
});

test("what was refused or not made is told to nobody", async () => {
  await using at = await listening();
  const { customer, vendor, system } = at;
  const { grant } = await connect(at, { paths: ["profile/emails", "profile/name"] });
  await vendor.heard();
  await expect(customer.narrow(grant.grant, [vendor.ask({ paths: ["profile"] })])).rejects.toThrow();
  const { commit } = await customer.prepareNarrowing(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
  const body = await customer.draft({ consent: commit });
  await expect(customer.api.call("commit", { body: await customer.withHead(body, { root: "A".repeat(43) }) })).rejects.toThrow();
  system.failWith("full");
  await expect(customer.api.call("pause", { id: grant.grant })).rejects.toThrow();
  system.failWith(undefined);
  expect(await heard(vendor)).toEqual([]);
});

test("a customer sees whether a vendor hears of changes", async () => {
  await using at = await scene();
  const { grant } = await connect(at);
  expect((await at.customer.view(grant.grant)).stream).toBe("none");
  await at.vendor.listen();
  expect((await at.customer.view(grant.grant)).stream).toBe("live");
});
