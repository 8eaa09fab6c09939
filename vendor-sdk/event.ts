import type { ErrorCode } from "./error.ts";

/** What `on` hears: enough for spans and counters, never a field's value, token or key. Times in milliseconds. */
export type SdkEvent =
  | { type: "request"; call: string; attempt: number; status: number | undefined; ms: number; requestId: string | undefined }
  | { type: "retry"; call: string; attempt: number; afterMs: number }
  | { type: "event"; name: string; grant: string; ms: number }
  /** Bulk reads aren't offered to this vendor: each grant is asked for by itself. Said once. */
  | { type: "no-bulk"; server: string; reason: string | undefined }
  /** A customer's own word was followed to another server. */
  | { type: "moved"; grant: string; to: string }
  /** Events of a server to which customers have moved can't be had: `sync` follows its grants. */
  | { type: "no-stream"; server: string; reason: string | undefined }
  | { type: "refused"; grant: string; code: ErrorCode; reason: string | undefined }
  | { type: "sync"; sink: string; created: number; updated: number; unchanged: number; erased: number; failed: number; ms: number };

export type Listener = (event: SdkEvent) => void;

/** A listener's fault is its own: it never changes what the SDK does. */
export function careful(on: Listener | undefined): Listener {
  return (event) => {
    try {
      on?.(event);
    } catch {
      return;
    }
  };
}
