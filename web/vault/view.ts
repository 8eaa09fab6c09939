import { LIMITS } from "#protocol/api.ts";
import { base64url, canonical } from "#protocol/canonical.ts";
import { digestAt, kindAt } from "#protocol/categories.ts";
import { answers, deletionState } from "#protocol/deletion.ts";
import { isEnded, stateOf } from "#protocol/grant.ts";
import { shortCodeOf } from "#protocol/head.ts";
import { splitPath } from "#protocol/paths.ts";
import { aliasesOf, renamed, renamedDetails } from "./aliases.ts";
import { CONTACT, type Coverage, contactFrom, countsIn, coverageOf, digestLeaving, leaving } from "./coverage.ts";
import { type KnownGrant, stateOfGrant } from "./grants.ts";
import type { OpenStore } from "./open-store.ts";
import { sourceOf } from "./placing.ts";
import { IMPORTS, RELATIONSHIPS } from "./relationship.ts";
import { isRemoval, recordIn } from "./share-version.ts";
import type {
  ConnectionView,
  DeletionView,
  OutlineView,
  ReadView,
  RecordView,
  SharedValue,
  StoreView,
  VendorView,
  WayView,
} from "./vault.ts";

/** What screens see of an open store. @param before the last one, whose rows are used again where they say the same */
export function viewOf(store: OpenStore, now: number, before?: StoreView): StoreView {
  const { replica } = store;
  const shared = sharedBy(store, now, before);
  return {
    created: replica.created,
    kit: {
      confirmed: replica.ways.some((way) => way.kind === "kit"),
      due: new Date(Date.parse(replica.created) + LIMITS.kit).toISOString(),
    },
    records: recordsOf(store, shared, before),
    connections: newestFirst(store.grants.values()).map((known) =>
      connectionOf(store, known, shared.get(known.grant)?.map(({ view }) => view) ?? [], now),
    ),
    vendors: vendorsOf(store),
    ways: waysOf(store),
    head: { seq: replica.head.claims.seq, code: shortCodeOf(replica.head.hash) },
    alarms: store.alarms,
    erasing: replica.erasing,
    moving: replica.moving,
    restored: replica.restored && {
      ...replica.restored,
      behind: store.behind === undefined ? null : { held: store.behind.held !== undefined },
    },
  };
}

interface SharedRow {
  readonly view: SharedValue;
  /** Records that say something in it. */
  readonly of: readonly string[];
  readonly until: string;
}

/** What the vendor of each grant has that has not ended, in the customer's own paths. */
function sharedBy(store: OpenStore, now: number, before: StoreView | undefined): Map<string, SharedRow[]> {
  const shares = new Map<string, Array<{ path: string; version: number }>>();
  for (const share of store.replica.shares.values()) {
    if (isRemoval(share.version)) continue;
    const list = shares.get(share.grant);
    if (list === undefined) shares.set(share.grant, [share]);
    else list.push(share);
  }
  const shared = new Map<string, SharedRow[]>();
  for (const known of newestFirst(store.grants.values())) {
    const state = stateOfGrant(known, now);
    if (isEnded(state)) continue;
    const coverage = coverageOf(known.consent.authorization_details, now);
    const values = new Map(before?.connections.find(({ grant }) => grant === known.grant)?.shared.map((each) => [each.path, each]));
    const rows = (shares.get(known.grant) ?? []).flatMap(
      (share) => sharedRow(store, { known, coverage, isPaused: state === "paused" }, share, values) ?? [],
    );
    const isDigest = ({ view }: SharedRow): boolean => digestAt(view.path) !== undefined;
    shared.set(known.grant, [...rows.filter((row) => !isDigest(row)), ...rows.filter(isDigest)]);
  }
  return shared;
}

const newestFirst = (grants: Iterable<KnownGrant>): KnownGrant[] => [...grants].sort((a, b) => (b.row?.number ?? 0) - (a.row?.number ?? 0));

function sharedRow(
  store: OpenStore,
  { known, coverage, isPaused }: { known: KnownGrant; coverage: Coverage; isPaused: boolean },
  { path: alias, version }: { path: string; version: number },
  before: ReadonlyMap<string, SharedValue>,
): SharedRow | undefined {
  const digest = coverage.digests.find(({ path }) => path === alias);
  const { contents, aliases, replica } = store;
  const { byPath, byAlias } = aliasesOf(aliases, known.grant);
  const path = digest === undefined ? renamed(alias, byAlias) : alias;
  const { base } = splitPath(path);
  const nameOf = (named: string) => {
    const target = leaving(coverage, byPath.get(named) ?? named, contents.get(named));
    return target === undefined ? undefined : renamed(target.path, byAlias);
  };
  const leaves =
    digest !== undefined
      ? digestLeaving(coverage, digest, contents)
      : base === CONTACT
        ? leaving(coverage, CONTACT, contactFrom(contents, known.relationship.card), nameOf)
        : leaving(coverage, splitPath(alias).base, contents.get(base));
  if (leaves?.path !== alias) return undefined;
  const follows = digest !== undefined || base === CONTACT;
  // A paused grant has an older copy than this: what was in it is no longer known here.
  const isKnown = follows ? !isPaused : recordIn(version) >= (replica.records.get(base)?.version ?? 0);
  const value = isKnown ? leaves.value : null;
  const old = before.get(path);
  const view = old !== undefined && (old.value === value || canonical(old.value) === canonical(value)) ? old : { path, value };
  const of =
    digest === undefined ? [base] : [...contents].flatMap(([each, content]) => (countsIn(coverage, digest, each, content) ? [each] : []));
  return { view, of, until: new Date(leaves.until).toISOString() };
}

