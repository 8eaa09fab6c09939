import { StorageError } from "../storage.ts";
import type { FeedStep } from "./change.ts";
import type { DataFolder } from "./data-folder.ts";
import { hasCode } from "./disk.ts";
import { failure } from "./failure.ts";
import { FileAdapter } from "./file-adapter.ts";
import { Entry } from "./table.ts";

/** Steps as `late/<first sequence number>.json`. */
interface Late {
  feed: string;
  steps: Array<[sequence: number, { appended: unknown[] } | { removed: number[] }]>;
}

/** Steps of a feed whose pages can't be read: the journal must not wait until somebody repairs them. */
export class FeedLate {
  readonly #folder: DataFolder;
  readonly #feed: string;
  readonly #place: string;
  /** Files that are there. */
  readonly #files = new Set<string>();

  constructor(folder: DataFolder, feed: string, place: string) {
    this.#folder = folder;
    this.#feed = feed;
    this.#place = `${place}/late`;
  }

  async read(): Promise<FeedStep[]> {
    const all: FeedStep[] = [];
    for (const name of await this.#list()) {
      const adapter = this.#adapter(name);
      const late = await adapter.read();
      if (late?.feed !== this.#feed || !Array.isArray(late.steps))
        throw new StorageError("corrupt", `${this.#place}/${name} is missing or of another feed`);
      for (const [sequence, step] of late.steps)
        all.push([sequence, "appended" in step ? { appended: step.appended.map((entry) => Entry.found(entry, 0)) } : step]);
      this.#files.add(name);
    }
    return all;
  }

  async write(steps: readonly FeedStep[]): Promise<void> {
    const name = `${String(steps[0]?.[0]).padStart(14, "0")}.json`;
    const late: Late = {
      feed: this.#feed,
      steps: steps.map(([sequence, step]) => [
        sequence,
        "appended" in step ? { appended: step.appended.map((entry) => JSON.parse(entry.json)) } : { removed: [...step.removed] },
      ]),
    };
    await this.#adapter(name).write(late);
    this.#files.add(name);
  }

  /** All of it is in the pages. */
  async clear(): Promise<void> {
    if (this.#files.size === 0) return;
    try {
      for (const name of this.#files) await this.#folder.disk.unlink(`${this.#place}/${name}`);
      await this.#folder.disk.syncFolder(this.#place, "feed's late lines: removal");
    } catch (error) {
      throw failure(`removing ${this.#place}`, error);
    }
    this.#files.clear();
  }

  async #list(): Promise<string[]> {
    try {
      return (await this.#folder.disk.list(this.#place)).filter((name) => name.endsWith(".json")).sort();
    } catch (error) {
      if (hasCode(error, "ENOENT")) return [];
      throw failure(`listing ${this.#place}`, error);
    }
  }

  #adapter(name: string): FileAdapter<Late> {
    return new FileAdapter(this.#folder, `${this.#place}/${name}`, this.#folder.path("feeds"), "feed's late lines");
  }
}
