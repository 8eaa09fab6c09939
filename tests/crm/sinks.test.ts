import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { csvSink } from "../../vendor-sdk/crm/csv-sink.ts";
import { type Driver, defineSink } from "../../vendor-sdk/crm/define-sink.ts";
import { jsonlSink } from "../../vendor-sdk/crm/jsonl-sink.ts";
import { flatten } from "../../vendor-sdk/crm/mapping.ts";
import type { Sink, Values } from "../../vendor-sdk/crm/sink.ts";
import { type ProofName, testSink } from "../../vendor-sdk/crm/test-sink.ts";
import { CounterfoilError } from "../../vendor-sdk/error.ts";
import { NO_CONTACT } from "../sdk/connected.ts";
import { scratchFolder } from "../support/scratch-folder.ts";

const refusedBy = (code: "unauthenticated" | "unavailable"): Sink =>
  defineSink<string>({
    name: `crm that is ${code}`,
    check: async () => [],
    toTarget: flatten,
    find: async () => {
      throw new CounterfoilError(code, "the CRM said no");
    },
    create: async () => undefined,
    patch: async () => undefined,
    erase: async () => ({ did: [], remains: [] }),
  });

describe.each([
  ["csv", csvSink],
  ["jsonl", jsonlSink],
])("the %s sink", (ending, sink) => {
  it("passes the conformance suite", async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, `people.${ending}`);
    await writeFile(join(folder.path, "file"), "");
    const report = await testSink(() => sink(path), {
      down: () => sink(join(folder.path, "file", "people")),
      dump: () => readFile(path, "utf8"),
    });
    expect(report.proofs.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.proofs.length).toBeGreaterThan(18);
    expect(report.ok).toBe(true);
  });

  it("refuses a file that it did not write, and leaves it alone", async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, `people.${ending}`);
    await writeFile(path, "name,mail\r\nAnna,anna@mail.example\r\n");
    await expect(sink(path).check()).rejects.toMatchObject({ code: "invalid" });
    expect(await readFile(path, "utf8")).toContain("anna@mail.example");
  });
});

/** A target in memory that can be told to misbehave in one way. */
interface Faults {
  notReady?: boolean;
  dryWrites?: boolean;
  saysUpdated?: boolean;
  losesValues?: boolean;
  neverUnchanged?: boolean;
  ignoresUpdates?: boolean;
  neverBlanks?: boolean;
  mixesPeople?: boolean;
  mangles?: boolean;
  races?: boolean;
  anyKey?: boolean;
  deaf?: boolean;
  forgetful?: boolean;
  keepsErased?: boolean;
  erasesAll?: boolean;
  history?: boolean;
  erasesTwice?: boolean;
  blocksReturn?: boolean;
}

/** Written against the Sink contract by hand, without defineSink: what testSink has to find, defineSink would have prevented. */
function handMade(faults: Faults): { make: () => Sink; dump: () => Promise<string> } {
  const durable = new Map<string, Values>();
  const history: string[] = [];
  const blocked = new Set<string>();
  const make = (): Sink => {
    const rows = faults.forgetful ? new Map<string, Values>() : durable;
    return {
      name: "hand-made",
      check: async () => ({ ready: !faults.notReady, problems: faults.notReady ? ["a field is missing"] : [] }),
      async put(record, { dryRun = false, signal } = {}) {
        if (!faults.anyKey && !/^[A-Za-z][A-Za-z0-9_-]{7,}$/.test(record.key)) throw new CounterfoilError("invalid", "key");
        if (!faults.deaf) signal?.throwIfAborted();
        const key = faults.mixesPeople ? "everyone" : record.key;
        if (blocked.has(key)) throw new CounterfoilError("conflict", "this id was deleted");
        const before = rows.get(key);
        if (faults.races) await new Promise((resolve) => setTimeout(resolve, 1));
        const wanted = flatten(record);
        const mangled = faults.mangles
          ? Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, String(value).replace(/[^\x20-\x7e]/g, "")]))
          : wanted;
        const next = faults.losesValues ? {} : faults.neverBlanks ? { ...before, ...mangled } : mangled;
        const same = before !== undefined && JSON.stringify(before) === JSON.stringify(next);
        if ((!dryRun || faults.dryWrites) && !(faults.ignoresUpdates && before !== undefined)) rows.set(key, next);
        history.push(JSON.stringify(next));
        const outcome =
          before === undefined ? (faults.saysUpdated ? "updated" : "created") : same && !faults.neverUnchanged ? "unchanged" : "updated";
        return { outcome, columns: Object.keys(next), altered: [], blanked: [], remains: [] };
      },
      async erase(key) {
        const there = rows.has(key);
        if (faults.erasesAll) rows.clear();
        if (!faults.keepsErased) rows.delete(key);
        if (faults.blocksReturn) blocked.add(key);
        return { did: there || faults.erasesTwice ? ["deleted"] : [], remains: [] };
      },
      read: async (key) => rows.get(faults.mixesPeople ? "everyone" : key),
      commit: async () => undefined,
    };
  };
  return { make, dump: async () => JSON.stringify([...durable]) + (faults.history ? history.join("") : "") };
}

