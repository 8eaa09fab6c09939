import type { VaultEvent } from "./context.ts";
import type { Core } from "./core.ts";
import type { Asked, Got, Made, Making } from "./prompts.ts";
import type { VaultErrorCode } from "./vault.ts";

/** All that passes between the page and the worker. No message holds a key; a prompt's answer holds a passkey's PRF output, which is moved and not copied. */
export type Method = keyof Core;

export interface Failure {
  readonly code: VaultErrorCode;
  readonly message: string;
  readonly reference: string | undefined;
}

export type ToWorker =
  | { readonly origin: string }
  | { readonly id: number; readonly method: Method; readonly args: readonly unknown[] }
  | { readonly prompt: number; readonly answer: Got | Made }
  | { readonly prompt: number; readonly failure: Failure };

export type FromWorker =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly prompt: number; readonly ask: { readonly get: Asked } | { readonly create: Making } }
  | { readonly event: VaultEvent };
