import { describe, expect, it } from "vitest";
import { SECOND } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { startSystem } from "../support/system.ts";
import { crm } from "./memory-crm.ts";
import { openShop, share } from "./open-shop.ts";

const mail = (address: string) => ({ value: { address } });

describe("bulk reads of the real server", () => {
  it("carry many grants, then one change, an end, a pause and what follows it, without one pull", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const all = [];
    for (let at = 0; at < 8; at++) {
      const customer = await Customer.register(system.issuer, system.clock.now);
      all.push({ customer, ...(await share(shop, customer, { "profile/emails/e1": mail(`${at}@mail.example`) })) });
    }
    const [one, two, three] = all as [(typeof all)[number], (typeof all)[number], (typeof all)[number]];
    expect(await shop.vendor.sync(sink)).toMatchObject({ created: 8, failed: [] });
    system.clock.pass(SECOND);
    const before = shop.events.length;
    const requests = () => shop.events.slice(before).flatMap((event) => (event.type === "request" ? [event.call] : []));
    expect(await shop.vendor.sync(sink)).toMatchObject({ unchanged: 8, failed: [] });
    expect(requests()).toEqual(["changes"]);

    const change = (address: string) => ({ shares: [{ grant: one.given.grant, path: "profile/emails/e1", content: mail(address) }] });
    await one.customer.commit(change("new@mail.example"));
    await two.customer.revoke(two.given.grant);
    const { position } = await three.customer.api.call("pause", { id: three.given.grant });
    expect(await shop.vendor.sync(sink)).toMatchObject({ updated: 1, erased: 1, paused: 1, failed: [] });
    expect(rows.get(one.grant.key)).toMatchObject({ "profile/emails.1.address": "new@mail.example" });
    await three.customer.resume(three.given.grant, position);
    await three.customer.commit({ shares: [{ grant: three.given.grant, path: "profile/emails/e1", content: mail("back@mail.example") }] });
    await one.customer.commit({ shares: [{ grant: one.given.grant, path: "profile/emails/e1", content: { removed: true } }] });
    expect(await shop.restart().sync(sink)).toMatchObject({ updated: 2, unchanged: 5, failed: [] });
    expect(rows.get(three.grant.key)).toMatchObject({ "profile/emails.1.address": "back@mail.example" });
    expect(rows.get(one.grant.key)).not.toHaveProperty("profile/emails.1.address");
    expect(requests()).not.toContain("pull");
    // Each read is in its customer's history, and no more than those.
    expect((await all[5]?.customer.view(all[5].given.grant))?.reads.count).toBe(1);

    // An event's pull goes on where the bulk read was.
    await one.customer.commit(change("event@mail.example"));
    expect(await shop.vendor.sync(sink, { grants: [one.grant.id] })).toMatchObject({ updated: 1, failed: [] });
    const items = [];
    for await (const item of shop.vendor.changes()) items.push(item);
    expect(items.filter(({ type }) => type === "read")).toHaveLength(7);
    expect(items.at(-1)).toMatchObject({ type: "cursor", more: false, remaining: 0 });
  });
});
