import type { Filter } from "#protocol/authorization-details.ts";
import { kindAt } from "#protocol/categories.ts";
import { isEnded } from "#protocol/grant.ts";
import type { ConnectionView, StoreView, VendorView } from "../../vault/vault.ts";
import { kindPath } from "../labels.ts";
import { formPath } from "./shared.ts";

/** What one shop can read of one kind of data. */
export interface Holding {
  readonly kind: string;
  /** As granted, without ids: `profile/addresses:town`. */
  readonly forms: readonly string[];
  readonly count: number;
  /** What of it, where each detail that allows it says so, and they say the same. */
  readonly filter: Filter | undefined;
  readonly lastRead: string | undefined;
  /** The latest end of the connections that allow it. */
  readonly ends: string;
  /** All of those are paused. */
  readonly isPaused: boolean;
}

/** A shop with its running connections, newest first, and what they allow together, by kind. */
export interface Holder {
  readonly relationship: string;
  readonly name: string;
  readonly vendor: VendorView | undefined;
  readonly connections: readonly ConnectionView[];
  readonly holdings: ReadonlyMap<string, Holding>;
}

const latest = (times: readonly string[]): string | undefined =>
  times.reduce<string | undefined>((last, each) => (last === undefined || Date.parse(each) > Date.parse(last) ? each : last), undefined);

interface Sum {
  readonly forms: Set<string>;
  readonly paths: Set<string>;
  readonly filters: Array<Filter | undefined>;
  readonly reads: string[];
  readonly ends: string[];
  running: boolean;
}

const same = ([first, ...rest]: ReadonlyArray<Filter | undefined>): Filter | undefined =>
  rest.every((each) => JSON.stringify(each) === JSON.stringify(first)) ? first : undefined;

function holdingsOf(connections: readonly ConnectionView[]): Map<string, Holding> {
  const kinds = new Map<string, Sum>();
  const known = new Map<string, string>();
  const kindOf = (path: string): string => {
    const kind = known.get(path) ?? kindPath(path);
    known.set(path, kind);
    return kind;
  };
  for (const { details, shared, reads, expires, state } of connections) {
    for (const detail of details)
      for (const path of detail.paths) {
        const kind = kindOf(path);
        const at = kinds.get(kind) ?? { forms: new Set(), paths: new Set(), filters: [], reads: [], ends: [], running: false };
        at.forms.add(formPath(path));
        // Of a kind that it can't be asked about a filter says nothing.
        at.filters.push(kindAt(kind)?.passes === undefined ? undefined : detail.filter);
        at.ends.push(expires);
        at.running ||= state === "active";
        kinds.set(kind, at);
      }
    for (const { path, value } of shared) if (value !== null) kinds.get(kindOf(path))?.paths.add(path);
    for (const read of reads) for (const kind of new Set(read.paths.map(kindOf))) kinds.get(kind)?.reads.push(read.at);
  }
  return new Map(
    [...kinds].map(([kind, { forms, paths, filters, reads, ends, running }]) => [
      kind,
      {
        kind,
        forms: [...forms].sort(),
        count: paths.size,
        filter: same(filters),
        lastRead: latest(reads),
        ends: latest(ends) ?? "",
        isPaused: !running,
      },
    ]),
  );
}

/** Shops that have a running connection, by name. */
export function holdersOf(store: StoreView): Holder[] {
  const shops = new Map<string, ConnectionView[]>();
  for (const each of store.connections)
    if (!isEnded(each.state)) shops.set(each.relationship, [...(shops.get(each.relationship) ?? []), each]);
  const vendors = new Map(store.vendors.map((each) => [each.relationship, each]));
  return [...shops]
    .map(([relationship, connections]) => {
      connections.sort((a, b) => b.number - a.number);
      const vendor = vendors.get(relationship);
      const name = vendor?.name ?? connections[0]?.client.client_name ?? "";
      return { relationship, name, vendor, connections, holdings: holdingsOf(connections) };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** The kinds that any of them holds, in the order of `all`; others after these. */
export function kindsHeld(holders: readonly Holder[], all: readonly string[]): string[] {
  const held = new Set(holders.flatMap((each) => [...each.holdings.keys()]));
  return [...all.filter((each) => held.has(each)), ...[...held].filter((each) => !all.includes(each))];
}

/** How many shops can read this kind now: a paused one can't, and where nothing lies there is nothing to read. */
export const readersOf = (holders: readonly Holder[], kind: string): number =>
  holders.filter(({ holdings }) => {
    const held = holdings.get(kind);
    return held !== undefined && !held.isPaused && held.count > 0;
  }).length;
