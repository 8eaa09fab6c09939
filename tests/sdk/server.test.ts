import { describe, expect, it } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { startSystem } from "../support/system.ts";
import { NO_CONTACT } from "./connected.ts";
import { crm } from "./memory-crm.ts";
import { openShop, share } from "./open-shop.ts";

const ANNA = { value: { address: "anna.unmistakable@mail.example" } };

describe("the SDK and the real server", () => {
  it("carry a narrowed share into a CRM, follow a change, hold still for a pause, and erase on a stop", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { given, grant } = await share(
      shop,
      customer,
      { "profile/emails/e1": ANNA, "profile/addresses/a1:town": { value: { locality: "Cluj", countryCode: "RO" } } },
      { paths: ["profile/emails/e1", "profile/addresses:town"], days: 30 },
    );
    expect(grant.details[0]?.paths).toEqual(["profile/emails/e1", "profile/addresses:town"]);
    expect(await shop.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
    const first = {
      ...NO_CONTACT,
      "profile/emails.1.address": "anna.unmistakable@mail.example",
      "profile/addresses.1.locality": "Cluj",
      "profile/addresses.1.countryCode": "RO",
    };
    expect(rows.get(grant.key)).toEqual(first);
    system.clock.pass(SECOND);
    expect(await shop.vendor.sync(sink)).toMatchObject({ unchanged: 1, updated: 0, failed: [] });

    await customer.commit({
      shares: [{ grant: given.grant, path: "profile/emails/e1", content: { value: { address: "new@mail.example" } } }],
    });
    expect(await shop.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    await customer.commit({ shares: [{ grant: given.grant, path: "profile/addresses/a1:town", content: { removed: true } }] });
    expect(await shop.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": "new@mail.example" });

    const { position } = await customer.api.call("pause", { id: given.grant });
    expect(await shop.vendor.sync(sink)).toMatchObject({ paused: 1, failed: [] });
    expect(rows.size).toBe(1);
    await customer.resume(given.grant, position);
    expect(await shop.vendor.sync(sink)).toMatchObject({ paused: 0, failed: [] });

    // Longer than an access token lives.
    system.clock.pass(10 * MINUTE);
    expect(await shop.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    await customer.revoke(given.grant);
    await expect(shop.vendor.pull(grant.id)).rejects.toMatchObject({ code: "grant_revoked" });
    expect(await shop.vendor.sync(sink)).toMatchObject({ erased: 1, failed: [] });
    expect(rows.size).toBe(0);
  });

  it("hear of a stop also when the access token has ended, and of an expiry by the clock", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const one = await Customer.register(system.issuer, system.clock.now);
    const two = await Customer.register(system.issuer, system.clock.now);
    const stopped = await share(shop, one, { "profile/emails/e1": ANNA });
    await share(shop, two, { "profile/emails/e1": ANNA }, { days: 30 });
    expect(await shop.vendor.sync(sink)).toMatchObject({ created: 2, failed: [] });
    await one.revoke(stopped.given.grant);
    system.clock.pass(HOUR);
    expect(await shop.vendor.sync(sink)).toMatchObject({ erased: 1, erasures: [{ reason: "revoked" }], failed: [] });
    system.clock.pass(30 * DAY);
    expect(await shop.vendor.sync(sink)).toMatchObject({ erased: 1, erasures: [{ reason: "expired" }], failed: [] });
    expect(rows.size).toBe(0);
  });

  it("spend a read that is granted once, once: the customer's history shows one", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { given } = await share(shop, customer, { "profile/emails/e1": ANNA }, { frequency: { max: 1 } });
    expect(await shop.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
    for (let at = 0; at < 3; at++) {
      system.clock.pass(10 * MINUTE);
      expect(await shop.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    }
    expect((await customer.view(given.grant)).reads.count).toBe(1);
    await customer.revoke(given.grant);
    expect(await shop.vendor.sync(sink)).toMatchObject({ erased: 1 });
    expect(rows.size).toBe(0);
  });

  it("agree on when a window has room again", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { given } = await share(shop, customer, { "profile/emails/e1": ANNA }, { frequency: { max: 2, per: "PT1H" } });
    const reports = [];
    for (let at = 0; at < 9; at++) {
      const content = { value: { address: `mail-${at}@mail.example` } };
      await customer.commit({ shares: [{ grant: given.grant, path: "profile/emails/e1", content }] });
      reports.push(await shop.vendor.sync(sink));
      system.clock.pass(10 * MINUTE);
    }
    expect(reports.flatMap(({ failed }) => failed)).toEqual([]);
    expect(reports.map(({ held }) => held)).toEqual([0, 0, 1, 1, 1, 1, 0, 0, 1]);
    expect((await customer.view(given.grant)).reads.count).toBe(4);
  });

  it.each(["now", "later"] as const)("erase the row of a customer who erases the whole store %s", async (when) => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const leaving = await Customer.register(system.issuer, system.clock.now);
    const staying = await Customer.register(system.issuer, system.clock.now);
    await share(shop, leaving, { "profile/emails/e1": ANNA });
    await share(shop, staying, { "profile/emails/e1": ANNA });
    expect(await shop.vendor.sync(sink)).toMatchObject({ created: 2, failed: [] });
    await leaving.erase(when);
    system.clock.pass(SECOND);
    expect(await shop.vendor.sync(sink)).toMatchObject({ erased: 1, unchanged: 1, erasures: [{ reason: "revoked" }], failed: [] });
    expect(rows.size).toBe(1);
  });

  it("erase it also where this process held no token any more, and a read was spent", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    await share(shop, customer, { "profile/emails/e1": ANNA }, { frequency: { max: 1 } });
    expect(await shop.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
    await customer.erase("now");
    system.clock.pass(HOUR);
    expect(await shop.vendor.sync(sink)).toMatchObject({ erased: 1, erasures: [{ reason: "revoked" }], failed: [] });
    expect(rows.size).toBe(0);
  });

  it("carry many purchases, their tastes, and the loss of one that became a gift", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    const book = (at: number) => ({
      value: { item: `Book ${at}`, seller: "Shop", date: `2026-01-${10 + (at % 20)}`, category: "books", recipient: "self" },
    });
    const wish = shop.wish({ purpose: "recommendations", paths: ["purchases"], filter: { categories: ["books"], recipients: ["self"] } });
    const { url, id } = await shop.vendor.requests.create({ authorization_details: [wish], redirect_uri: shop.redirectUri });
    const arrival = await fetch(url, { redirect: "manual" });
    const request = (arrival.headers.get("location") ?? "").replace(/^.*\/ask\//, "");
    const contents = {
      ...Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`purchases/p${at}`, book(at)])),
      "purchases:tastes": { value: { tastes: [{ category: "books", count: 30 }] } },
    };
    const given = await customer.approve(request, { details: [wish], contents });
    const grant = await shop.vendor.requests.exchange(given.redirect, { id });
    expect(await shop.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
    expect(rows.get(grant.key)).toMatchObject({ "purchases.count": 30, "purchases.tastes.1.count": 30 });
    await customer.commit({
      shares: [
        { grant: given.grant, path: "purchases/p9", content: { removed: true } },
        { grant: given.grant, path: "purchases:tastes", content: { value: { tastes: [{ category: "books", count: 29 }] } } },
      ],
    });
    expect(await shop.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toMatchObject({ "purchases.count": 29, "purchases.tastes.1.count": 29 });
    expect(Object.values(rows.get(grant.key) ?? {})).not.toContain("Book 9");
  });

  it("tell a customer's no from a fault", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { url, id } = await shop.vendor.requests.create({ authorization_details: [shop.wish()], redirect_uri: shop.redirectUri });
    const arrival = await fetch(url, { redirect: "manual" });
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { redirect } = await customer.api.call("decline", { id: (arrival.headers.get("location") ?? "").replace(/^.*\/ask\//, "") });
    await expect(shop.vendor.requests.exchange(redirect, { id })).rejects.toMatchObject({ code: "access_denied" });
  });
});
