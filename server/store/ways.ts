import type { Commit } from "#protocol/api.ts";
import { canonical, hashOfJson } from "#protocol/canonical.ts";
import type { Head } from "#protocol/head.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Succession } from "#protocol/succession.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";
import type { ProvenAct } from "../guards/act.ts";
import { ordered, type PasskeyRow, type Rows, type StoreRow } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import type { LeafChanges } from "./leaves.ts";
import { checkSuccession } from "./succession.ts";
import { waysOf } from "./views.ts";

/** A passkey whose attestation was verified. */
export interface NewPasskey {
  readonly passkey: PasskeyRow;
  readonly spki: string;
}

interface Step {
  readonly store: StoreWriter<Rows>;
  readonly commit: Commit;
  readonly head: Head;
  readonly before: StoreRow | undefined;
  readonly acts: readonly ProvenAct[];
  readonly leaves: LeafChanges;
  readonly newPasskey: NewPasskey | undefined;
  readonly succession: Succession | undefined;
  readonly session: string | undefined;
}

const wrong = (detail: string, pointer = "/ways"): Refusal => new Refusal("invalid_input", detail, { pointer });
const byId = (list: readonly Way[]): Map<string, Way> => new Map(list.map((way) => [way.id, way]));

/** The commit's change of the list of ways in and of the account key's epoch. Answers the list before, and the one that now holds. */
export async function changeWays(step: Step): Promise<{ old: Way[]; ways: Way[]; changed: boolean }> {
  const { store, commit, head, before } = step;
  const old = before === undefined ? [] : await waysOf(store);
  const ways = commit.ways ?? old;
  if (head.ways !== (commit.ways === null ? before?.waysHash : await hashOfWays(ways)))
    throw wrong("The head does not cover this list of ways in.", "/head");
  const oldById = byId(old);
  const nextById = byId(ways);
  const added = ways.filter(({ id }) => !oldById.has(id));
  const dropped = old.filter(({ id }) => !nextById.has(id));
  const changed = ways.filter((way) => oldById.has(way.id) && canonical(way) !== canonical(oldById.get(way.id)));
  checkList(ways, nextById.size);
  checkEpoch(step, dropped.length > 0);
  if (before !== undefined) checkActs(step, { old: oldById, added, dropped, changed });
  checkSuccession(step.succession, added, dropped);
  checkAdded(step, added);
  await checkSeals(step, ways, [...added, ...changed]);
  for (const way of dropped) await drop(store, way);
  if (dropped.some(({ kind }) => kind === "kit")) await endKitSessions(step, added);
  if (dropped.some(({ kind }) => kind === "device")) await endOtherSessions(step);
  for (const { id, kind, key, passkey, sign } of [...added, ...changed]) store.put("ways", id, { kind, key, passkey, sign });
  const [attested] = added.filter(({ kind }) => kind === "passkey");
  if (attested !== undefined && step.newPasskey !== undefined) store.put("passkeys", attested.id, step.newPasskey.passkey);
  await putSeals(step, added);
  if (commit.epoch !== null) {
    const { epoch, identity, previous } = commit.epoch;
    store.put("epochs", ordered(epoch), { identity, previous });
    step.leaves.set({ kind: "epoch", path: String(epoch), version: 1, hash: await hashOfJson(commit.epoch) });
  }
  return { old, ways, changed: added.length + dropped.length + changed.length > 0 };
}

function checkList(ways: readonly Way[], ids: number): void {
  if (ids !== ways.length) throw wrong("Two ways in have one id.");
  for (const [index, way] of ways.entries()) {
    const fits =
      way.kind === "passkey"
        ? way.passkey !== null && way.sign === null
        : way.passkey === null && way.key !== null && (way.kind === "kit") === (way.sign !== null);
    if (!fits) throw wrong("This way in lacks a member of its kind, or has one of another.", `/ways/${index}`);
  }
  const passkeys = ways.flatMap(({ passkey }) => passkey?.id ?? []);
  if (new Set(passkeys).size !== passkeys.length) throw wrong("This passkey is in the list twice.");
  if (ways.filter(({ kind }) => kind === "kit").length > 1) throw wrong("A store has one kit at most.");
  if (!ways.some(({ key }) => key !== null)) throw wrong("The last way in that opens the store can't be dropped.");
}

function checkEpoch({ commit, head, before, acts }: Step, mustTurn: boolean): void {
  const expected = (before?.epoch ?? 0) + (commit.epoch === null ? 0 : 1);
  if (head.epoch !== expected || (commit.epoch !== null && commit.epoch.epoch !== expected))
    throw wrong("The head's epoch is not the next one.", "/epoch");
  if (before === undefined && commit.epoch === null) throw wrong("A store begins with epoch 1.", "/epoch");
  if (mustTurn && commit.epoch === null) throw wrong("Dropping a way in takes a new epoch.", "/epoch");
  if (commit.epoch !== null && (commit.epoch.previous === null) !== (before === undefined))
    throw wrong("Every epoch but the first holds the key before it.", "/epoch/previous");
  if (before !== undefined && commit.epoch !== null && acts.length === 0)
    throw new Refusal("act_required", "A new epoch takes a passkey.", { pointer: "/acts" });
}

