import { assertPointerName } from "../shapes.ts";
import { type PointerKind, StorageError } from "../storage.ts";
import { within } from "../within.ts";
import { type Damages, isCorrupt } from "./damages.ts";
import type { DataFolder } from "./data-folder.ts";
import { failure } from "./failure.ts";
import { FileAdapter } from "./file-adapter.ts";

const PATIENCE = 30_000;
const AT_ONCE = 8;
const KNOWN = 20_000;

/** A pointer as a small file: `pointers/grant/ab/<name>.json`. */
interface Pointer {
  kind: string;
  name: string;
  store: string;
}

/** `due`: names that say when work waits for their store (due.ts). */
export type AnyKind = PointerKind | "due";

/** What the journal says and no file does yet. */
interface Pending {
  store: string | undefined;
  sequence: number;
}

/** @throws {TypeError} if it could not be a file's name */
export function pointerKey(kind: AnyKind, name: string): string {
  assertPointerName(name);
  return `${kind}/${name}`;
}

/** Names that lead to stores: files, and in front of them the latest changes, which the journal keeps until they are files. */
export class Pointers {
  readonly #folder: DataFolder;
  readonly #damages: Damages;
  readonly #pending = new Map<string, Pending>();
  readonly #held = new Map<string, Promise<void>>();
  /** What was looked up last, so that a name that is used often is not read from its file each time. */
  readonly #known = new Map<string, string>();
  #changes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: DataFolder, damages: Damages) {
    this.#folder = folder;
    this.#damages = damages;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** The first line that has to stay in the journal. */
  get pinned(): number | undefined {
    let pinned: number | undefined;
    for (const { sequence } of this.#pending.values()) if (pinned === undefined || sequence < pinned) pinned = sequence;
    return pinned;
  }

  /** A durable change. */
  set(key: string, store: string | undefined, sequence: number): void {
    this.#changes++;
    this.#known.delete(key);
    this.#damages.mend("pointer", key);
    this.#pending.set(key, { store, sequence });
  }

  async find(key: string): Promise<string | undefined> {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending.store;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const changes = this.#changes;
    const { kind, name, path } = this.#place(key);
    const pointer = await this.#damages.watch("pointer", key, async () => {
      const found = await this.#adapter(kind, path).read();
      if (found === null) return undefined;
      if (found.kind === kind && found.name === name) return found;
      // A file system that ignores case finds another's file.
      if (found.kind === kind && found.name?.toLowerCase() === name.toLowerCase()) return undefined;
      throw new StorageError("corrupt", `${path} is another name's`);
    });
    if (pointer === undefined) return undefined;
    // Not what was read while it may have changed.
    if (changes === this.#changes) this.#know(key, pointer.store);
    return pointer.store;
  }

  /** Waits until nobody else is changing these names, and keeps others from it until the answer is called. */
  async hold(keys: string[]): Promise<() => void> {
    const releases: Array<() => void> = [];
    const release = () => {
      for (const each of releases) each();
    };
    try {
      // All in one order, so that two never wait for each other.
      for (const key of [...keys].sort()) {
        for (let other = this.#held.get(key); other !== undefined; other = this.#held.get(key))
          await within(PATIENCE, other, "a pointer is held");
        this.#held.set(
          key,
          new Promise((resolve) => {
            releases.push(() => {
              this.#held.delete(key);
              resolve();
            });
          }),
        );
      }
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** The points that really change something. `names`: what leads to the store, as it knows itself. @throws {StorageError} `taken` */
  async check(store: string, points: ReadonlyMap<string, boolean>, names: readonly string[]): Promise<Array<[string, boolean]>> {
    const changing: Array<[string, boolean]> = [];
    for (const [key, leadsHere] of points) {
      let owner: string | undefined;
      try {
        owner = await this.find(key);
      } catch (error) {
        if (!isCorrupt(error) || !names.includes(key)) throw error;
        // The store knows better, and what is written now mends the file.
        changing.push([key, leadsHere]);
        continue;
      }
      if (leadsHere && owner !== undefined && owner !== store) throw new StorageError("taken", `${key} leads to another store`);
      if (leadsHere !== (owner === store)) changing.push([key, leadsHere]);
    }
    return changing;
  }

  /** All keys of a kind, in order: costs as many names as there are. What is set from the call on isn't in it. */
  async list(kind: AnyKind): Promise<string[]> {
    const pending = [...this.#pending].filter(([key]) => key.startsWith(`${kind}/`));
    const keys = new Set<string>();
    try {
      for (const part of await this.#folder.disk.list(this.#folder.path("pointers", kind)))
        for (const file of await this.#folder.disk.list(this.#folder.path("pointers", kind, part)))
          if (file.endsWith(".json")) keys.add(`${kind}/${file.slice(0, -".json".length)}`);
    } catch (error) {
      throw failure("listing pointers", error);
    }
    for (const [key, { store }] of pending) {
      if (store === undefined) keys.delete(key);
      else keys.add(key);
    }
    return [...keys].sort();
  }

  /** Makes files of all that is pending. */
  async write(): Promise<void> {
    const writing = this.#writing.then(async () => {
      const all = [...this.#pending];
      for (let at = 0; at < all.length; at += AT_ONCE) {
        const some = await Promise.allSettled(all.slice(at, at + AT_ONCE).map(([key, pending]) => this.#write(key, pending)));
        for (const one of some) if (one.status === "rejected") throw one.reason;
      }
    });
    this.#writing = writing.catch(() => {});
    await writing;
  }

  #know(key: string, store: string): void {
    this.#known.set(key, store);
    if (this.#known.size > KNOWN) this.#known.delete(this.#known.keys().next().value as string);
  }

  async #write(key: string, pending: Pending): Promise<void> {
    const { kind, name, path } = this.#place(key);
    if (pending.store !== undefined) await this.#adapter(kind, path).write({ kind, name, store: pending.store });
    else await this.#folder.remove(path, "pointer: removal");
    if (this.#pending.get(key) === pending) this.#pending.delete(key);
  }

  #adapter(kind: string, path: string): FileAdapter<Pointer> {
    return new FileAdapter(this.#folder, path, this.#folder.path("pointers", kind), "pointer");
  }

  #place(key: string): { kind: string; name: string; path: string } {
    const [kind, name] = key.split("/") as [string, string];
    return { kind, name, path: this.#folder.path("pointers", kind, name.slice(0, 2), `${name}.json`) };
  }
}
