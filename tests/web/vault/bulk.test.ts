import { describe, expect, it } from "vitest";
import type { Import } from "#protocol/data/private.ts";
import type { StoreView } from "../../../web/vault/vault.ts";
import { applyChange } from "../../../web/vault/view-change.ts";
import { type Device, details, openHouse, shop } from "./house.ts";
import { accountOf, bought, commitsOf, granted, pathOf, pulled, valuesOf } from "./vendor-side.ts";

const purchases = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => ({ path: "purchases", value: bought(`Thing ${from + at}`, { order: `o-${from + at}` }) }));
const batch = (edits: Array<{ path: string; value: unknown }>) => ({ file: "orders.csv", format: "amazon", edits });
const bodies = ({ view }: Device) => view.records.filter(({ kind }) => kind === "purchases");
const imports = ({ view }: Device) => view.records.filter(({ kind }) => kind === "imports");
const note = (device: Device) => imports(device)[0]?.value as Import | undefined;

const byPath = <T extends { path: string }>(rows: readonly T[] = []): T[] => [...rows].sort((a, b) => (a.path < b.path ? -1 : 1));

/** Lets so many commits through; then `then` happens at each. */
function afterCommits(device: Device, count: number, then: () => Response | undefined): void {
  let seen = 0;
  device.instead = (name) => {
    if (name !== "commit") return undefined;
    seen += 1;
    return seen > count ? then() : undefined;
  };
}
const gone = (): never => {
  throw new TypeError("no network");
};

describe("bring", () => {
  it("saves all under one import, in commits of a thousand at most, and says how far it is", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const steps: number[] = [];
    const before = commitsOf(device).length;
    const id = await device.core.bring(batch(purchases(2100)), { onProgress: ({ done, total }) => steps.push(done, total) });
    const commits = commitsOf(device).slice(before);
    expect(commits).toHaveLength(3);
    for (const { records } of commits) expect(records.length).toBeLessThanOrEqual(1000);
    for (const body of device.sent) expect(Buffer.byteLength(body)).toBeLessThan(1_000_000);
    expect(steps.filter((_, at) => at % 2 === 0).at(-1)).toBe(2100);
    expect(new Set(steps.filter((_, at) => at % 2 === 1))).toEqual(new Set([2100]));
    expect(bodies(device)).toHaveLength(2100);
    expect(new Set(bodies(device).map(({ source }) => source))).toEqual(new Set([id]));
    expect(note(device)).toMatchObject({ file: "orders.csv", format: "amazon", count: 2100, state: "done" });
  });

  it("is taken back where nobody changed it since; single values come back", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await device.core.save({ path: "profile/name", value: { given: "Ada" } });
    await device.core.save({ path: "purchases", value: bought("Mine") });
    const id = await device.core.bring(
      batch([
        ...purchases(3),
        { path: "profile/name", value: { given: "Augusta", surname: "King" } },
        { path: "profile/birthday", value: { date: "1815-12-10" } },
      ]),
    );
    await device.core.save({ path: pathOf(device, "Thing 1"), value: bought("Thing 1", { recipient: "gift" }) });
    await device.core.save({ path: "profile/birthday", value: { date: "1815-12-11" } });
    expect(device.view.records.find(({ path }) => path === pathOf(device, "Thing 1"))?.source).toBe(id);
    expect(await device.core.takeBack(id)).toEqual({ removed: 3, changed: 2 });
    expect(device.view.records.find(({ path }) => path === "profile/name")).toMatchObject({ value: { given: "Ada" }, source: null });
    expect(device.view.records.find(({ path }) => path === "profile/birthday")).toMatchObject({ value: { date: "1815-12-11" } });
    expect(bodies(device).map(({ value, source }) => [(value as { item: string }).item, source])).toEqual([
      ["Mine", null],
      ["Thing 1", null],
    ]);
    expect(imports(device)).toEqual([]);
    await expect(device.core.takeBack(id)).rejects.toMatchObject({ code: "invalid" });
  });

  it("takes all back when it is stopped, or when a commit is refused", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const stop = new AbortController();
    const working = { signal: stop.signal, onProgress: () => stop.abort() };
    await expect(device.core.bring(batch(purchases(1050)), working)).rejects.toMatchObject({ code: "cancelled" });
    expect(bodies(device)).toEqual([]);
    expect(imports(device)).toEqual([]);

    await device.core.save({ path: "profile/name", value: { given: "Ada" } });
    let refused = false;
    afterCommits(device, 1, () => {
      if (refused) return undefined;
      refused = true;
      return Response.json({ code: "storage_full", detail: "full" }, { status: 507 });
    });
    const edits = [...purchases(1050), { path: "profile/name", value: { given: "Augusta" } }];
    await expect(device.core.bring(batch(edits))).rejects.toMatchObject({ code: "full" });
    expect(bodies(device)).toEqual([]);
    expect(imports(device)).toEqual([]);
    expect(device.view.records.find(({ path }) => path === "profile/name")?.value).toEqual({ given: "Ada" });
    await expect(device.core.bring(batch([...purchases(1), { path: "purchases", value: { item: "half" } }]))).rejects.toMatchObject({
      code: "invalid",
    });
    expect(bodies(device)).toEqual([]);
  });

  it("that is cut off stays known as running, and can be taken back later, elsewhere", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    afterCommits(device, 1, gone);
    await expect(device.core.bring(batch(purchases(1050)))).rejects.toMatchObject({ code: "offline" });
    const again = house.device({ authenticator: device.authenticator, memory: device.memory });
    await again.core.unlock();
    expect(note(again)).toMatchObject({ state: "running", count: 1050 });
    const id = imports(again)[0]?.path.split("/")[1] ?? "";
    expect(bodies(again).length).toBeGreaterThan(900);
    expect(await again.core.takeBack(id)).toEqual({ removed: 998, changed: 0 });
    expect(bodies(again)).toEqual([]);
  });

  it("goes on over what another device commits, and takes back over it", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const other = house.device({ authenticator: device.authenticator, memory: device.memory });
    await other.core.unlock();
    let meanwhile: Promise<unknown> = Promise.resolve();
    const id = await device.core.bring(batch(purchases(1010)), {
      onProgress: () => {
        meanwhile = other.core.save({ path: "profile/name", value: { given: "Ada" } });
      },
    });
    await meanwhile;
    await device.core.refresh();
    expect(bodies(device)).toHaveLength(1010);
    await other.core.refresh();
    await other.core.save({ path: pathOf(other, "Thing 7"), value: bought("Thing 7", { recipient: "gift" }) });
    expect(await device.core.takeBack(id)).toMatchObject({ removed: 1010 });
    expect(bodies(device).map(({ value }) => value)).toEqual([bought("Thing 7", { recipient: "gift" })]);
  });

  it("waits where the server asks to", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    let refusals = 0;
    afterCommits(device, 1, () => {
      refusals += 1;
      return refusals > 2 ? undefined : Response.json({ code: "rate_limited", detail: "wait", retryAfter: 30 }, { status: 429 });
    });
    const before = house.clock.now();
    await device.core.bring(batch(purchases(1010)));
    expect(house.clock.now() - before).toBe(60_000);
    expect(bodies(device)).toHaveLength(1010);
  });
});

