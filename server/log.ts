import { pino } from "pino";
import type { Running } from "./configuration/config.ts";

/** One line for each request: never a value of a path, a query, a header or a body. */
export interface LogLine {
  readonly method: string;
  /** The route as it stands in the table. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly request: string;
  /** Of a refusal: its code, a word of ours. */
  readonly code?: string | undefined;
  /** How many records were given. */
  readonly records?: number | undefined;
}

/** What happens to events of a stream. */
export type Delivery = "delivered" | "failed" | "refused";

/**
 * What the process itself goes through. `address`: where it listens, `storage`: the engine's name; `upgraded`: the data's layout was an
 * older one until now; `damaged`: a store, or another part of the data, can't be read: never which, the operator's commands say that; `moved`: the
 * database is another one, or in an earlier state; `uncopied`: the data folder's name is too long for a socket, so that nobody can ask this
 * process for a copy.
 */
export type Stage =
  | { readonly stage: "listening"; readonly address: string; readonly issuer: string; readonly storage: string; readonly metrics: string }
  | { readonly stage: "draining" | "stopping" | "stopped" | "unready" | "ready" | "moved" | "uncopied" }
  | { readonly stage: "cut"; readonly requests: number }
  | { readonly stage: "upgraded"; readonly from: number }
  | { readonly stage: "damaged"; readonly part: string };

/** The only way to log: no free text but our own sentences, and nothing of anybody's. */
export interface Log {
  request(line: LogLine): void;
  /** A request that is made every few seconds and says nothing when all is well. */
  probe(line: LogLine): void;
  /** A fault of ours: the error's class and place, without its message, which may quote what was sent. */
  fault(request: string, error: unknown): void;
  /** How many stores whose time had come were erased: never which. */
  erased(count: number): void;
  /** What became of a vendor's stream: given up, an event refused, what waited thrown away. `why` is our own sentence. */
  stream(clientId: string, what: "stopped" | "refused" | "dropped", why: string): void;
  /** What became of events, however many streams they were of. Counted, and no line of its own. */
  events(what: Delivery, count: number): void;
  process(stage: Stage): void;
  flush(): void;
}

/** Where lines go. */
export interface LogTarget {
  write(text: string): void;
  /** Writes at once what waits. */
  flush?(): void;
}

const FRAMES = 6;

/** @param now epoch milliseconds */
export function makeLog(target: LogTarget, now: () => number, level: Running["logLevel"] = "info"): Log {
  // Written out once a millisecond: that costs more than the rest of a line.
  let at = Number.NaN;
  let time = "";
  const timestamp = (): string => {
    const current = now();
    if (current !== at) {
      at = current;
      time = `,"at":"${new Date(current).toISOString()}"`;
    }
    return time;
  };
  // No name of the machine and no process id: the prefix of `request` tells processes apart.
  const lines = pino({ base: null, level, timestamp, formatters: { level: (label) => ({ level: label }) } }, target);
  // Member by member: what else an object may hold doesn't get in.
  const lineOf = ({ method, route, status, ms, request, code, records }: LogLine): LogLine => ({
    method,
    route,
    status,
    ms,
    request,
    code,
    records,
  });
  return {
    request: (line) => {
      if (line.status >= 500) lines.error(lineOf(line));
      else lines.info(lineOf(line));
    },
    probe: (line) => lines.debug(lineOf(line)),
    fault: (request, error) => lines.error({ ...causeOf(error), request, frames: framesOf(error) }),
    erased: (stores) => lines.info({ erased: stores }),
    stream: (stream, what, why) => lines.warn({ stream, what, why }),
    events: () => {},
    process: (stage) => {
      if (stage.stage === "listening") lines.info(stage, `Counterfoil listens on ${stage.address} for ${stage.issuer}`);
      else if (stage.stage === "uncopied")
        lines.warn(stage, "No backup while it runs: the path of COUNTERFOIL_DATA is too long for a socket");
      else if (["cut", "damaged", "moved"].includes(stage.stage)) lines.error(stage);
      else lines.info(stage);
    },
    flush: () => target.flush?.(),
  };
}

interface Cause {
  readonly fault: string;
  readonly code: string | undefined;
  readonly cause?: Cause;
}

/** The classes and codes of an error and of what it came from: words of programs. */
function causeOf(error: unknown, depth = 0): Cause {
  if (!(error instanceof Error)) return { fault: typeof error, code: undefined };
  const code = "code" in error && typeof error.code === "string" ? word(error.code) : undefined;
  const { cause } = error;
  return { fault: word(error.name), code, ...(cause instanceof Error && depth < 3 ? { cause: causeOf(cause, depth + 1) } : {}) };
}

const word = (text: string): string => (/^\w{1,60}$/.test(text) ? text : "Error");

/** Places in the code. What stands before them is the message, which may have lines that look like one. */
function framesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { stack = "", message } = error;
  const from = stack.indexOf(message) + message.length;
  return stack
    .slice(from)
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, FRAMES)
    .map((line) => line.trim());
}
