import type { ChangeLine } from "#protocol/changes.ts";

/** What there is to say of a customer's grant. */
interface Subject {
  readonly grant: string;
  readonly token: string;
  readonly sealedGrantKey: string;
  readonly rows: readonly { path: string; version: number; body: string; updated: string; position: number }[];
  readonly state: "active" | "paused" | "revoked";
}

interface Entry {
  readonly grant: string;
  readonly from: number;
}

/** What a stand-in server says in bulk: it notices by itself what a test has done to its customers. */
export interface Bulk {
  /** Lines of a bulk read behind `since`; undefined: a cursor of another life of the feed. */
  lines(since: string | undefined): ChangeLine[] | undefined;
  /** Every cursor that was given is of another life from now on. */
  restart(): void;
  /** A `cursor` behind so many grants. */
  every: number;
  /** Grants that were read as often as their customers allow. */
  readonly held: Set<string>;
  /** Lines of a grant instead of its own. */
  readonly instead: Map<string, ChangeLine[]>;
  /** As if it knew nothing of these grants. */
  readonly forgotten: Set<string>;
}

/** A part of what changed after an earlier read, with a line in it that isn't what it says. */
export const brokenPart = ({ grant, token, sealedGrantKey }: Subject): ChangeLine[] => [
  { type: "grant", grant, consent: token, grant_key: sealedGrantKey, complete: true, since: true },
  { type: "record", path: "no path at all!", version: 3, body: "AAAA", updated: new Date().toISOString() },
];

export function bulk(customers: ReadonlyMap<string, Subject>): Bulk {
  const feed: Entry[] = [];
  const known = new Map<string, { print: string; position: number }>();
  const owed = new Map<string, number>();
  let life = 1;
  let reads = 0;
  const it: Bulk = {
    every: 1,
    held: new Set(),
    instead: new Map(),
    forgotten: new Set(),
    restart: () => void life++,
    lines(since) {
      for (const { grant, rows, token, state } of customers.values()) {
        const position = Math.max(0, ...rows.map((row) => row.position));
        const print = JSON.stringify([position, rows.length, token, state, it.held.has(grant)]);
        const before = known.get(grant);
        if (before?.print !== print) feed.push({ grant, from: before?.position ?? 0 });
        known.set(grant, { print, position });
      }
      const [of, after] = (since ?? `${life}.0`).split(".").map(Number) as [number, number];
      if (of !== life) return undefined;
      const entries = feed.slice(after).filter(({ grant }) => !it.forgotten.has(grant));
      const firsts = [...new Map(entries.map(({ grant }) => [grant, entries.findIndex((each) => each.grant === grant)]))];
      const lines: ChangeLine[] = [];
      for (const [at, [grant]] of firsts.entries()) {
        const from = Math.min(
          owed.get(grant) ?? Number.POSITIVE_INFINITY,
          ...entries.filter((each) => each.grant === grant).map((each) => each.from),
        );
        lines.push(...(it.instead.get(grant) ?? partOf(customers.get(grant) as Subject, from)));
        if ((at + 1) % it.every === 0) {
          const remaining = firsts.length - at - 1;
          const reached =
            remaining === 0
              ? feed.length
              : after +
                doneBefore(
                  entries,
                  firsts.slice(0, at + 1).map(([id]) => id),
                  feed,
                  after,
                );
          lines.push({ type: "cursor", cursor: `${life}.${reached}`, more: false, remaining });
        }
      }
      if (lines.at(-1)?.type !== "cursor") lines.push({ type: "cursor", cursor: `${life}.${feed.length}`, more: false, remaining: 0 });
      return lines;
    },
  };

  const partOf = ({ grant, state, token, sealedGrantKey, rows }: Subject, from: number): ChangeLine[] => {
    if (state === "revoked") return [{ type: "ended", grant, state: "revoked", delete_by: null }];
    if (state === "paused" || it.held.has(grant)) {
      owed.set(grant, from);
      return [
        state === "paused" ? { type: "paused", grant } : { type: "held", grant, until: new Date(Date.now() + 3_600_000).toISOString() },
      ];
    }
    owed.delete(grant);
    return [
      { type: "grant", grant, consent: token, grant_key: sealedGrantKey, complete: true, since: from > 0 },
      ...rows
        .filter(({ position }) => position > from)
        .map(({ path, version, body, updated }) => ({ type: "record", path, version, body, updated }) as const),
      { type: "read", grant, read: ++reads, at: new Date().toISOString(), cursor: String(Math.max(0, ...rows.map((row) => row.position))) },
    ];
  };
  return it;
}

/** How many entries of the feed are of grants that were read already, before the first of one that was not. */
function doneBefore(entries: readonly Entry[], done: readonly string[], feed: readonly Entry[], after: number): number {
  const first = entries.find(({ grant }) => !done.includes(grant));
  return first === undefined ? feed.length - after : feed.indexOf(first) - after;
}
