import { isEnded } from "#protocol/grant.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { type Context, sessionOf, storeOf } from "./context.ts";
import { stateOfGrant } from "./grants.ts";
import { type Keyring, openKeyring } from "./keyring.ts";
import type { Remembered } from "./memory.ts";
import { type OpenStore, openStore } from "./open-store.ts";
import { type Replica, readReplica, Uncovered } from "./replica.ts";
import { isRefusal } from "./server.ts";
import { trustOf } from "./trust.ts";
import { VaultError } from "./vault.ts";
import { outlineOf, viewOf } from "./view.ts";
import { changeOf } from "./view-change.ts";

/** Reads the whole store by a keyring that has just been opened, and opens it, or throws and opens nothing. */
export async function enter(context: Context, keyring: Keyring): Promise<void> {
  context.store = await readFrom(context, undefined, keyring);
  context.shown = undefined;
  publish(context);
  context.publish({ state: "unlocked" });
}

/**
 * Reads what changed since. What the server says against what is known leaves the store as it is, with an alarm.
 * @throws {VaultError} `tampered`
 */
export async function read(context: Context): Promise<void> {
  const store = storeOf(context);
  try {
    context.store = await readFrom(context, store, store.keyring);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    context.store = { ...store, alarms: [{ code: error.code, message: error.message, at: new Date(context.now()).toISOString() }] };
    publish(context);
    throw new VaultError("tampered", error.message);
  }
  publish(context);
}

async function readFrom(context: Context, before: OpenStore | undefined, keyring: Keyring): Promise<OpenStore> {
  const { account } = sessionOf(context);
  const remembered = await context.memory.read(account);
  const trusted = { account, identity: keyring.identity.x, remembered };
  let replica: Replica;
  try {
    replica = await readReplica(context.server, before?.replica, trusted);
  } catch (error) {
    if (error instanceof Uncovered) throw await lookCloser(context, error, { before, keyring, remembered });
    if (before === undefined || !isRefusal(error, "cursor_expired")) throw error;
    replica = await readReplica(context.server, undefined, trusted);
  }
  const { epoch, identity } = replica.head.claims;
  const keys = epoch === keyring.epoch && identity === keyring.identity.x ? keyring : await reopen(replica, keyring);
  const store = await openStore(keys, replica, before, { remembered, place: context.place, now: context.now() });
  await remember(context, store);
  context.session = { account, ways: replica.ways };
  return store;
}

/** Says which connection it is about, where that can be told. */
async function lookCloser(
  context: Context,
  error: Uncovered,
  known: { before: OpenStore | undefined; keyring: Keyring; remembered: Remembered | undefined },
): Promise<EvidenceError> {
  try {
    const { alarms } = await openStore(known.keyring, error.candidate, known.before, {
      remembered: known.remembered,
      place: context.place,
      now: context.now(),
    });
    return new EvidenceError("root", [`${error.message}.`, ...alarms.map(({ message }) => `${message}.`)].join(" "));
  } catch (cause) {
    return cause instanceof EvidenceError ? new EvidenceError("root", `${error.message}: ${cause.message}`) : error;
  }
}

/** Another device has started a new epoch, or with the kit a new identity key. */
async function reopen(replica: Replica, { opener }: Keyring): Promise<Keyring> {
  if (!replica.ways.some((way) => way.id === opener.way)) throw new VaultError("kit_needed", "this way in was dropped");
  const door = {
    account: replica.account,
    head: replica.head.token,
    ways: replica.ways,
    seals: [...replica.seals.values()],
    epochs: [...replica.epochs.values()],
    successions: replica.successions,
  };
  return (await openKeyring(door, opener)).keyring;
}

async function remember({ memory }: Context, { replica, grants }: OpenStore): Promise<void> {
  const versions = Object.fromEntries([...replica.records.values()].map(({ path, version }) => [path, version]));
  const consents = Object.fromEntries([...grants.values()].map(({ grant, own }) => [grant, { n: own.n, hash: own.hash }]));
  const ends = Object.fromEntries([...grants.values()].flatMap(({ grant, ended }) => (ended === undefined ? [] : [[grant, ended.hash]])));
  const { claims, hash } = replica.head;
  await memory.change(replica.account, (old: Remembered) => ({
    ...old,
    ...(old.head !== null && old.head.seq > claims.seq ? {} : { head: { seq: claims.seq, hash }, trust: trustOf(claims, replica.ways) }),
    versions: Object.fromEntries(
      Object.entries({ ...old.versions, ...versions }).map(([path, version]) => [path, Math.max(version, old.versions[path] ?? 0)]),
    ),
    consents: { ...old.consents, ...consents },
    ends: { ...ends, ...old.ends },
  }));
}

export function publish(context: Context): void {
  const { store } = context;
  if (store === undefined || context.quiet) return;
  const view = viewOf(store, context.now(), context.shown);
  context.publish({ store: changeOf(context.shown, view) });
  context.shown = view;
  context.publish({
    outline: outlineOf(
      [...store.grants.values()].map((known) => ({
        grant: known.grant,
        number: known.row?.number ?? 0,
        state: stateOfGrant(known, context.now()),
        expires: known.consent.exp,
      })),
    ),
  });
}

/** Active or paused grants to a vendor. */
export const standing = ({ grants }: OpenStore, clientId: string, now: number): string | null =>
  [...grants.values()].find((known) => known.relationship.client_id === clientId && !isEnded(stateOfGrant(known, now)))?.grant ?? null;
