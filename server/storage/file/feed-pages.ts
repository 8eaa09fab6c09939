import { StorageError } from "../storage.ts";
import type { DataFolder } from "./data-folder.ts";
import { hasCode } from "./disk.ts";
import { failure } from "./failure.ts";
import { FileAdapter } from "./file-adapter.ts";
import { Entry } from "./table.ts";

/** The high-water mark of a feed and the pages that it has: `head.json`. It stays when the feed is emptied. */
export interface Head {
  feed: string;
  /** The last line of the journal that is in here and in the pages. */
  through: number;
  /** The position that the next entry gets. */
  next: number;
  /** Positions of a page. */
  length: number;
  /** Runs of pages that have entries. */
  pages: Array<[first: number, last: number]>;
}

/** Neighbouring positions of a feed: `0000000000.json`. */
interface Page {
  feed: string;
  page: number;
  entries: Array<[position: number, entry: unknown]>;
}

export type Entries = Map<number, Entry>;

const PAGE_NAME = /^(\d{10})\.json$/;

/** The files of one feed, `feeds/ab/<hash of its name>/`. */
export class FeedPages {
  readonly #folder: DataFolder;
  readonly #feed: string;
  readonly #place: string;
  readonly #head: FileAdapter<Head>;
  #hasHead = false;

  constructor(folder: DataFolder, feed: string, place: string) {
    this.#folder = folder;
    this.#feed = feed;
    this.#place = place;
    this.#head = new FileAdapter(folder, `${this.#place}/head.json`, folder.path("feeds"), "feed's head");
  }

  /** @throws {StorageError} `corrupt`, `failed` */
  async readHead(lastLine: number): Promise<Head | undefined> {
    const head = await this.#head.read();
    const path = `${this.#place}/head.json`;
    this.#hasHead = head !== null;
    if (head === null) {
      if ((await this.list()).length > 0) throw new StorageError("corrupt", `${path} is missing`);
      return undefined;
    }
    if (head.feed !== this.#feed || !Number.isSafeInteger(head.next) || !Array.isArray(head.pages))
      throw new StorageError("corrupt", `${path} is not the head of this feed`);
    if (head.through > lastLine) throw new StorageError("corrupt", `${path} is newer than the journal`);
    return head;
  }

  async writeHead(head: Omit<Head, "feed">): Promise<void> {
    await this.#head.write({ feed: this.#feed, ...head });
    this.#hasHead = true;
  }

  /** @throws {StorageError} `corrupt`, `failed` */
  async read(page: number): Promise<{ entries: Entries; size: number }> {
    const adapter = this.#page(page);
    const found = (await adapter.read()) as Page | null;
    if (found === null) throw new StorageError("corrupt", `${this.#path(page)} is missing`);
    if (found.feed !== this.#feed || found.page !== page || !Array.isArray(found.entries))
      throw new StorageError("corrupt", `${this.#path(page)} is another page`);
    return { entries: new Map(found.entries.map(([position, entry]) => [position, Entry.found(entry, 0)])), size: adapter.size };
  }

  /** `entries`: in the order of their positions. */
  async write(page: number, entries: Entries, length: number): Promise<void> {
    // Pages without a head are a head that was lost.
    if (!this.#hasHead) await this.writeHead({ through: 0, next: 1, length, pages: [] });
    const list = [...entries].map(([position, entry]) => `[${position},${entry.json}]`);
    const text = `{"feed":${JSON.stringify(this.#feed)},"page":${page},"entries":[${list.join()}]}`;
    await this.#page(page).write(text);
  }

  /** The pages that there are files of. */
  async list(): Promise<number[]> {
    try {
      return (await this.#folder.disk.list(this.#place)).flatMap((name) => PAGE_NAME.exec(name)?.[1] ?? []).map(Number);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return [];
      throw failure(`listing ${this.#place}`, error);
    }
  }

  async remove(pages: readonly number[]): Promise<void> {
    if (pages.length === 0) return;
    const { disk } = this.#folder;
    try {
      for (const page of pages) await disk.unlink(this.#path(page));
      await disk.syncFolder(this.#place, "feed's page: removal");
    } catch (error) {
      throw failure(`removing pages of ${this.#place}`, error);
    }
  }

  #page(page: number): FileAdapter<unknown> {
    // The head, which always follows, makes the folders above durable.
    return new FileAdapter<unknown>(this.#folder, this.#path(page), this.#place, "feed's page", String);
  }

  #path(page: number): string {
    return `${this.#place}/${String(page).padStart(10, "0")}.json`;
  }
}

/** Names of all feeds that had entries when they were last written. */
export async function namesWithPages(folder: DataFolder): Promise<string[]> {
  const names: string[] = [];
  try {
    for (const part of await folder.disk.list(folder.path("feeds")))
      for (const hash of await folder.disk.list(folder.path("feeds", part))) {
        const place = folder.path("feeds", part, hash);
        const head = await readAny<Head>(folder, `${place}/head.json`);
        if (head === "corrupt") names.push(...(await nameFromPages(folder, place)));
        else if (head !== null && head.pages?.length > 0) names.push(head.feed);
      }
  } catch (error) {
    throw failure("listing feeds", error);
  }
  return names;
}

/** Its pages name it too, so that one whose head is corrupt is not passed over in silence. */
async function nameFromPages(folder: DataFolder, place: string): Promise<string[]> {
  for (const name of await folder.disk.list(place)) {
    const page = PAGE_NAME.test(name) ? await readAny<Page>(folder, `${place}/${name}`) : null;
    if (page !== null && page !== "corrupt") return [page.feed];
  }
  return [];
}

function readAny<Document>(folder: DataFolder, path: string): Promise<Document | null | "corrupt"> {
  return new FileAdapter<Document>(folder, path, path, "").read().catch((error: unknown) => {
    if (error instanceof StorageError && error.code === "corrupt") return "corrupt";
    throw error;
  });
}
