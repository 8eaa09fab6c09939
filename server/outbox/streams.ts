import type { DocumentName, Storage } from "../storage/storage.ts";
import { documentOf, type Stream, type StreamDocument } from "./stream.ts";

/** The vendors' streams, one for each. */
export class Streams {
  readonly #storage: Pick<Storage, "getDocument" | "putDocument">;
  readonly #busy = new Map<DocumentName, Promise<unknown>>();

  constructor(storage: Pick<Storage, "getDocument" | "putDocument">) {
    this.#storage = storage;
  }

  of(clientId: string): Promise<Stream | undefined> {
    return this.#read(documentOf(clientId));
  }

  /** What is done about one stream is done one after the other. */
  async alone<Result>(name: DocumentName, work: (stream: Stream | undefined) => Promise<Result>): Promise<Result> {
    const before = this.#busy.get(name);
    const working = (async () => {
      await before?.catch(() => {});
      return work(await this.#read(name));
    })();
    this.#busy.set(name, working);
    try {
      return await working;
    } finally {
      if (this.#busy.get(name) === working) this.#busy.delete(name);
    }
  }

  /** Only in `alone`. */
  put(clientId: string, stream: Stream | null): Promise<void> {
    return this.#storage.putDocument<StreamDocument>(documentOf(clientId), { stream });
  }

  async #read(name: DocumentName): Promise<Stream | undefined> {
    return (await this.#storage.getDocument<StreamDocument>(name))?.stream ?? undefined;
  }
}
