import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { StorageError } from "../storage.ts";
import type { DataFolder } from "./data-folder.ts";
import { type Disk, hasCode } from "./disk.ts";

const TRIES = 5;
/** The right to remove a dead lock is a lock too, and its holder may have died. */
const DEPTH = 4;
/** Milliseconds from one sign of life to the next. */
const BEAT = 5_000;
/** After so long without one who can't be seen is dead. */
const SILENCE = 4 * BEAT;
/** After so long without having looked the holder looks before it writes: it may have been stopped, and another may have come. */
const SURE = 2 * BEAT;
const STEP = 200;

/** Who holds the folder. A process id comes back after a restart of the machine or of the process: hence the rest. */
export interface Holder {
  pid: number;
  /** Of this run of the machine. */
  boot: string;
  /** When the process started, in ticks since then. */
  started: string;
  /** Among whose processes the id counts: a container has its own. */
  space?: string;
}

export interface Processes {
  self: Holder;
  /** Undefined: it can't be seen from here, as it is in another container or on another machine. */
  isAlive(holder: Holder): boolean | undefined;
  pause(milliseconds: number): Promise<void>;
  /** Does it from time to time, until the answer is called. Absent: never. */
  every?(milliseconds: number, work: () => void): () => void;
}

/**
 * The folder is this process's alone. Who can be seen is known to be dead or alive. Others, in other containers or on other machines,
 * are alive as long as the lock's time moves: the holder rewrites it. One who was stopped for longer than `SILENCE` (a suspended
 * machine) finds its lock taken and writes no more; what it can't know of is being stopped between its last look and the write itself.
 */
export class FolderLock {
  readonly #folder: DataFolder;
  readonly #mine: Buffer;
  readonly #stop: () => void;
  #seen = performance.now();
  #lost: StorageError | undefined;

  private constructor(folder: DataFolder, mine: Buffer, processes: Processes) {
    this.#folder = folder;
    this.#mine = mine;
    // What the disk can't answer now it is asked again soon.
    this.#stop = processes.every?.(BEAT, () => void this.#beat().catch(() => {})) ?? (() => {});
  }

  /** @throws {StorageError} `locked` */
  static async take(folder: DataFolder, processes: Processes): Promise<FolderLock> {
    const { mine } = await lock(folder, folder.path("lock"), processes, 0);
    return new FolderLock(folder, mine, processes);
  }

  /** To be awaited before a write, if it is anything. @throws {StorageError} `failed`: another process has the folder */
  assertHeld(): Promise<void> | undefined {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    return performance.now() - this.#seen > SURE ? this.#beat() : undefined;
  }

  async release(): Promise<void> {
    this.#stop();
    const { disk } = this.#folder;
    const path = this.#folder.path("lock");
    if ((await disk.read(path))?.equals(this.#mine)) await disk.unlink(path);
  }

  async #beat(): Promise<void> {
    const { disk, root } = this.#folder;
    const path = this.#folder.path("lock");
    const found = await disk.read(path);
    if (!found?.equals(this.#mine)) {
      this.#stop();
      this.#lost = new StorageError("failed", `writes have stopped: ${root} is another process's now, or its lock was removed`);
      throw this.#lost;
    }
    const file = await disk.open(path);
    try {
      // The same bytes: only its time changes.
      await file.write(this.#mine, 0);
    } finally {
      await file.close();
    }
    this.#seen = performance.now();
  }
}

interface Locked {
  mine: Buffer;
  release: () => Promise<void>;
}

async function lock(folder: DataFolder, path: string, processes: Processes, depth: number): Promise<Locked> {
  const { disk } = folder;
  // No two locks are the same, so that a dead one can be told from what came after it.
  const mine = Buffer.from(JSON.stringify({ ...processes.self, lock: randomUUID() }));
  for (let tries = 0; tries < TRIES; tries++) {
    if (await create(disk, path, mine)) return { mine, release: () => disk.unlink(path) };
    const found = await readWritten(disk, path, processes);
    if (found === undefined) continue;
    const holder = parse(found);
    if (holder !== undefined && (processes.isAlive(holder) ?? (await isBeating(disk, path, processes)))) {
      throw new StorageError("locked", `${folder.root} is in use by ${nameOf(holder, processes)}: stop it first, or use another folder`);
    }
    if (depth === DEPTH) break;
    // Only who has the right to it removes a dead lock, and looks again: what others make meanwhile stays.
    const { release } = await lock(folder, `${path}.removal`, processes, depth + 1);
    if ((await readWritten(disk, path, processes))?.equals(found) === true) await disk.unlink(path);
    await release();
  }
  throw new StorageError("locked", `${folder.root} is being taken by another process; if there is none, remove ${path}`);
}

/** Looks until the lock's time has moved, or has stood still for too long, by the clock of the disk, which all who use it share. */
async function isBeating(disk: Disk, path: string, processes: Processes): Promise<boolean> {
  const first = await disk.modified(path);
  for (;;) {
    const last = await disk.modified(path);
    if (last === undefined || first === undefined) return false;
    if (last !== first) return true;
    if ((await timeOf(disk, `${path}.${randomUUID()}`)) - last > SILENCE) return false;
    await processes.pause(STEP);
  }
}

async function timeOf(disk: Disk, path: string): Promise<number> {
  await create(disk, path, Buffer.from("{}"));
  const time = await disk.modified(path);
  await disk.unlink(path);
  return time ?? 0;
}

const nameOf = ({ pid, boot, space }: Holder, { self }: Processes): string =>
  `process ${pid}${boot !== self.boot ? " of another machine, or of this one before it was started again" : space !== self.space ? " of another container" : ""}`;

/** Another process may be between making its lock and writing its name into it. */
async function readWritten(disk: Disk, path: string, processes: Processes): Promise<Buffer | undefined> {
  const found = await disk.read(path);
  if (found === undefined || parse(found) !== undefined) return found;
  await processes.pause(STEP);
  return disk.read(path);
}

async function create(disk: Disk, path: string, content: Buffer): Promise<boolean> {
  const file = await disk.create(path).catch((error: unknown) => {
    if (hasCode(error, "EEXIST")) return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    await file.write(content, 0);
  } finally {
    await file.close();
  }
  return true;
}

function parse(bytes: Buffer): Holder | undefined {
  try {
    const { pid, boot, started, space } = JSON.parse(bytes.toString()) as Partial<Holder>;
    if (typeof pid === "number" && typeof boot === "string" && typeof started === "string")
      return { pid, boot, started, ...(typeof space === "string" && { space }) };
  } catch {}
  return undefined;
}

const boot = readOr("/proc/sys/kernel/random/boot_id", "").trim();

const space = linkOr("/proc/self/ns/pid", "");

export const nodeProcesses: Processes = {
  self: { pid: process.pid, boot, started: startOf(process.pid), space },
  isAlive(holder) {
    // One of an older program does not say where it is.
    if (holder.boot !== boot || (holder.space ?? space) !== space) return undefined;
    try {
      process.kill(holder.pid, 0);
    } catch (error) {
      if (hasCode(error, "ESRCH")) return false;
    }
    return startOf(holder.pid) === holder.started;
  },
  async pause(milliseconds) {
    await pause(milliseconds);
  },
  every(milliseconds, work) {
    const timer = setInterval(work, milliseconds);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** Field 22 of proc(5) stat; the fields follow the name, which may have spaces and brackets. Empty where there is no /proc. */
function startOf(pid: number): string {
  const stat = readOr(`/proc/${pid}/stat`, "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}

function linkOr(path: string, otherwise: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return otherwise;
  }
}
