import type { Disk, LogFile } from "../../server/storage/file/disk.ts";

/** What is thrown from the moment of the crash on. */
export class Crash extends Error {}

type Effect = { bytes: Buffer; position: number } | { length: number };

/** A file, and what was done to it since it was last synced. */
class File {
  durable: Buffer;
  now: Buffer;
  effects: Effect[] = [];

  constructor(content: Buffer) {
    this.durable = content;
    this.now = content;
  }

  apply(effect: Effect): void {
    this.effects.push(effect);
    this.now = applied(this.now, effect);
  }

  sync(): void {
    this.durable = this.now;
    this.effects = [];
  }

  copy(): File {
    const copy = new File(this.durable);
    copy.now = this.now;
    copy.effects = [...this.effects];
    return copy;
  }
}

class Folder {
  durable: Map<string, Node>;
  readonly now: Map<string, Node>;
  effects: Array<[name: string, node: Node | undefined]> = [];

  constructor(names: Map<string, Node> = new Map()) {
    this.durable = names;
    this.now = new Map(names);
  }

  set(name: string, node: Node | undefined): void {
    this.effects.push([name, node]);
    if (node === undefined) this.now.delete(name);
    else this.now.set(name, node);
  }

  sync(): void {
    this.durable = new Map(this.now);
    this.effects = [];
  }

  /** With copies of all that is in it, or could be again; `copyOf` copies each node once. */
  fill(from: Folder, copyOf: (node: Node) => Node): void {
    const copies = (names: Map<string, Node>) => [...names].map(([name, node]) => [name, copyOf(node)] as const);
    this.durable = new Map(copies(from.durable));
    for (const [name, node] of copies(from.now)) this.now.set(name, node);
    this.effects = from.effects.map(([name, node]) => [name, node && copyOf(node)]);
  }
}

type Node = File | Folder;

/** What is left of the things that were not synced. */
export type Fate = "nothing" | "everything" | ((below: number) => number);

/**
 * A disk in memory that keeps only what was synced. It crashes at an operation chosen beforehand, and says what may then be
 * on it: of the writes to a file and of the names in a folder that were not synced any subset, the writes torn at any byte.
 */
export class SimulatedDisk implements Disk {
  /** Operations so far that a crash can come before or into. */
  operations = 0;
  crashAt = Number.POSITIVE_INFINITY;
  crashed = false;
  /** Every sync that was asked for. */
  readonly syncs: Array<{ site: string; operation: number }> = [];
  /** Syncs of this site are left out. */
  leftOut: string | undefined;
  /** Throws to make an operation fail; one for writes has already written half. */
  fault: ((operation: string, at: string) => void) | undefined;
  /** Awaited before a file is synced. */
  beforeSync: ((site: string) => Promise<void>) | undefined;
  readonly #root: Folder;

  constructor(root = new Folder()) {
    this.#root = root;
    if (!root.now.has("disk")) {
      root.set("disk", new Folder());
      root.sync();
    }
  }

  async read(path: string): Promise<Buffer | undefined> {
    this.#assertRunning();
    const node = this.#find(path);
    return node instanceof File ? node.now : undefined;
  }

  async create(path: string): Promise<LogFile> {
    const file = new File(Buffer.alloc(0));
    const { folder, name } = this.#place(path);
    if (folder.now.has(name)) throw code("EEXIST");
    this.#step("create", path, () => folder.set(name, file));
    return this.#open(file, path);
  }

