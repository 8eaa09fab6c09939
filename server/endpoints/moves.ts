import { LIMITS } from "#protocol/api.ts";
import { isEnded } from "#protocol/grant.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { type MovePlan, moveObject, verifyMove } from "#protocol/move.ts";
import type { ServerWord } from "#protocol/move-package.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { digest, instant, randomText } from "../digest.ts";
import { limitRate } from "../guards/rate.ts";
import { requireSession } from "../guards/session.ts";
import { fetchStore } from "../moves/arriving.ts";
import { beginLeaving, callOff, isOffered, leave, nameOfCode, noOffer, sweepMoved } from "../moves/leaving.ts";
import { partOf } from "../moves/package.ts";
import { settle } from "../moves/settle.ts";
import { takePlace } from "../places.ts";
import type { MoveRow, Rows, StoreRow } from "../rows.ts";
import { StorageError, type StoreReader } from "../storage/storage.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import { waysOf } from "../store/views.ts";
import { requireSettled } from "../store/whereabouts.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";
import { provePasskey } from "./leaving.ts";

const MOST_GRANTS = 100_000;
/**
 * Stores on their way here at a time: a part of each is in memory, and checked, which nobody else's request should wait for. Anyone may ask,
 * and name a server that is slow: an address has one.
 */
const ARRIVALS = 8;
const wrong = (detail: string, pointer: string, cause?: unknown): Refusal => new Refusal("invalid_move", detail, { pointer, cause });

const busy = (): Refusal =>
  new Refusal("unavailable", "Other stores are being brought here just now. Try again in a moment.", { extra: { retryAfter: 10 } });

/** A store's way to another server (protocol, section 4, "Moving"): what its customer says here and there, and what the servers say to each other. */
export const moves: Endpoints<"move" | "stay" | "arrive" | "settle" | "moveParts" | "arrived"> = {
  async move(deps, call) {
    const { storage, words, now: clock } = deps;
    const now = clock();
    const caller = signedIn(call);
    const { account } = caller;
    const { act, plan } = call.body;
    if (!words.isOther(plan.to)) throw wrong("This is not the address of another server, like https://counterfoil.example.", "/plan/to");
    const code = randomText(32);
    const until = now + LIMITS.move;
    await storage.change(account, async (store) => {
      await requireSession(store, caller, now);
      const row = await store.get("store", "store");
      if (row === undefined) throw new Error("a store without its first commit");
      requireSettled(row);
      if (row.erasing !== undefined)
        throw new Refusal("store_erasing", "This store is going to be erased. Keep it first, then move.", { pointer: "/plan" });
      if (!(await waysOf(store)).some(({ kind }) => kind === "kit"))
        throw new Refusal("kit_required", "Make and confirm your recovery kit first: it is what opens your store at the other server.");
      if (plan.head !== row.headHash)
        throw new Refusal("stale_head", "Another device was first. Read what changed and try again.", { extra: { head: row.head } });
      await provePasskey(deps, store, act, { account, action: "move", object: await moveObject(plan), now });
      await checkPlan(store, plan, deps.config.issuer, now);
      // `provePasskey` takes no kit's act.
      if (!("assertion" in act)) throw wrong("This takes a passkey.", "/act");
      const move = { state: "leaving", to: plan.to, code: digest(code), at: now, until, approval: act, living: plan.living } as const;
      await beginLeaving(store, row, move, plan);
    });
    return { code, until: instant(until) };
  },

  async stay({ storage, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    await storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now);
      const row = await store.get("store", "store");
      if (row !== undefined) await callOff(store, row, now);
    });
    return {};
  },

  async arrive(deps, { body, address }) {
    const { storage, config, words, now } = deps;
    await limitRate(storage, "arrival", address, config.rates.recoveries, now());
    if (!words.isOther(body.from)) throw wrong("This is not the address of another server, like https://counterfoil.example.", "/from");
    const own = await takePlace(deps, `arrivals/${address}`, 1);
    if (own === undefined) throw busy();
    try {
      const place = await takePlace(deps, "arrivals", ARRIVALS);
      if (place === undefined) throw busy();
      try {
        const keep = async (): Promise<void> => {
          await own.keep();
          await place.keep();
        };
        return { left: [...(await fetchStore(deps, body.from, digest(body.code), keep))] };
      } finally {
        await place.leave();
      }
    } finally {
      await own.leave();
    }
  },

  async settle(deps, call) {
    const caller = signedIn(call);
    await deps.storage.read(caller.account, (store) => requireSession(store, caller, deps.now()));
    if ((await settle(deps, caller.account)) === "off")
      throw wrong("The move was called off at the old server, or took too long. Your store is there, as it was.", "");
    return {};
  },

  async moveParts(deps, { body, address }) {
    const { word, account } = await offered(deps, body.word, "parts", address);
    const now = deps.now();
    return deps.storage.read(account, async (store) => {
      const row = await store.get("store", "store");
      if (row === undefined || !isOffered(row, word.iss, word.code, now)) throw noOffer();
      const leaving = row as StoreRow & { move: Extract<MoveRow, { state: "leaving" }> };
      return { ...(await partOf(store, account, leaving, body.after)), until: instant(leaving.move.until) };
    });
  },

  async arrived(deps, { body, address }) {
    const { storage, outbox, log, now } = deps;
    const { word, account } = await offered(deps, body.word, "arrived", address);
    const at = await storage.change(account, (store) => leave({ store, teller: outbox }, { to: word.iss, code: word.code, now: now() }));
    // What the medium refuses now, the next sweep does.
    await sweepMoved(storage, account).catch((error: unknown) => log.fault("move", error));
    return { at: instant(at) };
  },
};