function recordsOf(
  { replica, contents, grants }: OpenStore,
  shared: Map<string, SharedRow[]>,
  before: StoreView | undefined,
): RecordView[] {
  const readers = new Map<string, Array<RecordView["sharedWith"][number]>>();
  for (const [grant, rows] of shared) {
    const name = grants.get(grant)?.own.client.client_name ?? "";
    for (const { view, of, until } of rows) {
      const reader = { grant, name, path: view.path, until };
      for (const path of of) {
        const list = readers.get(path);
        if (list === undefined) readers.set(path, [reader]);
        else list.push(reader);
      }
    }
  }
  const old = new Map(before?.records.map((each) => [each.path, each]));
  const records: RecordView[] = [];
  for (const [path, content] of contents) {
    if ("removed" in content) continue;
    const kind = kindAt(path);
    if (kind === undefined || kind.path === RELATIONSHIPS) continue;
    const source = sourceOf(content) ?? null;
    const note = source === null ? undefined : contents.get(`${IMPORTS}/${source}`);
    const view: RecordView = {
      path,
      kind: kind.path,
      value: content.value,
      version: replica.records.get(path)?.version ?? 0,
      source: note === undefined || "removed" in note ? null : source,
      sharedWith: readers.get(path) ?? [],
    };
    const was = old.get(path);
    records.push(was !== undefined && isSame(was, view) ? was : view);
  }
  return records;
}

const isSame = (a: RecordView, b: RecordView): boolean =>
  a.value === b.value &&
  a.version === b.version &&
  a.source === b.source &&
  a.sharedWith.length === b.sharedWith.length &&
  a.sharedWith.every((each, at) => {
    const other = b.sharedWith[at];
    return each.grant === other?.grant && each.path === other.path && each.until === other.until && each.name === other.name;
  });

const vendorsOf = ({ relationships, grants }: OpenStore): VendorView[] =>
  [...relationships].map(([relationship, { client_id, name, card = {}, grants: own }]) => ({
    relationship,
    client_id,
    name,
    card,
    grants: Object.keys(own).sort((a, b) => (grants.get(b)?.row?.number ?? 0) - (grants.get(a)?.row?.number ?? 0)),
  }));

function connectionOf(
  { replica, aliases, lost }: OpenStore,
  known: KnownGrant,
  shared: readonly SharedValue[],
  now: number,
): ConnectionView {
  const { row, own, consent, relationship } = known;
  const { byAlias } = aliasesOf(aliases, known.grant);
  return {
    grant: known.grant,
    number: row?.number ?? 0,
    relationship: known.at,
    client: own.client,
    state: stateOfGrant(known, now),
    details: renamedDetails(consent.authorization_details, byAlias),
    given: instant(consent.iat),
    expires: instant(consent.exp),
    endedAt: row?.ended?.at ?? null,
    pausedAt: row?.paused?.at ?? null,
    putBack: stateOfGrant(known, now) === "paused" && replica.history.some(({ type, at }) => type === "restored" && at === row?.paused?.at),
    changeLost: lost.includes(known.grant),
    reads: readsOf(replica.history, known.grant, byAlias),
    shared,
    askedDeletion: row?.ended?.askDeletion ?? false,
    endedBy: row?.ended?.actor ?? null,
    consents: [...(own.earlier ?? []), consent.iat].map((iat, at) => ({ n: at + 1, at: instant(iat) })),
    deletion: deletionOf(known, now),
    stream: row?.stream ?? "none",
    mark: base64url.decode(consent.cnf.jkt),
    keyChangedAt: relationship.pins.length > 1 ? (relationship.pins.at(-1)?.since ?? null) : null,
  };
}

const instant = (seconds: number): string => new Date(seconds * 1000).toISOString();

function deletionOf({ row, attested }: KnownGrant, now: number): DeletionView | null {
  if (row?.deletion == null) return null;
  const { reason, since, n, by, told } = row.deletion;
  const owed = { reason, since: Date.parse(since), n, by: by === null ? null : Date.parse(by) };
  const counts = attested.findLast((each) => answers(owed, each));
  return {
    ...{ reason, state: deletionState(owed, attested, now).state, since, by, told },
    at: counts?.at ?? null,
    did: counts?.did ?? [],
    remains: (counts?.remains ?? []).map(({ note = null, ...rest }) => ({ ...rest, note })),
    statement: counts?.statement ?? null,
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
  grants.map(({ expires, ...rest }) => ({ ...rest, expires: instant(expires) }));

/** A grant's state by the server's word alone. */
export const stateBySayso = (row: { paused: unknown; ended: { state: "revoked" | "declined" } | null }, expires: number, now: number) =>
  stateOf({ expires: expires * 1000, paused: row.paused !== null, ended: row.ended?.state }, now);
