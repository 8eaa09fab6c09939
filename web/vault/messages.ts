import type { VaultEvent } from "./context.ts";
import type { Core } from "./core.ts";
import type { Asked, Got, Made, Making } from "./prompts.ts";
import type { VaultErrorCode, Working } from "./vault.ts";

/** All that passes between the page and the worker. No message holds a key; a prompt's answer holds a passkey's PRF output, which is moved and not copied. */
export type Method = keyof Core;
/** Verbs that take long: they tell how far they are, and can be stopped. */
export type LongMethod = { [M in Method]: Working extends Parameters<Core[M]>[number] ? M : never }[Method];

export interface Failure {
  readonly code: VaultErrorCode;
  readonly message: string;
  readonly reference: string | undefined;
  readonly done: number;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
}

export type ToWorker =
  | { readonly origin: string }
  /** `long`: the worker hears of progress and of a stop by this id. */
  | { readonly id: number; readonly method: Method; readonly args: readonly unknown[]; readonly long: boolean }
  | { readonly cancel: number }
  | { readonly prompt: number; readonly answer: Got | Made }
  | { readonly prompt: number; readonly failure: Failure };

export type FromWorker =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly id: number; readonly progress: Progress }
  | { readonly prompt: number; readonly ask: { readonly get: Asked } | { readonly create: Making } }
  | { readonly event: VaultEvent };
