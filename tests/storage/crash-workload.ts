import { openFileStorage } from "../../server/storage/file/open.ts";
import type { DocumentName, Storage } from "../../server/storage/storage.ts";
import { storeId, type ToyRows } from "./contract.ts";
import { code, type SimulatedDisk } from "./simulated-disk.ts";

/** What was asked for, and what was answered: `asked` if the crash came before the answer. */
interface Asked {
  store: string;
  point?: string;
  unpoint?: string;
  state: "asked" | "answered" | "failed";
}

/** What the storage has promised so far. */
export class Promises {
  readonly changes: Asked[] = [];
  readonly documents = new Map<DocumentName, { asked: number; least: number }>();
}

let processes = 0;

/** Limits so low that everything happens often. */
export function openOn(disk: SimulatedDisk): Promise<Storage<ToyRows>> {
  const boot = String(++processes);
  return openFileStorage<ToyRows>({
    folder: "/disk/data",
    disk,
    now: () => 1_800_000_000_000,
    segmentBytes: 700,
    checkpointBytes: 300,
    checkpointShare: 0,
    pendingPointers: 2,
    cacheBytes: 5_000,
    idle: 1e9,
    processes: { self: { pid: 1, boot, started: "" }, isAlive: (holder) => holder.boot === boot, pause: async () => {} },
  });
}

const stores = ["aaaa", "aabb", "cccc"].map(storeId);
const [A, B, C] = stores as [string, string, string];

/** Stores, changes one by one and together, pointers, documents, checkpoints, rolls, failures, a restart. */
export async function workload(disk: SimulatedDisk, promises: Promises): Promise<void> {
  const begin = async () => {
    const storage = await openOn(disk);
    return { storage, make: maker(storage, disk, promises), put: putter(storage, promises) };
  };
  const failOnce = (site: string, times = 1) => {
    disk.fault = (_, at) => {
      if (at !== site || times === 0) return;
      times--;
      throw code("EIO");
    };
  };
  const first = await begin();
  await first.make(A, { point: "na1" });
  await first.put("settings");
  await first.make(B, { point: "nb1" });
  await Promise.all([first.make(A, {}), first.make(A, { point: "na2" }), first.make(B, {}), first.put("vendors/v"), first.put("settings")]);
  failOnce("journal: frame");
  await Promise.all([first.make(A, { point: "never" }), first.make(A, {}), first.make(B, {})]);
  await first.make(B, {});
  await first.make(A, { unpoint: "na1" });
  failOnce("journal: new file's folder");
  for (let n = 0; n < 5; n++) await first.make(n % 2 === 0 ? A : B, {});
  await first.make(C, { point: "nc1" });
  await Promise.all([first.make(C, { unpoint: "nc1", point: "nc2" }), first.make(A, {}), first.make(B, { point: "nb2" })]);
  // Several journal files that can't go, and then all at once.
  failOnce("checkpoint: file", 1000);
  for (let n = 0; n < 8; n++) await first.make(n % 2 === 0 ? A : C, {});
  failOnce("", 0);
  for (let n = 0; n < 2; n++) await first.make(B, {});
  await first.storage[Symbol.asyncDispose]();

  const second = await begin();
  await Promise.all([second.make(A, { unpoint: "na2" }), second.make(B, {}), second.put("keys")]);
  await second.make(A, { point: "na1" });
  await second.put("settings");
  for (let n = 0; n < 3; n++) await second.make(stores[n] as string, {});
  await second.storage[Symbol.asyncDispose]();
}

/** What a process does after one that died: what it hands out is a promise too. */
export async function afterlife(disk: SimulatedDisk, promises: Promises): Promise<void> {
  const storage = await openOn(disk);
  const seen = await look(storage, promises);
  if (seen.wrong !== undefined) throw new Error(seen.wrong);
  for (const [n, asked] of promises.changes.entries())
    if (asked.state === "asked") asked.state = seen.visible.includes(n) ? "answered" : "failed";
  for (const [name, n] of seen.documents) (promises.documents.get(name) as { least: number }).least = n;
  const make = maker(storage, disk, promises);
  const there = stores.filter((store) => seen.visible.some((n) => promises.changes[n]?.store === store));
  // One store alone for a while: what the others have in the journal only must stay.
  for (const store of [...there.slice(-1), ...there.slice(-1), ...there.slice(-1), ...there.slice(-1), ...there]) await make(store, {});
  await putter(storage, promises)("settings");
  await storage[Symbol.asyncDispose]();
}

