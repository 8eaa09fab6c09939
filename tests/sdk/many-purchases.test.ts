import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { ask } from "../../vendor-sdk/ask.ts";
import { csvSink } from "../../vendor-sdk/crm/csv-sink.ts";
import { mapFields } from "../../vendor-sdk/crm/mapping.ts";
import type { SubjectRecord } from "../../vendor-sdk/crm/sink.ts";
import { memoryState, type StateStore } from "../../vendor-sdk/state.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { scene } from "./connected.ts";

const MANY = 2000;
const asking = (paths: string[]): AuthorizationDetails => [
  { ...ask({ purpose: "recommendations", paths, days: 90 }), filter: { categories: ["books"], recipients: ["self", "household"] } },
];
const book = (at: number) => ({
  value: {
    item: `Book number ${at}`,
    seller: "Libreria Aldina",
    date: `2026-0${1 + (at % 9)}-01`,
    category: "books",
    recipient: "self",
    price: { amount: "12.50", currency: "EUR" },
  },
});
const titles = ({ fields }: SubjectRecord): string =>
  Object.keys(fields)
    .filter((path) => path.startsWith("purchases/"))
    .map((path) => (fields[path] as { item: string }).item)
    .join("; ");

/** A state that counts what is written, by the first part of a key. */
function counting(): { state: StateStore; written: Record<string, number> } {
  const state = memoryState();
  const written: Record<string, number> = {};
  return {
    written,
    state: {
      ...state,
      async set(key, text) {
        const kind = key.split("/")[0] ?? "";
        written[kind] = (written[kind] ?? 0) + text.length;
        await state.set(key, text);
      },
    },
  };
}

describe("a grant of 2 000 purchases", () => {
  it("comes in pages, costs little while nothing changes, and loses a book that became a gift", async () => {
    const { state, written } = counting();
    await using folder = await scratchFolder();
    await using it = await scene({ state });
    it.server.pageSize = 500;
    const { customer, grant } = await it.connect(asking(["purchases"]));
    for (let at = 0; at < MANY; at++) await customer.put(`purchases/p${at}`, book(at));
    const people = join(folder.path, "people.csv");
    const sink = csvSink(people, { map: mapFields({ books: titles }) });
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
    expect(it.server.arrived.filter(({ path }) => path.endsWith("/records"))).toHaveLength(4);
    const count = async (): Promise<number> => (await readFile(people, "utf8")).match(/Book number/g)?.length ?? 0;
    expect(await count()).toBe(MANY);

    const before = { ...written };
    expect(await it.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    expect((written.grant ?? 0) - (before.grant ?? 0)).toBeLessThan(20_000);
    expect(written.shares).toBe(before.shares);

    // The app shares a removal for what has left the filter (protocol, section 5).
    await customer.put("purchases/p1234", { removed: true });
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    const left = await readFile(people, "utf8");
    expect([left.includes("Book number 1234"), await count()]).toEqual([false, MANY - 1]);
    expect(await it.restart().sync(csvSink(people, { map: mapFields({ books: titles }) }))).toMatchObject({ unchanged: 1, failed: [] });
    expect(Object.keys((await it.vendor.pull(grant.id)).records)).toHaveLength(MANY - 1);
  });

  it("starts over where a crash came between the two texts of its state, and loses nothing", async () => {
    const state = memoryState();
    await using folder = await scratchFolder();
    await using it = await scene({ state });
    const { customer, grant } = await it.connect(asking(["purchases"]));
    for (let at = 0; at < 3; at++) await customer.put(`purchases/p${at}`, book(at));
    const sink = () => csvSink(join(folder.path, "people.csv"), { map: mapFields({ books: titles }) });
    await it.vendor.sync(sink());
    const old = (await state.get(`shares/${grant.id}`)) ?? "";
    await customer.put("purchases/p3", book(3));
    await customer.put("purchases/p0", { removed: true });
    await it.vendor.sync(sink());
    await state.set(`shares/${grant.id}`, old);
    const { records } = await it.restart().pull(grant.id);
    expect(Object.keys(records)).toEqual(["purchases/p1", "purchases/p2", "purchases/p3"]);
    await state.delete(`shares/${grant.id}`);
    expect(await it.restart().sync(sink())).toMatchObject({ unchanged: 1, failed: [] });
  });

  it("keeps each digest beside the purchases", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect(asking(["purchases", "preferences/tastes"]));
    await customer.put("purchases/p1", book(1));
    await customer.put("purchases:tastes", { value: { tastes: [{ category: "books", count: 1 }] } });
    await customer.put("purchases:shops", { value: { shops: ["Libreria Aldina"] } });
    const { records } = await it.vendor.pull(grant.id);
    expect(Object.keys(records).sort()).toEqual(["purchases/p1", "purchases:shops", "purchases:tastes"]);
  });

  it("refuses a purchase where only tastes were granted", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect(asking(["purchases:tastes"]), asking(["purchases"]));
    await customer.put("purchases:tastes", { value: { tastes: [{ category: "books", count: 1 }] } });
    expect(Object.keys((await it.vendor.pull(grant.id)).records)).toEqual(["purchases:tastes"]);
    await customer.put("purchases/p1", book(1));
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "outside" });
  });
});
