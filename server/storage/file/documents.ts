import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { Low } from "lowdb";
import { type DocumentName, StorageError } from "../storage.ts";
import type { DataFolder } from "./data-folder.ts";
import { FileAdapter } from "./file-adapter.ts";
import { deepFreeze } from "./table.ts";

const KEPT = 256;

interface Named {
  name: string;
  value: unknown;
}

/** Documents outside every store, each a lowdb document in a file of its own. A few are kept in memory. */
export class Documents {
  readonly #folder: DataFolder;
  readonly #open = new Map<string, Document>();

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  get(name: DocumentName): Promise<unknown> {
    return this.#use(name, async (document) => document.value);
  }

  async put(name: DocumentName, value: unknown): Promise<void> {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new TypeError("a document is JSON");
    await this.#use(name, (document) => document.put(deepFreeze(JSON.parse(json))));
  }

  async #use<Result>(name: DocumentName, work: (document: Document) => Promise<Result>): Promise<Result> {
    const document = this.#open.get(name) ?? new Document(this.#folder, name);
    this.#open.delete(name);
    this.#open.set(name, document);
    document.users++;
    try {
      await document.opened();
      return await work(document);
    } catch (error) {
      // Read anew next time.
      if (!document.isOpen && this.#open.get(name) === document) this.#open.delete(name);
      throw error;
    } finally {
      document.users--;
      for (const [other, { users }] of this.#open) {
        if (this.#open.size <= KEPT) break;
        if (users === 0) this.#open.delete(other);
      }
    }
  }
}

class Document {
  /** Those who hold it: as long as there are any, there must be no second object for its file. */
  users = 0;
  isOpen = false;
  readonly #name: DocumentName;
  readonly #low: Low<Named>;
  #opening: Promise<void> | undefined;
  /** What is durable; `low.data` may be ahead of it. */
  #durable: Named;

  constructor(folder: DataFolder, name: DocumentName) {
    this.#name = name;
    this.#durable = { name, value: undefined };
    const path = folder.path("documents", fileName(name));
    this.#low = new Low(new FileAdapter<Named>(folder, path, dirname(path), "document"), this.#durable);
  }

  get value(): unknown {
    return this.#durable.value;
  }

  opened(): Promise<void> {
    this.#opening ??= this.#read();
    return this.#opening;
  }

  put(value: unknown): Promise<void> {
    return this.#write({ name: this.#name, value });
  }

  async #write(named: Named): Promise<void> {
    this.#low.data = named;
    try {
      await this.#low.write();
    } catch (error) {
      if (this.#low.data === named) this.#low.data = this.#durable;
      throw error;
    }
    // Of those who joined one write the last was written, and it is the last to come here.
    this.#durable = named;
  }

  async #read(): Promise<void> {
    await this.#low.read();
    if (this.#low.data.name !== this.#name)
      throw new StorageError("corrupt", `document ${this.#name}: its file holds ${this.#low.data.name}`);
    this.#durable = deepFreeze(this.#low.data);
    this.isOpen = true;
  }
}

function fileName(name: DocumentName): string {
  for (const folder of ["vendors", "streams"])
    if (name.startsWith(`${folder}/`))
      return `${folder}/${createHash("sha256")
        .update(name.slice(folder.length + 1))
        .digest("hex")}.json`;
  if (name === "keys" || name === "settings") return `${name}.json`;
  throw new TypeError(`no such document: ${name}`);
}
