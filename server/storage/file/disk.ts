import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";

/**
 * All that the engine does to a disk. It is an argument, so that a test can crash it at every operation and lose any subset
 * of what was not synced. Errors are those of node:fs (`code`: ENOSPC, EIO, ...).
 *
 * `site` names the place in the code that needs the sync, so that a test can leave out one at a time.
 */
export interface Disk {
  /** The whole file, or undefined if there is none. */
  read(path: string): Promise<Buffer | undefined>;
  /** A new file, 0600. @throws EEXIST */
  create(path: string): Promise<DiskFile>;
  /** An existing file, for `append`. @throws ENOENT */
  open(path: string): Promise<LogFile>;
  rename(from: string, to: string): Promise<void>;
  /** Nothing happens if there is no such file. */
  unlink(path: string): Promise<void>;
  /** When a file was last written to, in epoch milliseconds by the clock of the disk; undefined if there is none. */
  modified(path: string): Promise<number | undefined>;
  /** Names in a folder. */
  list(folder: string): Promise<string[]>;
  /** Makes the folder, 0700, if it is not there. Its parent must be. Answers whether it made it. */
  makeFolder(path: string): Promise<boolean>;
  /** Makes the names in a folder durable: after create, rename, unlink, makeFolder. */
  syncFolder(path: string, site: string): Promise<void>;
}

export interface DiskFile {
  /** Writes all bytes or throws; after an error any part of them may be in the file. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Makes the content durable. */
  sync(site: string): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** A file that is written to often, a little at a time. */
export interface LogFile extends DiskFile {
  /** `write` and `sync` in one. */
  append(bytes: Uint8Array, position: number, site: string): Promise<void>;
}

// There, a write to a file opened so is what write and fdatasync are, in one trip to another thread and not two.
const SYNCED = process.platform === "linux" ? constants.O_DSYNC : 0;

export const nodeDisk: Disk = {
  read: (path) => readFile(path).catch(unless("ENOENT", undefined)),
  create: async (path) => nodeFile(await open(path, "wx", 0o600)),
  async open(path) {
    const handle = await open(path, constants.O_RDWR | SYNCED);
    const file = nodeFile(handle);
    return {
      ...file,
      async append(bytes, position) {
        await file.write(bytes, position);
        if (SYNCED === 0) await handle.datasync();
      },
    };
  },
  rename,
  unlink: (path) => unlink(path).catch(unless("ENOENT", undefined)),
  modified: (path) => stat(path).then(({ mtimeMs }) => mtimeMs, unless("ENOENT", undefined)),
  list: (folder) => readdir(folder),
  makeFolder: (path) => mkdir(path, 0o700).then(() => true, unless("EEXIST", false)),
  async syncFolder(path) {
    const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

function nodeFile(handle: FileHandle): DiskFile {
  return {
    async write(bytes, position) {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
        if (bytesWritten === 0) throw Object.assign(new Error("the disk wrote nothing"), { code: "EIO" });
        done += bytesWritten;
      }
    },
    sync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    close: () => handle.close(),
  };
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function unless<Value>(code: string, value: Value): (error: unknown) => Value {
  return (error) => {
    if (hasCode(error, code)) return value;
    throw error;
  };
}
