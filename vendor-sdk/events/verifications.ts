import { CounterfoilError } from "../error.ts";
import type { OtherEvent } from "./verify-event.ts";

/** Who waits for a stream's verification event (SSF 1.0, 8.1.4), by the state that it carries. */
export interface Verifications {
  /** @throws {CounterfoilError} `unavailable` if it doesn't arrive in time; the signal's reason */
  expect(state: string, timeoutMs: number, signal?: AbortSignal): Promise<void>;
  arrived(event: OtherEvent): void;
}

export function verifications(): Verifications {
  const waiting = new Map<string, () => void>();
  return {
    expect: (state, timeoutMs, signal) =>
      new Promise<void>((resolve, reject) => {
        const over = AbortSignal.timeout(timeoutMs);
        const end = AbortSignal.any(signal === undefined ? [over] : [over, signal]);
        end.addEventListener("abort", () => {
          waiting.delete(state);
          const late = new CounterfoilError("unavailable", "the verification event did not arrive in time", { reason: "verification" });
          reject(signal?.aborted ? (signal.reason as Error) : late);
        });
        waiting.set(state, () => {
          waiting.delete(state);
          resolve();
        });
      }),
    arrived({ payload: { state } }) {
      if (typeof state === "string") waiting.get(state)?.();
    },
  };
}
