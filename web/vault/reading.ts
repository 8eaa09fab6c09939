import { isEnded } from "#protocol/grant.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { type Context, sessionOf, storeOf } from "./context.ts";
import { stateOfGrant } from "./grants.ts";
import { type Keyring, openKeyring } from "./keyring.ts";
import type { Remembered } from "./memory.ts";
import { type Behind, type OpenStore, openStore } from "./open-store.ts";
import { type Reading, type Replica, readReplica, Uncovered } from "./replica.ts";
import { isRefusal } from "./server.ts";
import { trustOf } from "./trust.ts";
import { VaultError } from "./vault.ts";
import { outlineOf, viewOf } from "./view.ts";
import { changeOf } from "./view-change.ts";

/** Reads the whole store by a keyring that has just been opened, and opens it, or throws and opens nothing. */
export async function enter(context: Context, keyring: Keyring): Promise<void> {
  const { store: held } = context;
  const isSame = held?.replica.account === sessionOf(context).account;
  context.store = await readFrom(context, undefined, keyring, isSame ? held : undefined);
  context.shown = undefined;
  await repeatStops(context).catch(() => undefined);
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
    context.store = await readFrom(context, store, store.keyring, store);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    context.store = { ...store, alarms: [{ code: error.code, message: error.message, at: new Date(context.now()).toISOString() }] };
    publish(context);
    throw new VaultError("tampered", error.message);
  }
  publish(context);
}

type Trusted = Parameters<typeof readReplica>[2];

/** @param held what was open here before, if it may be all that is left of what the server has lost */
async function readFrom(
  context: Context,
  before: OpenStore | undefined,
  keyring: Keyring,
  held: OpenStore | undefined,
): Promise<OpenStore> {
  const { account } = sessionOf(context);
  const remembered = await context.memory.read(account);
  const trusted = { account, identity: keyring.identity.x, remembered };
  let base = before;
  let known = remembered;
  let behind: Behind | undefined;
  let reading: Reading;
  try {
    try {
      reading = await readReplica(context.server, before?.replica, trusted);
    } catch (error) {
      if (before === undefined || !isRefusal(error, "cursor_expired")) throw error;
      base = undefined;
      reading = await readReplica(context.server, undefined, trusted);
    }
  } catch (error) {
    const below = await readBelow(context, error, trusted);
    if (below === undefined) throw error instanceof Uncovered ? await lookCloser(context, error, { before, keyring, remembered }) : error;
    ({ reading, known } = below);
    base = undefined;
    behind = { seen: remembered?.head?.seq ?? 0, held: held?.behind === undefined ? held : held.behind.held };
  }
  const { replica, leapt } = reading;
  if (leapt && known !== undefined) known = { ...known, consents: {} };
  const { epoch, identity } = replica.head.claims;
  const keys = epoch === keyring.epoch && identity === keyring.identity.x ? keyring : await reopen(replica, keyring);
  const store = await openStore(keys, replica, base, { remembered: known, place: context.place, now: context.now(), behind });
  context.session = { account, ways: replica.ways };
  return behind === undefined ? { ...store, lost: await remember(context, store, leapt) } : store;
}

/**
 * Where the server says that it was put back since this device last went along with it, and shows less than was seen: what it has, by
 * the same identity key. Its customer decides whether to go on from there.
 */
async function readBelow(
  { server }: Context,
  error: unknown,
  { remembered, ...trusted }: Trusted,
): Promise<{ reading: Reading; known: Remembered } | undefined> {
  if (!(error instanceof EvidenceError) || !["older", "fork", "pin"].includes(error.code) || !remembered?.trust) return undefined;
  const { identity, kit } = remembered.trust;
  const known = { ...remembered, head: null, trust: { identity, kit: null }, versions: {}, consents: {} };
  const reading = await readReplica(server, undefined, { ...trusted, remembered: known }).catch((other: unknown) => {
    if (!(other instanceof EvidenceError)) throw other;
  });
  if (reading === undefined) return undefined;
  const { restored, head, ways } = reading.replica;
  // It may have no kit yet. Another kit, or another identity key, is one that this device has not seen.
  const isOurs = head.claims.identity === identity && ways.every((way) => way.kind !== "kit" || kit === null || way.sign === kit);
  return isOurs && restored !== null && restored.at !== remembered.restored ? { reading, known } : undefined;
}

/** What a server that was put back doesn't know of any more: each stop as it was approved then. It has held the grants until now. */
async function repeatStops(context: Context): Promise<void> {
  const { replica, keyring } = storeOf(context);
  if (replica.restored === null) return;
  const { stops = {} } = (await context.memory.read(replica.account)) ?? {};
  let isAny = false;
  for (const [grant, body] of Object.entries(stops)) {
    const row = replica.rows.get(grant);
    if (row === undefined || row.ended !== null || row.paused === null) continue;
    // One that is not about the consent that the server has stays held, and is shown as stopped.
    isAny =
      (await context.server.call("revoke", { params: { id: grant }, body }).then(
        () => true,
        () => false,
      )) || isAny;
  }
  if (isAny) context.store = await readFrom(context, storeOf(context), keyring, storeOf(context));
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

/** @param leapt what was seen before may be lost. Answers the grants whose last consent is */
async function remember({ memory }: Context, { replica, grants }: OpenStore, leapt: boolean): Promise<readonly string[]> {
  const versions = Object.fromEntries([...replica.records.values()].map(({ path, version }) => [path, version]));
  const consents = Object.fromEntries([...grants.values()].map(({ grant, own }) => [grant, { n: own.n, hash: own.hash }]));
  const ends = Object.fromEntries([...grants.values()].flatMap(({ grant, ended }) => (ended === undefined ? [] : [[grant, ended.hash]])));
  const { claims, hash } = replica.head;
  let lost: readonly string[] = [];
  await memory.change(replica.account, (old: Remembered) => {
    const is = (grant: string): number => consents[grant]?.n ?? 0;
    const news = leapt ? Object.entries(old.consents).flatMap(([grant, { n }]) => (is(grant) < n ? grant : [])) : [];
    lost = [...new Set([...(old.lost ?? []), ...news])].filter((grant) => is(grant) > 0);
    return {
      ...old,
      ...(old.head !== null && old.head.seq > claims.seq ? {} : { head: { seq: claims.seq, hash }, trust: trustOf(claims, replica.ways) }),
      versions: Object.fromEntries(
        Object.entries({ ...(leapt ? {} : old.versions), ...versions }).map(([path, version]) => [
          path,
          leapt ? version : Math.max(version, old.versions[path] ?? 0),
        ]),
      ),
      consents: { ...(leapt ? {} : old.consents), ...consents },
      ends: { ...ends, ...old.ends },
      restored: replica.restored?.at ?? old.restored,
      lost,
    };
  });
  return lost;
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
