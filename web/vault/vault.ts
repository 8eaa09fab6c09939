import type { ReadonlySignal } from "@preact/signals";
import type { Client } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import type { GrantState } from "#protocol/grant.ts";

/**
 * What screens see of the vault: a state, a view of the open store, and verbs. Keys and ciphers live in the worker behind it;
 * nothing here ever holds one. Every verb rejects with a VaultError.
 */
export interface Vault {
  readonly state: ReadonlySignal<VaultState>;
  /** The open store; undefined unless `state` is unlocked. Replaced whole after every change, here or on another device. */
  readonly store: ReadonlySignal<StoreView | undefined>;
  /** What an unlocked or a locked session sees of grants without a key: enough to pause and to stop. */
  readonly outline: ReadonlySignal<readonly OutlineView[]>;
  readonly online: ReadonlySignal<boolean>;
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
  /** The values that would leave for `details`, evaluated from the open store and `edits`. */
  preview(details: AuthorizationDetails, edits: readonly Edit[]): Promise<SharedValue[]>;
  /** Saves `edits`, signs the consent, and shares: one passkey prompt. Answers where the browser goes on. */
  approve(approval: Approval): Promise<{ redirect: string; grant: string }>;
  decline(request: string): Promise<{ redirect: string }>;

  /** Saves one value; without a path a new member of the collection `kind`. Shares what active grants cover. */
  save(edit: Edit): Promise<void>;
  remove(path: string): Promise<void>;

  pause(grant: string): Promise<void>;
  /** One passkey prompt. */
  resume(grant: string): Promise<void>;
  /** Pauses at once, then ends it by one passkey prompt; works while the store is locked. */
  stop(grant: string, options: { askDeletion: boolean }): Promise<void>;
  pauseAll(): Promise<{ paused: number }>;
  /** Uses up the one-time link of a receipt, which can only pause; works for anyone, signed out too. `fragment`: the link's, without `#`. Answers the shop's name. */
  pauseByLink(fragment: string): Promise<{ name: string }>;
  receipt(grant: string): Promise<Receipt>;

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
}

export type VaultState = "loading" | "signed-out" | "locked" | "unlocked";

export interface StoreView {
  readonly created: string;
  /** In force: confirmed once. `due`: when new grants end without one. */
  readonly kit: { readonly confirmed: boolean; readonly due: string };
  readonly records: readonly RecordView[];
  readonly connections: readonly ConnectionView[];
  readonly ways: readonly WayView[];
  readonly head: { readonly seq: number; readonly code: string };
  /** What was refused of what the server said, in words for the error page: nothing is shared while this is not empty. */
  readonly alarms: readonly Alarm[];
}

export interface RecordView {
  readonly path: string;
  /** Path of its kind: `profile/emails`. */
  readonly kind: string;
  /** Of the kind's schema; null while a single kind is empty. */
  readonly value: unknown;
  readonly version: number;
  /** Who can read it now: connection ids with the path (and form) they have. */
  readonly sharedWith: readonly { readonly grant: string; readonly name: string; readonly path: string }[];
}

export interface ConnectionView {
  readonly grant: string;
  readonly number: number;
  readonly client: Client;
  readonly state: GrantState;
  /** In the customer's own paths, unless it has ended; the receipt has them as they were signed. */
  readonly details: AuthorizationDetails;
  readonly given: string;
  readonly expires: string;
  readonly endedAt: string | null;
  readonly pausedAt: string | null;
  readonly reads: readonly ReadView[];
  readonly shared: readonly SharedValue[];
  /** Whether deletion was asked for when it was stopped. */
  readonly askedDeletion: boolean;
  /** First seven bytes and more of the vendor key's thumbprint: 32 bytes for the rosette. */
  readonly mark: Uint8Array;
  readonly keyChangedAt: string | null;
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
  | "offline"
  | "stale"
  | "expired_link"
  | "answered"
  | "kit_first"
  | "key_mismatch"
  | "invalid"
  | "tampered"
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
  constructor(code: VaultErrorCode, message: string, reference?: string) {
    super(message);
    this.code = code;
    this.reference = reference;
  }
}
