import type { Ending, Remainder } from "./crm/sink.ts";
import type { CounterfoilError } from "./error.ts";

/** How a sync goes about it. */
export interface SyncOptions {
  /** Says what would happen; writes neither the sink nor the state. It does read, and reads are logged. */
  dryRun?: boolean;
  /** These grants alone; all unless told. */
  grants?: readonly string[];
  /** Rows written, and grants read by themselves, at a time; 4 unless told. What is of one grant stays in its order. */
  concurrency?: number;
  /** Hears how far it has come. */
  progress?: (progress: SyncProgress) => void;
  signal?: AbortSignal;
}

/** How far a sync has come; never a value. */
export interface SyncProgress {
  /** Grants that were worked off. */
  done: number;
  /** About how many are left. */
  remaining: number;
  /** Records that were opened and checked. */
  records: number;
  /** Since it began. */
  ms: number;
}

/** Of what and when an enforcement is. */
export interface EnforceOptions {
  /** The vendor's clock unless told. */
  now?: Date;
  /** These grants alone; all unless told. */
  grants?: readonly string[];
  signal?: AbortSignal;
}

/** What a sync did; never a value. */
export interface SyncReport {
  created: number;
  updated: number;
  unchanged: number;
  erased: number;
  /** Grants whose customer paused them: their values are left as they are. */
  paused: number;
  /** Grants whose frequency allows no read now: left as they are. */
  held: number;
  /** What each erasure did, and what remains. `narrowed`: of what is no longer granted, while the grant goes on. */
  erasures: {
    key: string;
    grant: string;
    reason: Ending["reason"] | "narrowed";
    did: readonly string[];
    remains: readonly Remainder[];
  }[];
  /**
   * Your signed word of erasures: how many the server took, how many wait in the state to be posted again, and which it refused. `owed`:
   * not made yet, since these sinks hold a row and have not erased it.
   */
  attestations: {
    sent: number;
    waiting: number;
    refused: { grant: string; error: CounterfoilError }[];
    owed: { grant: string; sinks: readonly string[] }[];
  };
  /** Columns that the target keeps otherwise than they were written. */
  altered: { key: string; columns: readonly string[] }[];
  /** The columns of each row that was written, or would be. */
  written: { key: string; outcome: "created" | "updated"; columns: readonly string[] }[];
  /** `*`: of no grant by itself, but of the bulk read of a server: what it has not brought comes with the next sync. */
  failed: { key: string; grant: string; error: CounterfoilError }[];
  ms: number;
  dryRun: boolean;
}

export const emptyReport = (dryRun: boolean): SyncReport => ({
  created: 0,
  updated: 0,
  unchanged: 0,
  erased: 0,
  paused: 0,
  held: 0,
  erasures: [],
  attestations: { sent: 0, waiting: 0, refused: [], owed: [] },
  altered: [],
  written: [],
  failed: [],
  ms: 0,
  dryRun,
});
