import type { StorageError } from "../storage.ts";
import type { JournalLine } from "./journal.ts";

/** What a durable change moves on in its store. */
interface Dirtied {
  readonly id: string;
  through: number;
  dirtyFrom: number | undefined;
  dirtySize: number;
}

/** A change on its way through the journal. */
export class Commit implements JournalLine {
  readonly text: string;
  readonly store: string;
  readonly points: ReadonlyArray<[string, boolean]>;
  /** Never rejects: undefined once durable, or why it isn't. */
  readonly outcome: Promise<StorageError | undefined>;
  /** Called with the sequence number before anyone is answered. */
  onDurable: ((sequence: number) => void) | undefined;
  readonly #of: Dirtied;
  readonly #undo: () => void;
  #settle: (outcome: StorageError | undefined) => void = () => {};

  constructor(store: Dirtied, text: string, points: Array<[string, boolean]>, undo: () => void) {
    this.#of = store;
    this.store = store.id;
    this.text = text;
    this.points = points;
    this.#undo = undo;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  durable(sequence: number): void {
    this.#of.through = sequence;
    this.#of.dirtyFrom ??= sequence;
    this.#of.dirtySize += this.text.length;
    this.onDurable?.(sequence);
    this.#settle(undefined);
  }

  failed(error: StorageError): void {
    this.#undo();
    this.#settle(error);
  }
}
