import type { DataFolder } from "./data-folder.ts";

const FILE = /^([A-Za-z0-9_-]{22})\.doubt$/;

/**
 * Stores whose document was found damaged or missing: one that is there later was put back by hand, and is as of earlier. An empty file
 * for each, in the folder of lines that are set aside, so that a restart forgets none.
 */
export class Doubts {
  readonly #folder: DataFolder;
  readonly #stores: Set<string>;
  /** Those that a restart would not forget. */
  readonly #kept: Set<string>;

  private constructor(folder: DataFolder, stores: Set<string>) {
    this.#folder = folder;
    this.#stores = stores;
    this.#kept = new Set(stores);
  }

  static async open(folder: DataFolder): Promise<Doubts> {
    const names = await folder.disk.list(folder.path("late"));
    return new Doubts(folder, new Set(names.flatMap((name) => FILE.exec(name)?.[1] ?? [])));
  }

  get all(): Iterable<string> {
    return this.#stores;
  }

  has(id: string): boolean {
    return this.#stores.has(id);
  }

  /** @throws {StorageError} `full`, `failed` */
  async add(id: string): Promise<void> {
    // Before it is written: a medium that fails must not make anybody sure.
    this.#stores.add(id);
    if (this.#kept.has(id)) return;
    const path = this.#path(id);
    await this.#folder.replace(path, "", "doubt", this.#folder.above(path, this.#folder.path("late")));
    this.#kept.add(id);
  }

  /** @throws {StorageError} `failed` */
  async settle(id: string): Promise<void> {
    if (!this.#stores.has(id)) return;
    if (this.#kept.has(id)) await this.#folder.remove(this.#path(id), "doubt: removal");
    this.#kept.delete(id);
    this.#stores.delete(id);
  }

  #path(id: string): string {
    return this.#folder.path("late", `${id}.doubt`);
  }
}
