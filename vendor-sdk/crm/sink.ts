import type { Remainder } from "../../protocol/erasure-attestation.ts";

export type { Remainder };

/** What a column of a CRM can hold. */
export type Scalar = string | number | boolean;
/** A row's columns by name; a blank one is absent. */
export type Values = Readonly<Record<string, Scalar>>;

/** One person toward one vendor, as granted now. A path that is absent from `fields` has to be blank in the CRM. */
export interface SubjectRecord {
  /** Opaque, base64url, begins with a letter: the CRM's external id. */
  readonly key: string;
  /** Values by path: `{"profile/emails/e1": {"address": "..."}}`, in the shapes of the protocol's categories, or a lesser form of them. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly consent: {
    /** RFC 3339: when the first consent came. */
    readonly given: string;
    /** RFC 3339: when the last of it ends. */
    readonly until: string;
    /** The customer paused it: nothing new can be read, and nobody may be reached. */
    readonly paused: boolean;
    /** Which consent of the grant, counted from 1; 0 before the first read. */
    readonly n: number;
    /** IRIs of the purposes in force. */
    readonly purposes: readonly string[];
    /** RFC 3339 by IRI: when each of them ends. */
    readonly ends: Readonly<Record<string, string>>;
    /** Paths in force, as granted. */
    readonly paths: readonly string[];
    /** The customer's browser sent Global Privacy Control: nothing of them may be sold or shared, whatever else was granted. */
    readonly gpc: boolean;
    /** Who else may get it, as granted: names of organisations. Empty under `gpc`. */
    readonly recipients: readonly string[];
  };
}

/** Why a row has to go. `retention`: read too long ago to be kept, while the grant itself may live on. */
export interface Ending {
  readonly reason: "revoked" | "expired" | "declined" | "retention";
  /** RFC 3339. */
  readonly at: string;
}

/** How a sink is asked to write. */
export interface WriteOptions {
  /** Says what would happen and writes nothing. */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** What `put` did, in names of columns; never a value. */
export interface PutReport {
  readonly outcome: "created" | "updated" | "unchanged";
  /** Names of the columns written, or that a dry run would write. */
  readonly columns: readonly string[];
  /** Names of the columns that the target keeps otherwise than they were written. */
  readonly altered: readonly string[];
  /** Names of the columns that were blanked, or that a dry run would blank. */
  readonly blanked: readonly string[];
  /** What stays of them in spite of it. */
  readonly remains: readonly Remainder[];
}

/**
 * What an erasure did, and what stays in spite of it: `what`, `why` (`legal-duty`, `open-order`, `claim`, `backup`, `technical`), `until`
 * (YYYY-MM-DD, or null where nobody can say) and a `note`. Plain words of at most 100 characters, for the customer to read, signed by you;
 * never a value.
 */
export interface EraseReport {
  readonly did: readonly string[];
  readonly remains: readonly Remainder[];
}

/** Whether a target can be written to. */
export interface SinkCheck {
  readonly ready: boolean;
  /** Sentences that name what is missing, such as a custom field. */
  readonly problems: readonly string[];
}

/**
 * Where rows go: a CRM, a file. Made by `defineSink`, proved by `testSink`. Every method throws CounterfoilError: `unavailable` (try
 * again), `unauthenticated`, `invalid`, `conflict`.
 */
export interface Sink {
  /** Names the target, not the kind: two sinks with one name are taken for the same place. */
  readonly name: string;
  check(options?: WriteOptions): Promise<SinkCheck>;
  /** Makes the row be as the record says: creates, patches what differs, blanks what is absent. */
  put(record: SubjectRecord, options?: WriteOptions): Promise<PutReport>;
  /** Takes the row away. A row that isn't there is a success that did nothing. */
  erase(key: string, why: Ending, options?: WriteOptions): Promise<EraseReport>;
  /** What the target holds of a row, in columns; undefined if nothing. */
  read(key: string, options?: WriteOptions): Promise<Values | undefined>;
  /** Everything before it is durable when it resolves. A cursor moves only after it. */
  commit(): Promise<void>;
}
