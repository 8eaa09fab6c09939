import { setTimeout as sleep } from "node:timers/promises";
import type { Running } from "./configuration/config.ts";
import type { EndingByHand } from "./ending.ts";
import type { Listener } from "./listener.ts";
import type { Log } from "./log.ts";

interface StopParts {
  readonly running: Pick<Running, "drain" | "shutdown">;
  readonly ending: EndingByHand;
  readonly listener: Pick<Listener, "close">;
  /** What the process does by itself. */
  readonly telling: AsyncDisposable;
  readonly sweeping: AsyncDisposable;
  readonly log: Pick<Log, "process" | "fault" | "flush">;
  /** Closed when nobody uses them any more, in this order: the storage last. */
  readonly closeAfter: readonly AsyncDisposable[];
}

/** Milliseconds in which the storage must have closed. What it answered is durable already. */
const CLOSING = 10_000;

/** Milliseconds in which a signal is the same one: a terminal signals everybody in its group, and a parent passes it on. */
const SAME = 1_000;

/** What a signal does: the first ends the process gracefully, the second at once. `least`: the status, unless there is a worse one. */
export function stopper(parts: StopParts, exit: (status: number) => void = process.exit): (least?: number) => void {
  const { log, running } = parts;
  const leave = (status: number): void => {
    log.process({ stage: "stopped" });
    log.flush();
    exit(status);
  };
  let since: number | undefined;
  return (least = 0) => {
    if (since !== undefined) {
      if (performance.now() - since > SAME) leave(1);
      return;
    }
    since = performance.now();
    // Whatever hangs, the process ends.
    setTimeout(() => leave(1), running.drain + running.shutdown + CLOSING).unref();
    const done = (status: number): void => leave(Math.max(status, least));
    stop(parts).then(done, (error: unknown) => {
      log.fault("stop", error);
      leave(1);
    });
  };
}

/** Answers the process's status. */
async function stop({ running, ending, listener, telling, sweeping, log, closeAfter }: StopParts): Promise<number> {
  log.process({ stage: "draining" });
  ending.drain();
  if (running.drain > 0) await sleep(running.drain);
  log.process({ stage: "stopping" });
  ending.stop();
  // Begun before: it lets polls go, for which requests wait.
  const told = telling[Symbol.asyncDispose]();
  const cut = await listener.close(running.shutdown);
  if (cut > 0) log.process({ stage: "cut", requests: cut });
  await sweeping[Symbol.asyncDispose]();
  await told;
  for (const each of closeAfter) await each[Symbol.asyncDispose]();
  return cut > 0 ? 1 : 0;
}
