import { hashOf } from "../../protocol/canonical.ts";
import { CounterfoilError } from "../error.ts";
import { keyedLock } from "../lock.ts";
import type { Ending, EraseReport, PutReport, Remainder, Scalar, Sink, SinkCheck, SubjectRecord, Values, WriteOptions } from "./sink.ts";

/** A row as a driver found it. `values`: only the columns that this driver writes. */
export interface Found<Id> {
  id: Id;
  values: Values;
}

/**
 * The functions that differ between CRMs. They throw CounterfoilError: `conflict` from `create` when another writer made the
 * row first, `unavailable` and `unauthenticated` as they are. `Id`: what the CRM calls its rows.
 */
export interface Driver<Id> {
  /** Names the target: see {@link Sink.name}. */
  readonly name: string;
  /** What is missing before anything can be written; empty when ready. */
  check(signal?: AbortSignal): Promise<readonly string[]>;
  /** Pure. What the row should hold, the key left out. */
  toTarget(record: SubjectRecord): Values;
  find(key: string, signal?: AbortSignal): Promise<Found<Id> | undefined>;
  create(key: string, values: Values, signal?: AbortSignal): Promise<void>;
  /** `null` blanks a column. */
  patch(id: Id, changes: Readonly<Record<string, Scalar | null>>, signal?: AbortSignal): Promise<void>;
  /** Afterwards `find` must give nothing, or the report must say what remains. */
  erase(id: Id, why: Ending, signal?: AbortSignal): Promise<EraseReport>;
  /**
   * What stays of a person in spite of an erasure of the row (`columns` undefined), or of these columns that were blanked: asked after
   * each, also when the row is gone already. Besides what `erase` says.
   */
  remains?(key: string, columns: readonly string[] | undefined, signal?: AbortSignal): Promise<readonly Remainder[]>;
  /** Makes what was written durable, where the functions above don't. */
  commit?(): Promise<void>;
}

const KEY = /^[A-Za-z][A-Za-z0-9_-]{7,63}$/;
const CONFLICTS = 3;

const checkKey = (key: string): void => {
  if (!KEY.test(key))
    throw new CounterfoilError("invalid", "a key is base64url, begins with a letter and has 8 to 64 characters", { reason: "key" });
};

/**
 * Makes a safe sink of a driver: one writer at a time for each key, only differences written, absent columns blanked, a lost race
 * tried again, dry runs, every write read back, erasures checked.
 */
export function defineSink<Id>(driver: Driver<Id>): Sink {
  const locks = keyedLock();
  /** By key and column, hashes of what was sent and of what the target made of it: or every sync would write it again. */
  const became = new Map<string, Map<string, { sent: string; kept: string }>>();

  const differences = async (key: string, wanted: Values, held: Values): Promise<Record<string, Scalar | null>> => {
    const changes: Record<string, Scalar | null> = {};
    const known = became.get(key);
    for (const [column, value] of Object.entries(wanted)) {
      const there = Object.hasOwn(held, column) ? held[column] : undefined;
      if (there === value) continue;
      const memory = known?.get(column);
      if (memory !== undefined && memory.sent === (await print(value)) && memory.kept === (await print(there))) continue;
      changes[column] = value;
    }
    for (const column of Object.keys(held)) if (!Object.hasOwn(wanted, column)) changes[column] = null;
    return changes;
  };

  const readBack = async (key: string, wanted: Values, signal?: AbortSignal): Promise<string[]> => {
    const found = await driver.find(key, signal);
    if (found === undefined)
      throw new CounterfoilError("unavailable", "the target lost a row that it had just taken", { reason: "read_back" });
    const memory = new Map<string, { sent: string; kept: string }>();
    for (const [column, value] of Object.entries(wanted)) {
      const there = Object.hasOwn(found.values, column) ? found.values[column] : undefined;
      if (there !== value) memory.set(column, { sent: await print(value), kept: await print(there) });
    }
    if (memory.size === 0) became.delete(key);
    else became.set(key, memory);
    const left = Object.keys(found.values).filter((column) => !Object.hasOwn(wanted, column));
    return [...memory.keys(), ...left];
  };

  const put = async (record: SubjectRecord, { dryRun = false, signal }: WriteOptions = {}, attempt = 0): Promise<PutReport> => {
    signal?.throwIfAborted();
    const wanted = driver.toTarget(record);
    const found = await driver.find(record.key, signal);
    const changes = await differences(record.key, wanted, found?.values ?? {});
    const columns = Object.keys(found === undefined ? wanted : changes);
    const outcome = found === undefined ? "created" : columns.length === 0 ? "unchanged" : "updated";
    const blanked = Object.keys(changes).filter((column) => changes[column] === null);
    if (dryRun || outcome === "unchanged") return { outcome, columns, altered: [], blanked, remains: [] };
    signal?.throwIfAborted();
    try {
      if (found === undefined) await driver.create(record.key, wanted, signal);
      else await driver.patch(found.id, changes, signal);
    } catch (error) {
      if (error instanceof CounterfoilError && error.code === "conflict" && attempt < CONFLICTS)
        return put(record, { dryRun, signal }, attempt + 1);
      throw error;
    }
    const altered = await readBack(record.key, wanted, signal);
    const remains = blanked.length === 0 ? [] : ((await driver.remains?.(record.key, blanked, signal)) ?? []);
    return { outcome, columns, altered, blanked, remains };
  };

  const remainsOf = async (key: string, signal?: AbortSignal): Promise<readonly Remainder[]> =>
    (await driver.remains?.(key, undefined, signal)) ?? [];

  return {
    name: driver.name,
    async check({ signal } = {}): Promise<SinkCheck> {
      const problems = await driver.check(signal);
      return { ready: problems.length === 0, problems };
    },
    async put(record, options) {
      checkKey(record.key);
      return locks.run(record.key, () => put(record, options));
    },
    async erase(key, why, { dryRun = false, signal } = {}) {
      checkKey(key);
      return locks.run(key, async () => {
        signal?.throwIfAborted();
        const found = await driver.find(key, signal);
        if (found === undefined) return { did: [], remains: dryRun ? [] : await remainsOf(key, signal) };
        if (dryRun) return { did: ["would erase the row"], remains: [] };
        const report = await driver.erase(found.id, why, signal);
        became.delete(key);
        const left = await driver.find(key, signal);
        const remains = [...report.remains, ...(await remainsOf(key, signal))];
        if (left === undefined || remains.length > 0) return { did: report.did, remains };
        const what = `the row is still there, with ${Object.keys(left.values).length} columns`;
        return { did: report.did, remains: [{ what, why: "technical", until: null }] };
      });
    },
    async read(key, { signal } = {}) {
      checkKey(key);
      return (await driver.find(key, signal))?.values;
    },
    // One after the other: a driver that has nothing left to write must not answer before the one that is writing it.
    commit: () => locks.run("", async () => driver.commit?.()),
  };
}

const print = (value: Scalar | undefined): Promise<string> => hashOf(JSON.stringify(value ?? null));
