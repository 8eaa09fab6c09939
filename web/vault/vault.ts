import type { ReadonlySignal } from "@preact/signals";
import type { Client } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import type { VendorCard } from "#protocol/data/private.ts";
import type { GrantState } from "#protocol/grant.ts";

/**
 * What screens see of the vault: a state, a view of the open store, and verbs. Keys and ciphers live in the worker behind it;
 * nothing here ever holds one. Every verb rejects with a VaultError.
 */
export interface Vault {
  readonly state: ReadonlySignal<VaultState>;
  /**
   * The open store; undefined unless `state` is unlocked. A new object after every change, here or on another device; its records,
   * connections and shared values that say the same as before are the same objects, so that screens can memoize by them.
   */
  readonly store: ReadonlySignal<StoreView | undefined>;
  /** What an unlocked or a locked session sees of grants without a key: enough to pause and to stop. */
  readonly outline: ReadonlySignal<readonly OutlineView[]>;
  readonly online: ReadonlySignal<boolean>;
  /** The store is open, and its session is over: `unlock` begins another, and nothing that is open is lost. */
  readonly away: ReadonlySignal<boolean>;
  /** Epoch milliseconds at which an idle store locks; undefined while not unlocked. */
  readonly locksAt: ReadonlySignal<number | undefined>;
  /** Which passkey abilities this browser has. */
  readonly support: ReadonlySignal<"full" | "none">;

  /** Makes a store with one passkey prompt, and opens it. */
  begin(): Promise<void>;
  /** One passkey prompt: signs in if need be, and opens the store (by PRF, or by this device's secret). Rejects with `kit_needed` where neither opens it. */
  unlock(): Promise<void>;
  lock(): void;
  /** Ends the session; this device keeps nothing. */
  signOut(): Promise<void>;
  /** Reads what changed on other devices. */
  refresh(): Promise<void>;

  request(id: string): Promise<RequestViewModel>;
  /**
   * The values that would leave for `details`, evaluated from the open store and `edits`, toward the vendor of the request that was read
   * last; `blocked` for a blocked one.
   */
  preview(details: AuthorizationDetails, edits: readonly Edit[]): Promise<SharedValue[]>;
  /** Saves `edits`, signs the consent, and shares: one passkey prompt. Answers where the browser goes on. */
  approve(approval: Approval): Promise<{ redirect: string; grant: string }>;
  decline(request: string): Promise<{ redirect: string }>;

  /** Saves one value; without a path a new member of the collection `kind`. Shares what active grants cover. */
  save(edit: Edit): Promise<void>;
  remove(path: string): Promise<void>;
  /**
   * Many edits and removals, in as few commits as they fit into. A fault on the way leaves what was saved before it; `VaultError.done`
   * says how many, in their order: edits first.
   */
  saveAll(changes: Changes, working?: Working): Promise<void>;
  /** Saves all of it under one import, in commits of a thousand; a fault or `working.signal` on the way takes all of it back. Answers the import's id. */
  bring(batch: Batch, working?: Working): Promise<string>;
  /** Takes an import back: removes what it brought and nobody changed since, restores the single values that it replaced. */
  takeBack(id: string, working?: Working): Promise<{ removed: number; changed: number }>;
  /** Saves the customer's own card of a vendor. A new vendor (to block it before it ever got anything) is named by its client. */
  saveCard(vendor: { readonly relationship: string } | { readonly client: Client }, card: VendorCard): Promise<void>;

  pause(grant: string): Promise<void>;
  /** One passkey prompt for all of them. */
  resume(...grants: string[]): Promise<void>;
  /**
   * Goes on from what the server has (`StoreView.restored.behind`): one passkey prompt. What was open here before and is newer is saved
   * again. Until then nothing is saved or shared: `put_back`.
   */
  goOn(): Promise<void>;
  /** Pauses at once, then ends it by one passkey prompt; works while the store is locked. */
  stop(grant: string, options: { askDeletion: boolean }): Promise<void>;
  pauseAll(): Promise<{ paused: number }>;
  /** Uses up the one-time link of a receipt, which can only pause; works for anyone, signed out too. `fragment`: the link's, without `#`. Answers the shop's name. */
  pauseByLink(fragment: string): Promise<{ name: string }>;
  receipt(grant: string): Promise<Receipt>;
  /**
   * Shares less, or until earlier: a new consent that is no wider than the one in force, without a prompt. What is outside it goes at
   * once; the shop is asked to delete it. `details` in the customer's own paths. Rejects with `stale` where another device was first
   * and these details would be wider now, `invalid` where they are wider or the same.
   */
  narrow(grant: string, details: AuthorizationDetails): Promise<void>;
  /** Lets a refused vendor ask again before its 30 days are over. Gives nothing. */
  reopen(request: string): Promise<void>;
  /** The permission as an ISO/IEC TS 27560 record with its receipt in DPV's terms (JSON-LD), without any value. */
  consentRecord(grant: string): Promise<{ readonly record: object; readonly receipt: object }>;

