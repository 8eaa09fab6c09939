import type { DocumentName, Storage } from "../storage/storage.ts";
import { documentOf, type Stream, type StreamDocument } from "./stream.ts";

/** The vendors' streams, one for each. */
export class Streams {
  readonly #storage: Pick<Storage, "getDocument" | "changeDocument">;
  readonly #busy = new Map<DocumentName, Promise<unknown>>();

  constructor(storage: Pick<Storage, "getDocument" | "changeDocument">) {
    this.#storage = storage;
  }

  of(clientId: string): Promise<Stream | undefined> {
    return this.read(documentOf(clientId));
  }

  async read(name: DocumentName): Promise<Stream | undefined> {
    return (await this.#storage.getDocument<StreamDocument>(name))?.stream ?? undefined;
  }

  /**
   * Puts what `work` makes of a stream as it is (null: it is deleted; undefined: it stays), whatever other processes do at the same time,
   * and answers it. `work` may be called again: what its last call said is what is kept.
   */
  async change<Next extends Stream | null | undefined>(clientId: string, work: (stream: Stream | undefined) => Next): Promise<Next> {
    const said: Next[] = [];
    await this.#storage.changeDocument<StreamDocument>(documentOf(clientId), (before) => {
      const stream = work(before?.stream ?? undefined);
      said[0] = stream;
      return stream === undefined ? undefined : { stream };
    });
    return said[0] as Next;
  }

  /** What this process does about one stream it does one after the other, so that its own courier hears of changes in their order. */
  async alone<Result>(name: DocumentName, work: () => Promise<Result>): Promise<Result> {
    const before = this.#busy.get(name);
    const working = (async () => {
      await before?.catch(() => {});
      return work();
    })();
    this.#busy.set(name, working);
    try {
      return await working;
    } finally {
      if (this.#busy.get(name) === working) this.#busy.delete(name);
    }
  }
}