describe("the conformance suite", () => {
  it("passes a good sink written by hand", async () => {
    const { make, dump } = handMade({});
    const report = await testSink(make, { dump, down: () => refusedBy("unavailable"), badCredentials: () => refusedBy("unauthenticated") });
    expect(report.proofs.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.ok).toBe(true);
  });

  it.each<[ProofName, Faults]>([
    ["is ready", { notReady: true }],
    ["dry run writes nothing", { dryWrites: true }],
    ["creates", { saysUpdated: true }],
    ["keeps what it was given", { losesValues: true }],
    ["repeats as unchanged", { neverUnchanged: true }],
    ["updates what differs", { ignoresUpdates: true }],
    ["blanks what is absent", { neverBlanks: true }],
    ["keeps people apart", { mixesPeople: true }],
    ["keeps awkward text or says that it altered it", { mangles: true }],
    ["repeats awkward text as unchanged", { neverUnchanged: true }],
    ["writes one row for five at once", { races: true }],
    ["refuses unsafe keys", { anyKey: true }],
    ["stops when aborted", { deaf: true }],
    ["is durable after commit", { forgetful: true }],
    ["erases", { keepsErased: true }],
    ["erases one person only", { erasesAll: true }],
    ["leaves no residue", { history: true }],
    ["erases twice without fault", { erasesTwice: true }],
    ["takes a person again after an erasure", { blocksReturn: true }],
  ])("finds a sink that doesn't: %s", async (name, faults) => {
    const { make, dump } = handMade(faults);
    const report = await testSink(make, { dump });
    expect(report.ok).toBe(false);
    expect(report.proofs.find((proof) => proof.name === name)).toMatchObject({ ok: false });
  });

  it.each([
    ["says when its target is down", { down: () => refusedBy("unauthenticated") }],
    ["says when its credentials are refused", { badCredentials: () => refusedBy("unavailable") }],
  ])("finds a sink that doesn't: %s", async (name, options) => {
    const report = await testSink(handMade({}).make, options);
    expect(report.proofs.find((proof) => proof.name === name)).toMatchObject({ ok: false });
  });

  it("throws nothing, even for a sink that throws at everything", async () => {
    const report = await testSink(() => refusedBy("unavailable"));
    expect(report.ok).toBe(false);
  });
});

