import { StorageError } from "../storage.ts";
import type { FeedChange, FeedStep } from "./change.ts";
import type { FeedLate } from "./feed-late.ts";
import { FeedOverlay, merged } from "./feed-overlay.ts";
import type { Entries, FeedPages } from "./feed-pages.ts";

const OVERHEAD = 256;
const KEPT_BYTES = 256 * 1024;
const NOTHING = { entries: new Map(), size: 0 };

export interface FeedFiles {
  pages: FeedPages;
  late: FeedLate;
}

/**
 * One feed: its files as of some line of the journal, and over them what later lines say. Positions are given when a line is durable, in
 * the order of lines, so that a replay gives the same ones.
 */
export class Feed {
  readonly #files: FeedFiles;
  readonly #lastLine: () => number;
  /** Those who hold it: as long as there are any, there must be no second object for its files. */
  users = 0;
  /** Durable lines that are in the journal only. */
  #steps: FeedStep[] = [];
  #isOpen = false;
  #opening: Promise<void> | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #through = 0;
  #next = 1;
  /** Pages that are files, ascending. */
  #onDisk: number[] = [];
  #overlay: FeedOverlay;
  /** Changes when files and what lies over them change together. */
  #version = 0;
  /** Pages' files that nothing leads to; undefined: not known, a process that died may have left some. */
  #unused: number[] | undefined;
  /** The page last read. */
  #kept: { page: number; version: number; entries: Entries } | undefined;

  /** `pageLength`: of a new feed. `isFound`: the journal had lines of it at start. */
  constructor(files: FeedFiles, pageLength: number, lastLine: () => number, isFound: boolean) {
    this.#files = files;
    this.#overlay = new FeedOverlay(pageLength);
    this.#lastLine = lastLine;
    this.#unused = isFound ? undefined : [];
  }

  /** The first line that has to stay in the journal. */
  get pinned(): number | undefined {
    return this.#steps[0]?.[0];
  }

