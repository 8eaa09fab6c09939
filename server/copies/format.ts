import { createHash } from "node:crypto";
import * as v from "valibot";
import { Count, Hash, Id, Instant, Positive } from "#protocol/shapes.ts";

/**
 * A copy of a whole deployment: lines of text, each `<hash> <JSON>`, with the hash of the line before and its own JSON. So one line more,
 * less, changed, or from elsewhere shows at that line, and the last line's hash stands for all. In this order: a header, the documents by
 * name, the stores by id, the feeds by name, the counts. What is sealed stays sealed; the server's own private keys are among the documents.
 */
const FAMILY = "https://w3id.org/counterfoil/copy/";
export const COPY_TYPE = `${FAMILY}1`;

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(300));
export const Header = v.strictObject({
  type: v.literal(COPY_TYPE),
  /** Fresh for each copy. */
  id: Id,
  made: Instant,
  /** Which engine it was made of. */
  engine: v.picklist(["embedded", "postgres"]),
  /** server/life.ts; null: no server has ever run there. Times in epoch milliseconds. */
  life: v.nullable(v.strictObject({ id: Id, restores: Count, restored: v.nullable(Count), from: v.nullable(Count) })),
});
export type Header = v.InferOutput<typeof Header>;

export const StoreRow = v.strictTuple([Name, v.pipe(v.string(), v.maxLength(1000)), v.unknown()]);
export type StoreRow = readonly [table: string, key: string, row: unknown];

/** Ends a store. `sha256`: of its rows, names and due time, whatever parts they came in: two stores with the same are the same. */
const StoreEnd = v.strictObject({
  rows: Count,
  names: v.array(v.strictTuple([v.picklist(["grant", "locator"]), Name])),
  due: v.nullable(Count),
  sha256: Hash,
});
export type StoreEnd = v.InferOutput<typeof StoreEnd>;

const Counts = v.strictObject({ documents: Count, stores: Count, rows: Count, feeds: Count, entries: Count });
export type Counts = v.InferOutput<typeof Counts>;
export const noCounts = (): Counts => ({ documents: 0, stores: 0, rows: 0, feeds: 0, entries: 0 });

/** What stands on a line after the header. A large store or feed has several, numbered from 1; the last has an `end`. */
export const Part = v.union([
  v.strictObject({ document: v.strictObject({ name: Name, value: v.unknown() }) }),
  v.strictObject({ store: v.strictObject({ id: Id, part: Positive, rows: v.array(StoreRow), end: v.optional(StoreEnd) }) }),
  v.strictObject({
    feed: v.strictObject({
      name: v.pipe(v.string(), v.maxLength(300), v.regex(/^(events|changes)\/./)),
      part: Positive,
      entries: v.array(v.strictTuple([Positive, v.unknown()])),
      end: v.optional(v.strictObject({ entries: Count })),
    }),
  }),
  v.strictObject({ end: Counts }),
]);
export type Part = v.InferOutput<typeof Part>;

/** Of documents that say where something lies, not what, a copy has its own word, or none: positions in feeds begin anew. */
export const isLeftOut = (document: string): boolean => ["life", "import"].includes(document) || document.startsWith("changes/");

/** Characters of rows after which a part ends. */
export const PART = 1_000_000;
/** Bytes of a line that are read at most: a part may end with one large row. */
export const LONGEST = 64 * 1024 * 1024;

/** JSON with the members in order: an engine may keep them in another. */
export function stable(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(stable).join(",")}]`;
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${members
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, each]) => `${JSON.stringify(name)}:${stable(each)}`)
    .join(",")}}`;
}

/** The hash of a line whose JSON is `text`, after one with the hash `before`; the first has none before it. */
export const hashOfLine = (before: string, text: string): string => createHash("sha256").update(before).update(text).digest("base64url");

/** Whether a text that is no header of this version is one of another. */
export function isNewer(said: unknown): boolean {
  const { type } = (said ?? {}) as { type?: unknown };
  return typeof type === "string" && type !== COPY_TYPE && type.startsWith(FAMILY);
}
