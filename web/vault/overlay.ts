import type { Content } from "#protocol/sealing/record.ts";

/** Contents of a store with a change over them, without a copy of either. */
export interface Overlay {
  get(path: string): Content | undefined;
  keys(): Iterable<string>;
  [Symbol.iterator](): Iterator<readonly [string, Content]>;
}

export function overlay(contents: ReadonlyMap<string, Content>, change: ReadonlyMap<string, Content> | undefined): Overlay {
  if (change === undefined || change.size === 0) return contents;
  return {
    get: (path) => change.get(path) ?? contents.get(path),
    *keys() {
      yield* contents.keys();
      for (const path of change.keys()) if (!contents.has(path)) yield path;
    },
    *[Symbol.iterator]() {
      for (const [path, content] of contents) yield [path, change.get(path) ?? content];
      for (const entry of change) if (!contents.has(entry[0])) yield entry;
    },
  };
}
