import { describe, expect, test } from "vitest";
import type { Content } from "#protocol/sealing/record.ts";
import { refusal, type Scene, scene } from "./scene.ts";

const RECOMMENDATIONS = "https://w3id.org/dpv#ProvideProductRecommendations";
const TASTES: Content = { value: { basis: 3 } };
const BOOK: Content = { value: { item: "Il nome della rosa", seller: "Aldina", date: "2026-01-02", recipient: "self" } };

async function grantOf({ vendor, customer }: Scene, paths: string[], contents: Record<string, Content> = {}) {
  const asked = vendor.ask({ purpose: RECOMMENDATIONS, paths, frequency: { max: 10, per: "PT1H" } });
  const grant = await customer.approve(await vendor.request([asked]), { contents });
  const { body } = await vendor.redeem(grant.redirect);
  return { grant: grant.grant, token: body.access_token };
}

describe("a digest of a collection", () => {
  test("is shared, pulled, renewed and removed at its own path", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, token } = await grantOf(at, ["purchases:tastes"], { "purchases:tastes": TASTES });
    const first = await vendor.pull(token, grant);
    expect(await vendor.open(grant, first)).toEqual({ "purchases:tastes": TASTES });
    await customer.commit({ shares: [{ grant, path: "purchases:tastes", content: { value: { basis: 2 } } }] });
    const second = await vendor.pull(token, grant, first.cursor);
    expect(second.records.map(({ path, version }) => [path, version])).toEqual([["purchases:tastes", 2]]);
    const { history, shares } = await customer.read();
    expect(shares.map(({ path }) => path)).toEqual(["purchases:tastes"]);
    expect(history.filter(({ type }) => type === "read").map(({ paths }) => paths)).toEqual([["purchases:tastes"], ["purchases:tastes"]]);
    await expect(customer.commit({ drop: [`${grant}/purchases:tastes`] }), "while it is granted").rejects.toMatchObject(
      refusal("invalid_input", "/drop/0"),
    );
    await customer.revoke(grant);
    await customer.commit({ drop: [`${grant}/purchases:tastes`] });
    expect((await customer.read()).shares).toEqual([]);
  });

  test("is all that a consent to it lets out", async () => {
    await using at = await scene();
    const { customer } = at;
    const { grant } = await grantOf(at, ["purchases:tastes"]);
    for (const path of [
      "purchases:shops",
      "purchases",
      "purchases:nothing",
      "purchases:category",
      "purchases/x",
      "purchases/x:tastes",
      "purchases/x:category",
      "intents:tastes",
      "profile/name:tastes",
    ])
      await expect(customer.commit({ shares: [{ grant, path, content: TASTES }] }), path).rejects.toMatchObject(
        refusal("outside_consent", "/shares/0/path"),
      );
    await customer.commit({ shares: [{ grant, path: "purchases:tastes", content: TASTES }] });
  });

  test("lies within a consent to the whole collection, and nothing that isn't there does", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, token } = await grantOf(at, ["purchases"]);
    for (const path of ["purchases", "purchases:nothing", "purchases:category", "purchases/x:tastes", "purchases/x:nothing"])
      await expect(customer.commit({ shares: [{ grant, path, content: TASTES }] }), path).rejects.toMatchObject(
        refusal("outside_consent", "/shares/0/path"),
      );
    const contents = {
      "purchases/x": BOOK,
      "purchases/x:category": { value: "books" },
      "purchases:tastes": TASTES,
      "purchases:shops": TASTES,
    };
    await customer.commit({ shares: Object.entries(contents).map(([path, content]) => ({ grant, path, content })) });
    expect(await vendor.open(grant, await vendor.pull(token, grant))).toEqual(contents);
  });

  test("is read by the objects that name it, not by those of single records", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const once = vendor.ask({ purpose: RECOMMENDATIONS, paths: ["purchases:tastes"], frequency: { max: 1, per: "P1D" } });
    const often = vendor.ask({ purpose: RECOMMENDATIONS, paths: ["purchases:category"], frequency: { max: 60, per: "PT1H" } });
    const given = await customer.approve(await vendor.request([once, often]), {
      contents: { "purchases:tastes": TASTES, "purchases/x:category": { value: "books" } },
    });
    const token = (await vendor.redeem(given.redirect)).body.access_token;
    const all = await vendor.pull(token, given.grant);
    expect(all.records).toHaveLength(2);
    system.clock.pass(60_000);
    await customer.commit({
      shares: ["purchases:tastes", "purchases/x:category"].map((path) => ({ grant: given.grant, path, content: TASTES })),
    });
    expect((await vendor.pull(token, given.grant, all.cursor)).records.map(({ path }) => path)).toEqual(["purchases/x:category"]);
  });
});

describe("what is the customer's alone", () => {
  test("can't be asked for", async () => {
    await using at = await scene();
    for (const path of ["imports", "inbox", "relationships", "preferences/terms", "imports/x", "purchases:nothing", "purchases/x:tastes"]) {
      const { status, body } = await at.vendor.par([at.vendor.ask({ purpose: RECOMMENDATIONS, paths: [path], frequency: { max: 1 } })]);
      expect([status, body.error], path).toEqual([400, "invalid_authorization_details"]);
    }
  });

  test("is kept as a record, and shared by no grant however wide", async () => {
    await using at = await scene();
    const { customer } = at;
    const { grant } = await grantOf(at, ["preferences/tastes", "purchases", "intents"]);
    const paths = ["imports/x", "inbox/x", "relationships/x", "preferences/terms"];
    await customer.commit({ records: Object.fromEntries([...paths, "purchases/x", "intents/x"].map((path) => [path, BOOK])) });
    for (const path of [...paths, "imports", "inbox", "imports:tastes", "nothing/x"])
      await expect(customer.commit({ shares: [{ grant, path, content: BOOK }] }), path).rejects.toMatchObject(
        refusal("outside_consent", "/shares/0/path"),
      );
    for (const path of ["purchases", "intents", "imports", "inbox", "purchases:tastes", "purchases/x:category", "nothing/x"])
      await expect(customer.commit({ records: { [path]: BOOK } }), path).rejects.toMatchObject(refusal("invalid_input", "/records/0/path"));
  });
});