function checkActs(
  { head, acts }: Step,
  {
    old,
    added,
    dropped,
    changed,
  }: { old: ReadonlyMap<string, Way>; added: readonly Way[]; dropped: readonly Way[]; changed: readonly Way[] },
): void {
  const needed = (detail: string) => new Refusal("act_required", detail, { pointer: "/acts" });
  for (const way of changed) {
    const was = old.get(way.id) as Way;
    // A passkey becomes a way in once it has been read back, by the very act that it signs (protocol, section 3).
    const opensNow = way.kind === "passkey" && was.key === null && way.key !== null && canonical({ ...way, key: null }) === canonical(was);
    if (!opensNow) throw wrong("A way in never changes. Drop it and add another.");
    if (!acts.some(({ kind, way: by }) => kind === "passkey" && by === way.id))
      throw needed("A passkey becomes a way in by an act that it signs itself.");
  }
  const bigger = added.filter(({ kind }) => kind !== "device");
  if (added.length + dropped.length === 0 || (dropped.length === 0 && bigger.length === 0 && acts.some(({ kind }) => kind === "passkey")))
    return;
  const names =
    added.length === 0 ? ["drop-way", "recover"] : dropped.length === 0 ? ["add-way", "recover"] : ["add-way", "drop-way", "recover"];
  const fitting = acts.filter(({ act }) => names.includes(act.action) && act.object === head.ways);
  if (fitting.length === 0) throw needed("A change of the ways in takes an act that names the new list.");
  if (dropped.some(({ kind }) => kind === "kit") && !fitting.some(({ kind, act }) => kind === "kit" && act.action === "recover"))
    throw needed("A kit goes, and a new one counts, only if the old kit has signed it.");
}

function checkAdded({ commit, before, newPasskey }: Step, added: readonly Way[]): void {
  const passkeys = added.filter(({ kind }) => kind === "passkey");
  if (passkeys.length !== (commit.attestation === null ? 0 : 1))
    throw wrong("A new passkey comes with its attestation, one in a commit.", "/attestation");
  if (before === undefined && (passkeys.length !== 1 || added.some(({ kind }) => kind === "kit")))
    throw wrong("A store begins with one passkey.");
  const [way] = passkeys;
  if (way !== undefined && (way.passkey?.id !== newPasskey?.passkey.credential || way.passkey?.publicKey !== newPasskey?.spki))
    throw new Refusal("invalid_passkey", "The list names another passkey than the one that was made.", { pointer: "/ways" });
}

async function checkSeals({ store, commit, head }: Step, ways: readonly Way[], fresh: readonly Way[]): Promise<void> {
  const needed = new Set((commit.epoch === null ? fresh : ways).filter(({ key }) => key !== null).map(({ id }) => id));
  for (const [index, seal] of commit.seals.entries()) {
    if (!needed.delete(seal.id)) throw wrong("This seal is for no way in that needs one.", `/seals/${index}/id`);
    if (seal.epoch !== head.epoch) throw wrong("This seal is of another epoch.", `/seals/${index}/epoch`);
    const isFresh = fresh.some(({ id, kind }) => id === seal.id && kind !== "passkey");
    const kind = ways.find(({ id }) => id === seal.id)?.kind;
    if ((seal.half !== undefined) !== (isFresh && kind === "device"))
      throw wrong("A device has a half when it is added, and only then.", `/seals/${index}/half`);
    if ((seal.locator !== undefined) !== (isFresh && kind === "kit"))
      throw wrong("A kit has a locator when it is added, and only then.", `/seals/${index}/locator`);
  }
  if (needed.size > 0) throw wrong("A way in that opens the store lacks its seal.", "/seals");
  if (commit.epoch === null)
    for (const { id } of fresh) if ((await store.get("seals", id)) !== undefined) throw wrong("This way in is sealed already.", "/seals");
}

async function putSeals({ store, commit }: Step, added: readonly Way[]): Promise<void> {
  for (const { id, box, epoch, envelope, half, locator } of commit.seals) {
    const before = added.some((way) => way.id === id) ? undefined : await store.get("seals", id);
    store.put("seals", id, { box, epoch, envelope, locator: locator ?? before?.locator ?? null });
    if (half !== undefined) store.put("halves", id, { half });
    if (locator !== undefined) store.point("locator", locator);
  }
}

async function drop(store: StoreWriter<Rows>, { id }: Way): Promise<void> {
  const seal = await store.get("seals", id);
  if (seal?.locator != null) store.unpoint("locator", seal.locator);
  for (const table of ["ways", "seals", "halves", "passkeys"] as const) store.delete(table, id);
  for (const [key, session] of await store.list("sessions", { limit: 1000 })) if (session.way === id) store.delete("sessions", key);
}

/** What the kit that goes had opened ends; the one that made this commit goes on as the new passkey's. */
async function endKitSessions({ store, session }: Step, added: readonly Way[]): Promise<void> {
  const way = added.find(({ kind }) => kind === "passkey")?.id ?? null;
  for (const [key, row] of await store.list("sessions", { limit: 1000 })) {
    if (row.way !== null) continue;
    if (key === session) store.put("sessions", key, { ...row, way });
    else store.delete("sessions", key);
  }
}

/** Nobody can tell which of them the device that goes holds: any passkey may have opened it. */
async function endOtherSessions({ store, session }: Step): Promise<void> {
  for (const [key] of await store.list("sessions", { limit: 1000 })) if (key !== session) store.delete("sessions", key);
}