describe("saveAll", () => {
  it("saves edits, then removals, and shares what they come to", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    // So long that the shares of all of them are more than one commit holds.
    const long = purchases(1300).map(({ path, value }) => ({ path, value: { ...value, item: value.item.padEnd(200, "x") } }));
    await device.core.bring(batch(long));
    const vendor = shop();
    const grant = await granted(
      device,
      house,
      vendor,
      details(["purchases", "purchases:tastes"], house.clock.now(), { filter: { recipients: ["self"] } }),
    );
    expect(valuesOf(await pulled(house, device, grant, vendor))).toHaveLength(1301);
    const consents = commitsOf(device).filter(({ consent }) => consent !== null);
    expect(consents.map(({ consent }) => consent?.complete)).toEqual([false]);
    expect(await house.storage.read(accountOf(device), (store) => store.get("standings", grant))).toMatchObject({ complete: true });

    const [gifts, rest] = [bodies(device).slice(0, 1050), bodies(device).slice(1050)];
    const edits = gifts.map(({ path, value }) => ({ path, value: { ...(value as object), recipient: "gift" } }));
    await device.core.saveAll({ edits, removals: rest.slice(0, 100).map(({ path }) => path) });
    const values = valuesOf(await pulled(house, device, grant, vendor));
    expect(values).toHaveLength(151);
    expect(values).toContainEqual({ tastes: [{ category: "books", count: 150 }] });
    expect(device.view.connections[0]?.shared).toHaveLength(151);
    expect(bodies(device).filter(({ source }) => source !== null)).toHaveLength(1200);
    for (const body of device.sent) expect(Buffer.byteLength(body)).toBeLessThan(1_048_576);
  });

  it("says how many were saved before a fault, and shares those", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const stop = new AbortController();
    const fault = device.core.saveAll({ edits: purchases(1050) }, { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(fault).rejects.toMatchObject({ code: "cancelled", done: 998 });
    expect(bodies(device)).toHaveLength(998);
    await expect(device.core.saveAll({ removals: ["purchases/none"] })).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("what the page is told", () => {
  it("is what changed: rows that say the same stay the same objects, and a long verb is told once", async () => {
    await using house = await openHouse();
    const device = house.device();
    const views: StoreView[] = [];
    device.heard = (event) => {
      if ("store" in event) views.push(applyChange(views.at(-1), structuredClone(event.store)));
    };
    await device.core.begin();
    const opened = views.length;
    await device.core.bring(batch(purchases(1100)));
    expect(views.length - opened).toBe(1);
    const vendor = shop();
    await granted(device, house, vendor, ["purchases", "purchases:shops"]);
    const before = views.at(-1);
    const path = pathOf(device, "Thing 1000");
    let bytes = 0;
    device.heard = (event) => {
      if (!("store" in event)) return;
      bytes += JSON.stringify(event.store).length;
      views.push(applyChange(views.at(-1), structuredClone(event.store)));
    };
    await device.core.save({ path, value: bought("Thing 1000", { seller: "Elsewhere" }) });
    expect(bytes).toBeLessThan(10_000);
    const after = views.at(-1);
    expect(after?.records.map((each) => each.path)).toEqual(before?.records.map((each) => each.path));
    const differ = (after?.records ?? []).filter((each, at) => each !== before?.records[at]);
    expect(differ.map((each) => each.path)).toEqual([path]);
    const had = new Set(before?.connections[0]?.shared);
    expect(byPath(after?.connections[0]?.shared.filter((each) => !had.has(each)))).toEqual([
      { path, value: bought("Thing 1000", { seller: "Elsewhere" }) },
      { path: "purchases:shops", value: { shops: ["Elsewhere", "Libreria Aldina"] } },
    ]);
    await device.core.remove(path);
    expect(views.at(-1)?.records.some((each) => each.path === path)).toBe(false);
    const again = house.device({ authenticator: device.authenticator, memory: device.memory });
    await again.core.unlock();
    expect(byPath(again.view.records)).toEqual(byPath(views.at(-1)?.records));
    expect(byPath(again.view.connections[0]?.shared)).toEqual(byPath(views.at(-1)?.connections[0]?.shared));
  });
});
