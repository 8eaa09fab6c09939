import { openFileStorage } from "../../server/storage/file/open.ts";
import type { DocumentName, FeedName, Storage } from "../../server/storage/storage.ts";
import { storeId, type ToyRows } from "./contract.ts";
import { code, type SimulatedDisk } from "./simulated-disk.ts";

/** What was asked for, and what was answered: `asked` if the crash came before the answer. */
interface Asked {
  store: string;
  erase?: true;
  due?: number | null;
  point?: string;
  unpoint?: string;
  state: "asked" | "answered" | "failed";
}

/** An entry of a feed, told by its mark. */
interface AskedEntry {
  feed: FeedName;
  /** The change that it came with. */
  change?: number;
  state: Asked["state"];
  removal?: Asked["state"];
}

/** What the storage has promised so far. */
export class Promises {
  readonly changes: Asked[] = [];
  readonly entries = new Map<string, AskedEntry>();
  /** What was handed out of feeds. */
  readonly seen = new Map<FeedName, Map<number, string>>();
  readonly documents = new Map<DocumentName, { asked: number; least: number }>();

  copy(): Promises {
    const copy = new Promises();
    for (const asked of this.changes) copy.changes.push({ ...asked });
    for (const [mark, entry] of this.entries) copy.entries.set(mark, { ...entry });
    for (const [feed, seen] of this.seen) copy.seen.set(feed, new Map(seen));
    for (const [name, document] of this.documents) copy.documents.set(name, { ...document });
    return copy;
  }
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
    pendingFeedBytes: 2000,
    feedPage: 3,
    cacheBytes: 5_000,
    idle: 1e9,
    processes: { self: { pid: 1, boot, started: "" }, isAlive: (holder) => holder.boot === boot, pause: async () => {} },
  });
}

const feeds: FeedName[] = ["events/x", "events/y"];
const [X, Y] = feeds as [FeedName, FeedName];
const stores = ["aaaa", "aabb", "cccc"].map(storeId);
const [A, B, C] = stores as [string, string, string];

