import { join } from "node:path";
import { StorageError } from "../storage.ts";
import { type Disk, hasCode, type LogFile } from "./disk.ts";
import { decodeFrames, decodeHeader, encodeFrame, encodeHeader, type Frame, mayBeWhole } from "./frames.ts";

interface Segment {
  number: number;
  path: string;
  /** Sequence number of its first line, there or to come. */
  first: number;
}

interface Found extends Segment {
  frames: Frame[];
  end: number;
  length: number;
  made: number;
  headerEnd: number;
  /** The header was torn: made, but never used. */
  torn: boolean;
  /** Good frames lie beyond the end. */
  goodAfter: boolean;
  /** What lies beyond the end, if that may have been a whole frame. */
  doubtful: Buffer | undefined;
}

/** Is given what opening the journal finds, oldest first. */
interface Finder {
  replay(sequence: number, line: string): void;
  /** What is about to be cut off the last file though it may have been answered. Awaited before it is. */
  keep(number: number, bytes: Buffer): Promise<void>;
}

/**
 * The files of the journal: numbered without a gap, the last one is written to. Each starts with a frame, twice, that says when
 * it was made and which line comes first, so that lines keep their numbers when all older files are gone.
 */
export class Segments {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #now: () => number;
  #closed: Segment[] = [];
  #active: Segment;
  #file: LogFile | undefined;
  #end = 0;
  #headerEnd = 0;
  #made = 0;
  #next = 1;
  #mustRoll = false;

  private constructor(disk: Disk, folder: string, now: () => number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#now = now;
    this.#active = { number: 1, path: this.#path(1), first: 1 };
  }

  /** Reads what is there, oldest first. @throws {StorageError} `corrupt` */
  static async open(disk: Disk, folder: string, now: () => number, finder: Finder): Promise<Segments> {
    const segments = new Segments(disk, folder, now);
    await segments.#open(finder);
    return segments;
  }

  /** The number that the next line gets. */
  get next(): number {
    return this.#next;
  }

  /** Bytes of lines in the file that is written to. */
  get size(): number {
    return this.#end - this.#headerEnd;
  }

  /** Milliseconds since the file that is written to was made. */
  get age(): number {
    return this.#now() - this.#made;
  }

  get closedCount(): number {
    return this.#closed.length;
  }

  /** Lines before this number are in files that could go; undefined if there is one file only. */
  get closedBefore(): number | undefined {
    return this.#closed.length > 0 ? this.#active.first : undefined;
  }

