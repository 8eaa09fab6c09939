import type { Bearings, PointerKind } from "../storage.ts";
import { type Pointers, pointerKey } from "./pointers.ts";
import { lowerBound } from "./table.ts";

const ID_LENGTH = 22;
const TIME_LENGTH = 11;
const ordered = (at: number): string => at.toString(36).padStart(TIME_LENGTH, "0");

/** The pointer that says when work waits for a store: such names are in order of time. */
export const dueKey = (at: number, store: string): string => pointerKey("due", `${ordered(at)}-${store}`);
export const isDueKey = (key: string): boolean => key.startsWith("due/");

/** The names that work on a store gives and takes, with those that say when it is due. */
export function withDue(
  store: { readonly id: string; readonly dueNames: readonly string[] },
  work: { readonly points: ReadonlyMap<string, boolean>; readonly dueAt: number | null | undefined },
): Map<string, boolean> {
  const names = new Map(work.points);
  if (work.dueAt === undefined) return names;
  for (const key of store.dueNames) names.set(key, false);
  if (work.dueAt !== null) names.set(dueKey(work.dueAt, store.id), true);
  return names;
}

/** Every name that leads to the store, to be taken away. */
export async function allNames(
  store: { readonly id: string; readonly names: readonly string[] | undefined },
  pointers: Pointers,
): Promise<Map<string, boolean>> {
  return new Map((await namesOf(store, pointers)).map((key) => [key, false]));
}

/** Every name that leads to the store. */
export async function namesOf(
  store: { readonly id: string; readonly names: readonly string[] | undefined },
  pointers: Pointers,
): Promise<readonly string[]> {
  if (store.names !== undefined) return store.names;
  const names: string[] = [];
  // Without a list of them only a look at all of them tells.
  for (const kind of ["grant", "locator", "due"] as const)
    for (const key of await pointers.list(kind)) if ((await pointers.find(key)) === store.id) names.push(key);
  return names;
}

/** What such names say to others. */
export function bearingsOf(keys: Iterable<string>): Bearings {
  const all = [...keys].sort().map((key) => key.split("/") as [kind: string, name: string]);
  const due = all.find(([kind]) => kind === "due");
  return {
    names: all.filter((each): each is [PointerKind, string] => each[0] !== "due"),
    due: due === undefined ? null : Number.parseInt(due[1].slice(0, TIME_LENGTH), 36),
  };
}

/** Whose work waits, in order of time. Opening reads none of it: the first question does. */
export class DueStores {
  readonly #pointers: Pointers;
  #keys: string[] | undefined;
  #reading: Promise<string[]> | undefined;
  /** Changed while they are read. */
  #changed: Array<[key: string, isThere: boolean]> = [];

  constructor(pointers: Pointers) {
    this.#pointers = pointers;
  }

  /** A durable change. */
  set(key: string, isThere: boolean): void {
    if (this.#keys !== undefined) put(this.#keys, key, isThere);
    else if (this.#reading !== undefined) this.#changed.push([key, isThere]);
  }

  async find(now: number, limit: number): Promise<string[]> {
    this.#reading ??= this.#read();
    const keys = this.#keys ?? (await this.#reading);
    const end = lowerBound(keys, dueKey(Math.max(0, Math.floor(now) + 1), ""));
    return keys.slice(0, Math.min(end, limit)).map((key) => key.slice(-ID_LENGTH));
  }

  async #read(): Promise<string[]> {
    this.#changed = [];
    try {
      const keys = await this.#pointers.list("due");
      for (const [key, isThere] of this.#changed) put(keys, key, isThere);
      this.#keys = keys;
      return keys;
    } catch (error) {
      this.#reading = undefined;
      throw error;
    }
  }
}

function put(keys: string[], key: string, isThere: boolean): void {
  const at = lowerBound(keys, key);
  const isFound = keys[at] === key;
  if (isThere !== isFound) keys.splice(at, isFound ? 1 : 0, ...(isThere ? [key] : []));
}
