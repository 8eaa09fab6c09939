import type { FeedKind, FeedName } from "../storage.ts";
import { lowerBound } from "./table.ts";

/** The feeds that may have entries, in order. Opening reads none of it: the first question does. */
export class FeedNames {
  readonly #readAll: () => Promise<string[]>;
  #names: string[] | undefined;
  #reading: Promise<string[]> | undefined;
  /** Added while they are read. */
  readonly #added = new Set<string>();
  #adds = 0;

  constructor(readAll: () => Promise<string[]>) {
    this.#readAll = readAll;
  }

  /** One that got an entry. */
  add(name: FeedName): void {
    this.#adds++;
    if (this.#names !== undefined) put(this.#names, name);
    else if (this.#reading !== undefined) this.#added.add(name);
  }

  async list(kind: FeedKind, after: string, limit: number, hasEntries: (name: FeedName) => Promise<boolean>): Promise<FeedName[]> {
    this.#reading ??= this.#read();
    const names = this.#names ?? (await this.#reading);
    const found: FeedName[] = [];
    for (let last = after > `${kind}/` ? after : `${kind}/`; found.length < limit; ) {
      const name = names[lowerBound(names, `${last}\0`)];
      if (!name?.startsWith(`${kind}/`)) break;
      last = name;
      const adds = this.#adds;
      if (await hasEntries(name as FeedName)) found.push(name as FeedName);
      else if (adds === this.#adds && names[lowerBound(names, name)] === name) names.splice(lowerBound(names, name), 1);
    }
    return found;
  }

  async #read(): Promise<string[]> {
    this.#added.clear();
    try {
      const names = [...new Set([...(await this.#readAll()), ...this.#added])].sort();
      this.#names = names;
      return names;
    } catch (error) {
      this.#reading = undefined;
      throw error;
    }
  }
}

function put(names: string[], name: string): void {
  const at = lowerBound(names, name);
  if (names[at] !== name) names.splice(at, 0, name);
}
