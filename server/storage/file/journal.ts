import { StorageError } from "../storage.ts";
import { failure } from "./failure.ts";
import type { FolderLock } from "./folder-lock.ts";
import type { Segments } from "./segments.ts";

const FRAME_SIZE = 8 * 1024 * 1024;

/** A line that waits for the disk. Exactly one of `durable` and `failed` is called, at once when it is known. */
export interface JournalLine {
  readonly text: string;
  /** Lines of one store build on each other: if one fails, so do those after it. Undefined: it builds on none. */
  readonly store: string | undefined;
  durable(sequence: number): void;
  failed(error: StorageError): void;
}

interface JournalLimits {
  segmentBytes: number;
  segmentAge: number;
  lock: Pick<FolderLock, "assertHeld">;
}

/** All lines that wait become one frame and one sync; the next frame follows. */
export class Journal {
  readonly #segments: Segments;
  readonly #limits: JournalLimits;
  readonly #onRoll: () => void;
  #queue: JournalLine[] = [];
  #running: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #stopped: StorageError | undefined;

  constructor(segments: Segments, limits: JournalLimits, onRoll: () => void) {
    this.#segments = segments;
    this.#limits = limits;
    this.#onRoll = onRoll;
  }

  /** Why nothing can be written any more. */
  get stopped(): StorageError | undefined {
    return this.#stopped;
  }

  append(line: JournalLine): void {
    this.#queue.push(line);
    this.#running ??= this.#run();
  }

  /** Starts a new file, if there are lines in this one, up to `through` at least, so that this one can go. */
  async roll(through = Number.POSITIVE_INFINITY): Promise<void> {
    await this.#alone(async () => {
      await this.#limits.lock.assertHeld();
      const { size } = this.#segments;
      if (size > 0 && this.#segments.first("written") <= through && this.#stopped === undefined) await this.#segments.roll();
    });
  }

  /** Whether the file that is written to should be closed. */
  get due(): boolean {
    const { size, age, mustRoll } = this.#segments;
    return mustRoll || (size > 0 && (size >= this.#limits.segmentBytes || age >= this.#limits.segmentAge));
  }

  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // In the next turn of the loop, so that all whose requests are there already share the frame.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const lines = this.#take();
      await this.#alone(() => this.#write(lines));
    }
    this.#running = undefined;
  }

  #take(): JournalLine[] {
    let size = 0;
    let count = 0;
    for (const line of this.#queue) {
      size += line.text.length;
      if (count > 0 && size > FRAME_SIZE) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #write(lines: JournalLine[]): Promise<void> {
    if (this.#stopped !== undefined) return this.#fail(lines, this.#stopped);
    try {
      const looking = this.#limits.lock.assertHeld();
      if (looking !== undefined) await looking;
      if (this.due) {
        await this.#segments.roll();
        this.#onRoll();
      }
    } catch (error) {
      return this.#fail(lines, failure("starting a journal file", error));
    }
    const first = this.#segments.next;
    try {
      await this.#segments.append(lines.map((line) => line.text));
    } catch (error) {
      try {
        await this.#limits.lock.assertHeld();
        await this.#segments.repair();
      } catch (cause) {
        this.#stopped = new StorageError("failed", "writes have stopped: a failed append could not be taken back", { cause });
      }
      return this.#fail(lines, failure("appending to the journal", error));
    }
    for (const [at, line] of lines.entries()) line.durable(first + at);
  }

  /** Newest first, so that memory goes back step by step. */
  #fail(lines: JournalLine[], error: StorageError): void {
    const stores = new Set(lines.map((line) => line.store));
    stores.delete(undefined);
    const built = this.#queue.filter((line) => stores.has(line.store));
    this.#queue = this.#queue.filter((line) => !stores.has(line.store));
    for (const line of [...lines, ...built].reverse()) line.failed(error);
  }

  #alone<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