  /** Number of the first line that is in a file, there or to come; with `written`, in the one that is written to. */
  first(of: "all" | "written"): number {
    return ((of === "all" ? this.#closed[0] : undefined) ?? this.#active).first;
  }

  /** Appends and syncs; on an error the caller must `repair`. */
  async append(lines: string[]): Promise<void> {
    const file = this.#file as LogFile;
    const bytes = encodeFrame({ first: this.#next, lines });
    await file.append(bytes, this.#end, "journal: frame");
    this.#end += bytes.length;
    this.#next += lines.length;
  }

  /** Takes away, durably, what a failed append has left: it must not come back after its failure was answered. */
  async repair(): Promise<void> {
    const file = this.#file as LogFile;
    await file.truncate(this.#end);
    await file.sync("journal: repair");
  }

  /** A next file was begun: no line may follow in this one. */
  get mustRoll(): boolean {
    return this.#mustRoll;
  }

  /** Starts the next file. After an error it has to be tried again. */
  async roll(): Promise<void> {
    const segment = { number: this.#active.number + 1, path: this.#path(this.#active.number + 1), first: this.#next };
    const before = this.#file;
    const old = this.#active;
    this.#mustRoll = true;
    await this.#start(segment);
    this.#mustRoll = false;
    this.#closed.push(old);
    await before?.close().catch(() => {});
  }

  /** Removes the files that only have lines before `sequence`. */
  async drop(sequence: number): Promise<void> {
    for (;;) {
      const [oldest, following = this.#active] = this.#closed;
      if (oldest === undefined || following.first > sequence) return;
      await this.#disk.unlink(oldest.path);
      // One after the other, so that a crash can't leave an older one without a younger one.
      await this.#disk.syncFolder(this.#folder, "journal: drop");
      this.#closed.shift();
    }
  }

  /** The lines of closed files from `first` on, perhaps after some before it. @throws {StorageError} `corrupt`, if one is not there any more */
  async *closedLines(first: number): AsyncGenerator<[sequence: number, line: string]> {
    const closed = this.#closed.map((segment, at) => ({ ...segment, end: (this.#closed[at + 1] ?? this.#active).first }));
    for (const { path, first: begin, end } of closed.filter((each) => each.end > first)) {
      const bytes = (await this.#disk.read(path)) ?? Buffer.alloc(0);
      let next = begin;
      for (const frame of decodeFrames(bytes, decodeHeader(bytes)?.end).frames) for (const line of frame.lines) yield [next++, line];
      if (next !== end) throw lineMissing(path, next, end);
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #open(finder: Finder): Promise<void> {
    const numbers = (await this.#disk.list(this.#folder)).flatMap((name) => /^(\d{10})\.journal$/.exec(name)?.[1] ?? []).map(Number);
    numbers.sort((a, b) => a - b);
    let before: Found | undefined;
    // What was in the cache of a process that died must be durable before anyone sees it.
    if (numbers.length > 0) await this.#disk.syncFolder(this.#folder, "journal: found folder");
    for (const number of numbers) {
      if (before !== undefined && number !== before.number + 1) throw new StorageError("corrupt", `${this.#path(number - 1)} is missing`);
      const found = await this.#find(number);
      // A later file is made only when all of this one is durable.
      if (before !== undefined && before.length > before.end) throw badFrame(before.path, before.end);
      if (found.torn && (found.goodAfter || (before === undefined && number !== 1))) throw badFrame(found.path, 0);
      if (!found.torn && before === undefined) this.#next = found.first;
      if (!found.torn && found.first !== this.#next) throw lineMissing(found.path, this.#next, found.first);
      for (const frame of found.frames) {
        if (frame.first !== this.#next) throw lineMissing(found.path, this.#next, frame.first);
        for (const line of frame.lines) finder.replay(this.#next++, line);
      }
      if (before !== undefined) this.#closed.push(before);
      before = found;
    }
    if (before === undefined) return this.#start(this.#active);
    if (before.goodAfter) throw badFrame(before.path, before.end);
    // After a crash it can be an append that was never over, too: nobody can tell, so it is no reason to refuse all that comes before it.
    if (before.doubtful !== undefined) await finder.keep(before.number, before.doubtful);
    if (before.torn) return this.#start({ number: before.number, path: before.path, first: this.#next });
    this.#active = before;
    this.#made = before.made;
    this.#headerEnd = before.headerEnd;
    this.#end = before.end;
    this.#file = await this.#disk.open(before.path);
    if (before.length > before.end) await this.#file.truncate(before.end);
    await this.#file.sync("journal: found frames");
  }

  async #find(number: number): Promise<Found> {
    const path = this.#path(number);
    const bytes = (await this.#disk.read(path)) ?? Buffer.alloc(0);
    const header = decodeHeader(bytes);
    const frames = decodeFrames(bytes, header?.end);
    const doubtful = mayBeWhole(bytes, frames.end) ? bytes.subarray(frames.end) : undefined;
    const found = { number, path, length: bytes.length, ...frames, doubtful };
    if (header === undefined) return { ...found, first: 0, made: 0, headerEnd: 0, torn: true };
    return { ...found, first: header.first, made: header.made, headerEnd: header.end, torn: false };
  }

  async #start(segment: Segment): Promise<void> {
    const made = this.#now();
    await this.#disk.create(segment.path).then(
      (made) => made.close(),
      (error: unknown) => {
        // Left from a start that failed.
        if (!hasCode(error, "EEXIST")) throw error;
      },
    );
    const file = await this.#disk.open(segment.path);
    const header = encodeHeader(segment.first, made);
    try {
      await file.truncate(0);
      await file.append(header, 0, "journal: new file");
      await this.#disk.syncFolder(this.#folder, "journal: new file's folder");
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    this.#active = segment;
    this.#file = file;
    this.#made = made;
    this.#headerEnd = header.length;
    this.#end = header.length;
  }

  #path(number: number): string {
    return join(this.#folder, `${String(number).padStart(10, "0")}.journal`);
  }
}

function badFrame(path: string, offset: number): StorageError {
  return new StorageError("corrupt", `${path}: bad frame at byte ${offset}, and that is not where the journal ends`);
}

function lineMissing(path: string, expected: number, found: number): StorageError {
  return new StorageError("corrupt", `${path}: line ${expected} expected, ${found} found`);
}
