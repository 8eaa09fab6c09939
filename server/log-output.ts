import { pino } from "pino";
import type { LogTarget } from "./log.ts";

/** Characters that wait at most, where whoever reads the log is slow: further lines are dropped, since answering comes first. */
const MOST = 16_777_216;
/** Characters written together, and milliseconds after which fewer are: a write for each line costs more than answering. */
const TOGETHER = 65_536;
const INTERVAL = 100;
/** Milliseconds in which what another thread writes just now is written, so that what comes last stands last. */
const SETTLING = 50;

/** The process's standard output. `dropped`: how many lines are lost. */
export interface LogOutput extends LogTarget {
  readonly dropped: number;
}

/** Writes without ever making a request wait; what waits is written at `flush` too. */
export function logOutput(fd = 1): LogOutput {
  let dropped = 0;
  let waiting = "";
  let timer: NodeJS.Timeout | undefined;
  let isSettled = true;
  // Lines are put together here: it would count all that waits anew with each of them. And it writes when it is told to, so that nothing
  // is on its way to another thread when the process ends.
  const to = pino.destination({ dest: fd, sync: false, minLength: 4 * TOGETHER - 1, maxWrite: 4 * TOGETHER, maxLength: MOST });
  to.on("drop", (lines: string) => {
    dropped += lines.split("\n").length - 1;
  });
  // Nobody reads it any more: the server goes on without.
  to.on("error", () => {
    dropped++;
  });
  to.on("drain", () => {
    isSettled = true;
  });
  const hand = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting !== "") to.write(waiting);
    waiting = "";
  };
  const send = (): void => {
    hand();
    isSettled = false;
    to.flush();
  };
  return {
    write: (text) => {
      waiting += text;
      if (waiting.length > TOGETHER) send();
      else timer ??= setTimeout(send, INTERVAL).unref();
    },
    flush: () => {
      if (!isSettled) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLING);
      hand();
      try {
        to.flushSync();
      } catch {
        dropped++;
      }
    },
    get dropped() {
      return dropped;
    },
  };
}