  async open(path: string): Promise<LogFile> {
    this.#assertRunning();
    const node = this.#find(path);
    if (!(node instanceof File)) throw code("ENOENT");
    return this.#open(node, path);
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#place(from);
    const target = this.#place(to);
    const node = source.folder.now.get(source.name);
    if (node === undefined) throw code("ENOENT");
    this.#step("rename", to, () => {
      target.folder.set(target.name, node);
      source.folder.set(source.name, undefined);
    });
  }

  async unlink(path: string): Promise<void> {
    const node = this.#find(path);
    const { folder, name } = node === undefined ? { folder: new Folder(), name: "" } : this.#place(path);
    this.#step("unlink", path, () => folder.set(name, undefined));
  }

  async modified(path: string): Promise<number | undefined> {
    this.#assertRunning();
    return this.#find(path) instanceof File ? 0 : undefined;
  }

  async list(path: string): Promise<string[]> {
    this.#assertRunning();
    return [...this.#folder(path).now.keys()];
  }

  async makeFolder(path: string): Promise<boolean> {
    const { folder, name } = this.#place(path);
    if (folder.now.has(name)) return false;
    this.#step("makeFolder", path, () => folder.set(name, new Folder()));
    return true;
  }

  async syncFolder(path: string, site: string): Promise<void> {
    const folder = this.#folder(path);
    this.#sync(site, () => folder.sync());
  }

  /** All paths and all that is in files: as things are, and as they would be if the power went. */
  everything(): string {
    const pieces = new Set<string>();
    const look = (node: Node, path: string): void => {
      pieces.add(path);
      if (node instanceof File) for (const bytes of [node.now, node.durable]) pieces.add(bytes.toString("latin1"));
      else for (const [name, each] of [...node.now, ...node.durable]) look(each, `${path}/${name}`);
    };
    look(this.#root, "");
    return [...pieces].join("\n");
  }

  /** The disk after the power went. */
  survivor(fate: Fate): SimulatedDisk {
    const done = new Map<Node, Node>();
    const left = (node: Node): Node => {
      const known = done.get(node);
      if (known !== undefined) return known;
      const copy = node instanceof File ? leftOfFile(node, fate) : new Folder();
      done.set(node, copy);
      if (node instanceof Folder && copy instanceof Folder) {
        for (const [name, each] of leftOfFolder(node, fate)) copy.now.set(name, left(each));
        copy.sync();
      }
      return copy;
    };
    const survivor = new SimulatedDisk(left(this.#root) as Folder);
    survivor.leftOut = this.leftOut;
    return survivor;
  }

  /** The same disk for the next process after only this one died: nothing is lost, and nothing more is durable. */
  nextProcess(): SimulatedDisk {
    this.crashed = true;
    const next = new SimulatedDisk(this.#root);
    next.leftOut = this.leftOut;
    return next;
  }

  /** The same in every way, to go on from more than once. */
  copy(): SimulatedDisk {
    const done = new Map<Node, Node>();
    const copyOf = (node: Node): Node => {
      const known = done.get(node);
      if (known !== undefined) return known;
      const copy = node instanceof File ? node.copy() : new Folder();
      done.set(node, copy);
      if (node instanceof Folder && copy instanceof Folder) copy.fill(node, copyOf);
      return copy;
    };
    const copy = new SimulatedDisk(copyOf(this.#root) as Folder);
    copy.operations = this.operations;
    copy.crashed = this.crashed;
    copy.leftOut = this.leftOut;
    return copy;
  }

  #open(file: File, path: string): LogFile {
    const disk: LogFile = {
      write: async (bytes, position) => {
        const half = { bytes: Buffer.from(bytes.subarray(0, bytes.length >> 1)), position };
        try {
          this.#step("write", path, () => file.apply({ bytes: Buffer.from(bytes), position }));
        } catch (error) {
          if (!(error instanceof Crash)) file.apply(half);
          throw error;
        }
      },
      sync: async (site) => {
        await this.beforeSync?.(site);
        this.#sync(site, () => file.sync());
      },
      truncate: async (length) => this.#step("truncate", path, () => file.apply({ length })),
      close: async () => {},
      append: async (bytes, position, site) => {
        await disk.write(bytes, position);
        await disk.sync(site);
      },
    };
    return disk;
  }

  #sync(site: string, effect: () => void): void {
    this.syncs.push({ site, operation: this.operations });
    this.#step("sync", site, site === this.leftOut ? () => {} : effect, true);
  }

  #step(operation: string, at: string, effect: () => void, isSync = false): void {
    this.#assertRunning();
    this.fault?.(operation, at);
    this.operations++;
    if (this.operations >= this.crashAt) {
      this.crashed = true;
      // In the middle: what it did may be among the things that get lost or torn. A sync has done nothing yet.
      if (!isSync) effect();
      throw new Crash(`${operation} ${at}`);
    }
    effect();
  }

  #assertRunning(): void {
    if (this.crashed) throw new Crash("crashed before");
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split("/").filter(Boolean)) node = node instanceof Folder ? node.now.get(name) : undefined;
    return node;
  }

  #folder(path: string): Folder {
    const node = this.#find(path);
    if (!(node instanceof Folder)) throw code("ENOENT");
    return node;
  }

  #place(path: string): { folder: Folder; name: string } {
    const at = path.lastIndexOf("/");
    return { folder: this.#folder(path.slice(0, at)), name: path.slice(at + 1) };
  }
}

function leftOfFile(file: File, fate: Fate): File {
  if (fate === "nothing") return new File(file.durable);
  if (fate === "everything") return new File(file.now);
  let content = file.durable;
  for (const effect of file.effects) {
    const share = fate(4);
    if (share === 0) continue;
    content = applied(
      content,
      share === 1 && "bytes" in effect ? { ...effect, bytes: effect.bytes.subarray(0, fate(effect.bytes.length + 1)) } : effect,
    );
  }
  return new File(content);
}

function leftOfFolder(folder: Folder, fate: Fate): Map<string, Node> {
  if (fate === "nothing") return folder.durable;
  if (fate === "everything") return folder.now;
  const names = new Map(folder.durable);
  for (const name of new Set(folder.effects.map(([each]) => each))) {
    const effects = folder.effects.filter(([each]) => each === name);
    const kept = effects.slice(0, fate(effects.length + 1)).at(-1);
    if (kept === undefined) continue;
    if (kept[1] === undefined) names.delete(name);
    else names.set(name, kept[1]);
  }
  return names;
}

function applied(content: Buffer, effect: Effect): Buffer {
  const length = "length" in effect ? effect.length : Math.max(content.length, effect.position + effect.bytes.length);
  const next = Buffer.alloc(length);
  content.copy(next, 0, 0, length);
  if ("bytes" in effect) effect.bytes.copy(next, effect.position);
  return next;
}

export function code(name: string): Error {
  return Object.assign(new Error(name), { code: name });
}
