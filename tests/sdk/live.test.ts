import { describe, expect, it } from "vitest";
import { canonical } from "#protocol/canonical.ts";
import { consentRecord } from "#protocol/consent-record.ts";
import { type ErasureAttestation, verifyAttestation } from "#protocol/erasure-attestation.ts";
import { makeKeys, publicKeys } from "../../vendor-sdk/make-keys.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { type System, startSystem } from "../support/system.ts";
import { NO_CONTACT } from "./connected.ts";
import { type Crm, crm } from "./memory-crm.ts";
import { openShop, requestAt, type Shop, share } from "./open-shop.ts";

const ANNA = { value: { address: "anna.unmistakable@mail.example" } };
const NAME = { value: { given: "Unmistakable-Anna" } };

interface Street extends AsyncDisposable {
  system: System;
  shop: Shop;
  crm: Crm;
  /** Milliseconds until something is so. */
  until(true_: () => boolean | Promise<boolean>): Promise<number>;
}

/** A server, and a shop that hears of everything by push. */
async function street(): Promise<Street> {
  const system = await startSystem();
  const shop = await openShop(system);
  const target = crm();
  shop.receive = shop.vendor.receiver({ sink: target.sink });
  await shop.vendor.stream.ensure({ endpoint: shop.endpoint });
  return {
    system,
    shop,
    crm: target,
    async until(condition) {
      const started = performance.now();
      while (!(await condition())) {
        if (performance.now() - started > 8000) throw new Error("it never came to be so");
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return performance.now() - started;
    },
    async [Symbol.asyncDispose]() {
      await shop.receive?.close();
      await system[Symbol.asyncDispose]();
      await shop[Symbol.asyncDispose]();
    },
  };
}

/** What the customer sees that the vendor has attested, newest last, each verified anew. */
async function attested(it: Street, customer: Customer, grant: string): Promise<ErasureAttestation[]> {
  const { deletion } = await customer.view(grant);
  return Promise.all(
    (deletion?.attestations ?? []).map(({ token, key }) =>
      verifyAttestation(token, { key, issuer: it.shop.clientId, audience: it.system.issuer, grant }),
    ),
  );
}

describe("over push, with the real server,", () => {
  it("the stream is verified", async () => {
    await using it = await street();
    expect((await it.shop.vendor.stream.verify({ timeoutMs: 5000 })).ms).toBeLessThan(5000);
    expect(await it.shop.vendor.stream.status()).toMatchObject({ status: "enabled" });
    // Another start changes nothing.
    await it.shop.restart().stream.ensure({ endpoint: it.shop.endpoint });
    expect(await it.shop.vendor.stream.status()).toMatchObject({ status: "enabled" });
  });

  it("a stop erases the row in the same moment, and comes back signed, with what was kept", async () => {
    await using it = await street();
    const customer = await Customer.register(it.system.issuer, it.system.clock.now);
    const { given, grant } = await share(it.shop, customer, { "profile/emails/e1": ANNA });
    await it.shop.vendor.sync(it.crm.sink);
    it.crm.remains.push({ what: "invoice 2026-1", why: "legal-duty", until: "2036-12-31" });
    await customer.revoke(given.grant, true);
    const ms = await it.until(() => it.crm.rows.size === 0);
    expect(ms).toBeLessThan(3000);
    await it.until(async () => (await attested(it, customer, grant.id)).length === 1);
    expect(await attested(it, customer, grant.id)).toMatchObject([
      { reason: "revoked", did: ["deleted", expect.any(String) as string], remains: [{ what: "invoice 2026-1", why: "legal-duty" }] },
    ]);
    await it.until(async () => (await it.shop.vendor.grants.get(grant.id))?.attested?.received !== undefined);
  });

  it("a change and a narrowing arrive by themselves", async () => {
    await using it = await street();
    const customer = await Customer.register(it.system.issuer, it.system.clock.now);
    const { given, grant } = await share(it.shop, customer, { "profile/emails/e1": ANNA, "profile/name": NAME });
    // grant-created may come before the exchange is done: then it is of a grant that isn't known yet.
    await it.shop.vendor.sync(it.crm.sink);
    await customer.commit({
      shares: [{ grant: grant.id, path: "profile/emails/e1", content: { value: { address: "new@mail.example" } } }],
    });
    await it.until(() => it.crm.rows.get(grant.key)?.["profile/emails.1.address"] === "new@mail.example");
    await customer.narrow(
      given.grant,
      given.consent.authorization_details.map((each) => ({ ...each, paths: ["profile/emails"] })),
      ["profile/name"],
    );
    await it.until(() => !("profile/name.given" in (it.crm.rows.get(grant.key) ?? {})));
    expect(it.crm.rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": "new@mail.example" });
    await it.until(async () => (await attested(it, customer, grant.id)).length === 1);
    expect(await attested(it, customer, grant.id)).toMatchObject([{ n: 2, reason: "narrowed", did: ["blanked: profile/name.given"] }]);
  });

  it("a narrowing of a grant whose one read is spent arrives too", async () => {
    await using it = await street();
    const customer = await Customer.register(it.system.issuer, it.system.clock.now);
    const { given, grant } = await share(it.shop, customer, { "profile/emails/e1": ANNA, "profile/name": NAME }, { frequency: { max: 1 } });
    await it.shop.vendor.sync(it.crm.sink);
    // Once, or twice within the hour where the event of its beginning was as quick.
    const { count } = (await customer.view(grant.id)).reads;
    it.system.clock.pass(2 * HOUR);
    await customer.narrow(
      given.grant,
      given.consent.authorization_details.map((each) => ({ ...each, paths: ["profile/name"] })),
      ["profile/emails/e1"],
    );
    await it.until(() => !("profile/emails.1.address" in (it.crm.rows.get(grant.key) ?? {})));
    expect((await customer.view(grant.id)).reads.count).toBe(count);
    await it.until(async () => (await attested(it, customer, grant.id)).length === 1);
  });

  it("a pause and a resume are followed", async () => {
    await using it = await street();
    const customer = await Customer.register(it.system.issuer, it.system.clock.now);
    const { given, grant } = await share(it.shop, customer, { "profile/emails/e1": ANNA });
    await it.shop.vendor.sync(it.crm.sink);
    const { position } = await customer.api.call("pause", { id: given.grant });
    await it.until(async () => (await it.shop.vendor.grants.get(grant.id))?.state === "paused");
    await customer.resume(given.grant, position);
    await it.until(async () => (await it.shop.vendor.grants.get(grant.id))?.state === "active");
  });

  it("an expiry is heard of at its time", async () => {
    await using it = await street();
    const customer = await Customer.register(it.system.issuer, it.system.clock.now);
    const { grant } = await share(it.shop, customer, { "profile/emails/e1": ANNA }, { days: 30 });
    await it.shop.vendor.sync(it.crm.sink);
    it.system.clock.pass(30 * DAY + SECOND);
    await it.system.sweep();
    await it.until(() => it.crm.rows.size === 0);
    expect((await it.shop.vendor.grants.get(grant.id))?.state).toBe("expired");
    await it.until(async () => (await it.shop.vendor.grants.get(grant.id))?.attested?.received !== undefined);
  });

  it.each(["now", "later"] as const)("a customer who erases the whole store %s is erased here too", async (when) => {
    await using it = await street();
    const customer = await Customer.register(it.system.issuer, it.system.clock.now);
    const { grant } = await share(it.shop, customer, { "profile/emails/e1": ANNA });
    await it.shop.vendor.sync(it.crm.sink);
    await customer.erase(when, true);
    await it.until(() => it.crm.rows.size === 0);
    await it.shop.receive?.idle();
    expect((await it.shop.vendor.grants.get(grant.id))?.state).toBe("revoked");
    // Whether the server still takes the shop's word or not: nothing else is held up.
    expect((await it.shop.vendor.sync(it.crm.sink)).failed).toEqual([]);
  });

  it("no event, report or state of events says a value", async () => {
    await using it = await street();
    const customer = await Customer.register(it.system.issuer, it.system.clock.now);
    const { given } = await share(it.shop, customer, { "profile/emails/e1": ANNA });
    await it.shop.vendor.sync(it.crm.sink);
    await customer.revoke(given.grant, true);
    await it.until(() => it.crm.rows.size === 0);
    await it.shop.receive?.idle();
    const texts = await Promise.all(
      ["event/", "attestation/", "consents/", "grant/", "shares/"].map(async (prefix) =>
        Promise.all((await it.shop.state.list(prefix)).map((key) => it.shop.state.get(key))),
      ),
    );
    expect(JSON.stringify([it.shop.events, texts])).not.toContain("unmistakable");
  });
});

describe("with the real server,", () => {
  it("the vendor asks for more and gets what the customer signs, also before anybody comes back", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { given, grant } = await share(shop, customer, { "profile/emails/e1": ANNA }, { paths: ["profile/emails"] });
    await shop.vendor.sync(sink);
    const more = shop.wish({ paths: ["profile/emails", "profile/name"] });
    const { url, id } = await shop.vendor.requests.create({
      authorization_details: [more],
      redirect_uri: shop.redirectUri,
      replaces: grant.id,
    });
    const request = await requestAt(url);
    expect(await customer.api.call("request", { id: request })).toMatchObject({ replaces: given.grant });
    const next = await customer.approve(request, { details: [more], contents: { "profile/name": NAME } });
    expect(next.grant).toBe(given.grant);
    system.clock.pass(30 * SECOND);
    expect(await shop.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toMatchObject({ "profile/name.given": "Unmistakable-Anna" });
    expect(await shop.vendor.requests.exchange(next.redirect, { id })).toMatchObject({ id: grant.id });
    system.clock.pass(MINUTE);
    expect(await shop.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
  });

  it("a grant that the vendor gives up has ended for the customer too, by the vendor, and is attested", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { grant } = await share(shop, customer, { "profile/emails/e1": ANNA });
    await shop.vendor.sync(sink);
    await shop.vendor.grants.release(grant.id);
    expect(await customer.view(grant.id)).toMatchObject({ ended: { state: "revoked", actor: "vendor" } });
    expect(await shop.vendor.enforce(sink)).toMatchObject({ erased: 1, attestations: { sent: 1, refused: [] } });
    expect(rows.size).toBe(0);
    expect((await customer.view(grant.id)).deletion?.attestations).toHaveLength(1);
    expect(await shop.vendor.grants.query(grant.id)).toMatchObject({ grant: { state: "revoked" } });
  });

  it("a query tells of a grant's standing, and is no read", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { given, grant } = await share(shop, customer, { "profile/emails/e1": ANNA });
    expect(await shop.vendor.grants.query(grant.id)).toMatchObject({ grant: { state: "active" }, consent: { token: given.token } });
    expect((await customer.view(grant.id)).reads.count).toBe(0);
  });

  it("the vendor's evidence is the customer's own record of the grant, to the byte", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { given, grant } = await share(shop, customer, { "profile/emails/e1": ANNA, "profile/name": NAME });
    await shop.vendor.sync(sink);
    await customer.narrow(
      given.grant,
      given.consent.authorization_details.map((each) => ({ ...each, paths: ["profile/name"] })),
      ["profile/emails/e1"],
    );
    await shop.vendor.grants.query(grant.id);
    const { consents } = await customer.api.call("consents", { id: grant.id });
    expect(consents).toHaveLength(2);
    const { client } = await customer.view(grant.id);
    const theirs = consentRecord({ issuer: system.issuer, client, consents, state: "active", endedAt: null, endedBy: null });
    const ours = await shop.vendor.evidence(grant.id);
    expect(canonical(ours)).toBe(canonical(theirs));
    for (const token of consents) expect(JSON.stringify(ours.record)).toContain(token);
    expect(JSON.stringify(ours)).not.toContain("nmistakable");
  });

  it("events come by poll to one that the server can't reach", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink, rows } = crm();
    const end = new AbortController();
    const listening = shop.vendor.listen({ sink, signal: end.signal });
    await expect.poll(() => shop.vendor.stream.status().catch(() => undefined), { timeout: 5000 }).toMatchObject({ status: "enabled" });
    const customer = await Customer.register(system.issuer, system.clock.now);
    const { given } = await share(shop, customer, { "profile/emails/e1": ANNA });
    await shop.vendor.sync(sink);
    await customer.revoke(given.grant, true);
    await expect.poll(() => rows.size, { timeout: 5000, interval: 5 }).toBe(0);
    expect((await shop.vendor.stream.verify({ timeoutMs: 5000 })).ms).toBeGreaterThan(0);
    end.abort();
    await listening;
    expect(await shop.vendor.stream.remove()).toBe(true);
  });

  it("signing keys change without a moment in which anything fails", async () => {
    await using system = await startSystem();
    await using shop = await openShop(system);
    const { sink } = crm();
    const customer = await Customer.register(system.issuer, system.clock.now);
    await share(shop, customer, { "profile/emails/e1": ANNA });
    const [next] = await makeKeys();
    const [old, ...encryption] = shop.keys;
    if (next === undefined || old === undefined) throw new Error("no key");
    const steps = [
      [old, next, ...encryption],
      [next, old, ...encryption],
      [next, ...encryption],
    ];
    for (const keys of steps) {
      shop.documents["/jwks.json"] = publicKeys(keys);
      // Longer than the server believes a document.
      system.clock.pass(HOUR);
      expect(await shop.restart(keys).sync(sink)).toMatchObject({ failed: [] });
    }
    await expect(shop.restart([old, ...encryption]).grants.query("nobody")).rejects.toMatchObject({ code: "invalid" });
  });
});
