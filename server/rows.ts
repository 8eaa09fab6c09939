import type { Act } from "#protocol/act.ts";
import type { Assertion, SignedAct } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";

/**
 * The tables of one customer's store and their keys. Keys are chosen so that a request reads what it touches and nothing more:
 * numbers in keys are padded (`ordered`), so that ranges are in order. No wire type is a row.
 */
export interface Rows {
  /** `store`: the customer's half in one small row. */
  store: StoreRow;
  /** `position`: apart from `store`, since every read moves it. */
  /** `written`: characters that vendors' reads have put into the history, about. */
  counter: { readonly position: number; readonly written?: number };
  /** id of the way in */
  ways: WayRow;
  seals: SealRow;
  /** id of a device's way in: given only after a passkey's assertion, gone with the device. */
  halves: { readonly half: string };
  /** id of the passkey's way in */
  passkeys: PasskeyRow;
  /** epoch */
  epochs: EpochRow;
  /** seq of the last head that the old identity key signed */
  successions: SuccessionRow;
  /** `bucket/kind/path` */
  leaves: LeafRow;
  /** bucket as two hexadecimal digits; empty ones have no row */
  buckets: { readonly hash: string };
  /** seq */
  heads: { readonly head: string };
  /** path */
  records: RecordRow;
  /** `grant/position in it/path`: what a pull reads, in the order in which it reads */
  shares: ShareRow;
  /** `grant/path` of shares that were dropped: versions never restart */
  gone: { readonly version: number; readonly position: number };
  /** `position/kind/path`: what changed, for other devices; one row for each leaf that there is */
  feed: Record<string, never>;
  /** grant: what doesn't change until its next consent */
  grants: GrantRow;
  /** grant: what the server's half says of it */
  standings: StandingRow;
  /** `grant/n`: every consent, also those that another has followed */
  consents: { readonly token: string };
  /** `time/kind/grant`: what the server has to do for a grant by itself, and when; the first one's time is the store's `due` */
  calendar: Record<string, never>;
  /** `grant/received/jti`: what its vendor attested */
  attestations: AttestationRow;
  /** grant: the customer's signed word to its vendor where it goes, while the store waits to move and after it has */
  statements: { readonly clientId: string; readonly statement: string };
  /** `filling`: a store that is on its way here, and not whole yet */
  filling: FillingRow;
  /** SHA-256 of a client_id: until when a vendor that was refused can't ask (epoch milliseconds) */
  refusals: { readonly until: number };
  /** `grant/time/position in it`: reads that count against a frequency */
  counted: Record<string, never>;
  /** SHA-256 of the cookie's secret */
  sessions: SessionRow;
  /** `until/nonce` of acts that were done */
  nonces: Record<string, never>;
  /** position */
  history: HistoryRow;
}

export interface StoreRow {
  readonly created: number;
  readonly identity: string;
  readonly seq: number;
  readonly head: string;
  readonly headHash: string;
  readonly epoch: number;
  readonly waysHash: string;
  readonly records: number;
  /** Grants ever given. */
  readonly grants: number;
  /** About how many characters it takes (see `Weight`). Absent: nobody has counted yet, 0. */
  readonly bytes?: number;
  /** Until when the customer can take back that the store is erased. */
  readonly erasing?: number;
  /** How many restores of the deployment it knows of (`Life.restores`): every grant of before was paused. Absent: 0. */
  readonly restores?: number;
  /** When this store alone was put back to an earlier state (epoch milliseconds). */
  readonly putBack?: number;
  /** It is not, or not only, here. */
  readonly move?: MoveRow;
}

