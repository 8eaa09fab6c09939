import { describe, expect, it } from "vitest";
import { type Device, details, openHouse, shop } from "./house.ts";
import { bought, commitsOf, confirmedKit, everShared, granted, pathOf, pulled, valuesOf, versionsOf } from "./vendor-side.ts";

const buy = (device: Device, item: string, more = {}): Promise<void> => device.core.save({ path: "purchases", value: bought(item, more) });
const move = (device: Device, item: string, more: object): Promise<void> =>
  device.core.save({ path: pathOf(device, item), value: bought(item, more) });

describe("purchases under a filter", () => {
  it("leave only as the filter lets them, and are taken back when they become a gift", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await buy(device, "Dune", { hints: ["gift-wrap"] });
    await buy(device, "Drill", { category: "tools" });
    await buy(device, "Emma", { recipient: "gift" });
    await buy(device, "Thing", { category: undefined });
    const vendor = shop();
    const filter = { categories: ["books"], recipients: ["self" as const] };
    const asked = details(["purchases", "profile/name"], house.clock.now(), { filter });
    await device.core.save({ path: "profile/name", value: { given: "Ada" } });
    expect(await device.core.preview(asked, [])).toEqual([
      { path: "profile/name", value: { given: "Ada" } },
      { path: pathOf(device, "Dune"), value: bought("Dune") },
    ]);
    const grant = await granted(device, house, vendor, asked);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual(expect.arrayContaining([bought("Dune"), { given: "Ada" }]));
    expect(device.view.connections[0]?.shared).toHaveLength(2);
    expect(device.view.records.find(({ path }) => path === pathOf(device, "Emma"))?.sharedWith).toEqual([]);

    await move(device, "Dune", { recipient: "gift" });
    const after = await pulled(house, device, grant, vendor);
    expect(valuesOf(after)).toEqual([{ given: "Ada" }]);
    expect(Object.values(after)).toContainEqual({ removed: true });
    // What the vendor doesn't have any more, it doesn't hear of again.
    const sent = commitsOf(device).flatMap(({ shares }) => shares).length;
    await move(device, "Dune", { recipient: "gift", seller: "Elsewhere" });
    await move(device, "Dune", { recipient: "work" });
    expect(commitsOf(device).flatMap(({ shares }) => shares)).toHaveLength(sent);
    await move(device, "Dune", { recipient: "self" });
    expect(valuesOf(await pulled(house, device, grant, vendor))).toContainEqual(bought("Dune"));
    expect(JSON.stringify(await everShared(house, device, grant, vendor))).not.toMatch(/gift|Emma|Drill|Thing|hints/);
  });

  it("are taken back also while the grant is paused", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await buy(device, "Dune");
    await buy(device, "Emma");
    const vendor = shop();
    const asked = details(["purchases", "purchases:tastes"], house.clock.now(), { filter: { recipients: ["self"] } });
    const grant = await granted(device, house, vendor, asked);
    await device.core.pause(grant);
    await move(device, "Emma", { seller: "Elsewhere" });
    await move(device, "Dune", { recipient: "gift" });
    const paused = Object.values(await pulled(house, device, grant, vendor));
    expect(paused).toContainEqual({ removed: true });
    expect(paused).toContainEqual({ value: bought("Emma") });
    const connection = device.view.connections[0];
    expect(connection?.shared).toEqual(expect.arrayContaining([{ path: "purchases:tastes", value: null }]));
    await device.core.resume(grant);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual(
      expect.arrayContaining([bought("Emma", { seller: "Elsewhere" }), { tastes: [{ category: "books", count: 1 }] }]),
    );
  });

  it("fall back to their category where only another object still lets that out", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await buy(device, "Dune");
    const vendor = shop();
    const now = house.clock.now();
    const [whole] = details(["purchases"], now, { filter: { recipients: ["self"] } });
    const [category] = details(["purchases:category"], now, { purpose: "https://w3id.org/dpv#ProvideProductRecommendations" });
    if (whole === undefined || category === undefined) throw new TypeError("no objects");
    const grant = await granted(device, house, vendor, [whole, category]);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([bought("Dune")]);
    await move(device, "Dune", { recipient: "gift" });
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([{ category: "books" }]);
    await move(device, "Dune", { recipient: "self" });
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([bought("Dune")]);
  });

  it("are taken back at the next opening when the object ends that let them out, though another goes on", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await buy(device, "Dune");
    await buy(device, "Emma", { date: "2020-01-01" });
    const now = house.clock.now();
    const [all] = details(["purchases"], now, { expires: `${new Date(now + 86_400_000).toISOString().slice(0, 19)}Z` });
    const [some] = details(["purchases"], now, {
      filter: { since: "2026-01-01" },
      purpose: "https://w3id.org/dpv#ProvideProductRecommendations",
    });
    if (all === undefined || some === undefined) throw new TypeError("no objects");
    const vendor = shop();
    const grant = await granted(device, house, vendor, [all, some]);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toHaveLength(2);
    house.clock.pass(2 * 86_400_000);
    const again = house.device({ authenticator: device.authenticator });
    await again.core.unlock();
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([bought("Dune")]);
    const commits = commitsOf(again).length;
    await again.core.unlock();
    expect(commitsOf(again)).toHaveLength(commits);
  });
});

