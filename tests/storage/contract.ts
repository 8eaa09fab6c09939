import { afterEach, describe, expect, test } from "vitest";
import { type DocumentName, type FeedName, type Storage, StorageError } from "../../server/storage/storage.ts";

/** Rows that mean nothing. */
export interface ToyRows {
  notes: { text: string; tags?: string[] };
  sums: { total: number };
}

/** One opened engine over a place of its own, with a clock that the suite moves. */
export interface Opened {
  storage: Storage<ToyRows>;
  /** Closes it and opens it again over what it has left. */
  reopen(): Promise<Storage<ToyRows>>;
  clock: { now: number };
  /** Closes it and removes everything. */
  remove(): Promise<void>;
}

export const storeId = (name: string) => name.padEnd(22, "_");
const A = storeId("a");
const B = storeId("b");

/** What every engine must do. */
export function storageContract(name: string, open: () => Promise<Opened>): void {
  describe(name, () => {
    let opened: Opened | undefined;
    const start = async () => {
      opened = await open();
      return opened;
    };
    afterEach(async () => {
      await opened?.remove();
      opened = undefined;
    });

    describe("stores", () => {
      test("what create and change put is there, also after reopening", async () => {
        const { storage, reopen } = await start();
        const made = await storage.create(A, async (store) => {
          store.put("notes", "n1", { text: "one" });
          return "made";
        });
        await storage.change(A, async (store) => {
          store.put("notes", "n2", { text: "two", tags: ["x"] });
          store.put("sums", "s", { total: 2 });
          store.delete("notes", "n1");
        });
        expect(made).toBe("made");
        for await (const each of beforeAndAfter(storage, reopen)) {
          const found = await each.read(A, async (store) => [
            await store.get("notes", "n1"),
            await store.get("notes", "n2"),
            await store.get("sums", "s"),
            await store.get("sums", "n2"),
          ]);
          expect(found).toEqual([undefined, { text: "two", tags: ["x"] }, { total: 2 }, undefined]);
        }
      });

      test("a store without rows exists", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async () => {});
        expect(await (await reopen()).read(A, (store) => store.list("notes", { limit: 10 }))).toEqual([]);
      });

      test("taken and absent", async () => {
        const { storage } = await start();
        await expect(storage.read(A, async () => 1)).rejects.toMatchObject({ name: "StorageError", code: "absent" });
        await expect(storage.change(A, async () => 1)).rejects.toMatchObject({ code: "absent" });
        await expect(storage.read("no id", async () => 1)).rejects.toMatchObject({ code: "absent" });
        expect(() => storage.create("../../../../etc/passwd", async () => 1)).toThrow(TypeError);
        await storage.create(A, async (store) => store.put("notes", "n", { text: "first" }));
        await expect(storage.create(A, async (store) => store.put("notes", "n", { text: "second" }))).rejects.toMatchObject({
          code: "taken",
        });
        expect(await storage.read(A, (store) => store.get("notes", "n"))).toEqual({ text: "first" });
      });

      test("of many who create one store exactly one does", async () => {
        const { storage } = await start();
        const all = await Promise.allSettled(
          range(8).map((n) => storage.create(A, async (store) => store.put("sums", "winner", { total: n }))),
        );
        const won = all.findIndex((one) => one.status === "fulfilled");
        expect(all.filter((one) => one.status === "fulfilled")).toHaveLength(1);
        for (const one of all) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "taken" });
        expect(await storage.read(A, (store) => store.get("sums", "winner"))).toEqual({ total: won });
      });

      test("if work throws, nothing changes and its error is passed on", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async (store) => store.put("sums", "s", { total: 1 }));
        const mine = new Error("mine");
        const failing = storage.change(A, async (store) => {
          store.put("sums", "s", { total: 2 });
          store.put("notes", "new", { text: "new" });
          store.point("grant", "name");
          throw mine;
        });
        await expect(failing).rejects.toBe(mine);
        await expect(
          storage.create(B, async () => {
            throw mine;
          }),
        ).rejects.toBe(mine);
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.read(A, async (store) => [await store.get("sums", "s"), await store.get("notes", "new")])).toEqual([
            { total: 1 },
            undefined,
          ]);
          expect(await each.find("grant", "name")).toBeUndefined();
          await expect(each.read(B, async () => 1)).rejects.toMatchObject({ code: "absent" });
        }
      });

      test("work sees its own changes", async () => {
        const { storage } = await start();
        await storage.create(A, async (store) => {
          for (const key of ["a", "b", "c", "d"]) store.put("notes", key, { text: key });
        });
        const seen = await storage.change(A, async (store) => {
          store.put("notes", "b", { text: "new b" });
          store.put("notes", "bb", { text: "bb" });
          store.delete("notes", "c");
          store.put("notes", "a", { text: "never" });
          store.delete("notes", "a");
          store.put("notes", "z", { text: "never" });
          store.delete("notes", "z");
          return [await store.get("notes", "b"), await store.get("notes", "c"), await store.list("notes", { limit: 10 })];
        });
        const rows = [
          ["b", { text: "new b" }],
          ["bb", { text: "bb" }],
          ["d", { text: "d" }],
        ];
        expect(seen).toEqual([{ text: "new b" }, undefined, rows]);
        expect(await storage.read(A, (store) => store.list("notes", { limit: 10 }))).toEqual(rows);
      });

      test("list: order, prefix, after, limit; against a plain filter over keys of every kind", async () => {
        const { storage, reopen } = await start();
        const keys = [
          "",
          "a",
          "a/",
          "a/1",
          "a/10",
          "a/2",
          "a0",
          "b",
          "B",
          "é",
          "z",
          "\u{10000}",
          "\uffff",
          "__proto__",
          "constructor",
          "1",
          "2",
          "10",
          " ",
          "a\nb",
          "\0",
        ];
        await storage.create(A, async (store) => {
          for (const key of keys) store.put("notes", key, { text: key });
          store.put("sums", "a/1", { total: 1 });
        });
        // Some of them again in a change, so that what is stored and what is new are merged.
        for await (const each of beforeAndAfter(storage, reopen)) {
          for (const prefix of [undefined, "", "a", "a/", "b", "zz", "\uffff"]) {
            for (const after of [undefined, "", "a/1", "a/", "a/11", "b", "\u{10000}"]) {
              for (const limit of [1, 3, 100_000]) {
                const expected = [...keys]
                  .sort((a, b) => (a < b ? -1 : 1))
                  .filter((key) => (prefix === undefined || key.startsWith(prefix)) && (after === undefined || key > after))
                  .slice(0, limit);
                const range = { limit, ...(prefix !== undefined && { prefix }), ...(after !== undefined && { after }) };
                const rows = await each.change(A, async (store) => {
                  for (const key of keys.slice(0, 9)) store.put("notes", key, { text: key });
                  const inside = await store.list("notes", range);
                  expect(inside.map(([key]) => key)).toEqual(expected);
                  return inside;
                });
                expect(rows).toEqual(expected.map((key) => [key, { text: key }]));
                expect(await each.read(A, (store) => store.list("notes", range))).toEqual(rows);
              }
            }
          }
        }
        for (const limit of [0, -1, 1.5, 100_001, Number.NaN]) {
          await expect(storage.read(A, (store) => store.list("notes", { limit }))).rejects.toBeInstanceOf(Error);
        }
      });

      test("what was handed in or out can't change what is stored", async () => {
        const { storage } = await start();
        const row = { text: "mine", tags: ["a"] };
        await storage.create(A, async (store) => {
          store.put("notes", "n", row);
          row.tags.push("in the same work");
        });
        row.tags.push("afterwards");
        row.text = "changed";
        const tryToChange = (found: ToyRows["notes"] | undefined) => {
          try {
            if (found !== undefined) found.text = "changed";
          } catch {}
          try {
            found?.tags?.push("b");
          } catch {}
        };
        await storage.change(A, async (store) => {
          store.put("sums", "other", { total: 1 });
          tryToChange(await store.get("notes", "n"));
          for (const [, each] of await store.list("notes", { limit: 1 })) tryToChange(each);
        });
        tryToChange(await storage.read(A, (store) => store.get("notes", "n")));
        expect(await storage.read(A, (store) => store.get("notes", "n"))).toEqual({ text: "mine", tags: ["a"] });
      });

      test("changes of one store come one after the other, and none is lost", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async (store) => store.put("sums", "s", { total: 0 }));
        const totals = await Promise.all(
          range(50).map((n) =>
            storage.change(A, async (store) => {
              const { total } = (await store.get("sums", "s")) as { total: number };
              if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
              store.put("sums", "s", { total: total + 1 });
              return total + 1;
            }),
          ),
        );
        expect(totals.toSorted((a, b) => a - b)).toEqual(range(50).map((n) => n + 1));
        expect(await (await reopen()).read(A, (store) => store.get("sums", "s"))).toEqual({ total: 50 });
      });

      test("a read is of one moment", async () => {
        const { storage } = await start();
        await storage.create(A, async (store) => {
          store.put("sums", "x", { total: 0 });
          store.put("sums", "y", { total: 0 });
        });
        const changing = range(20).map((n) =>
          storage.change(A, async (store) => {
            store.put("sums", "x", { total: n });
            await new Promise((resolve) => setImmediate(resolve));
            store.put("sums", "y", { total: n });
          }),
        );
        const reading = range(20).map(() =>
          storage.read(A, async (store) => {
            const x = await store.get("sums", "x");
            await new Promise((resolve) => setTimeout(resolve, 1));
            return [x, await store.get("sums", "y")];
          }),
        );
        await Promise.all(changing);
        for (const [x, y] of await Promise.all(reading)) expect(x).toEqual(y);
      });

      test("stores know nothing of each other", async () => {
        const { storage } = await start();
        await storage.create(A, async (store) => store.put("notes", "n", { text: "a" }));
        await storage.create(B, async (store) => store.put("notes", "n", { text: "b" }));
        await Promise.all([
          storage.change(A, async (store) => store.delete("notes", "n")),
          storage.change(B, async (store) => store.put("notes", "m", { text: "m" })),
        ]);
        expect(await storage.read(A, (store) => store.list("notes", { limit: 9 }))).toEqual([]);
        expect(await storage.read(B, (store) => store.list("notes", { limit: 9 }))).toEqual([
          ["m", { text: "m" }],
          ["n", { text: "b" }],
        ]);
      });
    });

    describe("pointers", () => {
      test("a name leads to its store until it is taken back, also after reopening", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async (store) => {
          store.point("grant", "one");
          store.point("grant", "two");
          store.point("locator", "one");
        });
        await storage.change(A, async (store) => store.unpoint("grant", "two"));
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.find("grant", "one")).toBe(A);
          expect(await each.find("locator", "one")).toBe(A);
          expect(await each.find("grant", "two")).toBeUndefined();
          expect(await each.find("locator", "two")).toBeUndefined();
          expect(await each.find("grant", "../grant/one")).toBeUndefined();
        }
      });

      test("a name that leads to another store is taken, and the whole change fails", async () => {
        const { storage } = await start();
        await storage.create(A, async (store) => store.point("grant", "name"));
        await storage.create(B, async () => {});
        const stealing = storage.change(B, async (store) => {
          store.put("sums", "s", { total: 1 });
          store.point("grant", "fresh");
          store.point("grant", "name");
        });
        await expect(stealing).rejects.toMatchObject({ code: "taken" });
        expect(await storage.find("grant", "name")).toBe(A);
        expect(await storage.find("grant", "fresh")).toBeUndefined();
        expect(await storage.read(B, (store) => store.get("sums", "s"))).toBeUndefined();
        await storage.change(A, async (store) => store.point("grant", "name"));
        await storage.change(B, async (store) => store.unpoint("grant", "name"));
        expect(await storage.find("grant", "name")).toBe(A);
        await storage.change(A, async (store) => store.unpoint("grant", "name"));
        await storage.change(B, async (store) => store.point("grant", "name"));
        expect(await storage.find("grant", "name")).toBe(B);
      });

      test("of two stores that want one name exactly one gets it", async () => {
        const { storage, reopen } = await start();
        const ids = range(6).map((n) => storeId(`s${n}`));
        for (const id of ids) await storage.create(id, async () => {});
        const all = await Promise.allSettled(
          ids.map((id, n) =>
            storage.change(id, async (store) => {
              for (const name of n % 2 === 0 ? ["x", "y"] : ["y", "x"]) store.point("locator", name);
            }),
          ),
        );
        const winner = ids[all.findIndex((one) => one.status === "fulfilled")];
        expect(all.filter((one) => one.status === "fulfilled")).toHaveLength(1);
        for await (const each of beforeAndAfter(storage, reopen))
          expect([await each.find("locator", "x"), await each.find("locator", "y")]).toEqual([winner, winner]);
      });

      test("a name that could not be one is refused", async () => {
        const { storage } = await start();
        for (const name of ["", "a/b", "..", "a".repeat(87), "ü"]) {
          await expect(storage.create(A, async (store) => store.point("grant", name))).rejects.toBeInstanceOf(TypeError);
          expect(await storage.find("grant", name)).toBeUndefined();
        }
      });
    });

    describe("what is due", () => {
      test("is found from its time on, earliest first, until it is said otherwise, also after reopening", async () => {
        const { storage, reopen } = await start();
        const ids = range(5).map((n) => storeId(`s${n}`));
        expect(await storage.findDue(1_000, 10)).toEqual([]);
        for (const [n, id] of ids.entries()) await storage.create(id, async (store) => store.due(1_000 - n * 10));
        await storage.change(ids[1] as string, async (store) => store.due(null));
        await storage.change(ids[2] as string, async (store) => {
          store.due(5);
          store.due(2_000_000_000_000);
        });
        await storage.change(ids[3] as string, async (store) => store.put("sums", "s", { total: 1 }));
        const [first, , late, third, fourth] = ids;
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.findDue(959, 10)).toEqual([]);
          expect(await each.findDue(960, 10)).toEqual([fourth]);
          expect(await each.findDue(1_000, 10)).toEqual([fourth, third, first]);
          expect(await each.findDue(1_000, 2)).toEqual([fourth, third]);
          expect(await each.findDue(2_000_000_000_000, 10)).toEqual([fourth, third, first, late]);
        }
      });

      test("belongs to its change: all or nothing", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async (store) => store.due(10));
        const failing = storage.change(A, async (store) => {
          store.due(5);
          throw new Error("mine");
        });
        await expect(failing).rejects.toThrow("mine");
        for (const at of [-1, 1.5, Number.NaN])
          await expect(storage.change(A, async (store) => store.due(at))).rejects.toBeInstanceOf(TypeError);
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.findDue(9, 10)).toEqual([]);
          expect(await each.findDue(10, 10)).toEqual([A]);
        }
      });
    });

    describe("erasing", () => {
      const fill = (storage: Storage<ToyRows>, id: string) =>
        storage.create(id, async (store) => {
          store.put("notes", "n", { text: "first" });
          store.point("grant", `g-${id}`);
          store.point("locator", `l-${id}`);
          store.due(10);
        });
      const expectGone = async (storage: Storage<ToyRows>, id: string) => {
        await expect(storage.read(id, async () => 1)).rejects.toMatchObject({ code: "absent" });
        await expect(storage.change(id, async () => 1)).rejects.toMatchObject({ code: "absent" });
        expect(await storage.find("grant", `g-${id}`)).toBeUndefined();
        expect(await storage.find("grant", `h-${id}`)).toBeUndefined();
        expect(await storage.find("locator", `l-${id}`)).toBeUndefined();
        expect(await storage.findDue(1e12, 10)).not.toContain(id);
      };

      test("takes rows, names and what is due, and nothing of another store, also after reopening", async () => {
        const { storage, reopen } = await start();
        await fill(storage, A);
        await fill(storage, B);
        await storage.change(A, async (store) => {
          store.unpoint("locator", `l-${A}`);
          store.point("grant", `h-${A}`);
        });
        const again = await reopen();
        await again.erase(A);
        for await (const each of beforeAndAfter(again, reopen)) {
          await expectGone(each, A);
          await expect(each.erase(A)).rejects.toMatchObject({ name: "StorageError", code: "absent" });
          expect(await each.read(B, (store) => store.get("notes", "n"))).toEqual({ text: "first" });
          expect(await each.find("grant", `g-${B}`)).toBe(B);
          expect(await each.findDue(10, 10)).toEqual([B]);
        }
        await expect((await reopen()).erase("no id")).rejects.toMatchObject({ code: "absent" });
      });

      test("a store can be made again under the same id and names, and has nothing of the one before", async () => {
        const { storage, reopen } = await start();
        await fill(storage, A);
        await storage.erase(A);
        await storage.create(A, async (store) => {
          expect(await store.list("notes", { limit: 9 })).toEqual([]);
          store.put("sums", "s", { total: 1 });
        });
        await storage.create(B, async (store) => store.point("grant", `g-${A}`));
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.read(A, async (store) => [await store.list("notes", { limit: 9 }), await store.get("sums", "s")])).toEqual([
            [],
            { total: 1 },
          ]);
          expect(await each.find("grant", `g-${A}`)).toBe(B);
          expect(await each.findDue(1e12, 9)).toEqual([]);
        }
        const last = await reopen();
        await last.erase(A);
        await last.erase(B);
        await expectGone(last, A);
      });

      test("its work looks first: if it throws, all stays", async () => {
        const { storage, reopen } = await start();
        await fill(storage, A);
        const mine = new Error("mine");
        const refusing = storage.erase(A, async (store) => {
          if ((await store.get("notes", "n"))?.text === "first") throw mine;
        });
        await expect(refusing).rejects.toBe(mine);
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.read(A, (store) => store.get("notes", "n"))).toEqual({ text: "first" });
          expect(await each.find("grant", `g-${A}`)).toBe(A);
          expect(await each.findDue(10, 10)).toEqual([A]);
        }
      });

      test("what waits for the store is absent; what was before it is whole", async () => {
        const { storage } = await start();
        await fill(storage, A);
        await fill(storage, B);
        const put = (id: string, n: number) => storage.change(id, async (store) => store.put("sums", `s${n}`, { total: n }));
        const before = [put(A, 1), storage.read(A, (store) => store.get("notes", "n")), put(A, 2)];
        const erasing = storage.erase(A);
        const after = Promise.allSettled([
          put(A, 3),
          storage.read(A, async () => 1),
          storage.change(A, async (store) => store.point("grant", "late")),
        ]);
        const others = range(20).map((n) => put(B, n));
        for (const one of await Promise.allSettled(before)) expect(one.status).toBe("fulfilled");
        for (const one of await after) expect(one).toMatchObject({ status: "rejected", reason: { code: "absent" } });
        await erasing;
        await Promise.all(others);
        await expectGone(storage, A);
        expect(await storage.find("grant", "late")).toBeUndefined();
        expect(await storage.read(B, (store) => store.list("sums", { limit: 99 }))).toHaveLength(20);
      });

      test("many at once", async () => {
        const { storage, reopen } = await start();
        const ids = range(12).map((n) => storeId(`s${n}`));
        await Promise.all(ids.map((id) => fill(storage, id)));
        await Promise.all(ids.slice(2).map((id) => storage.erase(id)));
        for await (const each of beforeAndAfter(storage, reopen)) {
          for (const id of ids.slice(2)) await expectGone(each, id);
          expect(await each.findDue(10, 99)).toEqual(ids.slice(0, 2));
        }
      });
    });

    describe("feeds", () => {
      const shop: FeedName = "events/https://shop.example/?a=ü/..";
      const other: FeedName = "events/other";
      const whole = (storage: Storage<ToyRows>, feed: FeedName = shop) => storage.readFeed(feed, { limit: 100_000 });

      test("entries come back in order, with positions from 1, also after reopening", async () => {
        const { storage, reopen } = await start();
        expect(await whole(storage)).toEqual([]);
        await storage.append(shop, [{ n: 1 }, { n: 2 }]);
        await storage.create(A, async (store) => {
          store.append(shop, { n: 3 });
          store.append(other, "of another");
          store.append(shop, null);
        });
        await storage.change(A, async (store) => store.append(shop, [5]));
        await storage.append(shop, []);
        const entries = [{ n: 1 }, { n: 2 }, { n: 3 }, null, [5]];
        const expected = entries.map((entry, n) => [n + 1, entry]);
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await whole(each)).toEqual(expected);
          expect(await whole(each, other)).toEqual([[1, "of another"]]);
          expect(await whole(each, "events/never used")).toEqual([]);
          for (const after of [0, 1, 4, 5, 99])
            for (const limit of [1, 2, 100_000])
              expect(await each.readFeed(shop, { after, limit })).toEqual(expected.slice(after).slice(0, limit));
        }
      });

      test("belong to their change: all or nothing", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async (store) => store.point("grant", "name"));
        await storage.create(B, async () => {});
        const failing = storage.change(A, async (store) => {
          store.append(shop, "never");
          throw new Error("mine");
        });
        await expect(failing).rejects.toThrow("mine");
        const taking = storage.change(B, async (store) => {
          store.append(shop, "never");
          store.point("grant", "name");
        });
        await expect(taking).rejects.toMatchObject({ code: "taken" });
        await expect(
          storage.create(A, async (store) => {
            store.append(shop, "never");
          }),
        ).rejects.toMatchObject({ code: "taken" });
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await whole(each)).toEqual([]);
          expect(await each.listFeeds("events", { limit: 9 })).toEqual([]);
        }
        await (await reopen()).append(shop, ["first"]);
      });

      test("what was taken out is gone, and its position is never used again", async () => {
        const { storage, reopen } = await start();
        await storage.append(shop, ["a", "b", "c"]);
        await storage.append(other, ["x"]);
        await storage.removeFromFeed(shop, [2, 2, 99, 0, -1, 1.5]);
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await whole(each)).toEqual([
            [1, "a"],
            [3, "c"],
          ]);
          expect(await each.readFeed(shop, { after: 1, limit: 1 })).toEqual([[3, "c"]]);
          expect(await whole(each, other)).toEqual([[1, "x"]]);
        }
        const again = await reopen();
        await again.removeFromFeed(shop, [1, 2, 3]);
        await again.removeFromFeed(shop, [3, 4]);
        await again.removeFromFeed("events/never used", [1]);
        expect(await whole(again)).toEqual([]);
        const emptied = await reopen();
        expect(await whole(emptied)).toEqual([]);
        await emptied.append(shop, ["d"]);
        for await (const each of beforeAndAfter(emptied, reopen)) expect(await whole(each)).toEqual([[4, "d"]]);
      });

      test("many appends and removals at once: no position twice, none lost, order as answered", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async () => {});
        await storage.create(B, async () => {});
        const seen = new Map<number, unknown>();
        let last = 0;
        let reading = true;
        const reader = (async () => {
          for (; reading; await new Promise((resolve) => setImmediate(resolve)))
            for (const [position, entry] of await storage.readFeed(shop, { after: last, limit: 7 })) {
              expect(position).toBeGreaterThan(last);
              seen.set(position, entry);
              last = position;
            }
        })();
        const appending = range(300).map((n) =>
          n % 3 === 2
            ? storage.append(shop, [{ n }])
            : storage.change(n % 3 === 0 ? A : B, async (store) => {
                store.append(shop, { n });
              }),
        );
        await Promise.all(appending.slice(0, 100));
        const some = (await storage.readFeed(shop, { limit: 50 })).map(([position]) => position);
        await Promise.all([...appending, ...some.map((position) => storage.removeFromFeed(shop, [position]))]);
        const left = await whole(storage);
        expect(left.map(([position]) => position)).toEqual(range(250).map((n) => n + 51));
        await expect.poll(() => last).toBe(300);
        reading = false;
        await reader;
        // A reader that goes on where it was has missed none of what it could have seen.
        for (const [position, entry] of left) expect(seen.get(position)).toEqual(entry);
        const ns = [...seen.values(), ...[]].map((entry) => (entry as { n: number }).n);
        expect(new Set(ns).size).toBe(ns.length);
        const ofA = left.map(([, entry]) => (entry as { n: number }).n).filter((n) => n % 3 === 0);
        expect(ofA).toEqual(ofA.toSorted((a, b) => a - b));
        expect(await whole(await reopen())).toEqual(left);
      });

      test("against a plain list: any sequence of appends, removals, reopenings", async () => {
        const { storage: first, reopen } = await start();
        let storage = first;
        const model: Array<[number, number]> = [];
        let next = 1;
        let state = 12345;
        const chance = (below: number) => {
          state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
          return (state >>> 8) % below;
        };
        for (const step of range(150)) {
          const what = chance(20);
          if (what === 0) storage = await reopen();
          else if (what < 9) {
            const entries = range(1 + chance(8)).map((n) => step * 100 + n);
            await storage.append(shop, entries);
            for (const entry of entries) model.push([next++, entry]);
          } else if (what < 16) {
            const out = range(chance(what === 15 ? 30 : 4)).flatMap(() => model[chance(model.length + 1)]?.[0] ?? []);
            await storage.removeFromFeed(shop, out);
            for (const position of out) {
              const at = model.findIndex(([each]) => each === position);
              if (at >= 0) model.splice(at, 1);
            }
          }
          const after = chance(next);
          const limit = 1 + chance(20);
          expect(await storage.readFeed(shop, { after, limit })).toEqual(model.filter(([position]) => position > after).slice(0, limit));
          expect(await storage.listFeeds("events", { limit: 3 })).toEqual(model.length > 0 ? [shop] : []);
        }
        expect(next).toBeGreaterThan(100);
        expect(await whole(await reopen())).toEqual(model);
      });

      test("an entry outlives the store whose change it came with", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async (store) => store.append(shop, "made"));
        await storage.change(A, async (store) => store.append(shop, "changed"));
        await storage.append(shop, ["alone"]);
        await storage.removeFromFeed(shop, [1]);
        await storage.erase(A);
        const expected = [
          [2, "changed"],
          [3, "alone"],
        ];
        for await (const each of beforeAndAfter(storage, reopen)) expect(await whole(each)).toEqual(expected);
        await storage[Symbol.asyncDispose]();
      });

      test("names of those that have entries: in order, after, limit, also after reopening", async () => {
        const { storage, reopen } = await start();
        const names = ["b", "a", "B", "a/1", "a1", "ü", "constructor", "\u{10000}", "\uffff"].map((name): FeedName => `events/${name}`);
        expect(await storage.listFeeds("events", { limit: 9 })).toEqual([]);
        for (const name of names) await storage.append(name, [1, 2]);
        await storage.removeFromFeed("events/a", [1]);
        await storage.removeFromFeed("events/B", [1, 2]);
        const sorted = names.filter((name) => name !== "events/B").sort((a, b) => (a < b ? -1 : 1));
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.listFeeds("events", { limit: 100 })).toEqual(sorted);
          for (const after of ["events/a", "events/a0", "events/B", "events/zzz"] as FeedName[])
            for (const limit of [1, 2, 9])
              expect(await each.listFeeds("events", { after, limit })).toEqual(sorted.filter((name) => name > after).slice(0, limit));
        }
        const again = await reopen();
        for (const name of sorted.slice(2)) await again.removeFromFeed(name, [1, 2]);
        await again.append("events/B", [3]);
        for await (const each of beforeAndAfter(again, reopen))
          expect(await each.listFeeds("events", { limit: 9 })).toEqual(
            ["events/B", ...sorted.slice(0, 2)].sort((a, b) => (a < b ? -1 : 1)),
          );
      });

      test("what was handed in or out can't change what is stored", async () => {
        const { storage } = await start();
        const entry = { list: [1] };
        await storage.create(A, async (store) => {
          store.append(shop, entry);
          entry.list.push(2);
        });
        const appending = storage.append(shop, [entry]);
        entry.list.push(3);
        await appending;
        for (const [, each] of await whole(storage)) {
          try {
            (each as typeof entry).list.push(4);
          } catch {}
        }
        expect(await whole(storage)).toEqual([
          [1, { list: [1] }],
          [2, { list: [1, 2] }],
        ]);
      });

      test("what could be no feed, entry or range is refused", async () => {
        const { storage } = await start();
        await storage.create(A, async () => {});
        for (const name of ["events/", "other/x", "", `events/${"x".repeat(2049)}`] as FeedName[]) {
          await expect(storage.append(name, [1])).rejects.toBeInstanceOf(TypeError);
          await expect(storage.readFeed(name, { limit: 1 })).rejects.toBeInstanceOf(TypeError);
          await expect(storage.removeFromFeed(name, [1])).rejects.toBeInstanceOf(TypeError);
          await expect(storage.change(A, async (store) => store.append(name, 1))).rejects.toBeInstanceOf(TypeError);
        }
        await expect(storage.append(shop, [1, undefined])).rejects.toBeInstanceOf(TypeError);
        await expect(storage.change(A, async (store) => store.append(shop, () => 1))).rejects.toBeInstanceOf(TypeError);
        for (const limit of [0, -1, 1.5, 100_001, Number.NaN]) {
          await expect(storage.readFeed(shop, { limit })).rejects.toBeInstanceOf(TypeError);
          await expect(storage.listFeeds("events", { limit })).rejects.toBeInstanceOf(TypeError);
        }
        for (const after of [-1, 0.5, Number.NaN])
          await expect(storage.readFeed(shop, { after, limit: 1 })).rejects.toBeInstanceOf(TypeError);
        expect(await whole(storage)).toEqual([]);
      });
    });

    describe("documents", () => {
      test("the last value put is there, also after reopening", async () => {
        const { storage, reopen } = await start();
        const names: DocumentName[] = [
          "keys",
          "settings",
          "vendors/https://shop.example/a?b",
          "vendors/..",
          "vendors/ü",
          "streams/..",
          "streams/a",
        ];
        for (const name of names) expect(await storage.getDocument(name)).toBeUndefined();
        for (const name of names) await storage.putDocument(name, { name: "before" });
        await Promise.all(names.map((name) => storage.putDocument(name, { name, list: [1, null] })));
        for await (const each of beforeAndAfter(storage, reopen))
          for (const name of names) expect(await each.getDocument(name)).toEqual({ name, list: [1, null] });
      });

      test("concurrent puts: the last one stays", async () => {
        const { storage, reopen } = await start();
        await Promise.all(range(20).map((n) => storage.putDocument("settings", { n })));
        expect(await storage.getDocument("settings")).toEqual({ n: 19 });
        expect(await (await reopen()).getDocument("settings")).toEqual({ n: 19 });
      });

      test("what was handed in or out can't change what is stored", async () => {
        const { storage } = await start();
        const value = { list: [1] };
        await storage.putDocument("settings", value);
        value.list.push(2);
        const found = await storage.getDocument<typeof value>("settings");
        try {
          found?.list.push(3);
        } catch {}
        expect(await storage.getDocument("settings")).toEqual({ list: [1] });
      });
    });

    describe("what lives for a while", () => {
      test("once: true once within its life", async () => {
        const { storage, clock } = await start();
        const until = clock.now + 90_000;
        const all = await Promise.all(range(10).map(() => storage.once("jti", "k", until)));
        expect(all.filter(Boolean)).toHaveLength(1);
        expect(await storage.once("nonce", "k", until)).toBe(true);
        expect(await storage.once("jti", "k2", until)).toBe(true);
        clock.now += 89_999;
        expect(await storage.once("jti", "k", clock.now + 90_000)).toBe(false);
        clock.now += 1;
        expect(await storage.once("jti", "k2", clock.now + 90_000)).toBe(true);
        expect(await storage.once("jti", "over", clock.now)).toBe(false);
      });

      test("tickets: got until they end, taken once", async () => {
        const { storage, clock } = await start();
        const value = { list: [1] };
        await storage.putTicket("code", "t", value, clock.now + 60_000);
        value.list.push(2);
        expect(await storage.getTicket("code", "t")).toEqual({ list: [1] });
        expect(await storage.getTicket("request", "t")).toBeUndefined();
        const taken = await Promise.all(range(5).map(() => storage.takeTicket("code", "t")));
        expect(taken.filter((each) => each !== undefined)).toEqual([{ list: [1] }]);
        expect(await storage.getTicket("code", "t")).toBeUndefined();
        await storage.putTicket("code", "u", 1, clock.now + 60_000);
        clock.now += 60_000;
        expect(await storage.getTicket("code", "u")).toBeUndefined();
        expect(await storage.takeTicket("code", "u")).toBeUndefined();
      });

      test("count: in fixed windows", async () => {
        const { storage, clock } = await start();
        clock.now = 600_000_000;
        expect(await storage.count("k", 10_000)).toEqual({ count: 1, resetsAt: 600_010_000 });
        clock.now += 9_999;
        expect(await storage.count("k", 10_000)).toEqual({ count: 2, resetsAt: 600_010_000 });
        expect(await storage.count("other", 10_000)).toEqual({ count: 1, resetsAt: 600_010_000 });
        expect(await storage.count("k", 60_000)).toEqual({ count: 1, resetsAt: 600_060_000 });
        clock.now += 1;
        expect(await storage.count("k", 10_000)).toEqual({ count: 1, resetsAt: 600_020_000 });
      });
    });

    describe("for copies of everything", () => {
      test("rows of all tables: in order, behind any of them, with what the work itself has changed", async () => {
        const { storage, reopen } = await start();
        await storage.create(A, async (store) => {
          for (const n of range(4)) store.put("notes", `n${n}`, { text: String(n) });
          for (const n of range(3)) store.put("sums", `s${n}`, { total: n });
          store.point("grant", "name");
          store.due(5);
        });
        const expected = [
          ...range(4).map((n) => ["notes", `n${n}`, { text: String(n) }] as const),
          ...range(3).map((n) => ["sums", `s${n}`, { total: n }] as const),
        ];
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.read(A, (store) => store.listAll({ limit: 100 }))).toEqual(expected);
          for (const [at, [table, key]] of expected.entries())
            for (const limit of [1, 3])
              expect(await each.read(A, (store) => store.listAll({ after: [table, key], limit }))).toEqual(
                expected.slice(at + 1, at + 1 + limit),
              );
          expect(await each.read(A, (store) => store.listAll({ after: ["notes", "z"], limit: 1 }))).toEqual([expected[4]]);
          for (const limit of [0, 1.5, 100_001])
            await expect(each.read(A, (store) => store.listAll({ limit }))).rejects.toBeInstanceOf(TypeError);
        }
        const mine = new Error("mine");
        const again = await reopen();
        const changing = again.change(A, async (store) => {
          store.delete("notes", "n0");
          store.put("sums", "s00", { total: 9 });
          expect(await store.listAll({ limit: 100 })).toEqual([
            ...expected.slice(1, 5),
            ["sums", "s00", { total: 9 }],
            ...expected.slice(5),
          ]);
          throw mine;
        });
        await expect(changing).rejects.toBe(mine);
      });

      test("what leads to a store and when it is due, with what the work itself has changed", async () => {
        const { storage, reopen } = await start();
        await storage.create(B, async (store) => store.point("grant", "other"));
        expect(await storage.read(B, (store) => store.bearings())).toEqual({ names: [["grant", "other"]], due: null });
        await storage.create(A, async (store) => {
          expect(await store.bearings()).toEqual({ names: [], due: null });
          for (const name of ["two", "one"]) store.point("grant", name);
          store.point("locator", "one");
          store.due(7);
          expect((await store.bearings()).due).toBe(7);
        });
        await storage.change(A, async (store) => {
          store.unpoint("grant", "two");
          store.due(1_800_000_000_123);
          expect(await store.bearings()).toEqual({
            names: [
              ["grant", "one"],
              ["locator", "one"],
            ],
            due: 1_800_000_000_123,
          });
        });
        for await (const each of beforeAndAfter(storage, reopen))
          expect(await each.read(A, (store) => store.bearings())).toEqual({
            names: [
              ["grant", "one"],
              ["locator", "one"],
            ],
            due: 1_800_000_000_123,
          });
      });

      test("all stores: in order, behind any of them, none that was erased or never made", async () => {
        const { storage, reopen } = await start();
        const ids = ["b", "a", "B", "ab", "aa1", "aa0", "gone", "-x", "_y", "0"].map(storeId);
        for (const id of ids) await storage.create(id, async (store) => store.put("sums", "s", { total: 1 }));
        await storage.create(storeId("never"), () => Promise.reject(new Error("never"))).catch(() => {});
        await storage.read(storeId("nor this"), async () => {}).catch(() => {});
        await storage.erase(storeId("gone"));
        const sorted = ids.filter((id) => id !== storeId("gone")).sort((a, b) => (a < b ? -1 : 1));
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.listStores({ limit: 100 })).toEqual(sorted);
          for (const after of [...sorted, storeId("aa"), "zzz"])
            for (const limit of [1, 3])
              expect(await each.listStores({ after, limit })).toEqual(sorted.filter((id) => id > after).slice(0, limit));
          await expect(each.listStores({ limit: 0 })).rejects.toBeInstanceOf(TypeError);
        }
        // Some that were there before and some that were not.
        const again = await reopen();
        await again.erase(storeId("aa0"));
        await again.create(storeId("new"), async () => {});
        expect(await again.listStores({ limit: 100 })).toEqual(
          [...sorted.filter((id) => id !== storeId("aa0")), storeId("new")].sort((a, b) => (a < b ? -1 : 1)),
        );
      });

      test("all documents: in order, behind any of them", async () => {
        const { storage, reopen } = await start();
        const names: DocumentName[] = ["settings", "vendors/b", "vendors/a", "changes/x", "life", "keys", "nonces", "streams/https://é"];
        expect(await storage.listDocuments({ limit: 9 })).toEqual([]);
        for (const name of names) await storage.putDocument(name, { name });
        const sorted = names.toSorted((a, b) => (a < b ? -1 : 1));
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.listDocuments({ limit: 100 })).toEqual(sorted);
          for (const after of sorted)
            expect(await each.listDocuments({ after, limit: 3 })).toEqual(sorted.filter((name) => name > after).slice(0, 3));
          await expect(each.listDocuments({ limit: 0 })).rejects.toBeInstanceOf(TypeError);
          expect(each.listDamaged()).toEqual([]);
        }
      });

      test("feeds are listed by their kind", async () => {
        const { storage, reopen } = await start();
        for (const name of ["events/a", "changes/b", "changes/a", "events/b"] as FeedName[]) await storage.append(name, [1]);
        for await (const each of beforeAndAfter(storage, reopen)) {
          expect(await each.listFeeds("changes", { limit: 9 })).toEqual(["changes/a", "changes/b"]);
          expect(await each.listFeeds("events", { limit: 9 })).toEqual(["events/a", "events/b"]);
          expect(await each.listFeeds("changes", { after: "changes/a", limit: 9 })).toEqual(["changes/b"]);
        }
      });
    });

    describe("among many who ask", () => {
      test("changes of one document come one after the other, and none is lost", async () => {
        const { storage, reopen } = await start();
        const add = (by: number) => storage.changeDocument<{ n: number }>("settings", (value) => ({ n: (value?.n ?? 0) + by }));
        const seen = await Promise.all(range(20).map(() => add(1)));
        expect(seen.map((value) => value?.n).sort((a, b) => Number(a) - Number(b))).toEqual(range(20).map((n) => n + 1));
        expect(await storage.changeDocument("settings", () => undefined)).toEqual({ n: 20 });
        expect(await storage.changeDocument("keys", () => undefined)).toBeUndefined();
        const mine = new Error("mine");
        const throwing = storage.changeDocument("settings", () => {
          throw mine;
        });
        await expect(throwing).rejects.toBe(mine);
        await Promise.all([storage.putDocument("settings", { n: 100 }), ...range(5).map(() => add(1))]);
        for await (const each of beforeAndAfter(storage, reopen))
          expect((await each.getDocument<{ n: number }>("settings"))?.n).toBeGreaterThanOrEqual(100);
      });

      test("a lease has one holder, until its time is over or it is given back", async () => {
        const { storage, clock } = await start();
        const all = await Promise.all(["x", "y", "z"].map((holder) => storage.hold("sweep", holder, 10_000)));
        expect(all.filter(Boolean)).toHaveLength(1);
        const mine = ["x", "y", "z"][all.indexOf(true)] as string;
        expect(await storage.hold("other", "w", 10_000)).toBe(true);
        clock.now += 9_000;
        expect(await storage.hold("sweep", mine, 10_000), "kept").toBe(true);
        clock.now += 9_000;
        expect(await storage.hold("sweep", "w", 10_000)).toBe(false);
        await storage.release("sweep", "w");
        expect(await storage.hold("sweep", "w", 10_000), "another's is left alone").toBe(false);
        await storage.release("sweep", mine);
        expect(await storage.hold("sweep", "w", 10_000)).toBe(true);
        clock.now += 10_001;
        expect(await storage.hold("sweep", mine, 10_000)).toBe(true);
      });

      test("who watches feeds is told of appends, until it stops", { timeout: 20_000 }, async () => {
        const { storage } = await start();
        const seen = new Set<FeedName>();
        const stop = storage.watchFeeds((feed) => seen.add(feed));
        await storage.create(A, async (store) => store.append("changes/x", 1));
        await storage.append("events/y", [1]);
        await expect.poll(() => [...seen].sort(), { timeout: 10_000 }).toEqual(["changes/x", "events/y"]);
        stop();
        seen.clear();
        await storage.append("events/z", [1]);
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(seen.size).toBe(0);
      });

      test("the medium answers", async () => {
        const { storage } = await start();
        await storage.check();
        await storage[Symbol.asyncDispose]();
        await expect(storage.check()).rejects.toBeInstanceOf(StorageError);
      });
    });

    test("after closing every call is refused", async () => {
      const { storage } = await start();
      await storage.create(A, async () => {});
      await storage[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
      await expect(storage.read(A, async () => 1)).rejects.toBeInstanceOf(StorageError);
      await expect(storage.putDocument("keys", 1)).rejects.toBeInstanceOf(StorageError);
    });
  });
}

async function* beforeAndAfter(storage: Storage<ToyRows>, reopen: () => Promise<Storage<ToyRows>>): AsyncGenerator<Storage<ToyRows>> {
  yield storage;
  yield await reopen();
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
