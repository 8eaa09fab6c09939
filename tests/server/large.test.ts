import { describe, expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { consentObject } from "#protocol/consent-token.ts";
import type { Content } from "#protocol/sealing/record.ts";
import { RATES } from "../../server/configuration/config.ts";
import { MINUTE } from "../support/clock.ts";
import { refusal, scene } from "./scene.ts";

const RECOMMENDATIONS = "https://w3id.org/dpv#ProvideProductRecommendations";
const purchase = (n: number): Content => ({
  value: {
    item: `A thing with a name, ${n}`,
    seller: "Aldina",
    date: "2026-01-02",
    category: "books",
    recipient: "self",
    order: `407-${n}`,
  },
});
const path = (n: number): string => `purchases/p${String(n).padStart(20, "0")}`;
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

describe("much data", () => {
  test("is brought by commits as fast as they come, 1 000 records in one body", { timeout: 60_000 }, async () => {
    await using at = await scene({ config: { rates: RATES } });
    const { customer } = at;
    const records = (from: number, to: number) => Object.fromEntries(range(from, to).map((n) => [path(n), purchase(n)]));
    const body = await customer.draft({ records: records(0, 1000) });
    expect(JSON.stringify(body).length).toBeLessThan(LIMITS.body);
    await customer.send(body);
    // As many as 20 000 records take.
    for (const n of range(0, 20)) await customer.commit({ records: records(1000 + n * 10, 1010 + n * 10) });
    expect((await customer.read()).records.filter((record) => record.path.startsWith("purchases/"))).toHaveLength(1200);
  });

  test("a grant over 2 000 of them is filled by several commits, and gives no value until it is whole", { timeout: 120_000 }, async () => {
    await using at = await scene({ config: { rates: RATES } });
    const { customer, vendor, system } = at;
    const asked = vendor.ask({ purpose: RECOMMENDATIONS, paths: ["purchases"], frequency: { max: 1, per: "PT1H" } });
    const request = await customer.api.call("request", { id: await vendor.request([asked]) });
    const { given, consent, commit } = await customer.prepareGrant(request, request.authorization_details);
    customer.grants.set(given.grant, { ...given, redirect: "" });
    const act = await customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
    const { redirect } = await customer.commit({ consent: { ...commit, complete: false }, acts: [act] });
    const { body } = await vendor.redeem(redirect ?? "");
    const pull = (since?: string) => vendor.pull(body.access_token, given.grant, since);
    for (const from of [0, 700, 1400]) {
      const page = await pull();
      expect([page.complete, page.records.length, page.more]).toEqual([false, 0, false]);
      const shares = range(from, Math.min(from + 700, 2000)).map((n) => ({ grant: given.grant, path: path(n), content: purchase(n) }));
      await customer.commit({ shares, ...(from === 1400 ? { complete: [given.grant] } : {}) });
    }
    const seen: string[] = [];
    const sizes: number[] = [];
    let page = await pull();
    for (;;) {
      expect(page.complete).toBe(true);
      seen.push(...page.records.map((record) => record.path));
      sizes.push(page.records.length);
      if (!page.more) break;
      page = await pull(page.cursor);
    }
    expect(sizes).toEqual([1000, 1000]);
    expect(seen).toEqual(range(0, 2000).map(path));
    await customer.commit({ shares: [{ grant: given.grant, path: path(7), content: { removed: true } }] });
    await expect(pull(page.cursor), "it was read once in this hour").rejects.toMatchObject(refusal("frequency_exceeded"));
    system.clock.pass(60 * MINUTE);
    const fresh = (await vendor.token({ grant_type: "refresh_token", refresh_token: body.refresh_token })).body.access_token;
    expect((await vendor.pull(fresh, given.grant, page.cursor)).records.map((record) => [record.path, record.version])).toEqual([
      [path(7), 2],
    ]);
  });
});
