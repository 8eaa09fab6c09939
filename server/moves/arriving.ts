import * as v from "valibot";
import { LIMITS } from "#protocol/api.ts";
import { BUCKETS, EMPTY_BUCKET, hashOfBucket, rootOf } from "#protocol/head.ts";
import { MOVE_API, PACKAGE_LIMITS } from "#protocol/move-package.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { randomText } from "../digest.ts";
import type { MoveRow, Rows } from "../rows.ts";
import { type Storage, StorageError, type StoreWriter } from "../storage/storage.ts";
import { setDue } from "../store/calendar.ts";
import { note } from "../store/history.ts";
import { FetchError } from "../vendors/checked-address.ts";
import { Arrival, type Put, wrong } from "./arrival.ts";
import { dropCopy, sweepMoved } from "./leaving.ts";
import type { ServerWords } from "./server-words.ts";

type Arriving = Extract<MoveRow, { state: "arriving" }>;
/** What an arrival needs of the server. */
export type ArrivalParts = Pick<Deps, "storage" | "config" | "now" | "words" | "life">;

const AT_ONCE = 3000;
/** Milliseconds that a whole store may take. */
const LONGEST = 900_000;
const PARTS = 100_000;
/** Milliseconds for the first part: until it is there, nothing says that there is a store at all. */
const FIRST = 5_000;

const noAnswer = (cause?: unknown): Refusal =>
  new Refusal("unavailable", "The old server can't be reached, or does not answer as one. Nothing has changed. Try again.", {
    extra: { retryAfter: 10 },
    cause,
  });

/**
 * Fetches a store that another server offers and checks all of it; answers the names of shops that may not ask here. It is nobody's until
 * it is whole, and frozen until the old server knows that it is here. A second time is no fault. `code`: hash of the customer's code;
 * `going`: called with each part.
 * @throws {Refusal} `invalid_move`, `taken`, `unavailable`
 */
export async function fetchStore(
  parts: ArrivalParts,
  from: string,
  code: string,
  going: () => Promise<void> = async () => {},
): Promise<readonly string[]> {
  const { storage, config, now } = parts;
  const { clients } = config;
  const ends = now() + LONGEST;
  const arrival = new Arrival({ from, to: config.issuer, now: now(), admits: (id) => clients === "open" || clients.has(id) });
  const run = randomText(16);
  let account: string | undefined;
  let size = 0;
  try {
    let after: string | null = null;
    for (let count = 0; ; count++) {
      const part = await nextPart(parts.words, from, code, after);
      await going();
      size += part.size;
      if (count > PARTS || size > PACKAGE_LIMITS.whole || now() > ends) throw wrong("This store is too large for this server.");
      const puts = await arrival.take(part.rows);
      // Whoever `from` is: what nobody comes for doesn't stay because it says so.
      const until = Math.min(Date.parse(part.until), now() + LIMITS.move);
      if (account === undefined) {
        const id = arrival.first.account;
        const there = await begin(parts, id, { from, code, run, until });
        if (there !== undefined) return there;
        account = id;
      }
      for (let at = 0; at < puts.length; at += AT_ONCE) await fill(storage, account, run, puts.slice(at, at + AT_ONCE));
      if (part.next === null) return await complete(parts, arrival, { account, run, from, code, until });
      if (part.next === after) throw wrong("The same part came twice.");
      after = part.next;
    }
  } catch (error) {
    if (account !== undefined) await giveUp(storage, account, run);
    if (error instanceof StorageError && error.code === "taken")
      throw wrong("A grant or the kit of this store is another store's here.", error);
    throw error;
  }
}

const Part = MOVE_API.moveParts.reply;

async function nextPart(words: ServerWords, from: string, code: string, after: string | null) {
  try {
    const { status, body } = await words.ask(from, "parts", code, { after }, after === null ? FIRST : undefined);
    if (status !== 200) throw refusalOf(status, body);
    const part = v.safeParse(Part, body);
    if (!part.success) throw wrong("What the old server sent is not a store as this one knows it.");
    return { ...part.output, size: JSON.stringify(body).length };
  } catch (error) {
    throw error instanceof FetchError ? noAnswer(error) : error;
  }
}

/** In words of ours: what another server says is nothing that a customer should read here. */
function refusalOf(status: number, body: unknown): Refusal {
  const code = (body as { code?: unknown } | null)?.code;
  if (status === 404 && code === "not_found")
    return wrong("The old server has no store for this code: the move was called off, took too long, or the code is wrong.");
  return status >= 500 || status === 429 ? noAnswer() : wrong("The old server refuses to give this store to this one.");
}

interface Attempt {
  readonly from: string;
  readonly code: string;
  readonly run: string;
  readonly until: number;
}