/** What is wrong with what is left, or undefined. */
export async function violation(disk: SimulatedDisk, promises: Promises): Promise<string | undefined> {
  try {
    const storage = await openOn(disk);
    const { wrong, visible } = await look(storage, promises);
    if (wrong !== undefined) return wrong;
    // And it can go on.
    const [n] = visible;
    if (n !== undefined)
      await storage.change(promises.changes[n]?.store as string, async (store) => store.put("notes", "later", { text: "" }));
    await storage[Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    return `${error}`;
  }
}

/** One change writes two rows and both sums: they must agree. */
function maker(storage: Storage<ToyRows>, disk: SimulatedDisk, promises: Promises) {
  return async (store: string, { point, unpoint }: { point?: string; unpoint?: string }) => {
    const n = promises.changes.length;
    const asked: Asked = { store, state: "asked", ...(point && { point }), ...(unpoint && { unpoint }) };
    promises.changes.push(asked);
    const isNew = !promises.changes.slice(0, n).some((other) => other.store === store);
    try {
      await storage[isNew ? "create" : "change"](store, async (writer) => {
        writer.put("notes", `p/${String(n).padStart(3, "0")}`, { text: "padding that fills the journal's files" });
        writer.put("notes", `q/${String(n).padStart(3, "0")}`, { text: "" });
        writer.put("sums", "x", { total: n });
        writer.put("sums", "y", { total: n });
        if (point !== undefined) writer.point("grant", point);
        if (unpoint !== undefined) writer.unpoint("grant", unpoint);
      });
      asked.state = "answered";
    } catch (error) {
      if (disk.crashed) throw error;
      asked.state = "failed";
    }
  };
}

function putter(storage: Storage<ToyRows>, promises: Promises) {
  return async (name: DocumentName) => {
    const document = promises.documents.get(name) ?? { asked: 0, least: 0 };
    promises.documents.set(name, document);
    const n = ++document.asked;
    await storage.putDocument(name, { n, again: n });
    document.least = Math.max(document.least, n);
  };
}

async function look(storage: Storage<ToyRows>, promises: Promises) {
  const wrongs: string[] = [];
  const expect = (right: boolean, what: string) => {
    if (!right) wrongs.push(what);
  };
  const visible: number[] = [];
  for (const id of stores) {
    const found = await storage
      .read(id, async (store) => ({
        p: await store.list("notes", { prefix: "p/", limit: 1000 }),
        q: await store.list("notes", { prefix: "q/", limit: 1000 }),
        x: await store.get("sums", "x"),
        y: await store.get("sums", "y"),
      }))
      .catch((error: { code?: string }) => {
        if (error.code !== "absent") throw error;
        return { p: [], q: [], x: undefined, y: undefined };
      });
    const numbers = found.p.map(([key]) => Number(key.slice(2)));
    visible.push(...numbers);
    expect(String(numbers) === String(found.q.map(([key]) => Number(key.slice(2)))), `${id}: half a change`);
    expect(
      found.x?.total === numbers.at(-1) && found.y?.total === numbers.at(-1),
      `${id}: sums ${found.x?.total} ${found.y?.total}, last change ${numbers.at(-1)}`,
    );
  }
  const owners = new Map<string, string | undefined>();
  for (const [n, { store, state, point, unpoint }] of promises.changes.entries()) {
    const isThere = visible.includes(n);
    if (state === "answered") expect(isThere, `change ${n} was answered and is lost`);
    if (state === "failed") expect(!isThere, `change ${n} failed and is there`);
    if (state === "asked" && !isThere)
      expect(!visible.some((m) => m > n && promises.changes[m]?.store === store), `change ${n} is lost, a later one is there`);
    if (unpoint !== undefined && (isThere || !owners.has(unpoint))) owners.set(unpoint, undefined);
    if (point !== undefined && (isThere || !owners.has(point))) owners.set(point, isThere ? store : undefined);
  }
  for (const [name, owner] of owners) expect((await storage.find("grant", name)) === owner, `pointer ${name}`);
  const documents = new Map<DocumentName, number>();
  for (const [name, { asked, least }] of promises.documents) {
    const value = await storage.getDocument<{ n: number; again: number }>(name);
    const n = value?.n ?? 0;
    documents.set(name, n);
    expect(n === (value?.again ?? 0) && n >= least && n <= asked, `document ${name}: ${n}, at least ${least}`);
  }
  return { visible, documents, wrong: wrongs[0] };
}
