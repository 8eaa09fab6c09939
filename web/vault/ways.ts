import type { SignedAct } from "#protocol/api.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { makeEpoch } from "#protocol/sealing/epoch.ts";
import type { SigningPair } from "#protocol/sealing/pairs.ts";
import { makeWayIn, newId, prfSalt, sealAccountKey } from "#protocol/sealing/way-in.ts";
import { hashOfWays, type Way, type WaySeal } from "#protocol/ways.ts";
import { approve, noteReading } from "./acts.ts";
import type { Change, Rotation } from "./change.ts";
import { type Context, type NewWay, sessionOf, storeOf } from "./context.ts";
import { keyOfEpoch } from "./keyring.ts";
import type { OpenStore } from "./open-store.ts";
import { VaultError } from "./vault.ts";
import { refuseAlarmed, write } from "./writing.ts";

/** The list in which the passkey that signed this act has become a way in, if its secret was read twice the same. */
export async function completedWays(context: Context, { keyring, replica }: OpenStore, act: SignedAct): Promise<Change["ways"]> {
  const way = "assertion" in act ? replica.ways.find((each) => each.passkey?.id === act.assertion.id) : undefined;
  const secret = way === undefined ? undefined : context.twice.get(way.id);
  if (way === undefined || secret === undefined || way.key !== null) return undefined;
  const made = await makeWayIn({
    id: way.id,
    account: replica.account,
    secret,
    identity: keyring.identity.x,
    epoch: keyring.epoch,
    accountKey: keyOfEpoch(keyring, keyring.epoch),
  });
  return { list: replica.ways.map((each) => (each.id === way.id ? { ...each, key: made.key } : each)), seals: [made.seal] };
}

/** What of a new list must be known before its act is approved: the act names its hash. */
export interface NewList {
  readonly list: readonly Way[];
  readonly seals: readonly WaySeal[];
  readonly rotation: Rotation | undefined;
}

/** A new epoch where a way in is dropped, else the one there is: what new ways in are sealed for, and the identity key that they name. */
export interface Turn {
  readonly epoch: number;
  readonly accountKey: Uint8Array;
  readonly identity: SigningPair;
  readonly rotation: Rotation | undefined;
}

/** @param identity a new one, where the kit goes */
export async function turn({ keyring, replica }: OpenStore, dropping: boolean, identity = keyring.identity): Promise<Turn> {
  const current = keyOfEpoch(keyring, keyring.epoch);
  if (!dropping) return { epoch: keyring.epoch, accountKey: current, identity, rotation: undefined };
  const epoch = keyring.epoch + 1;
  const accountKey = randomBytes(32);
  const row = await makeEpoch(replica.account, epoch, accountKey, identity, current);
  return { epoch, accountKey, identity, rotation: { row, accountKey, identity } };
}

/** The list after ways were dropped and added, with a seal for each that needs one. */
export async function changedList(
  { replica }: OpenStore,
  { epoch, accountKey, rotation }: Turn,
  added: readonly NewWay[],
  drop: ReadonlySet<string>,
): Promise<NewList> {
  const kept = replica.ways.filter((way) => !drop.has(way.id));
  const list = [...kept, ...added.map(({ way }) => way)];
  if (!kept.concat(list).some((way) => way.kind === "passkey") || !list.some((way) => way.key !== null))
    throw new VaultError("invalid", "the last passkey or opener");
  const seals = added.flatMap(({ seal }) => seal ?? []);
  if (rotation !== undefined) {
    for (const way of kept) {
      const before = replica.seals.get(way.id);
      if (way.key === null || before === undefined) continue;
      seals.push({
        id: way.id,
        box: before.box,
        epoch,
        envelope: await sealAccountKey(replica.account, way.id, way.key, epoch, accountKey),
      });
    }
  }
  return { list, seals, rotation };
}

/** Commits a new list. An act names exactly this list, so that another device's change of it makes this one void. */
export async function putList(
  context: Context,
  { list, seals, rotation }: NewList,
  rest: Pick<Change, "acts" | "attestation" | "succession">,
): Promise<void> {
  const before = storeOf(context).replica.head.claims;
  await write(context, (store) => {
    const now = store.replica.head.claims;
    if (now.ways !== before.ways || now.epoch !== before.epoch) throw new VaultError("stale", "the ways in have changed");
    return { ways: { list, seals }, ...(rotation === undefined ? {} : { rotation }), ...rest };
  });
}

/** Makes a passkey on another authenticator, then approves it with one that there is. */
export async function addPasskey(context: Context): Promise<void> {
  const store = storeOf(context);
  refuseAlarmed(store);
  const made = await makePasskey(context, store.replica.ways);
  const next = await changedList(store, await turn(store, false), [{ way: made.way, seal: undefined }], new Set());
  const act = await approve(context, { action: "add-way", grant: null, object: await hashOfWays(next.list) }, store.replica.ways);
  await putList(context, next, { acts: [act], attestation: made.attestation });
  if (made.prf !== undefined) await noteReading(context, made.way, made.prf);
}

/** A new passkey of this store. It opens nothing until its secret was read twice. */
export async function makePasskey(
  context: Context,
  ways: readonly Way[],
): Promise<{ way: Way; attestation: NonNullable<Change["attestation"]>; prf: Uint8Array | undefined }> {
  sessionOf(context);
  const { id: registration, options } = await context.server.call("passkeyOptions", { body: {} });
  const exclude = ways.flatMap((way) => (way.passkey === null ? [] : [way.passkey.id]));
  const { attestation, publicKey, prf } = await context.prompts.create({ options, exclude, salt: await prfSalt() });
  return {
    way: { id: newId(), kind: "passkey", key: null, passkey: { id: attestation.id, publicKey }, sign: null },
    attestation: { registration, response: attestation },
    prf,
  };
}

/** Drops a way in, and starts a new epoch of the account key for those that stay. */
export async function dropWay(context: Context, id: string): Promise<void> {
  const store = storeOf(context);
  refuseAlarmed(store);
  // A kit goes only with its own signature: by another kit, or a recovery.
  if (!store.replica.ways.some((way) => way.id === id && way.kind !== "kit")) throw new VaultError("invalid", "gone already, or the kit");
  const next = await changedList(store, await turn(store, true), [], new Set([id]));
  const act = await approve(context, { action: "drop-way", grant: null, object: await hashOfWays(next.list) }, store.replica.ways);
  await putList(context, next, { acts: [act] });
}