  /** A new kit, not yet in force. `replacing`: the old kit's code where one is confirmed (a new kit counts only if the old one signed it). */
  makeKit(replacing?: string): Promise<Kit>;
  /** Puts it in force after the two groups that were asked for were typed right: one passkey prompt. Rejects with `wrong_groups`. */
  confirmKit(typed: readonly [string, string]): Promise<void>;
  /** Adds a passkey for another authenticator: a prompt to approve, a prompt to make it. */
  addPasskey(): Promise<void>;
  dropWay(id: string): Promise<void>;

  /**
   * Opens the store with a kit's code; rejects with `wrong_kit`. `headSeq`: the state's number on the kit; rejects with `tampered` where
   * the server shows an older one. The recovery ends with `finishRecovery`.
   */
  recover(code: string, headSeq?: number): Promise<{ ways: readonly WayView[] }>;
  /** Makes a passkey here, drops the named ways in, replaces the kit (its groups are answered; it is in force at once). */
  finishRecovery(options: { drop: readonly string[] }): Promise<Kit>;

  /** Everything, sealed under a code of its own that is answered once: one passkey prompt. */
  exportSealed(working?: Working): Promise<SealedExport>;
  /** Everything in plain: one passkey prompt. */
  exportPlain(): Promise<PlainExport>;
  /** Opens a sealed file without saving anything. Rejects with `wrong_code`, or `invalid` where the file was changed or cut off. */
  openExport(file: Uint8Array, code: string): Promise<ExportSummary>;
  /** Saves what the last `openExport` opened, under the same paths, into a store that has nothing in their place; takes it back on a fault. */
  restore(working?: Working): Promise<void>;
  /** Ends every connection now, and erases the store now or in seven days: one passkey prompt. Answers when. */
  erase(options: { when: "now" | "later"; askDeletion: boolean }): Promise<{ at: string }>;
  /** Takes back an erasure that hasn't happened. */
  keep(): Promise<void>;
  /** Offers the store to another server (an origin): one passkey prompt. Until it has gone, or a day is over, nothing is saved or shared. */
  move(to: string): Promise<OfferedMove>;
  /** Calls a move off. */
  stay(): Promise<void>;
  /** Brings a store here that another server offers, by its one-time code. `left`: shops that this server doesn't admit. `recover` opens it. */
  arrive(from: string, code: string): Promise<{ left: readonly string[] }>;
}

/** Of a verb that takes long. */
export interface Working {
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Stops at the next commit. */
  readonly signal?: AbortSignal;
}

export interface Changes {
  readonly edits?: readonly Edit[];
  readonly removals?: readonly string[];
}

/** What a file brings. */
export interface Batch {
  readonly file: string;
  readonly format: string;
  readonly edits: readonly Edit[];
}

export interface SealedExport {
  readonly file: Blob;
  /** Eight groups of four characters; without them the file can't be opened. */
  readonly groups: readonly string[];
}

