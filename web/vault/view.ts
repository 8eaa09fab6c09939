import { LIMITS } from "#protocol/api.ts";
import { base64url } from "#protocol/canonical.ts";
import { kindAt } from "#protocol/categories.ts";
import { isEnded, stateOf } from "#protocol/grant.ts";
import { shortCodeOf } from "#protocol/head.ts";
import { splitPath } from "#protocol/paths.ts";
import { aliasesOf, renamed, renamedDetails } from "./aliases.ts";
import { contentAs } from "./coverage.ts";
import { type KnownGrant, stateOfGrant } from "./grants.ts";
import type { OpenStore } from "./open-store.ts";
import { RELATIONSHIPS } from "./relationship.ts";
import type { ConnectionView, OutlineView, ReadView, RecordView, SharedValue, StoreView, WayView } from "./vault.ts";

/** What screens see of an open store. */
export function viewOf(store: OpenStore, now: number): StoreView {
  const { replica } = store;
  const shared = sharedBy(store, now);
  return {
    created: replica.created,
    kit: {
      confirmed: replica.ways.some((way) => way.kind === "kit"),
      due: new Date(Date.parse(replica.created) + LIMITS.kit).toISOString(),
    },
    records: recordsOf(store, shared),
    connections: [...store.grants.values()]
      .map((known) => connectionOf(store, known, shared.get(known.grant) ?? [], now))
      .sort((a, b) => b.number - a.number),
    ways: waysOf(store),
    head: { seq: replica.head.claims.seq, code: shortCodeOf(replica.head.hash) },
    alarms: store.alarms,
  };
}

type SharedByGrant = Map<string, Array<SharedValue & { readonly base: string }>>;

function sharedBy({ replica, contents, grants, aliases }: OpenStore, now: number): SharedByGrant {
  const shared: SharedByGrant = new Map();
  for (const { grant, path: alias, version } of replica.shares.values()) {
    const known = grants.get(grant);
    if (known === undefined || isEnded(stateOfGrant(known, now))) continue;
    const path = renamed(alias, aliasesOf(aliases, grant).byAlias);
    const { base } = splitPath(path);
    const content = contents.get(base);
    const as = content === undefined ? undefined : contentAs(path, content, now);
    if (as === undefined || "removed" in as) continue;
    // A paused grant has an older copy than this: what was in it is no longer known here.
    const value = replica.records.get(base)?.version === version ? as.value : null;
    const list = shared.get(grant) ?? [];
    list.push({ path, value, base });
    shared.set(grant, list);
  }
  return shared;
}

function recordsOf({ replica, contents, grants }: OpenStore, shared: SharedByGrant): RecordView[] {
  const readers = new Map<string, Array<RecordView["sharedWith"][number]>>();
  for (const [grant, values] of shared) {
    for (const { base, path } of values) {
      const list = readers.get(base) ?? [];
      list.push({ grant, name: grants.get(grant)?.own.client.client_name ?? "", path });
      readers.set(base, list);
    }
  }
  const records: RecordView[] = [];
  for (const [path, content] of contents) {
    const kind = kindAt(path);
    if (kind === undefined || kind.path === RELATIONSHIPS || "removed" in content) continue;
    records.push({
      path,
      kind: kind.path,
      value: content.value,
      version: replica.records.get(path)?.version ?? 0,
      sharedWith: readers.get(path) ?? [],
    });
  }
  return records;
}

function connectionOf({ replica, aliases }: OpenStore, known: KnownGrant, shared: readonly SharedValue[], now: number): ConnectionView {
  const { row, own, consent, relationship } = known;
  const { byAlias } = aliasesOf(aliases, known.grant);
  return {
    grant: known.grant,
    number: row?.number ?? 0,
    client: own.client,
    state: stateOfGrant(known, now),
    details: renamedDetails(consent.authorization_details, byAlias),
    given: new Date(consent.iat * 1000).toISOString(),
    expires: new Date(consent.exp * 1000).toISOString(),
    endedAt: row?.ended?.at ?? null,
    pausedAt: row?.paused?.at ?? null,
    reads: readsOf(replica.history, known.grant, byAlias),
    shared: shared.map(({ path, value }) => ({ path, value })),
    askedDeletion: row?.ended?.askDeletion ?? false,
    mark: base64url.decode(consent.cnf.jkt),
    keyChangedAt: relationship.pins.length > 1 ? (relationship.pins.at(-1)?.since ?? null) : null,
  };
}

const readsOf = (history: OpenStore["replica"]["history"], grant: string, byAlias: ReadonlyMap<string, string>): ReadView[] =>
  history
    .filter((entry) => entry.type === "read" && entry.grant === grant)
    .map(({ at, paths, count, by }) => ({ at, paths: paths.map((path) => renamed(path, byAlias)), count, key: by ?? "" }));

function waysOf({ replica, keyring, device }: OpenStore): WayView[] {
  return replica.ways.map(({ id, kind, key }) => {
    const passkey = replica.passkeys.find((each) => each.way === id);
    return {
      id,
      kind,
      opens: key !== null,
      here: id === keyring.opener.way || id === device,
      aaguid: passkey?.aaguid ?? null,
      created: passkey?.created ?? null,
      lastUsed: passkey?.lastUsed ?? null,
      synced: passkey?.backedUp ?? null,
    };
  });
}

export const outlineOf = (grants: ReadonlyArray<Omit<OutlineView, "expires"> & { readonly expires: number }>): OutlineView[] =>
  grants.map(({ expires, ...rest }) => ({ ...rest, expires: new Date(expires * 1000).toISOString() }));

/** A grant's state by the server's word alone. */
export const stateBySayso = (row: { paused: unknown; ended: { state: "revoked" | "declined" } | null }, expires: number, now: number) =>
  stateOf({ expires: expires * 1000, paused: row.paused !== null, ended: row.ended?.state }, now);
