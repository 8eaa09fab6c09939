import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { Low } from "lowdb";
import { assertLimit, jsonOf } from "../shapes.ts";
import { type DocumentName, StorageError } from "../storage.ts";
import { type Damages, isCorrupt } from "./damages.ts";
import type { DataFolder } from "./data-folder.ts";
import { failure } from "./failure.ts";
import { FileAdapter } from "./file-adapter.ts";
import { Gate } from "./gate.ts";
import { deepFreeze } from "./table.ts";

const KEPT = 256;
const FOLDERS = ["vendors", "streams", "changes"];
const SINGLE: ReadonlySet<string> = new Set(["keys", "nonces", "life", "import", "settings"]);

interface Named {
  name: string;
  value: unknown;
}

/** Documents outside every store, each a lowdb document in a file of its own. A few are kept in memory. */
export class Documents {
  readonly #folder: DataFolder;
  readonly #damages: Damages;
  readonly #open = new Map<string, Document>();
  /** By file, which never changes its name. */
  readonly #names = new Map<string, DocumentName>();

  constructor(folder: DataFolder, damages: Damages) {
    this.#folder = folder;
    this.#damages = damages;
  }

  get(name: DocumentName): Promise<unknown> {
    return this.#use(name, async (document) => document.value);
  }

  async put(name: DocumentName, value: unknown): Promise<void> {
    const own = copied(value);
    await this.#use(name, (document) => document.put(own));
  }

  change(name: DocumentName, work: (value: unknown) => unknown): Promise<unknown> {
    return this.#use(name, (document) => document.change(work));
  }

  /** Costs a look into every file that it has not seen before. */
  async list({ after = "", limit }: { after?: string; limit: number }): Promise<DocumentName[]> {
    assertLimit(limit);
    const found: DocumentName[] = [];
    try {
      for (const folder of ["", ...FOLDERS])
        for (const file of await this.#folder.disk.list(this.#folder.path("documents", folder)))
          if (file.endsWith(".json")) found.push(...(await this.#nameOf(join(folder, file))));
    } catch (error) {
      throw failure("listing documents", error);
    }
    return found
      .filter((name) => name > after)
      .sort()
      .slice(0, limit);
  }

  async #nameOf(file: string): Promise<DocumentName[]> {
    const known = this.#names.get(file);
    if (known !== undefined) return [known];
    const path = this.#folder.path("documents", file);
    try {
      const named = await new FileAdapter<Named>(this.#folder, path, path, "").read();
      if (named === null) return [];
      if (typeof named.name !== "string") throw new StorageError("corrupt", `${path} is no document`);
      const name = named.name as DocumentName;
      this.#names.set(file, name);
      return [name];
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      // Its name is in it.
      this.#damages.note("document", path, error);
      return [];
    }
  }

  async #use<Result>(name: DocumentName, work: (document: Document) => Promise<Result>): Promise<Result> {
    const document = this.#open.get(name) ?? new Document(this.#folder, name);
    this.#open.delete(name);
    this.#open.set(name, document);
    document.users++;
    try {
      if (!document.isOpen) await this.#damages.watch("document", name, () => document.opened());
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
  /** Who changes it is alone; those who only put share their writes. */
  readonly #gate = new Gate("a document");
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

  async put(value: unknown): Promise<void> {
    const waiting = this.#gate.enter(false);
    if (waiting !== undefined) await waiting;
    try {
      await this.#write({ name: this.#name, value });
    } finally {
      this.#gate.leave();
    }
  }

  async change(work: (value: unknown) => unknown): Promise<unknown> {
    await this.#gate.enter(true);
    try {
      const value = work(this.value);
      if (value !== undefined) await this.#write({ name: this.#name, value: copied(value) });
      return this.value;
    } finally {
      this.#gate.leave();
    }
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
    if (this.#low.data.name !== this.#name) throw new StorageError("corrupt", `document ${this.#name}: its file holds something else`);
    this.#durable = deepFreeze(this.#low.data);
    this.isOpen = true;
  }
}

function copied(value: unknown): unknown {
  return deepFreeze(JSON.parse(jsonOf(value, "a document")));
}

function fileName(name: DocumentName): string {
  for (const folder of FOLDERS)
    if (name.startsWith(`${folder}/`))
      return `${folder}/${createHash("sha256")
        .update(name.slice(folder.length + 1))
        .digest("hex")}.json`;
  if (SINGLE.has(name)) return `${name}.json`;
  throw new TypeError(`no such document: ${name}`);
}
