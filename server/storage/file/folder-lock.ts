import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { StorageError } from "../storage.ts";
import type { DataFolder } from "./data-folder.ts";
import { type Disk, hasCode } from "./disk.ts";

const TRIES = 5;
/** The right to remove a dead lock is a lock too, and its holder may have died. */
const DEPTH = 4;

/** Who holds the folder. A process id comes back after a restart of the machine or of the process: hence the rest. */
export interface Holder {
  pid: number;
  /** Of this run of the machine. */
  boot: string;
  /** When the process started, in ticks since then. */
  started: string;
}

export interface Processes {
  self: Holder;
  isAlive(holder: Holder): boolean;
  /** As long as another process may need for its next step. */
  pause(): Promise<void>;
}

/**
 * Gives the folder to this process alone, among those of its PID namespace: a holder in another container looks dead from here.
 * Answers what releases it. @throws {StorageError} `locked`
 */
export function lockFolder(folder: DataFolder, processes: Processes): Promise<() => Promise<void>> {
  return lock(folder, folder.path("lock"), processes, 0);
}

async function lock(folder: DataFolder, path: string, processes: Processes, depth: number): Promise<() => Promise<void>> {
  const { disk } = folder;
  // No two locks are the same, so that a dead one can be told from what came after it.
  const mine = Buffer.from(JSON.stringify({ ...processes.self, lock: randomUUID() }));
  for (let tries = 0; tries < TRIES; tries++) {
    if (await create(disk, path, mine)) return () => disk.unlink(path);
    const found = await readWritten(disk, path, processes);
    if (found === undefined) continue;
    const holder = parse(found);
    if (holder !== undefined && processes.isAlive(holder)) {
      throw new StorageError("locked", `${folder.root} is in use by process ${holder.pid}: stop it first, or use another folder`);
    }
    if (depth === DEPTH) break;
    // Only who has the right to it removes a dead lock, and looks again: what others make meanwhile stays.
    const release = await lock(folder, `${path}.removal`, processes, depth + 1);
    if ((await readWritten(disk, path, processes))?.equals(found) === true) await disk.unlink(path);
    await release();
  }
  throw new StorageError("locked", `${folder.root} is being taken by another process; if there is none, remove ${path}`);
}

/** Another process may be between making its lock and writing its name into it. */
async function readWritten(disk: Disk, path: string, processes: Processes): Promise<Buffer | undefined> {
  const found = await disk.read(path);
  if (found === undefined || parse(found) !== undefined) return found;
  await processes.pause();
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
    const { pid, boot, started } = JSON.parse(bytes.toString()) as Partial<Holder>;
    if (typeof pid === "number" && typeof boot === "string" && typeof started === "string") return { pid, boot, started };
  } catch {}
  return undefined;
}

const boot = readOr("/proc/sys/kernel/random/boot_id", "").trim();

export const nodeProcesses: Processes = {
  self: { pid: process.pid, boot, started: startOf(process.pid) },
  isAlive(holder) {
    if (holder.boot !== boot) return false;
    try {
      process.kill(holder.pid, 0);
    } catch (error) {
      if (hasCode(error, "ESRCH")) return false;
    }
    return startOf(holder.pid) === holder.started;
  },
  async pause() {
    await pause(200);
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