/** Every grant that lives, and nobody else's words. */
async function checkPlan(store: StoreReader<Rows>, { to, living, statements }: MovePlan, issuer: string, now: number): Promise<void> {
  for (const grant of living)
    if (statements[grant] === undefined) throw wrong("A grant that lives lacks the word to its vendor.", "/plan/statements");
  for (const [grant, statement] of Object.entries(statements)) {
    const { row } = await grantOf(store, grant, "/plan/statements");
    try {
      await verifyMove(statement, { pinned: row.subject, audience: row.vendor.clientId, grant, from: issuer, to });
    } catch (cause) {
      if (!(cause instanceof EvidenceError)) throw cause;
      throw wrong("A word to a vendor does not fit its grant, or this move.", "/plan/statements", cause);
    }
  }
  for (const [grant] of await store.list("standings", { limit: MOST_GRANTS }))
    if (!isEnded(stateNow(await grantOf(store, grant), now)) && !living.includes(grant))
      throw wrong("Something is shared that this move leaves out. Read what changed and try again.", "/plan/living");
}

/** The store that is offered by a code, to whoever has proven to be the server that it is offered to. @throws {Refusal} `not_found`, `invalid_token` */
async function offered(
  { storage, config, words, now }: Deps,
  token: string,
  what: ServerWord["what"],
  address: string,
): Promise<{ word: ServerWord; account: string }> {
  await limitRate(storage, "other", address, config.rates.others, now());
  const word = words.read(token, what);
  const account = await storage.find("locator", nameOfCode(word.code));
  if (account === undefined) throw noOffer();
  const to = await storage.read(account, toOf).catch((error: unknown) => {
    if (error instanceof StorageError && error.code === "absent") throw noOffer();
    throw error;
  });
  // Only an address that a customer named is ever asked for its keys.
  if (to === undefined || to !== word.iss) throw noOffer();
  await words.prove(token, to);
  return { word, account };
}

async function toOf(store: StoreReader<Rows>): Promise<string | undefined> {
  const move = (await store.get("store", "store"))?.move;
  return move?.state === "leaving" || move?.state === "moved" ? move.to : undefined;
}
