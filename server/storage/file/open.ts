import { resolve } from "node:path";
import type { Damage, Storage } from "../storage.ts";
import type { Change, FeedLine, Tail } from "./change.ts";
import { Damages } from "./damages.ts";
import { DataFolder } from "./data-folder.ts";
import { type Disk, nodeDisk } from "./disk.ts";
import { Doubts } from "./doubts.ts";
import { failure } from "./failure.ts";
import type { FeedLimits, FoundFeedLine } from "./feeds.ts";
import { FileStorage } from "./file-storage.ts";
import { FolderLock, nodeProcesses, type Processes } from "./folder-lock.ts";
import { Pointers } from "./pointers.ts";
import { Segments } from "./segments.ts";
import { StoreLate } from "./store-late.ts";
import type { UpkeepLimits } from "./upkeep.ts";

const MiB = 1024 * 1024;
const HOUR = 3_600_000;

export interface FileStorageOptions extends Partial<UpkeepLimits>, Partial<FeedLimits> {
  /** Where everything is. Made if it is not there. */
  folder: string;
  disk?: Disk;
  /** Epoch milliseconds. */
  now?: () => number;
  /** Estimated bytes of open stores. */
  cacheBytes?: number;
  /** Size of a journal file from which the next one is started. */
  segmentBytes?: number;
  /** Milliseconds. No line stays in the journal for much longer than this: what was erased is gone then. */
  segmentAge?: number;
  processes?: Processes;
  /** Is told what the operator should know. */
  tell?: (notice: Notice) => void;
}

/**
 * `upgraded`: the folder is of this program's layout now, and an older program refuses it. `damaged`: a part of it can't be read; of the
 * journal's end it is told at each opening until that file is gone.
 */
export type Notice = { readonly kind: "upgraded"; readonly from: number } | { readonly kind: "damaged"; readonly damage: Damage };

/**
 * Opens the embedded engine: lowdb documents under a journal. One process for each folder.
 * @throws {StorageError} `locked`, `layout`, `corrupt`, `full`, `failed`
 */
export async function openFileStorage<Rows extends object = object>(options: FileStorageOptions): Promise<Storage<Rows>> {
  const { disk = nodeDisk, now = Date.now, cacheBytes = 64 * MiB, processes = nodeProcesses, tell = () => {} } = options;
  const folder = new DataFolder(disk, resolve(options.folder));
  let lock: FolderLock | undefined;
  try {
    await folder.make();
    lock = await FolderLock.take(folder, processes);
    folder.lock = lock;
    const from = await folder.open();
    if (from !== undefined) tell({ kind: "upgraded", from });
    const damages = new Damages((damage) => tell({ kind: "damaged", damage }));
    const late = await StoreLate.open(folder);
    const doubts = await Doubts.open(folder);
    const tails = new Map<string, Tail>();
    const erased = new Map<string, number>();
    const feedLines: FoundFeedLine[] = [];
    const pointers = new Pointers(folder, damages);
    const segments = await Segments.open(disk, folder.path("journal"), now, {
      keep: (number, bytes) => late.keepCut(number, bytes),
      replay(sequence, line) {
        const change = JSON.parse(line) as Change | FeedLine;
        // Before anything of its store is forgotten: an entry outlives it.
        if (change.store === undefined || change.appends !== undefined) feedLines.push([sequence, change, line.length]);
        if (change.store === undefined) return;
        const tail = tails.get(change.store) ?? { first: sequence, size: 0, changes: [] };
        if (change.erased) {
          // Its first line is kept in mind: the journal is let go only when the document is gone.
          tail.changes = [];
          erased.set(change.store, sequence);
        }
        tail.size += line.length;
        tail.changes.push([sequence, change]);
        tails.set(change.store, tail);
        for (const [key, leadsHere] of change.points ?? []) pointers.set(key, leadsHere ? change.store : undefined, sequence);
      },
    });
    for (const name of late.cut) tell({ kind: "damaged", damage: { kind: "journal", name, message: cutOff(folder.path("late", name)) } });
    const storage = new FileStorage<Rows>(
      { folder, segments, pointers, damages, doubts, late, tails, erased, feedLines, lock, now },
      {
        cacheBytes,
        segmentBytes: options.segmentBytes ?? 16 * MiB,
        segmentAge: options.segmentAge ?? 12 * HOUR,
        checkpointBytes: options.checkpointBytes ?? 64 * 1024,
        checkpointShare: options.checkpointShare ?? 2,
        idle: options.idle ?? 30_000,
        pendingPointers: options.pendingPointers ?? 1024,
        pendingFeedBytes: options.pendingFeedBytes ?? 4 * MiB,
        feedPage: options.feedPage ?? 250,
        largeStore: options.largeStore ?? 440 * MiB,
        largestStore: options.largestStore ?? 480 * MiB,
      },
    );
    await storage.finishErasures();
    return storage;
  } catch (error) {
    await lock?.release().catch(() => {});
    throw failure(`opening ${folder.root}`, error);
  }
}

const cutOff = (path: string): string =>
  `the journal's end could not be read and was cut off, and perhaps it was answered: it is in ${path}; restore, or remove that file`;