export interface ExportSummary {
  readonly made: string;
  readonly count: number;
  /** How many records of each kind. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** A store in plain, as its customer takes it away. JSON. */
export interface PlainExport {
  readonly made: string;
  readonly created: string;
  readonly records: ReadonlyArray<{ readonly path: string; readonly value: unknown; readonly source?: string }>;
  readonly vendors: ReadonlyArray<{
    readonly relationship: string;
    readonly client_id: string;
    readonly name: string;
    readonly card: VendorCard;
  }>;
  readonly connections: ReadonlyArray<
    Pick<ConnectionView, "grant" | "number" | "client" | "state" | "details" | "given" | "expires" | "endedAt" | "reads"> & {
      /** The signed consent. */
      readonly consent: string;
      readonly relationship: string;
    }
  >;
}

export type VaultState = "loading" | "signed-out" | "locked" | "unlocked";

export interface StoreView {
  readonly created: string;
  /** In force: confirmed once. `due`: when new grants end without one. */
  readonly kit: { readonly confirmed: boolean; readonly due: string };
  readonly records: readonly RecordView[];
  readonly connections: readonly ConnectionView[];
  readonly vendors: readonly VendorView[];
  readonly ways: readonly WayView[];
  readonly head: { readonly seq: number; readonly code: string };
  /** What was refused of what the server said, in words for the error page: nothing is shared while this is not empty. */
  readonly alarms: readonly Alarm[];
  /** When the store will be erased, if its customer has said so. */
  readonly erasing: string | null;
  /** Where it waits to move to (an origin), and until when: nothing is saved or shared meanwhile. */
  readonly moving: { readonly to: string; readonly until: string } | null;
  /**
   * The server was put back to an earlier state, by its word: when, and to that of when, if that is known. `behind`: this browser has seen
   * more than there is now; `held`: and still holds what was open in it.
   */
  readonly restored: {
    readonly at: string;
    readonly from: string | null;
    readonly behind: { readonly held: boolean } | null;
  } | null;
}

/** A move that waits for its customer at the other server. `link`: what they open there; it holds the one-time code. */
export interface OfferedMove {
  readonly link: string;
  readonly until: string;
}

/** A vendor as the customer sees it. */
export interface VendorView {
  readonly relationship: string;
  readonly client_id: string;
  readonly name: string;
  readonly card: VendorCard;
  /** Its grants, newest first. */
  readonly grants: readonly string[];
}

export interface RecordView {
  readonly path: string;
  /** Path of its kind: `profile/emails`. */
  readonly kind: string;
  /** Of the kind's schema; null while a single kind is empty. */
  readonly value: unknown;
  readonly version: number;
  /** The import that brought it, also once it was edited by hand; null once that import was taken back. */
  readonly source: string | null;
  /** Who can read it now: connection ids with the path (and form) they have, or the digest that it counts in, and until when. */
  readonly sharedWith: readonly { readonly grant: string; readonly name: string; readonly path: string; readonly until: string }[];
}

export interface ConnectionView {
  readonly grant: string;
  readonly number: number;
  /** Id of the vendor's card: `StoreView.vendors`. */
  readonly relationship: string;
  readonly client: Client;
  readonly state: GrantState;
  /** In the customer's own paths, unless it has ended; the receipt has them as they were signed. */
  readonly details: AuthorizationDetails;
  readonly given: string;
  readonly expires: string;
  readonly endedAt: string | null;
  readonly pausedAt: string | null;
  /** It was paused when the server was put back, and not by its customer. */
  readonly putBack: boolean;
  /** This browser knew a later change of it, which the server has lost. */
  readonly changeLost: boolean;
  readonly reads: readonly ReadView[];
  readonly shared: readonly SharedValue[];
  /** Whether deletion was asked for when it was stopped. */
  readonly askedDeletion: boolean;
  /** Who ended it, if it was ended before its time. */
  readonly endedBy: "customer" | "vendor" | null;
  /** Every consent it has had, oldest first: number and time. The last one is in force, or was. */
  readonly consents: ReadonlyArray<{ readonly n: number; readonly at: string }>;
  /** What has to be deleted, and what the shop has signed about it; null while nothing is owed. */
  readonly deletion: DeletionView | null;
  /** Whether the shop hears of changes at once: it has no stream, one that works, one that fails now, one that was given up. */
  readonly stream: "none" | "live" | "failing" | "stopped";
  /** First seven bytes and more of the vendor key's thumbprint: 32 bytes for the rosette. */
  readonly mark: Uint8Array;
  readonly keyChangedAt: string | null;
}

/** `by`: until when; `told`: when the shop's own machine said that it got the message. `what`, `note`, `statement` are the shop's words. */
export interface DeletionView {
  readonly reason: "revoked" | "expired" | "declined" | "narrowed";
  readonly state: "nothing-read" | "waiting" | "overdue" | "confirmed" | "kept";
  readonly since: string;
  readonly by: string | null;
  readonly told: string | null;
  /** Of the attestation that counts. */
  readonly at: string | null;
  readonly did: readonly string[];
  readonly remains: readonly {
    readonly what: string;
    readonly why: "legal-duty" | "open-order" | "claim" | "backup" | "technical";
    readonly until: string | null;
    readonly note: string | null;
  }[];
  readonly statement: string | null;
}

export interface OutlineView {
  readonly grant: string;
  readonly number: number;
  readonly state: GrantState;
  readonly expires: string;
}

export interface ReadView {
  readonly at: string;
  readonly paths: readonly string[];
  readonly count: number;
  readonly key: string;
}

/** A value as it leaves: at a path with its form. `value` null: empty or missing. */
export interface SharedValue {
  readonly path: string;
  readonly value: unknown;
}

export interface Edit {
  /** A record's path, or the path of a collection for a new member. */
  readonly path: string;
  readonly value: unknown;
  /** Names a new member before it has an id, so that details can point at it as `<path>/<key>`. */
  readonly key?: string;
}

export interface Approval {
  readonly request: string;
  readonly details: AuthorizationDetails;
  readonly edits: readonly Edit[];
  /** The words that were shown, for the notice's hash; BCP 47 language. */
  readonly notice: { readonly text: string; readonly language: string };
  /** The browser sends Global Privacy Control: the consent says so, and the vendor must honour it. */
  readonly gpc?: boolean;
}

export interface RequestViewModel {
  readonly id: string;
  readonly client: Client;
  readonly details: AuthorizationDetails;
  readonly state: "open" | "answered";
  readonly expires: string;
  readonly mark: Uint8Array;
  /** Whether the key that the vendor's own link names (`#enc`) is the one that the server showed. */
  readonly keyMatches: "yes" | "no" | "not-named";
  /** An active or paused grant to the same vendor, if the store is open. */
  readonly existing: string | null;
  /**
   * It would change this connection: what is granted now, in the customer's own paths. Undefined: a new one. Null: one that isn't in
   * this store, or has ended, or the store is closed.
   */
  readonly replaces: { readonly grant: string; readonly details: AuthorizationDetails } | null | undefined;
  /** The customer said no to this vendor: until when it can't ask. */
  readonly refusedUntil: string | null;
  /** The customer has blocked this vendor: nothing can be asked. False while the store is closed. */
  readonly blocked: boolean;
}

export interface WayView {
  readonly id: string;
  readonly kind: "passkey" | "kit" | "device";
  /** Opens the store by itself. */
  readonly opens: boolean;
  /** In this browser. */
  readonly here: boolean;
  readonly aaguid: string | null;
  readonly created: string | null;
  readonly lastUsed: string | null;
  readonly synced: boolean | null;
}

export interface Kit {
  /** Eight groups of four characters. */
  readonly groups: readonly string[];
  /** Which two groups (0 to 7) must be typed to confirm it. */
  readonly ask: readonly [number, number];
  readonly head: { readonly seq: number; readonly code: string };
}

export interface Receipt {
  readonly grant: string;
  readonly consent: string;
  readonly claims: unknown;
  readonly client: Client;
  readonly pauseLink: string | null;
}

export interface Alarm {
  readonly code: string;
  readonly message: string;
  readonly at: string;
}

export type VaultErrorCode =
  | "cancelled"
  | "no_passkey"
  | "unsupported"
  | "kit_needed"
  | "wrong_kit"
  | "wrong_groups"
  | "wrong_code"
  | "blocked"
  | "refused_before"
  | "not_empty"
  | "offline"
  | "stale"
  | "expired_link"
  | "answered"
  | "kit_first"
  | "key_mismatch"
  | "invalid"
  | "tampered"
  | "put_back"
  | "full"
  | "busy"
  | "rate_limited"
  | "signed_out"
  | "failed";

export class VaultError extends Error {
  override readonly name = "VaultError";
  readonly code: VaultErrorCode;
  /** To quote to whoever helps: an id of the request, never a value. */
  readonly reference: string | undefined;
  /** Of `saveAll`: how many changes were saved before it. */
  readonly done: number;
  constructor(code: VaultErrorCode, message: string, reference?: string, done = 0) {
    super(message);
    this.code = code;
    this.reference = reference;
    this.done = done;
  }
}
