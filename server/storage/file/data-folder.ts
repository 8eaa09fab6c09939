import { dirname, join } from "node:path";
import { StorageError } from "../storage.ts";
import { type Disk, hasCode } from "./disk.ts";
import { failure } from "./failure.ts";

/**
 * 2: feeds and documents of changes, names of stores' lines that are set aside, lines that are counted. A folder of layout 1 is one of
 * layout 2 in which there is none of these yet.
 */
const VERSION = 2;
const OLDEST = 1;
const FOLDERS = [
  "journal",
  "stores",
  "pointers",
  "pointers/grant",
  "pointers/locator",
  "pointers/due",
  "documents",
  "documents/vendors",
  "documents/streams",
  "documents/changes",
  "feeds",
  "late",
];

const PROBE = Buffer.alloc(64, "counterfoil ");

/** The data folder: its layout, and the one way in which a file of it is replaced. */
export class DataFolder {
  readonly disk: Disk;
  readonly root: string;
  /** Before it there is nobody else. */
  lock: { assertHeld(): Promise<void> | undefined } | undefined;
  #temporary = 0;
  /** Temporary files that could not be removed. */
  readonly #left = new Set<string>();

  constructor(disk: Disk, root: string) {
    this.disk = disk;
    this.root = root;
  }

  /** The folder itself, so that a lock can be put into it. */
  async make(): Promise<void> {
    const { disk } = this;
    if ((await disk.read(this.path("layout.json"))) !== undefined) return;
    const above = this.above(this.root, "/");
    const missing = [this.root];
    for (const folder of above) {
      if (await disk.list(folder).then(() => true, isThere)) break;
      missing.push(folder);
    }
    for (const folder of missing.reverse()) await disk.makeFolder(folder);
    // All of them, not only those made now: a process that made them may have died before it got here.
    for (const folder of above) {
      await disk.syncFolder(folder, "data folder: folders above").catch((error: unknown) => {
        if (!isThere(error)) throw error;
      });
    }
  }

  /** Answers the layout that it had before, if that was an older one. @throws {StorageError} `layout` */
  async open(): Promise<number | undefined> {
    const { disk } = this;
    const layout = this.path("layout.json");
    await disk.makeFolder(this.path("temporary"));
    const left = await disk.list(this.path("temporary"));
    for (const name of left) await disk.unlink(this.path("temporary", name));
    // One may be the copy of a store that was erased: it must not come back.
    if (left.length > 0) await disk.syncFolder(this.path("temporary"), "temporary files: found");
    const bytes = await disk.read(layout);
    let before: number | undefined;
    if (bytes === undefined) {
      const names = await disk.list(this.root);
      const foreign = names.filter(
        (name) => !["temporary", "lost+found"].includes(name) && !name.startsWith("lock") && !name.startsWith("."),
      );
      if (foreign.length > 0)
        throw new StorageError("layout", `${this.root} is not a data folder: it has no layout.json but ${foreign[0]}`);
      await this.replace(layout, layoutText, "layout", [this.root]);
    } else {
      const version = versionOf(bytes);
      if (!isKnown(version)) throw new StorageError("layout", `${layout} says version ${say(version)}; ${advice(version)}`);
      if (version !== VERSION) before = version;
      // A process that died before its sync may have left the name in the cache only.
      await disk.syncFolder(this.root, "layout: folder");
    }
    for (const folder of FOLDERS) await disk.makeFolder(this.path(folder));
    for (const folder of ["", "pointers", "documents", "documents/vendors", "documents/streams", "documents/changes"])
      await disk.syncFolder(this.path(folder), `folders: ${folder || "root"}`);
    // From here on lines are written that an older program would misread: it must refuse them.
    if (before !== undefined) await this.replace(layout, layoutText, "layout: upgrade", [this.root]);
    return before;
  }

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  /** The folders from the one that holds `path` up to `top`. */
  above(path: string, top: string): string[] {
    const folders: string[] = [];
    for (let folder = dirname(path); folder.length >= top.length; folder = dirname(folder)) {
      folders.push(folder);
      if (folder === dirname(folder)) break;
    }
    return folders;
  }

  /**
   * Puts a file in place whole or not at all. `folders`: those whose names must be durable, the file's own first. One
   * folder for all temporary files: what a crash leaves is found without looking through the stores.
   */
  async replace(path: string, content: string | Buffer, site: string, folders: string[]): Promise<void> {
    const { disk } = this;
    const temporary = this.path("temporary", `${process.pid}-${++this.#temporary}.tmp`);
    try {
      await this.lock?.assertHeld();
      const file = await disk.create(temporary);
      try {
        await file.write(typeof content === "string" ? Buffer.from(content) : content, 0);
        await file.sync(`${site}: file`);
      } finally {
        await file.close();
      }
      await disk.rename(temporary, path).catch(async (error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
        for (const folder of [...folders].reverse()) await disk.makeFolder(folder);
        await disk.rename(temporary, path);
      });
    } catch (error) {
      await disk.unlink(temporary).catch(() => this.#left.add(temporary));
      throw failure(`writing ${path}`, error);
    }
    try {
      for (const [at, folder] of folders.entries()) await disk.syncFolder(folder, `${site}: ${at === 0 ? "folder" : "folders above"}`);
    } catch (error) {
      throw failure(`writing ${path}`, error);
    }
  }

  /** Whether files can be made and written here now. */
  async probe(): Promise<void> {
    const { disk } = this;
    const temporary = this.path("temporary", `${process.pid}-${++this.#temporary}.tmp`);
    try {
      const file = await disk.create(temporary);
      try {
        await file.write(PROBE, 0);
        await file.sync("probe: file");
      } finally {
        await file.close();
      }
    } catch (error) {
      throw failure(`writing to ${this.root}`, error);
    } finally {
      await disk.unlink(temporary).catch(() => this.#left.add(temporary));
    }
  }

  /** Removes a file durably. It need not be there. */
  async remove(path: string, site: string): Promise<void> {
    try {
      await this.lock?.assertHeld();
      await this.disk.unlink(path);
      await this.disk.syncFolder(dirname(path), site).catch((error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
      });
    } catch (error) {
      throw failure(`removing ${path}`, error);
    }
  }

  /** Removes what files that could not be replaced have left. If the power goes, the next opening does. */
  async clear(): Promise<void> {
    for (const path of this.#left) {
      await this.disk.unlink(path);
      this.#left.delete(path);
    }
  }
}

const layoutText = `${JSON.stringify({ version: VERSION })}\n`;

const isKnown = (version: unknown): version is number =>
  Number.isInteger(version) && Number(version) >= OLDEST && Number(version) <= VERSION;
const say = (version: unknown): string => (typeof version === "number" ? String(version) : "nothing readable");
const advice = (version: unknown): string =>
  typeof version === "number"
    ? `this program reads versions ${OLDEST} to ${VERSION}: start the one that wrote it, or a newer one`
    : `write {"version":${VERSION}} into it if this program, and none that is newer, wrote this folder`;

/** A folder that we may not look into was not made by us. */
function isThere(error: unknown): boolean {
  if (hasCode(error, "ENOENT")) return false;
  if (hasCode(error, "EACCES")) return true;
  throw error;
}

function versionOf(bytes: Buffer): unknown {
  try {
    return (JSON.parse(bytes.toString()) as { version?: unknown }).version;
  } catch {
    return undefined;
  }
}