/** Takes the place under this id. Answers what came before by the same code, if it is whole. @throws {Refusal} `taken` where somebody lives there */
async function begin(parts: ArrivalParts, account: string, attempt: Attempt): Promise<readonly string[] | undefined> {
  const { storage } = parts;
  const { from, code, run, until } = attempt;
  const fresh = async (store: StoreWriter<Rows>): Promise<void> => {
    store.put("filling", "filling", { from, run, until });
    await setDue(store);
  };
  for (let tries = 0; tries < 3; tries++) {
    try {
      await storage.create(account, fresh);
      return undefined;
    } catch (error) {
      if (!(error instanceof StorageError && error.code === "taken")) throw error;
    }
    const there = await storage.read(account, async (store) => ({
      row: await store.get("store", "store"),
      filling: await store.get("filling", "filling"),
    }));
    const move = there.row?.move;
    if (move?.state === "arriving" && move.from === from && move.code === code) return move.left;
    if (move?.state === "arriving" && move.from === from && !move.asked) await dropCopy(storage, account, ({ asked }) => !asked);
    else if (there.row === undefined && there.filling?.from === from) await eraseEmpty(storage, account);
    else if (move?.state === "moved") {
      // It comes back to where it once was: what says where it went stays until it is here. Nothing of an attempt that was cut comes along.
      if (there.filling === undefined) await sweepMoved(storage, account);
      else await emptyStub(storage, account);
      await storage.change(account, fresh);
      return undefined;
    } else break;
  }
  throw new Refusal("taken", "This store is here already.");
}

async function eraseEmpty(storage: Storage<Rows>, account: string): Promise<void> {
  try {
    await storage.erase(account, async (store) => {
      if ((await store.get("store", "store")) !== undefined) throw new Refusal("taken", "This store is here already.");
    });
  } catch (error) {
    if (!(error instanceof StorageError && error.code === "absent")) throw error;
  }
}

async function requireRun(store: StoreWriter<Rows>, run: string): Promise<void> {
  if ((await store.get("filling", "filling"))?.run !== run)
    throw new Refusal("taken", "This store is being brought here by another attempt. Wait for it, then go on.");
}

const fill = (storage: Storage<Rows>, account: string, run: string, puts: readonly Put[]): Promise<void> =>
  storage.change(account, async (store) => {
    await requireRun(store, run);
    for (const put of puts) putRow(store, put);
  });

function putRow<T extends keyof Rows>(store: StoreWriter<Rows>, [table, key, row]: readonly [T, string, Rows[T]]): void {
  store.put(table, key, row);
}

/** From here on its kit finds it. */
async function complete(
  { storage, life: { restores } }: ArrivalParts,
  arrival: Arrival,
  { account, run, from, code, until }: Attempt & { account: string },
): Promise<readonly string[]> {
  const { records, grants, bytes } = arrival.finish();
  const { first, head } = arrival;
  const left = [...arrival.left].slice(0, 1000);
  await storage.change(account, async (store) => {
    await requireRun(store, run);
    if ((await rootOfStore(store)) !== head.root) throw wrong("What came is not what the head's root says.");
    const before = (await store.get("store", "store"))?.move;
    for (const grant of grants) store.point("grant", grant);
    for (const { locator } of first.seals) if (locator !== undefined) store.point("locator", locator);
    store.delete("filling", "filling");
    const stub = before?.state === "moved" ? { stub: before } : {};
    const move: Arriving = { state: "arriving", from, code, until, asked: false, next: until, left, ...stub };
    store.put("store", "store", {
      created: first.created,
      identity: head.identity,
      seq: head.seq,
      head: first.head,
      headHash: first.plan.head,
      epoch: head.epoch,
      waysHash: head.ways,
      records,
      grants: first.grants,
      bytes,
      ...(restores === 0 ? {} : { restores }),
      move,
    });
    store.put("counter", "position", { position: first.position });
    await note(store, { at: arrival.now, type: "arrive", by: from });
    await setDue(store);
  });
  return left;
}

/** Writes each bucket's hash, and answers the root over them. */
async function rootOfStore(store: StoreWriter<Rows>): Promise<string> {
  const hashes: string[] = [];
  for (let at = 0; at < BUCKETS; at++) {
    const bucket = at.toString(16).padStart(2, "0");
    const leaves = await store.list("leaves", { prefix: `${bucket}/`, limit: 100_000 });
    const hash = leaves.length === 0 ? EMPTY_BUCKET : await hashOfBucket(leaves.map(([, { leaf }]) => leaf));
    if (leaves.length > 0) store.put("buckets", bucket, { hash });
    hashes.push(hash);
  }
  return rootOf(hashes);
}

/** Nothing of an attempt that failed stays; what a stop cuts off here, the sweep does. */
async function giveUp(storage: Storage<Rows>, account: string, run: string): Promise<void> {
  try {
    await storage.erase(account, async (store) => {
      const isOurs = (await store.get("filling", "filling"))?.run === run;
      if (!isOurs || (await store.get("store", "store")) !== undefined) throw new NotOurs();
    });
  } catch (error) {
    if (error instanceof NotOurs) await emptyStub(storage, account, run);
    else if (!(error instanceof StorageError)) throw error;
  }
}

class NotOurs extends Error {}

/** Of a store that was to come back here: what says where it is stays. `run`: undefined for whichever it was. */
export async function emptyStub(storage: Pick<Storage<Rows>, "change">, account: string, run?: string): Promise<void> {
  const isStub = await storage.change(account, async (store) => {
    const row = await store.get("store", "store");
    const filling = await store.get("filling", "filling");
    if (row?.move?.state !== "moved" || filling === undefined || (run !== undefined && filling.run !== run)) return false;
    store.delete("filling", "filling");
    store.put("store", "store", { ...row, move: { ...row.move, swept: false } });
    await setDue(store);
    return true;
  });
  if (isStub) await sweepMoved(storage, account);
}
