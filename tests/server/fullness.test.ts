import { describe, expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { digest } from "../../server/digest.ts";
import { partOf } from "../../server/moves/package.ts";
import { ordered, type Rows, type StoreRow } from "../../server/rows.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import type { Storage, StoreReader } from "../../server/storage/storage.ts";
import { withReplaced } from "../../server/storage/with-replaced.ts";
import { readPart } from "../../server/store/part.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import type { System, SystemOptions } from "../support/system.ts";
import { BulkReader } from "./bulk-reader.ts";
import { moveOver, twoServers } from "./moving.ts";
import { connect, EMAIL, NAME, refusal, type Scene, scene } from "./scene.ts";

const LONG = { value: { address: `${"x".repeat(20_000)}@example.org` } };

const rowIn = async (system: System, account: string): Promise<StoreRow> => {
  const row = await system.storage.read(account, (store) => store.get("store", "store"));
  if (row === undefined) throw new Error("no store");
  return row;
};
const bytesOf = async ({ system, customer }: Scene): Promise<number> => (await rowIn(system, customer.account)).bytes ?? 0;

async function fill({ system, customer }: Scene, bytes: number): Promise<void> {
  const row = await rowIn(system, customer.account);
  await system.storage.change(customer.account, async (store) => store.put("store", "store", { ...row, bytes }));
}

const bodiesIn = (system: System, account: string): Promise<number> =>
  system.storage.read(account, async (store) => {
    const records = await store.list("records", { limit: 1000 });
    const shares = await store.list("shares", { limit: 1000 });
    return [...records, ...shares].reduce((size, [, { body }]) => size + body.length, 0);
  });

describe("a store's characters are counted", () => {
  test("as they are put, replaced, and taken out by a narrowing, a drop or an end", async () => {
    await using at = await scene();
    const { customer, system } = at;
    await customer.addKit();
    const step = async (work: () => Promise<unknown>): Promise<[bytes: number, bodies: number]> => {
      const before = [await bytesOf(at), await bodiesIn(system, customer.account)] as const;
      await work();
      return [(await bytesOf(at)) - before[0], (await bodiesIn(system, customer.account)) - before[1]];
    };
    /** What a commit leaves behind besides bodies is little. */
    const near = ([bytes, bodies]: [number, number], rest = 6000): void => {
      expect(bytes).toBeGreaterThan(bodies);
      expect(bytes).toBeLessThan(bodies + rest);
    };
    expect(await bytesOf(at)).toBeGreaterThan(await bodiesIn(system, customer.account));
    const put = await step(() => customer.commit({ records: { "profile/emails/e2": LONG } }));
    expect(put[1]).toBeGreaterThan(20_000);
    near(put);
    const replaced = await step(() => customer.commit({ records: { "profile/emails/e2": EMAIL } }));
    expect(replaced[1]).toBeLessThan(-20_000);
    near(replaced);
    const { grant } = await connect(at);
    const share = (path: string) => ({ grant: grant.grant, path: `profile/emails/${path}`, content: LONG });
    near(await step(() => customer.commit({ shares: [share("e1"), share("e2"), share("e3")] })));
    near(await step(() => customer.commit({ shares: [{ ...share("e3"), content: EMAIL }] })));
    const [detail] = grant.consent.authorization_details;
    if (detail === undefined) throw new Error("no detail");
    const narrowed = await step(() => customer.narrow(grant.grant, [{ ...detail, paths: ["profile/emails/e1"] }], ["profile/emails/e2"]));
    expect(narrowed[1]).toBeLessThan(-20_000);
    near(narrowed);
    const ended = await step(() => customer.revoke(grant.grant));
    expect(ended[1]).toBeLessThan(-20_000);
    expect(ended[0]).toBe(ended[1]);
    await connect(at);
    const all = await step(() => customer.erase("later"));
    expect(all[1]).toBeLessThan(0);
    expect(all[0]).toBe(all[1]);
  });

  test("and one that is full takes nothing more, but whatever takes away", async () => {
    await using at = await scene();
    const { customer, system } = at;
    await customer.addKit();
    const { grant, tokens } = await connect(at);
    await fill(at, LIMITS.bytes - 10_000);
    const before = customer.head;
    await expect(customer.commit({ records: { "profile/emails/e2": LONG } })).rejects.toMatchObject(refusal("store_full"));
    await expect(customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e2", content: LONG }] })).rejects.toMatchObject(
      refusal("store_full"),
    );
    expect((await rowIn(system, customer.account)).head).toBe(before);
    await customer.commit({ records: { "profile/emails/e2": EMAIL } });
    await fill(at, LIMITS.bytes);
    await expect(connect(at), "another grant").rejects.toMatchObject(refusal("store_full"));
    await customer.commit({ records: { "profile/name": NAME } });
    const removal = { grant: grant.grant, path: "profile/emails/e1", content: { value: null } };
    await customer.commit({ shares: [{ ...removal, version: 2 }] });
    // So full that not even what makes it no larger goes on for ever.
    await fill(at, 2 * LIMITS.bytes);
    await expect(customer.commit({ records: { "profile/name": NAME } })).rejects.toMatchObject(refusal("store_full"));
    await customer.commit({ shares: [{ ...removal, version: 3 }] });
    const { position } = await customer.api.call("pause", { id: grant.grant });
    expect(position).toBeGreaterThan(0);
    const [detail] = grant.consent.authorization_details;
    if (detail === undefined) throw new Error("no detail");
    await customer.narrow(grant.grant, [{ ...detail, paths: ["profile/emails/e9"] }], ["profile/emails/e1"]);
    await customer.revoke(grant.grant);
    await customer.commit({ ends: [{ grant: grant.grant, hash: digest("an act") }] });
    expect((await at.vendor.pullRaw(tokens.access_token, grant.grant)).status).toBe(403);
  });

  test("wherever it moves", async () => {
    await using at = await twoServers();
    const { customer, there, system } = at;
    await connect(at);
    const before = await bytesOf(at);
    await moveOver(at);
    const row = await rowIn(there, customer.account);
    const after = row.bytes ?? 0;
    expect(Math.abs(after - before)).toBeLessThan(0.2 * before);
    expect(after).toBeGreaterThan(await bodiesIn(there, customer.account));
    expect((await rowIn(system, customer.account)).bytes, "what is left says where it went").toBeUndefined();
  });
});

describe("a grant's reads", () => {
  test("end where they have filled their part of the history: nothing is given, and the grant goes on", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    const pull = () => vendor.pullRaw(tokens.access_token, grant.grant);
    expect((await pull()).status).toBe(200);
    const written = async (): Promise<number> =>
      (await system.storage.read(customer.account, (store) => store.get("standings", grant.grant)))?.written ?? 0;
    const first = await written();
    expect(first).toBeGreaterThan(100);
    await pull();
    expect((await written()) - first, "a line that names another").toBeLessThan(first);
    await system.storage.change(customer.account, async (store) => {
      const standing = (await store.get("standings", grant.grant)) as Rows["standings"];
      store.put("standings", grant.grant, { ...standing, written: LIMITS.history });
    });
    const lines = (await customer.read()).history.length;
    const refused = await pull();
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([429, "frequency_exceeded"]);
    expect(await new BulkReader(vendor).read()).toMatchObject([{ type: "held", grant: grant.grant, until: null }, { type: "cursor" }]);
    expect((await customer.read()).history).toHaveLength(lines);
    expect((await vendor.query(grant.grant)).state).toBe("active");
    await customer.revoke(grant.grant);
    expect(((await (await pull()).json()) as { code: string }).code).toBe("grant_ended");
  });
});