describe("defineSink", () => {
  const KEY = "cPerson-1";
  const record = (address: string) => ({
    key: KEY,
    fields: { "profile/emails/e1": { address } },
    consent: { given: "", until: "", paused: false, n: 1, purposes: [], ends: {}, paths: [], gpc: false, recipients: [] },
  });

  function driver(change: Partial<Driver<string>> = {}): { sink: Sink; rows: Map<string, Values>; calls: string[] } {
    const rows = new Map<string, Values>();
    const calls: string[] = [];
    const sink = defineSink<string>({
      name: "memory",
      check: async () => [],
      toTarget: flatten,
      find: async (key) => (rows.has(key) ? { id: key, values: rows.get(key) ?? {} } : undefined),
      async create(key, values) {
        calls.push("create");
        rows.set(key, values);
      },
      async patch(key, changes) {
        calls.push(`patch ${Object.keys(changes).join()}`);
        rows.set(
          key,
          Object.fromEntries(Object.entries({ ...rows.get(key), ...changes }).filter((pair): pair is [string, string] => pair[1] !== null)),
        );
      },
      async erase(key) {
        rows.delete(key);
        return { did: ["deleted"], remains: [] };
      },
      ...change,
    });
    return { sink, rows, calls };
  }

  it("tries again as an update when another writer was first", async () => {
    const { sink, rows, calls } = driver({
      async create(key) {
        calls.push("lost race");
        rows.set(key, { "profile/emails.1.address": "theirs@mail.example" });
        throw new CounterfoilError("conflict", "duplicate");
      },
    });
    expect(await sink.put(record("ours@mail.example"))).toMatchObject({ outcome: "updated" });
    expect(rows.get(KEY)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": "ours@mail.example" });
    expect(calls).toEqual(["lost race", expect.stringMatching(/^patch profile\/emails\.1\.address,/)]);
  });

  it("remembers what a target made of a value, says so once, and doesn't write it for ever", async () => {
    const { sink, rows, calls } = driver({
      async create(key, values) {
        calls.push("create");
        rows.set(key, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value).toLowerCase()])));
      },
    });
    expect(await sink.put(record("Anna@Mail.Example"))).toMatchObject({ outcome: "created", altered: ["profile/emails.1.address"] });
    expect(await sink.put(record("Anna@Mail.Example"))).toMatchObject({ outcome: "unchanged" });
    expect(calls).toEqual(["create"]);
    rows.set(KEY, { "profile/emails.1.address": "changed.by.hand@mail.example" });
    expect(await sink.put(record("Anna@Mail.Example"))).toMatchObject({ outcome: "updated" });
  });

  it("makes one thing durable at a time, so that nobody is told so while it is still being written", async () => {
    let writing = 0;
    let most = 0;
    const { sink } = driver({
      async commit() {
        most = Math.max(most, ++writing);
        await new Promise((resolve) => setTimeout(resolve, 5));
        writing--;
      },
    });
    await Promise.all([sink.commit(), sink.commit(), sink.commit()]);
    expect(most).toBe(1);
  });

  it("says what stays of a person, of an erasure that a crash cut off too, and of columns that were blanked", async () => {
    const invoice = { what: "invoice 7", why: "legal-duty", until: "2036-12-31" } as const;
    const asked: (readonly string[] | undefined)[] = [];
    const { sink } = driver({
      async remains(_, columns) {
        asked.push(columns);
        return [invoice];
      },
    });
    await sink.put(record("anna@mail.example"));
    const bare = { ...record("anna@mail.example"), fields: {} };
    expect(await sink.put(bare)).toMatchObject({ blanked: ["profile/emails.1.address"], remains: [invoice] });
    const why = { reason: "revoked", at: "2026-01-01T00:00:00Z" } as const;
    expect(await sink.erase(KEY, why)).toEqual({ did: ["deleted"], remains: [invoice] });
    expect(await sink.erase(KEY, why)).toEqual({ did: [], remains: [invoice] });
    expect(asked).toEqual([["profile/emails.1.address"], undefined, undefined]);
  });

  it("reports a row that an erasure left behind", async () => {
    const { sink } = driver({ erase: async () => ({ did: ["moved to the bin"], remains: [] }) });
    await sink.put(record("anna@mail.example"));
    const { did, remains } = await sink.erase(KEY, { reason: "revoked", at: "2026-01-01T00:00:00Z" });
    expect(did).toEqual(["moved to the bin"]);
    expect(remains).toEqual([{ what: "the row is still there, with 6 columns", why: "technical", until: null }]);
  });
});