/** Where a store is on its way between two servers. `to`, `from`: issuers. Times in epoch milliseconds. */
export type MoveRow =
  /** It waits for the other server: frozen, until then. `code`: hash of the one-time code. */
  | {
      readonly state: "leaving";
      readonly to: string;
      readonly code: string;
      readonly until: number;
      readonly at: number;
      readonly approval: { readonly act: Act; readonly assertion: Assertion };
      readonly living: readonly string[];
    }
  | MovedRow
  /** It came, and the old server has it too: frozen. `asked`: the old server may know already, so that this copy may be the only one. */
  | {
      readonly state: "arriving";
      readonly from: string;
      readonly code: string;
      readonly until: number;
      readonly asked: boolean;
      /** When the old server is asked again. */
      readonly next: number;
      readonly left: readonly string[];
      /** Of one that comes back: where it had gone, until it is here. */
      readonly stub?: MovedRow;
    };

/** It is at the other server: what is left says so. `swept`: nothing else is left. */
export interface MovedRow {
  readonly state: "moved";
  readonly to: string;
  readonly code: string;
  readonly at: number;
  readonly swept: boolean;
}

/** `run`: names the one attempt that may go on with it. */
export interface FillingRow {
  readonly from: string;
  readonly run: string;
  readonly until: number;
}

export interface WayRow {
  readonly kind: "passkey" | "kit" | "device";
  readonly key: string | null;
  readonly passkey: { readonly id: string; readonly publicKey: string } | null;
  readonly sign: string | null;
}

export interface SealRow {
  readonly box: string;
  readonly epoch: number;
  readonly envelope: string;
  /** By which a kit finds its store. */
  readonly locator: string | null;
}

export interface PasskeyRow {
  readonly credential: string;
  /** COSE, base64url */
  readonly publicKey: string;
  readonly counter: number;
  readonly aaguid: string;
  readonly backedUp: boolean;
  readonly transports: readonly string[];
  readonly created: number;
  readonly lastUsed: number;
}

export interface EpochRow {
  readonly identity: string;
  readonly previous: string | null;
}

/** Proof that the kit has signed a new identity key: with the last head of the old one and the list that it covers. */
export interface SuccessionRow {
  readonly token: string;
  readonly head: string;
  readonly ways: ReadonlyArray<WayRow & { readonly id: string }>;
}

export interface LeafRow {
  /** Of a share's leaf: its position in its grant. */
  readonly share?: number;
  readonly version: number;
  readonly hash: string;
  /** hashOfLeaf */
  readonly leaf: string;
  readonly position: number;
}

export interface RecordRow {
  readonly version: number;
  readonly epoch: number;
  readonly body: string;
}

export interface ShareRow {
  readonly path: string;
  readonly version: number;
  readonly body: string;
  /** Start of the hour: the exact time would be the same for every vendor that has this record. */
  readonly updated: number;
  /** Bit n: object n of the consent lets this path be read. */
  readonly objects: number;
  /** Which consent `objects` is about: of an earlier one they have to be worked out anew. Absent: 1. */
  readonly n?: number;
}

/** A vendor as it was when its request was pushed. */
export interface VendorRow {
  readonly clientId: string;
  readonly clientName: string;
  readonly legalName: string;
  readonly country: string;
  readonly dpoContact: string | null;
  readonly clientUri: string | null;
  readonly policyUri: string | null;
  readonly domain: string;
  readonly encryptionKey: Readonly<Record<string, unknown>>;
  readonly since: number;
  readonly document: string;
}

export interface GrantRow {
  readonly number: number;
  readonly vendor: VendorRow;
  readonly consent: string;
  readonly consentHash: string;
  readonly details: AuthorizationDetails;
  /** `iss` of the consent: who the customer is to this vendor. */
  readonly subject: string;
  readonly grantKey: string;
  readonly given: number;
  readonly expires: number;
  readonly objects: readonly ObjectRow[];
  /** Hash of the one-time secret that can only pause; null once used. */
  readonly pauseSecret: string | null;
  /** Hash of the refresh token's secret. */
  readonly refresh: string | null;
  /** Number of the consent in force. Absent: 1. */
  readonly n?: number;
  /** Access tokens of another generation have been revoked. Absent: 0. */
  readonly generation?: number;
  /** Hash of a code that was used twice: who is still on the way with it gets nothing. */
  readonly burnt?: string;
}

