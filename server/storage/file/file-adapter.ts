import { crc32 } from "node:zlib";
import type { Adapter } from "lowdb";
import { StorageError } from "../storage.ts";
import type { DataFolder } from "./data-folder.ts";
import { failure } from "./failure.ts";

/**
 * Lets lowdb survive a crash: the file is the last document written whole, or the one before. A caller that comes during a
 * write joins the one next write and is resolved by it alone. A document given to `write` must not be changed any more.
 */
export class FileAdapter<Document> implements Adapter<Document> {
  readonly #folder: DataFolder;
  readonly #path: string;
  readonly #site: string;
  readonly #textOf: (document: Document) => string;
  #running: Promise<void> | undefined;
  #next: { document: Document; done: Promise<void> } | undefined;
  #above: string[];
  #size = 0;

  /** `top`: the folder above the file that is surely durable. */
  constructor(folder: DataFolder, path: string, top: string, site: string, textOf: (document: Document) => string = JSON.stringify) {
    this.#folder = folder;
    this.#path = path;
    this.#site = site;
    this.#textOf = textOf;
    // Who made the folders may have died before syncing them, so the first write of each adapter does it.
    this.#above = folder.above(path, top);
  }

  /** Length in bytes of the document last read or written. */
  get size(): number {
    return this.#size;
  }

  /** @throws {StorageError} `corrupt`, `failed` */
  async read(): Promise<Document | null> {
    let bytes: Buffer | undefined;
    try {
      bytes = await this.#folder.disk.read(this.#path);
    } catch (error) {
      throw failure(`reading ${this.#path}`, error);
    }
    if (bytes === undefined) return null;
    this.#size = bytes.length;
    return unpack(bytes, this.#path) as Document;
  }

  write(document: Document): Promise<void> {
    if (this.#running === undefined) return this.#start(document);
    if (this.#next !== undefined) {
      this.#next.document = document;
      return this.#next.done;
    }
    const next = { document, done: Promise.resolve() };
    next.done = this.#running.then(noop, noop).then(() => {
      this.#next = undefined;
      return this.#start(next.document);
    });
    this.#next = next;
    return next.done;
  }

  /** Takes the file away. Nothing may be written meanwhile. */
  async remove(): Promise<void> {
    await this.#folder.remove(this.#path, `${this.#site}: removal`);
    this.#size = 0;
  }

  #start(document: Document): Promise<void> {
    const running = this.#put(document).finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #put(document: Document): Promise<void> {
    const text = pack(this.#textOf(document));
    await this.#folder.replace(this.#path, text, this.#site, this.#above);
    this.#size = text.length;
    this.#above = this.#above.slice(0, 1);
  }
}

const noop = () => {};
const PREFIX = /^\{"crc32":"([0-9a-f]{8})","data":/;
const PREFIX_LENGTH = '{"crc32":"00000000","data":'.length;

/** Valid JSON with its checksum in front, so that the file can be read by anything. */
function pack(json: string): string {
  return `{"crc32":"${crc32(json).toString(16).padStart(8, "0")}","data":${json}}\n`;
}

function unpack(bytes: Buffer, path: string): unknown {
  const expected = PREFIX.exec(bytes.toString("latin1", 0, PREFIX_LENGTH))?.[1];
  const json = bytes.subarray(PREFIX_LENGTH, -2);
  if (expected === undefined || bytes.toString("latin1", bytes.length - 2) !== "}\n" || crc32(json) !== Number.parseInt(expected, 16))
    throw new StorageError("corrupt", `${path}: its checksum does not fit`);
  try {
    const found: unknown = JSON.parse(json.toString());
    if (typeof found === "object" && found !== null) return found;
  } catch {}
  throw new StorageError("corrupt", `${path}: it holds no document`);
}
