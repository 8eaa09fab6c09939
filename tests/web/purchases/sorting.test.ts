import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Purchase, Recipient } from "#protocol/data/purchases.ts";
import { decisionsOf } from "../../../web/customer/purchases/decisions.ts";
import { alike, recipientOf, unsortedOf } from "../../../web/customer/purchases/sorting.ts";
import { type Changes, type RecordView, type StoreView, type Vault, VaultError, type VaultState } from "../../../web/vault/vault.ts";
import { boughtAs } from "./arbitrary.ts";

const value = (item: string, over: Partial<Purchase> = {}): Purchase => ({
  item,
  seller: "Amazon",
  date: "2026-05-01",
  recipient: "unknown",
  ...over,
});

describe("the queue", () => {
  test("holds what nobody has sorted: what could be a gift first, then the newest", () => {
    const all = boughtAs([
      value("a", { date: "2025-01-01" }),
      value("b", { recipient: "gift", hints: ["gift-wrap"] }),
      value("c", { date: "2026-01-01" }),
      value("d", { date: "2024-01-01", hints: ["season"] }),
      value("e", { date: "2024-02-01", hints: ["other-name"] }),
    ]);
    expect(unsortedOf(all).map((each) => each.value.item)).toEqual(["e", "d", "c", "a"]);
  });

  test("knows which are of one order, of one name, from one shop; an order's number counts in its own shop alone", () => {
    const all = boughtAs([
      value("a", { order: "1" }),
      value("b", { order: "1" }),
      value("a", { order: "2" }),
      value("d", { seller: "Bora", order: "1" }),
    ]);
    const groups = alike(all[0] as (typeof all)[number], all).map(({ by, all: same }) => [by, same.map(({ path }) => path)]);
    expect(groups).toEqual([
      ["order", ["purchases/p0", "purchases/p1"]],
      ["item", ["purchases/p0", "purchases/p2"]],
      ["shop", ["purchases/p0", "purchases/p1", "purchases/p2"]],
    ]);
    expect(alike(all[3] as (typeof all)[number], all)).toEqual([]);
  });

  test("takes a number or a letter", () => {
    expect(["1", "h", "G", "4", "l", "5"].map(recipientOf)).toEqual(["self", "household", "gift", "work", "unknown", "unknown"]);
    expect(["6", "0", "x", "Enter", " ", ""].map(recipientOf)).toEqual([undefined, undefined, undefined, undefined, undefined, undefined]);
  });
});

describe("decisions", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("addEventListener", () => undefined);
    vi.stubGlobal("removeEventListener", () => undefined);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  function bench(count: number) {
    const record = (at: number): RecordView => ({
      path: `purchases/p${at}`,
      kind: "purchases",
      value: value(`item ${at}`),
      version: 1,
      source: null,
      sharedWith: [],
    });
    const store = signal<StoreView | undefined>({ records: Array.from({ length: count }, (_, at) => record(at)) } as unknown as StoreView);
    const online = signal(true);
    const state = signal<VaultState>("unlocked");
    const sent: Changes[] = [];
    const faults: VaultError[] = [];
    const saveAll = async (changes: Changes): Promise<void> => {
      sent.push(changes);
      const fault = faults.shift();
      const done = (changes.edits ?? []).slice(0, fault?.done);
      const values = new Map(done.map((each) => [each.path, each.value]));
      if (store.value)
        store.value = {
          ...store.value,
          records: store.value.records.map((each) => ({ ...each, value: values.get(each.path) ?? each.value })),
        };
      if (fault) throw fault;
    };
    const vault = { store, online, state, saveAll } as unknown as Vault;
    const saved = (at: number): Recipient | undefined => (store.peek()?.records[at]?.value as Purchase | undefined)?.recipient;
    return { store, online, state, sent, faults, saved, decisions: decisionsOf(vault), path: (at: number) => `purchases/p${at}` };
  }

  test("are saved a few at a time, without waiting for each", async () => {
    const { decisions, sent, path, saved } = bench(20);
    for (let at = 0; at < 7; at += 1) decisions.decide([path(at)], "gift");
    await vi.advanceTimersByTimeAsync(1000);
    expect(sent).toEqual([]);
    decisions.decide([path(7)], "self");
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.map(({ edits }) => edits?.length)).toEqual([8]);
    expect([saved(0), saved(7), decisions.waiting.value.size]).toEqual(["gift", "self", 0]);
    decisions.decide([path(8)], "work");
    await vi.advanceTimersByTimeAsync(1500);
    expect(saved(8)).toBe("work");
  });

  test("that a fault left over are kept, and only they are sent again", async () => {
    const { decisions, sent, faults, path, saved } = bench(4);
    faults.push(new VaultError("failed", "As the test asked", undefined, 1));
    decisions.decide([path(0), path(1), path(2)], "gift");
    decisions.flush();
    await vi.advanceTimersByTimeAsync(0);
    expect([saved(0), saved(1)]).toEqual(["gift", "unknown"]);
    expect([...decisions.waiting.value.keys()]).toEqual([path(1), path(2)]);
    expect(decisions.fault.value).toMatchObject({ code: "failed" });
    decisions.flush();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.at(-1)?.edits?.map((each) => each.path)).toEqual([path(1), path(2)]);
    expect([decisions.waiting.value.size, decisions.fault.value]).toEqual([0, undefined]);
  });

  test("made offline, or before the store was locked, are saved when that is over", async () => {
    const { decisions, sent, store, online, path, saved } = bench(2);
    online.value = false;
    decisions.decide([path(0)], "gift");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent).toEqual([]);
    const closed = store.peek();
    store.value = undefined;
    online.value = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent).toEqual([]);
    store.value = closed;
    await vi.advanceTimersByTimeAsync(0);
    expect(saved(0)).toBe("gift");
  });

  test("are taken back one after another, saved or not", async () => {
    const { decisions, path, saved } = bench(3);
    decisions.decide([path(0)], "gift");
    decisions.flush();
    await vi.advanceTimersByTimeAsync(0);
    decisions.decide([path(0), path(1)], "work");
    expect(decisions.undo()).toEqual([path(0), path(1)]);
    expect(decisions.undo()).toEqual([path(0)]);
    expect(decisions.undo()).toEqual([]);
    await vi.advanceTimersByTimeAsync(2000);
    expect([saved(0), saved(1)]).toEqual(["unknown", "unknown"]);
  });

  test("are forgotten with the session: the next one may be another person's", async () => {
    const { decisions, state, online, path } = bench(1);
    online.value = false;
    decisions.decide([path(0)], "gift");
    state.value = "signed-out";
    expect([decisions.waiting.value.size, decisions.undoable.value]).toEqual([0, false]);
  });
});
