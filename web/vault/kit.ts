import { ACT_TYP } from "#protocol/api.ts";
import { hashOfHead, shortCodeOf } from "#protocol/head.ts";
import { kitCode, kitLetters, makeKitSecret, readKitCode } from "#protocol/sealing/kit-code.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { signSuccession } from "#protocol/sealing/succession.ts";
import { type KitKeys, kitKeys, makeWayIn, newId } from "#protocol/sealing/way-in.ts";
import { hashOfWays } from "#protocol/ways.ts";
import { approve, approveByKit, checked, noteReading } from "./acts.ts";
import { type Context, type NewWay, type PendingKit, storeOf } from "./context.ts";
import { makeDeviceWay } from "./device.ts";
import { openKeyring } from "./keyring.ts";
import { settle } from "./moving.ts";
import type { OpenStore } from "./open-store.ts";
import { enter } from "./reading.ts";
import { isRefusal } from "./server.ts";
import { type Kit, VaultError, type WayView } from "./vault.ts";
import { viewOf } from "./view.ts";
import { changedList, makePasskey, putList, type Turn, turn } from "./ways.ts";
import { refuseAlarmed } from "./writing.ts";

const kitOf = ({ replica }: OpenStore) => replica.ways.find((way) => way.kind === "kit");

/** Makes a kit to be shown; it opens nothing until it is confirmed. */
export async function makeKit(context: Context, replacing?: string): Promise<Kit> {
  const store = storeOf(context);
  refuseAlarmed(store);
  const there = kitOf(store);
  const old = there === undefined ? undefined : await oldKit(there.sign, replacing);
  context.kit = await pendingKit(old);
  return shown(context.kit, store);
}

async function oldKit(key: string | null, code: string | undefined): Promise<KitKeys> {
  const secret = code === undefined ? undefined : await readKitCode(code);
  const keys = secret === undefined ? undefined : await kitKeys(secret);
  if (keys === undefined || keys.sign.x !== key) throw new VaultError("wrong_kit", "not the kit that is replaced");
  return keys;
}

async function pendingKit(old: KitKeys | undefined): Promise<PendingKit> {
  const secret = makeKitSecret();
  const [first, second] = crypto.getRandomValues(new Uint8Array(2));
  const one = (first as number) % 8;
  const other = (one + 1 + ((second as number) % 7)) % 8;
  return { secret, groups: await kitCode(secret), ask: [Math.min(one, other), Math.max(one, other)], old };
}

const shown = ({ groups, ask }: PendingKit, { replica }: OpenStore): Kit => ({
  groups,
  ask,
  head: { seq: replica.head.claims.seq, code: shortCodeOf(replica.head.hash) },
});

/** Puts the kit in force: one prompt, and the old kit's signature where there is one. */
export async function confirmKit(context: Context, typed: readonly [string, string]): Promise<void> {
  const { kit } = context;
  if (kit === undefined) throw new VaultError("invalid", "no kit was made");
  const right = kit.ask.every((group, at) => kitLetters(typed[at] ?? "") === kit.groups[group]);
  if (!right) throw new VaultError("wrong_groups", "other groups");
  const store = storeOf(context);
  const there = kitOf(store);
  const next = there === undefined ? await turn(store, false) : await turn(store, true, await makeSigningPair());
  const made = await kitWay(store, next, kit.secret);
  const list = await changedList(store, next, [made], new Set(there === undefined ? [] : [there.id]));
  const object = await hashOfWays(list.list);
  const acts = [await approve(context, { action: "add-way", grant: null, object }, store.replica.ways)];
  if (kit.old === undefined) await putList(context, list, { acts });
  else {
    acts.push(await approveByKit(context, { action: "recover", grant: null, object }, kit.old));
    await putList(context, list, { acts, succession: await successionTo(context, next, made, kit.old) });
  }
  context.kit = undefined;
}

async function kitWay({ replica }: OpenStore, { epoch, accountKey, identity }: Turn, secret: Uint8Array): Promise<NewWay> {
  const keys = await kitKeys(secret);
  const id = newId();
  const made = await makeWayIn({ id, account: replica.account, secret: keys.secret, identity: identity.x, epoch, accountKey });
  return { way: { id, kind: "kit", key: made.key, passkey: null, sign: keys.sign.x }, seal: { ...made.seal, locator: keys.locator } };
}