/** What a pull asks of one object of the consent. */
export interface ObjectRow {
  readonly read: boolean;
  readonly expires: number;
  /** `per`: milliseconds, null for ever. */
  readonly frequency: { readonly max: number; readonly per: number | null } | null;
}

export interface StandingRow {
  /**
   * Counts the reads of this grant and the commits that touched its shares. Cursors go by it: the store's own position would tell two
   * vendors that they read the same store.
   */
  readonly position: number;
  readonly complete: boolean;
  readonly paused: { readonly position: number; readonly at: number } | null;
  readonly ended: EndedRow | null;
  /** Absent: nothing is owed. */
  readonly deletion?: DeletionRow;
  /** Its customer is on the way between two servers: nothing is taken or given meanwhile. */
  readonly moving?: true;
  readonly reads: number;
  /** Characters of their lines in the history. Absent: nobody has counted yet. */
  readonly written?: number;
  readonly lastRead: number | null;
  /** Position of the last line of the history that has the paths of a read of this grant. */
  readonly line?: number;
  readonly fixed: FixedRow | null;
  /** What bulk reads were not given: the next entry in the vendor's feed has it. Absent: nothing. */
  readonly held?: HeldRow;
}

export interface HeldRow {
  /** The position after which it changed. */
  readonly from: number;
  /** When the calendar brings it back to the feed (epoch milliseconds); null: what makes it readable does. */
  readonly until: number | null;
}

/** The last read that counted: later pages, and its cursor again within an hour, give the same. */
export interface FixedRow {
  readonly since: number;
  readonly through: number;
  readonly at: number;
  /** Bits of those that it could read. */
  readonly objects: number;
  /** How often it was asked for other than by its next page. */
  readonly repeats: number;
  /** After which share its next page begins; null after the last. */
  readonly next: string | null;
  /** Under which consent and which details `objects` is meant. Absent: the first consent, whole. */
  readonly under?: string;
}

/** What has to be deleted: from the first narrowing or the end on. Times in epoch milliseconds, as in `protocol/deletion.ts`. */
export interface DeletionRow {
  readonly reason: "revoked" | "expired" | "declined" | "narrowed";
  readonly since: number;
  /** Number of the narrower consent that it follows, or of the last one. */
  readonly n: number;
  readonly by: number | null;
  /** When the vendor's stream acknowledged the event. */
  readonly told: number | null;
  /** When the last attestation came. */
  readonly attested: number | null;
}

export interface AttestationRow {
  readonly token: string;
  readonly key: Readonly<Record<string, unknown>>;
  readonly received: number;
}

export interface EndedRow {
  readonly state: "revoked" | "declined";
  readonly at: number;
  readonly actor: "customer" | "vendor";
  readonly act: SignedAct | null;
  readonly askDeletion: boolean;
}

export interface SessionRow {
  /** The passkey's way in that opened it; null for a kit. */
  readonly way: string | null;
  readonly created: number;
  readonly used: number;
}

export type HistoryRow = LineRow | AgainRow;

export interface LineRow {
  readonly at: number;
  readonly type:
    | "commit"
    | "read"
    | "pause"
    | "resume"
    | "revoke"
    | "approve"
    | "decline"
    | "login"
    | "recover"
    | "way"
    | "export"
    | "erase"
    | "keep"
    | "narrow"
    | "expire"
    | "end"
    | "told"
    | "attest"
    | "reopen"
    | "move"
    | "stay"
    | "arrive"
    | "restored";
  readonly grant: string | null;
  readonly number: number | null;
  readonly paths: readonly string[];
  readonly count: number;
  readonly by: string | null;
}

/** A read that gave the same paths to the same key as the one at position `like`, an earlier one of its grant. */
export interface AgainRow {
  readonly at: number;
  readonly number: number;
  readonly like: number;
}

/** A number as it stands in a key: base 36, eleven digits, as many as the largest safe integer has. */
export const ordered = (number: number): string => number.toString(36).padStart(11, "0");
export const fromOrdered = (text: string): number => Number.parseInt(text, 36);

/** Above every key that begins with the prefix it ends. */
export const LAST = "\uffff";
