import { setMaxListeners } from "node:events";

/** The end of this process, announced: every part listens to what concerns it. */
export interface Ending {
  /** Aborted when no more work is wanted: whoever spreads requests over processes is told so, and those that come are answered still. */
  readonly draining: AbortSignal;
  /** Aborted when what is on its way has to come to its end: whoever answers bit by bit ends where one can go on from. */
  readonly stopping: AbortSignal;
}

/** An end that is begun by hand. */
export class EndingByHand implements Ending {
  readonly #draining = new AbortController();
  readonly #stopping = new AbortController();

  constructor() {
    // Every answer on its way may listen.
    setMaxListeners(0, this.#draining.signal, this.#stopping.signal);
  }

  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  drain(): void {
    this.#draining.abort();
  }

  stop(): void {
    this.#draining.abort();
    this.#stopping.abort();
  }
}
