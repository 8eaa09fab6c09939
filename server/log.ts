/** One line for each request: never a value of a path, a query, a header or a body. */
export interface LogLine {
  method: string;
  /** The route as it stands in the table. */
  route: string;
  status: number;
  ms: number;
  request: string;
}

export interface Log {
  request(line: LogLine): void;
  /** A fault of ours: the error's class and place, without its message, which may quote what was sent. */
  fault(request: string, error: unknown): void;
  /** How many stores whose time had come were erased: never which. */
  erased(count: number): void;
  /** What became of a vendor's stream: given up, an event refused, what waited thrown away. `why` is our own sentence. */
  stream(clientId: string, what: "stopped" | "refused" | "dropped", why: string): void;
  flush(): void;
}

const INTERVAL = 100;
const MOST = 65_536;

/** Collects lines and writes them together, since a write for each costs more than answering. */
export function makeLog(write: (text: string) => void, now: () => number): Log {
  let waiting = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting !== "") write(waiting);
    waiting = "";
  };
  const add = (line: object): void => {
    waiting += `${JSON.stringify({ at: new Date(now()).toISOString(), ...line })}\n`;
    if (waiting.length > MOST) flush();
    else timer ??= setTimeout(flush, INTERVAL).unref();
  };
  return {
    flush,
    request: add,
    erased: (stores) => add({ erased: stores }),
    stream: (stream, what, why) => add({ stream, what, why }),
    fault(request, error) {
      const frames = error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)) : [];
      const kind = error instanceof Error ? error.name : typeof error;
      const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
      add({ fault: kind, code, request, frames: frames.slice(0, 6).map((line) => line.trim()) });
    },
  };
}
