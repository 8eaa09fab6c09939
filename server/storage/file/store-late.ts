import { crc32 } from "node:zlib";
import { StorageError } from "../storage.ts";
import type { Change } from "./change.ts";
import type { DataFolder } from "./data-folder.ts";
import { failure } from "./failure.ts";
import { FileAdapter } from "./file-adapter.ts";

const FILE = /^([A-Za-z0-9_-]{22})-\d{14}\.json$/;
const CUT = /^\d{10}\.cut-[0-9a-f]{8}$/;

/** Lines of a store, as `late/<store>-<first sequence number>.json`. */
interface Late {
  store: string;
  changes: Array<[sequence: number, change: Change]>;
}

/**
 * Lines of stores whose documents can't be read: the journal must not wait until somebody repairs them, and a repair loses nothing. One
 * folder for all of them, so that a store that has none costs no look. Beside them what was cut off the journal's end, whosever it is, as
 * `late/<number of the journal's file>.cut-<checksum>`.
 */
export class StoreLate {
  readonly #folder: DataFolder;
  /** Files by store, in order. */
  readonly #files: Map<string, string[]>;
  readonly #cut: Set<string>;

  private constructor(folder: DataFolder, files: Map<string, string[]>, cut: string[]) {
    this.#folder = folder;
    this.#files = files;
    this.#cut = new Set(cut);
  }

  static async open(folder: DataFolder): Promise<StoreLate> {
    const files = new Map<string, string[]>();
    const names = (await folder.disk.list(folder.path("late"))).sort();
    for (const name of names) {
      const store = FILE.exec(name)?.[1];
      if (store !== undefined) files.set(store, [...(files.get(store) ?? []), name]);
    }
    return new StoreLate(
      folder,
      files,
      names.filter((name) => CUT.test(name)),
    );
  }

  /** Ids of the stores that have some. */
  get stores(): Iterable<string> {
    return this.#files.keys();
  }

  has(id: string): boolean {
    return this.#files.has(id);
  }

  /** Names of the files with what was cut off the journal. */
  get cut(): Iterable<string> {
    return this.#cut;
  }

  /** Keeps, durably, what is about to be cut off the journal's file `number`. The same twice, after a crash, is one. */
  async keepCut(number: number, bytes: Buffer): Promise<void> {
    const name = `${String(number).padStart(10, "0")}.cut-${crc32(bytes).toString(16).padStart(8, "0")}`;
    await this.#folder.replace(this.#folder.path("late", name), bytes, "cut lines", [this.#folder.path("late")]);
    this.#cut.add(name);
  }

  /** @throws {StorageError} `corrupt`, `failed` */
  async read(id: string): Promise<Late["changes"]> {
    const all: Late["changes"] = [];
    for (const name of this.#files.get(id) ?? []) {
      const late = await this.#adapter(name).read();
      if (late?.store !== id || !Array.isArray(late.changes))
        throw new StorageError("corrupt", `${this.#folder.path("late", name)} is missing or of another store`);
      all.push(...late.changes);
    }
    return all;
  }

  async write(id: string, changes: Late["changes"]): Promise<void> {
    const name = `${id}-${String(changes[0]?.[0]).padStart(14, "0")}.json`;
    await this.#adapter(name).write({ store: id, changes });
    this.#files.set(id, [...new Set([...(this.#files.get(id) ?? []), name])].sort());
  }

  /** All of it is in the document, or void. `wasErased`: since then, so that what was cut off must not have it either. */
  async clear(id: string, wasErased: boolean): Promise<void> {
    const names = [...(this.#files.get(id) ?? []), ...(wasErased ? this.#cut : [])];
    if (names.length === 0) return;
    const place = this.#folder.path("late");
    try {
      for (const name of names) await this.#folder.disk.unlink(`${place}/${name}`);
      await this.#folder.disk.syncFolder(place, "late lines: removal");
    } catch (error) {
      throw failure(`removing from ${place}`, error);
    }
    this.#files.delete(id);
    if (wasErased) this.#cut.clear();
  }

  #adapter(name: string): FileAdapter<Late> {
    return new FileAdapter(this.#folder, this.#folder.path("late", name), this.#folder.path("late"), "late lines");
  }
}