/** Stores, changes one by one and together, pointers, feeds, documents, checkpoints, rolls, erasures, failures, a restart. */
export async function workload(disk: SimulatedDisk, promises: Promises): Promise<void> {
  const begin = async () => {
    const storage = await openOn(disk);
    return {
      storage,
      make: maker(storage, disk, promises),
      put: putter(storage, promises),
      erase: eraser(storage, disk, promises),
      ...feeder(storage, disk, promises),
    };
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
  await Promise.all([
    first.make(A, {}),
    first.make(A, { point: "na2" }),
    first.make(B, {}),
    first.put("vendors/v"),
    first.put("streams/s"),
    first.put("changes/c"),
    first.put("settings"),
  ]);
  failOnce("journal: frame");
  await Promise.all([first.make(A, { point: "never" }), first.make(A, {}), first.make(B, {})]);
  await first.make(B, {});
  await first.make(A, { unpoint: "na1", append: [X, Y, X] });
  failOnce("journal: frame");
  await Promise.all([first.append(X, 2), first.make(B, { append: [X] })]);
  await Promise.all([first.append(X, 2), first.make(B, { append: [X] })]);
  await first.take(X, 1);
  failOnce("journal: new file's folder");
  for (let n = 0; n < 5; n++) await first.make(n % 2 === 0 ? A : B, {});
  await first.make(C, { point: "nc1", append: [Y] });
  await Promise.all([first.take(X, 1), first.take(X, 2), first.append(X, 1), first.make(A, { append: [X] })]);
  failOnce("feed's page: file");
  await first.append(Y, 9);
  failOnce("feed's head: file");
  await first.take(Y, 3);
  await Promise.all([first.make(C, { unpoint: "nc1", point: "nc2" }), first.make(A, {}), first.make(B, { point: "nb2" })]);
  // Several journal files that can't go, and then all at once.
  failOnce("checkpoint: file", 1000);
  for (let n = 0; n < 8; n++) await first.make(n % 2 === 0 ? A : C, {});
  failOnce("", 0);
  for (let n = 0; n < 2; n++) await first.make(B, {});
  // Whose lines and document are everywhere, made again, and one that is stopped on the way.
  await first.make(C, { point: "nc3", due: 7, append: [X] });
  await Promise.all([first.make(C, { append: [X, Y] }), first.erase(C), first.make(A, { due: 5 })]);
  await first.make(C, { point: "nc2", due: 9 });
  failOnce("checkpoint: removal");
  await first.erase(B);
  await first.make(B, {});
  await first.erase(B);
  failOnce("feed's page: removal");
  await first.take(Y, 9);
  await first.make(A, { due: null });
  await first.storage[Symbol.asyncDispose]();

  const second = await begin();
  await Promise.all([second.make(A, { unpoint: "na2" }), second.make(B, {}), second.put("keys")]);
  await second.make(A, { point: "na1" });
  await second.put("settings");
  await second.append(Y, 1);
  await Promise.all([second.take(X, 2), second.take(Y, 9), second.make(C, { append: [X] })]);
  for (let n = 0; n < 3; n++) await second.make(stores[n] as string, { due: 20 - n });
  await Promise.all([second.erase(C), second.erase(B), second.make(A, { append: [Y] })]);
  await second.storage[Symbol.asyncDispose]();
}

/** What a process does after one that died: what it hands out is a promise too. */
export async function afterlife(disk: SimulatedDisk, promises: Promises): Promise<void> {
  const storage = await openOn(disk);
  const seen = await look(storage, disk, promises);
  if (seen.wrong !== undefined) throw new Error(seen.wrong);
  for (const [n, asked] of promises.changes.entries())
    if (asked.state === "asked")
      asked.state = (asked.erase ? seen.erased(asked.store) >= n : seen.visible.includes(n)) ? "answered" : "failed";
  for (const [mark, entry] of promises.entries) {
    const state = seen.marks.has(mark) ? "answered" : "failed";
    if (entry.state === "asked") entry.state = state;
    if (entry.removal === "asked") entry.removal = state === "answered" ? "failed" : "answered";
  }
  for (const [name, n] of seen.documents) (promises.documents.get(name) as { least: number }).least = n;
  const make = maker(storage, disk, promises);
  const there = stores.filter((store) => seen.visible.some((n) => promises.changes[n]?.store === store));
  // One store alone for a while: what the others have in the journal only must stay.
  for (const store of [...there.slice(-1), ...there.slice(-1), ...there.slice(-1), ...there.slice(-1), ...there]) await make(store, {});
  await putter(storage, promises)("settings");
  const { append, take } = feeder(storage, disk, promises);
  await Promise.all([append(X, 1), take(X, 2), take(Y, 1)]);
  for (const store of there.slice(0, 1)) await make(store, { append: [X, Y] });
  for (const store of there.slice(0, 1)) await eraser(storage, disk, promises)(store);
  await storage[Symbol.asyncDispose]();
}

/** What is wrong with what is left, or undefined. */
export async function violation(disk: SimulatedDisk, promises: Promises): Promise<string | undefined> {
  try {
    const storage = await openOn(disk);
    const { wrong, visible } = await look(storage, disk, promises);
    if (wrong !== undefined) return wrong;
    // And it can go on.
    const [n] = visible;
    if (n !== undefined)
      await storage.change(promises.changes[n]?.store as string, async (store) => store.put("notes", "later", { text: "" }));
    await storage[Symbol.asyncDispose]();
    const left = disk.everything();
    for (const [mark, { removal }] of promises.entries)
      if (removal === "answered" && left.includes(mark)) return `${mark} was taken out and is on the disk`;
    return undefined;
  } catch (error) {
    return `${error}`;
  }
}

interface Making {
  point?: string;
  unpoint?: string;
  due?: number | null;
  append?: FeedName[];
}

/** One change writes two rows and both sums: they must agree. */
function maker(storage: Storage<ToyRows>, disk: SimulatedDisk, promises: Promises) {
  return async (store: string, { point, unpoint, due, append = [] }: Making) => {
    const n = promises.changes.length;
    const entries = append.map((feed) => ask(promises, feed, n));
    const asked: Asked = { store, state: "asked", ...(point && { point }), ...(unpoint && { unpoint }), ...(due !== undefined && { due }) };
    const before = promises.changes.filter((other) => other.store === store);
    const isNew = before.slice(before.findLastIndex((other) => other.erase && other.state === "answered") + 1).length === 0;
    promises.changes.push(asked);
    try {
      await storage[isNew ? "create" : "change"](store, async (writer) => {
        writer.put("notes", `p/${String(n).padStart(3, "0")}`, { text: "padding that fills the journal's files" });
        writer.put("notes", `q/${String(n).padStart(3, "0")}`, { text: "" });
        writer.put("sums", "x", { total: n });
        writer.put("sums", "y", { total: n });
        if (point !== undefined) writer.point("grant", point);
        if (unpoint !== undefined) writer.unpoint("grant", unpoint);
        if (due !== undefined) writer.due(due);
        for (const [mark, { feed }] of entries) writer.append(feed, { mark });
      });
      for (const each of [asked, ...entries.map(([, entry]) => entry)]) each.state = "answered";
    } catch (error) {
      if (disk.crashed) throw error;
      for (const each of [asked, ...entries.map(([, entry]) => entry)]) each.state = "failed";
    }
  };
}

function eraser(storage: Storage<ToyRows>, disk: SimulatedDisk, promises: Promises) {
  return async (store: string) => {
    const asked: Asked = { store, erase: true, state: "asked" };
    promises.changes.push(asked);
    try {
      await storage.erase(store);
      asked.state = "answered";
    } catch (error) {
      if (disk.crashed) throw error;
      asked.state = "failed";
    }
  };
}

function ask(promises: Promises, feed: FeedName, change?: number): [mark: string, entry: AskedEntry] {
  const mark = `mark-${String(promises.entries.size).padStart(3, "0")}`;
  const entry: AskedEntry = { feed, state: "asked", ...(change !== undefined && { change }) };
  promises.entries.set(mark, entry);
  return [mark, entry];
}

function feeder(storage: Storage<ToyRows>, disk: SimulatedDisk, promises: Promises) {
  return {
    async append(feed: FeedName, count: number) {
      const entries = Array.from({ length: count }, () => ask(promises, feed));
      let state: Asked["state"] = "answered";
      try {
        await storage.append(
          feed,
          entries.map(([mark]) => ({ mark })),
        );
      } catch (error) {
        if (disk.crashed) throw error;
        state = "failed";
      }
      for (const [, entry] of entries) entry.state = state;
    },
    /** The oldest of them. */
    async take(feed: FeedName, count: number) {
      const found = await readFeed(storage, promises, feed);
      if (found.wrong !== undefined) throw new Error(found.wrong);
      const some = found.list.filter(([, mark]) => promises.entries.get(mark)?.removal !== "asked").slice(0, count);
      const entries = some.map(([, mark]) => promises.entries.get(mark) as AskedEntry);
      for (const entry of entries) entry.removal = "asked";
      let state: Asked["state"] = "answered";
      try {
        await storage.removeFromFeed(
          feed,
          some.map(([position]) => position),
        );
      } catch (error) {
        if (disk.crashed) throw error;
        state = "failed";
      }
      for (const entry of entries) entry.removal = state;
    },
  };
}

/** What is handed out is a promise: never another entry at its position, never a new one behind it. */
async function readFeed(storage: Storage<ToyRows>, promises: Promises, feed: FeedName) {
  const list = (await storage.readFeed(feed, { limit: 1000 })).map(([position, entry]): [number, string] => [
    position,
    (entry as { mark: string }).mark,
  ]);
  const seen = promises.seen.get(feed) ?? new Map<number, string>();
  promises.seen.set(feed, seen);
  const last = Math.max(0, ...seen.keys());
  const bad = list.find(
    ([position, mark], n) =>
      position <= (list[n - 1]?.[0] ?? 0) || (position <= last || seen.has(position) ? seen.get(position) !== mark : false),
  );
  for (const [position, mark] of list) seen.set(position, mark);
  return { list, wrong: bad && `${feed}: ${bad} behind ${last}, before ${seen.get(bad[0])}` };
}

function putter(storage: Storage<ToyRows>, promises: Promises) {
  return async (name: DocumentName) => {
    const document = promises.documents.get(name) ?? { asked: 0, least: 0 };
    promises.documents.set(name, document);
    const n = ++document.asked;
    if (name.startsWith("changes/")) await storage.changeDocument<{ n: number; again: number }>(name, () => ({ n, again: n }));
    else await storage.putDocument(name, { n, again: n });
    document.least = Math.max(document.least, n);
  };
}

async function look(storage: Storage<ToyRows>, disk: SimulatedDisk, promises: Promises) {
  const wrongs: string[] = [];
  const left = promises.changes.some(({ erase }) => erase) ? disk.everything() : "";
  const expect = (right: boolean, what: string) => {
    if (!right) wrongs.push(what);
  };
  const visible: number[] = [];
  const isThere: boolean[] = [];
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
        isThere[stores.indexOf(id)] = false;
        return { p: [], q: [], x: undefined, y: undefined };
      });
    isThere[stores.indexOf(id)] ??= true;
    const numbers = found.p.map(([key]) => Number(key.slice(2)));
    visible.push(...numbers);
    expect(String(numbers) === String(found.q.map(([key]) => Number(key.slice(2)))), `${id}: half a change`);
    expect(
      found.x?.total === numbers.at(-1) && found.y?.total === numbers.at(-1),
      `${id}: sums ${found.x?.total} ${found.y?.total}, last change ${numbers.at(-1)}`,
    );
  }
  const there = stores.filter((_, at) => isThere[at]);
  expect(String(await storage.listStores({ limit: 9 })) === String(there), `stores: not ${there}`);
  const visibleOf = (store: string) => visible.filter((n) => promises.changes[n]?.store === store);
  /** The last erasure of a store that holds: one that was answered, or of what came before it nothing is there. */
  const erased = (store: string) =>
    promises.changes.findLastIndex(
      ({ erase, state, store: of }, n) => erase && of === store && (state === "answered" || !visibleOf(store).some((m) => m < n)),
    );
  const owners = new Map<string, string | undefined>();
  const dues = new Map<string, number | null>();
  for (const [n, { store, erase, state, point, unpoint, due }] of promises.changes.entries()) {
    if (erase) continue;
    const isThere = visible.includes(n);
    if (isThere && due !== undefined) dues.set(store, due);
    if (n < erased(store)) {
      expect(!isThere, `change ${n} was erased and is there`);
      expect(!left.includes(`"p/${String(n).padStart(3, "0")}"`), `change ${n} was erased and is on the disk`);
      if (point !== undefined) owners.set(point, undefined);
      continue;
    }
    if (state === "answered") expect(isThere, `change ${n} was answered and is lost`);
    if (state === "failed") expect(!isThere, `change ${n} failed and is there`);
    if (state === "asked" && !isThere)
      expect(!visible.some((m) => m > n && promises.changes[m]?.store === store), `change ${n} is lost, a later one is there`);
    if (unpoint !== undefined && (isThere || !owners.has(unpoint))) owners.set(unpoint, undefined);
    if (point !== undefined && (isThere || !owners.has(point))) owners.set(point, isThere ? store : undefined);
  }
  for (const [name, owner] of owners) expect((await storage.find("grant", name)) === owner, `pointer ${name}`);
  for (const id of stores)
    if (erased(id) >= 0 && visibleOf(id).length === 0) expect(!left.includes(id), `${id} was erased and is on the disk`);
  const expected = [...dues].filter((each): each is [string, number] => each[1] !== null).sort((a, b) => a[1] - b[1]);
  const due = await storage.findDue(1e9, 100);
  expect(String(due) === String(expected.map(([id]) => id)), `due: ${due}, not ${expected}`);
  const marks = new Set<string>();
  for (const feed of feeds) {
    const found = await readFeed(storage, promises, feed);
    expect(found.wrong === undefined, `${found.wrong}`);
    for (const [, mark] of found.list) {
      expect(promises.entries.get(mark)?.feed === feed && !marks.has(mark), `${mark} is twice there, or in another feed`);
      marks.add(mark);
    }
    const ofChanges = found.list.map(([, mark]) => promises.entries.get(mark)?.change);
    for (const id of stores) {
      const order = ofChanges.filter((n) => n !== undefined && promises.changes[n]?.store === id) as number[];
      expect(String(order) === String(order.toSorted((a, b) => a - b)), `${feed}: ${order}`);
    }
  }
  for (const [mark, { change, state, removal }] of promises.entries) {
    const isThere = marks.has(mark);
    if (removal === "answered") expect(!isThere, `${mark} was taken out and is there`);
    else if (removal !== "asked" && state !== "asked") expect(isThere === (state === "answered"), `${mark}: ${state}, there: ${isThere}`);
    if (change === undefined || removal === "answered" || removal === "asked") continue;
    if (change >= erased(promises.changes[change]?.store as string))
      expect(isThere === visible.includes(change), `${mark} without its change`);
  }
  const withEntries = feeds.filter((feed) => [...marks].some((mark) => promises.entries.get(mark)?.feed === feed));
  expect(String(await storage.listFeeds("events", { limit: 9 })) === String(withEntries), `feeds: not ${withEntries}`);
  const documents = new Map<DocumentName, number>();
  for (const [name, { asked, least }] of promises.documents) {
    const value = await storage.getDocument<{ n: number; again: number }>(name);
    const n = value?.n ?? 0;
    documents.set(name, n);
    expect(n === (value?.again ?? 0) && n >= least && n <= asked, `document ${name}: ${n}, at least ${least}`);
  }
  return { visible, erased, marks, documents, wrong: wrongs[0] };
}
