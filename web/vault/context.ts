import type { RequestView } from "#protocol/api.ts";
import type { KitKeys } from "#protocol/sealing/way-in.ts";
import type { Way, WaySeal } from "#protocol/ways.ts";
import type { Place } from "./assertion.ts";
import type { Keyring } from "./keyring.ts";
import type { Memory } from "./memory.ts";
import type { OpenStore } from "./open-store.ts";
import type { Prompts } from "./prompts.ts";
import type { Server } from "./server.ts";
import { type OutlineView, type StoreView, VaultError, type VaultState } from "./vault.ts";
import type { StoreChange } from "./view-change.ts";

/** What the vault's core needs from where it runs. */
export interface Surroundings {
  readonly server: Server;
  readonly prompts: Prompts;
  readonly memory: Memory;
  readonly place: Place;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly publish: (event: VaultEvent) => void;
  /** @param duration milliseconds */
  readonly wait: (duration: number) => Promise<void>;
}

export type VaultEvent =
  | { readonly state: VaultState }
  | { readonly store: StoreChange }
  | { readonly outline: readonly OutlineView[] }
  /** The server knows no session of the store that is open. */
  | { readonly away: true }
  /** Something that other tabs should read. */
  | { readonly changed: true };

/** What is known of the one store of this session. */
export interface Context extends Surroundings {
  session:
    | { readonly account: string /** The list that the server named; proven only once the store is open. */; readonly ways: readonly Way[] }
    | undefined;
  store: OpenStore | undefined;
  /** PRF readings that came out the same twice, by way in: each becomes a way in with the next act. */
  readonly twice: Map<string, Uint8Array>;
  /** Requests as they were shown. */
  readonly requests: Map<string, { readonly view: RequestView; readonly key: string; readonly named: string | undefined }>;
  kit: PendingKit | undefined;
  /** What the page has. */
  shown: StoreView | undefined;
  /** Many commits are under way, of which the page hears when they are done. */
  quiet: boolean;
  recovery: { readonly keys: KitKeys; readonly keyring: Keyring } | undefined;
}

/** A kit that is shown and not yet in force. */
export interface PendingKit {
  readonly secret: Uint8Array;
  readonly groups: readonly string[];
  readonly ask: readonly [number, number];
  /** The kit that it replaces. */
  readonly old: KitKeys | undefined;
}

/** A new way in on its way into the list. */
export interface NewWay {
  readonly way: Way;
  readonly seal: WaySeal | undefined;
}

export const beginContext = (surroundings: Surroundings): Context => ({
  ...surroundings,
  session: undefined,
  store: undefined,
  twice: new Map(),
  requests: new Map(),
  kit: undefined,
  shown: undefined,
  quiet: false,
  recovery: undefined,
});

export function sessionOf({ session }: Context): NonNullable<Context["session"]> {
  if (session === undefined) throw new VaultError("signed_out", "not signed in");
  return session;
}

export function storeOf({ store }: Context): OpenStore {
  if (store === undefined) throw new VaultError("signed_out", "not open");
  return store;
}