describe("a digest", () => {
  it("is one value for its grant, made anew only where it says something else", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await buy(device, "Dune");
    await buy(device, "Emma");
    await buy(device, "Drill", { category: "tools", recipient: "gift" });
    const vendor = shop();
    const grant = await granted(device, house, vendor, ["purchases:tastes"]);
    const first = await versionsOf(house, device, grant, vendor);
    expect([...first.keys()]).toEqual(["purchases:tastes"]);
    expect(first.get("purchases:tastes")?.content).toEqual({ value: { tastes: [{ category: "books", count: 2 }] } });
    expect(device.view.connections[0]?.shared).toEqual([
      { path: "purchases:tastes", value: { tastes: [{ category: "books", count: 2 }] } },
    ]);
    const until = device.view.connections[0]?.details[0]?.expires.replace("Z", ".000Z");
    const readersOf = (item: string) => device.view.records.find(({ path }) => path === pathOf(device, item))?.sharedWith;
    expect(readersOf("Dune")).toEqual([{ grant, name: vendor.name, path: "purchases:tastes", until }]);
    expect(readersOf("Drill")).toEqual([]);

    await move(device, "Dune", { seller: "Elsewhere", price: { amount: "9.90", currency: "EUR" } });
    await buy(device, "Socks", { recipient: "unknown", category: "clothing" });
    await device.core.save({ path: "profile/name", value: { given: "Ada" } });
    expect(await versionsOf(house, device, grant, vendor)).toEqual(first);

    await move(device, "Dune", { recipient: "gift" });
    const second = await versionsOf(house, device, grant, vendor);
    expect(second.get("purchases:tastes")?.content).toEqual({ value: { tastes: [{ category: "books", count: 1 }] } });
    expect(readersOf("Dune")).toEqual([]);
    await move(device, "Emma", { recipient: "gift" });
    expect((await pulled(house, device, grant, vendor))["purchases:tastes"]).toEqual({ removed: true });
    expect(device.view.connections[0]?.shared).toEqual([]);
    await move(device, "Drill", { category: "tools", recipient: "household" });
    expect((await pulled(house, device, grant, vendor))["purchases:tastes"]).toEqual({
      value: { tastes: [{ category: "tools", count: 1 }] },
    });
    expect(JSON.stringify(await everShared(house, device, grant, vendor))).not.toContain("clothing");
  });

  it("that two objects list is made of what both let through; each vendor gets its own", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await buy(device, "Dune");
    await buy(device, "Old drill", { category: "tools", date: "2020-01-01" });
    await buy(device, "Drill", { category: "tools" });
    const now = house.clock.now();
    const [recent] = details(["purchases:tastes"], now, { filter: { since: "2025-01-01" } });
    const [tools] = details(["purchases:tastes", "purchases:shops"], now, {
      filter: { categories: ["tools"] },
      purpose: "https://w3id.org/dpv#ProvideProductRecommendations",
    });
    if (recent === undefined || tools === undefined) throw new TypeError("no objects");
    const one = shop();
    const first = await granted(device, house, one, [recent, tools]);
    expect(await pulled(house, device, first, one)).toEqual({
      "purchases:tastes": { value: { tastes: [{ category: "tools", count: 1 }] } },
      "purchases:shops": { value: { shops: ["Libreria Aldina"] } },
    });
    await confirmedKit(device);
    const two = shop("Two", "https://two.example/client.json");
    const second = await granted(device, house, two, ["purchases:tastes"]);
    expect(valuesOf(await pulled(house, device, second, two))).toEqual([
      {
        tastes: [
          { category: "tools", count: 2 },
          { category: "books", count: 1 },
        ],
      },
    ]);
    const before = await versionsOf(house, device, first, one);
    await move(device, "Old drill", { category: "tools", date: "2020-01-01", recipient: "gift" });
    expect(await versionsOf(house, device, first, one)).toEqual(before);
    expect((await pulled(house, device, second, two))["purchases:tastes"]).toMatchObject({
      value: {
        tastes: [
          { category: "books", count: 1 },
          { category: "tools", count: 1 },
        ],
      },
    });
  });
});