  /** A durable line, one after the other. Answers about how many bytes the journal alone has of it. */
  apply(sequence: number, change: FeedChange): number {
    this.#steps.push([sequence, change]);
    if (this.#isOpen) this.#apply([sequence, change]);
    return sizeOf(change);
  }

  async read(after: number, limit: number): Promise<Array<[position: number, entry: unknown]>> {
    await this.#opened();
    const found: Array<[number, unknown]> = [];
    // What comes meanwhile could leave a gap: one page may be read before it, the next one after it.
    const end = this.#next;
    for (let page = this.#pageFrom(this.#overlay.pageOf(after + 1)); page !== undefined; page = this.#pageFrom(page + 1)) {
      for (const [position, entry] of await this.#read(page)) {
        if (position >= end) return found;
        if (position > after) found.push([position, entry.handOut()]);
        if (found.length === limit) return found;
      }
    }
    return found;
  }

  async hasEntries(): Promise<boolean> {
    await this.#opened();
    return this.#onDisk.some((page) => !this.#overlay.isOver(page)) || (await this.read(0, 1)).length > 0;
  }

  /** Of these, those that may be there. */
  async mayHave(positions: readonly number[]): Promise<number[]> {
    await this.#opened();
    const onDisk = new Set(this.#onDisk);
    return [...new Set(positions)].filter(
      (position) =>
        Number.isSafeInteger(position) &&
        position > 0 &&
        position < this.#next &&
        (this.#overlay.has(position) ?? onDisk.has(this.#overlay.pageOf(position))),
    );
  }

  /** Makes files of all that came so far. Answers about how many bytes the journal alone had. */
  write(): Promise<number> {
    const writing = this.#writing.then(() => this.#write());
    this.#writing = writing.catch(() => {});
    return writing;
  }

  async #write(): Promise<number> {
    if (this.#steps.length === 0) return 0;
    let written = [...this.#steps];
    try {
      await this.#opened();
      written = [...this.#steps];
      await this.#writePages();
    } catch (error) {
      if (!(error instanceof StorageError && error.code === "corrupt")) throw error;
      // One bad feed must not keep everyone's lines in the journal.
      written = [...this.#steps];
      await this.#files.late.write(written);
    }
    this.#steps.splice(0, written.length);
    return written.reduce((size, [, change]) => size + sizeOf(change), 0);
  }

  async #writePages(): Promise<void> {
    const { pages, late } = this.#files;
    const changes = this.#overlay.snapshot();
    const head = { through: this.#through, next: this.#next, length: this.#overlay.pageLength };
    const onDisk = new Set(this.#onDisk);
    for (const [page, changed] of changes) {
      const entries = merged(onDisk.has(page) ? (await pages.read(page)).entries : new Map(), changed);
      if (entries.size > 0) await pages.write(page, entries, head.length);
      if (entries.size > 0) onDisk.add(page);
      else onDisk.delete(page);
    }
    await pages.writeHead({ ...head, pages: runs([...onDisk].sort((a, b) => a - b)) });
    const unused = [...(this.#unused ?? []), ...this.#onDisk].filter((page) => !onDisk.has(page));
    this.#onDisk = [...onDisk].sort((a, b) => a - b);
    this.#overlay.drop(changes);
    this.#version++;
    // Only now: the head before this one led to them.
    this.#unused = unused;
    await pages.remove(unused);
    this.#unused = [];
    await late.clear();
  }

  #opened(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { pages, late } = this.#files;
    const head = await pages.readHead(this.#lastLine());
    const lateSteps = await late.read();
    const files = this.#unused === undefined ? await pages.list() : [];
    if (head !== undefined) {
      this.#through = head.through;
      this.#next = head.next;
      this.#overlay = new FeedOverlay(head.length);
      this.#onDisk = head.pages.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, n) => first + n));
    }
    this.#unused ??= files.filter((page) => !this.#onDisk.includes(page));
    this.#isOpen = true;
    for (const step of [...lateSteps, ...this.#steps]) this.#apply(step);
  }

  #apply([sequence, change]: FeedStep): void {
    if (sequence <= this.#through) return;
    this.#through = sequence;
    if ("appended" in change) for (const entry of change.appended) this.#overlay.set(this.#next++, entry);
    else for (const position of change.removed) this.#overlay.set(position, undefined);
  }

  async #read(page: number): Promise<Entries> {
    for (;;) {
      const version = this.#version;
      if (!this.#onDisk.includes(page)) return this.#overlay.over(page, new Map());
      if (this.#kept?.page === page && this.#kept.version === version) return this.#overlay.over(page, this.#kept.entries);
      const { entries, size } = await this.#files.pages.read(page).catch((error: unknown) => {
        if (this.#version === version) throw error;
        return NOTHING;
      });
      // Read while the files changed: what lies over them now is not what lay over these.
      if (this.#version !== version) continue;
      if (size <= KEPT_BYTES) this.#kept = { page, version, entries };
      return this.#overlay.over(page, entries);
    }
  }

  /** The first page from this one on. */
  #pageFrom(least: number): number | undefined {
    let first = this.#onDisk.find((page) => page >= least);
    for (const page of this.#overlay.pages) if (page >= least && (first === undefined || page < first)) first = page;
    return first;
  }
}

/** About what it takes in memory. */
function sizeOf(change: FeedChange): number {
  if ("removed" in change) return OVERHEAD + change.removed.length * 8;
  return change.appended.reduce((size, entry) => size + entry.size, OVERHEAD);
}

function runs(pages: readonly number[]): Array<[first: number, last: number]> {
  const all: Array<[number, number]> = [];
  for (const page of pages) {
    const last = all.at(-1);
    if (last !== undefined && last[1] + 1 === page) last[1] = page;
    else all.push([page, page]);
  }
  return all;
}