/** The old kit's word for the identity key and the kit that come after it. */
function successionTo(context: Context, { identity }: Turn, { way }: NewWay, old: KitKeys): Promise<string> {
  const { keyring, replica } = storeOf(context);
  if (way.sign === null) throw new VaultError("failed", "no kit");
  const at = new Date(context.now()).toISOString();
  return signSuccession({ account: replica.account, from: keyring.identity.x, to: identity.x, kit: way.sign, at }, old.sign);
}

/**
 * Finds and opens the store by its kit, whose key signs the session in.
 * @param headSeq the head's number on the kit, if it was typed: a store that is older was put back
 */
export async function recover(context: Context, code: string, headSeq?: number): Promise<{ ways: readonly WayView[] }> {
  const secret = await readKitCode(code);
  if (secret === undefined) throw new VaultError("wrong_kit", "wrong checksum");
  const keys = await kitKeys(secret);
  const door = await context.server.call("recovery", { body: { locator: keys.locator } }).catch((error: unknown) => {
    throw isRefusal(error, "not_found") ? new VaultError("wrong_kit", "no such kit", error.reference) : error;
  });
  const way = door.ways.find((each) => each.kind === "kit" && each.sign === keys.sign.x);
  if (way === undefined) throw new VaultError("tampered", "The server's list of ways into this store leaves out the kit that found it");
  const { keyring, head } = await openKeyring(door, { way: way.id, secret: keys.secret });
  if (headSeq !== undefined && head.seq < headSeq)
    throw new VaultError("tampered", `The server shows state number ${head.seq} of this store; the kit was made at number ${headSeq}`);
  const act = checked(
    { action: "recover", account: door.account, grant: null, object: await hashOfHead(door.head), nonce: door.nonce, at: door.at },
    context.now(),
  );
  const session = await context.server.call("recover", {
    body: { locator: keys.locator, act: { act, kit: await sign(act, ACT_TYP, keys.sign) } },
  });
  context.session = { account: door.account, ways: session.ways };
  context.recovery = { keys, keyring };
  await enter(context, keyring);
  await settle(context);
  return { ways: viewOf(storeOf(context), context.now()).ways };
}

/**
 * A passkey and a way in of this browser, a new kit for the old one and a new identity key, and without the ways in that are to go: one
 * commit, signed by the kit.
 */
export async function finishRecovery(context: Context, { drop }: { drop: readonly string[] }): Promise<Kit> {
  const { recovery } = context;
  if (recovery === undefined) throw new VaultError("invalid", "not recovered");
  const store = storeOf(context);
  refuseAlarmed(store);
  const old = kitOf(store);
  const gone = new Set([...drop, ...(old === undefined ? [] : [old.id])]);
  const passkey = await makePasskey(
    context,
    store.replica.ways.filter((way) => !gone.has(way.id)),
  );
  const next = await turn(store, true, await makeSigningPair());
  const device = await makeDeviceWay(context.memory, {
    account: store.replica.account,
    identity: next.identity.x,
    epoch: next.epoch,
    accountKey: next.accountKey,
  });
  const kit = await pendingKit(recovery.keys);
  const made = await kitWay(store, next, kit.secret);
  const added: NewWay[] = [{ way: passkey.way, seal: undefined }, { way: device.way, seal: device.seal }, made];
  const list = await changedList(store, next, added, gone);
  const act = await approveByKit(context, { action: "recover", grant: null, object: await hashOfWays(list.list) }, recovery.keys);
  const succession = await successionTo(context, next, made, recovery.keys);
  await putList(context, list, { acts: [act], attestation: passkey.attestation, succession });
  const now = storeOf(context);
  context.store = { ...now, keyring: { ...now.keyring, opener: device.opener } };
  context.recovery = undefined;
  if (passkey.prf !== undefined) await noteReading(context, passkey.way, passkey.prf);
  return shown(kit, now);
}