/** The storage, and the most characters of bodies that one list of it has answered. */
function watched(storage: Storage<Rows>): { storage: Storage<Rows>; most: () => number } {
  let most = 0;
  const watch = <S extends StoreReader<Rows>>(store: S): S =>
    new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== "function") return value;
        if (name !== "list") return value.bind(target);
        return async (table: keyof Rows, range: never) => {
          const rows = await target.list(table, range);
          most = Math.max(
            most,
            rows.reduce((size, [, row]) => size + ((row as { body?: string }).body?.length ?? 0), 0),
          );
          return rows;
        };
      },
    });
  return {
    most: () => most,
    storage: withReplaced(storage, {
      read: (id, work) => storage.read(id, (store) => work(watch(store))),
      change: (id, work) => storage.change(id, (store) => work(watch(store))),
    }),
  };
}

/** A server over such a storage. */
function watching(folder: string): { options: SystemOptions; most: () => number } {
  let seen = (): number => 0;
  const open = async (now: () => number): Promise<Storage<Rows>> => {
    const { storage, most } = watched(await openFileStorage<Rows>({ folder, now }));
    seen = most;
    return storage;
  };
  return { options: { storage: { place: { kind: "embedded", folder }, open } }, most: () => seen() };
}

describe("no list has all bodies of a large grant in memory", () => {
  const COUNT = 450;
  const body = "x".repeat(10_000);
  const path = (n: number): string => `profile/emails/m${String(n).padStart(4, "0")}`;

  /** Nothing in it can be opened. */
  async function enlarge({ system, customer }: Scene, grant: string): Promise<void> {
    await system.storage.change(customer.account, async (store) => {
      const standing = (await store.get("standings", grant)) as Rows["standings"];
      store.put("standings", grant, { ...standing, position: standing.position + 1 });
      for (let n = 0; n < COUNT; n++) {
        const share = { path: path(n), version: 2, body, updated: 0, objects: 1 };
        store.put("shares", `${grant}/${ordered(standing.position + 1)}/${path(n)}`, share);
      }
    });
  }

  test("a read cuts its pages where it did", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant } = await connect(at);
    await enlarge(at, grant.grant);
    const { storage, most } = watched(system.storage);
    const read = async (size: { shares: number; characters: number }): Promise<number[]> => {
      const pages: number[] = [];
      let page: { through: number; after: string } | undefined;
      const seen: string[] = [];
      do {
        const wanted = { since: 0, page, owed: 0 };
        const reader = { clientId: vendor.clientId, jkt: "key" };
        const part = await readPart(storage, reader, grant.grant, wanted, { now: system.clock.now(), repeats: 60, size });
        if (part.type !== "given") throw new Error(part.type);
        pages.push(part.page.length);
        seen.push(...part.page.map((share) => share.path));
        page = part.after === undefined ? undefined : { through: part.through, after: part.after };
      } while (page !== undefined);
      expect(seen).toEqual(["profile/emails/e1", ...Array.from({ length: COUNT }, (_, n) => path(n))]);
      return pages;
    };
    expect(await read({ shares: 1000, characters: 4_000_000 })).toEqual([401, 50]);
    expect(await read({ shares: 200, characters: 100_000_000 })).toEqual([200, 200, 51]);
    expect(await read({ shares: 451, characters: 100_000_000 })).toEqual([451]);
    expect(await read({ shares: 101, characters: 1_000_000 })).toEqual([101, 101, 101, 101, 47]);
    expect(most()).toBeLessThan(1_100_000);
    await customer.revoke(grant.grant);
  });

  test("a device that reads all, and a move, get records by the part", async () => {
    await using folder = await scratchFolder();
    const { options, most } = watching(folder.path);
    await using at = await scene(options);
    const { customer, system } = at;
    const row = await rowIn(system, customer.account);
    await system.storage.change(customer.account, async (store) => {
      for (let n = 0; n < COUNT; n++) store.put("records", path(n), { version: 1, epoch: 1, body });
    });
    const { records } = await customer.read();
    expect(records.filter((record) => record.path.startsWith("profile/emails/m"))).toHaveLength(COUNT);
    const part = await system.storage.read(customer.account, (store) => partOf(store, customer.account, row as never, "records|"));
    expect(part.rows.length).toBeGreaterThan(90);
    expect(most()).toBeLessThan(1_100_000);
  });

  test.each(["a narrowing", "an end"] as const)("%s leaves no body", async (what) => {
    await using folder = await scratchFolder();
    const { options, most } = watching(folder.path);
    await using at = await scene(options);
    const { customer, system } = at;
    const { grant } = await connect(at);
    await enlarge(at, grant.grant);
    const [detail] = grant.consent.authorization_details;
    if (detail === undefined) throw new Error("no detail");
    if (what === "an end") await customer.revoke(grant.grant);
    else await customer.narrow(grant.grant, [{ ...detail, paths: [path(7)] }], ["profile/emails/e1"]);
    expect(most()).toBeLessThan(1_100_000);
    const left = await system.storage.read(customer.account, (store) => store.list("shares", { limit: 1000 }));
    expect(left.map(([, share]) => share.path)).toEqual(what === "an end" ? [] : [path(7)]);
  });
});
