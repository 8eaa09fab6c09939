import type { Commit } from "#protocol/api.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { Refusal } from "#protocol/refusal.ts";
import { SUCCESSIONS, type Succession, verifySuccession } from "#protocol/succession.ts";
import type { Way } from "#protocol/ways.ts";
import { ordered, type Rows, type StoreRow } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";
import { waysOf } from "./views.ts";

const wrong = (detail: string, cause?: unknown): Refusal => new Refusal("invalid_head", detail, { pointer: "/succession", cause });

/** What the listed kit's key has signed of the keys that come after, if the commit brings that. @throws {Refusal} `invalid_head` */
export async function proveSuccession(
  store: StoreReader<Rows>,
  { succession }: Commit,
  before: StoreRow | undefined,
  account: string,
): Promise<Succession | undefined> {
  if (succession === null) return undefined;
  const kit = before === undefined ? undefined : (await waysOf(store)).find(({ kind }) => kind === "kit")?.sign;
  if (before === undefined || kit == null) throw wrong("This store has no kit that could sign a new identity key.");
  try {
    return await verifySuccession(succession, { account, from: before.identity, kit });
  } catch (cause) {
    if (cause instanceof EvidenceError) throw wrong("The store's kit has not signed this new identity key.", cause);
    throw cause;
  }
}

/** A kit goes only together with what it has signed of the keys that come after it, and nothing else changes the identity key. */
export function checkSuccession(succession: Succession | undefined, added: readonly Way[], dropped: readonly Way[]): void {
  const kit = added.find(({ kind }) => kind === "kit");
  if (!dropped.some(({ kind }) => kind === "kit")) {
    if (succession !== undefined) throw wrong("A new identity key takes a new kit in the place of the old one.");
    return;
  }
  if (succession === undefined)
    throw new Refusal("act_required", "A kit goes only if it has signed the keys that come after it.", { pointer: "/succession" });
  if (kit?.sign !== succession.kit) throw wrong("The kit has signed another kit than the one that this list adds.");
}

/** Keeps the proof for devices that know the old identity key. Where there are too many, the oldest goes if no way in is left from its time. */
export async function keepSuccession(
  store: StoreWriter<Rows>,
  token: string,
  before: StoreRow,
  lists: { readonly old: readonly Way[]; readonly ways: readonly Way[] },
): Promise<void> {
  const all = await store.list("successions", { limit: SUCCESSIONS });
  const [oldest] = all;
  if (oldest !== undefined && all.length === SUCCESSIONS) {
    const [key, { ways }] = oldest;
    if (ways.some(({ id }) => lists.ways.some((way) => way.id === id)))
      throw new Refusal("store_full", "The kit was replaced very often. Drop the oldest passkeys and browsers together with this kit.", {
        pointer: "/succession",
      });
    store.delete("successions", key);
  }
  const ways = lists.old.map(({ id, kind, key, passkey, sign }) => ({ id, kind, key, passkey, sign }));
  store.put("successions", ordered(before.seq), { token, head: before.head, ways });
}
