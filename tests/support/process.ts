import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

export interface ProcessOptions {
  cwd?: string;
  /** Added to this process's environment; `undefined` takes one away. */
  env?: Record<string, string | undefined>;
  /** When it counts as started: a line of its output, or an address that answers with a status below 500. */
  ready: RegExp | { url: string };
  /** Milliseconds, 30 000 unless told. */
  timeout?: number;
  /** Milliseconds between SIGTERM and SIGKILL on disposal, 5 000 unless told. */
  grace?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** What it wrote so far, both streams as they came. */
  output(): string;
  /** The match of a `ready` that is a pattern, for example to read the port. */
  readonly started: RegExpExecArray | undefined;
  /** Waits until its output, from the beginning, matches. */
  waitFor(pattern: RegExp, timeout?: number): Promise<RegExpExecArray>;
  /** SIGTERM and wait; SIGKILL when it takes longer than the grace. */
  stop(): Promise<Exit>;
  /** SIGKILL and wait: the process gets no chance to tidy up. */
  kill(): Promise<Exit>;
}

const answers = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status < 500;
  } catch {
    return false;
  }
};

const withoutUndefined = (env: Record<string, string | undefined>): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));

const signalIt = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
};

/** Starts a program and waits until it is ready. One that ends or stays silent instead is an error that shows what it wrote. */
export async function startProcess(command: string, args: readonly string[], options: ProcessOptions): Promise<RunningProcess> {
  const { cwd, env = {}, ready, timeout = 30_000, grace = 5_000 } = options;
  const child = spawn(command, args, { cwd, env: withoutUndefined({ ...process.env, ...env }), stdio: ["ignore", "pipe", "pipe"] });
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (piece: string) => pieces.push(piece));
  const output = (): string => pieces.join("");
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  failed.catch(() => undefined);
  const exited = Promise.race([once(child, "close").then(([code, signal]): Exit => ({ code, signal })), failed]);
  let exit: Exit | undefined;
  exited.then(
    (it) => {
      exit = it;
    },
    () => undefined,
  );

  const until = async <Result>(look: () => Result | Promise<Result>, limit: number, what: string): Promise<NonNullable<Result>> => {
    const end = performance.now() + limit;
    for (;;) {
      const result = await look();
      if (result) return result;
      if (exit) throw new Error(`${command} ended (${exit.code ?? exit.signal}) before ${what}:\n${output()}`);
      if (performance.now() > end) throw new Error(`${command}: no ${what} within ${limit} ms:\n${output()}`);
      await Promise.race([sleep(20), exited]);
    }
  };
  const finish = async (signal: NodeJS.Signals): Promise<Exit> => {
    signalIt(child, signal);
    const late = setTimeout(() => signalIt(child, "SIGKILL"), grace);
    try {
      return await exited;
    } finally {
      clearTimeout(late);
    }
  };

  let started: RegExpExecArray | undefined;
  try {
    if (ready instanceof RegExp) started = await until(() => ready.exec(output()), timeout, `output like ${ready}`);
    else await until(() => answers(ready.url), timeout, `answer from ${ready.url}`);
  } catch (error) {
    await finish("SIGKILL").catch(() => undefined);
    throw error;
  }
  return {
    pid: child.pid as number,
    exited,
    output,
    started,
    waitFor: (pattern, limit = timeout) => until(() => pattern.exec(output()), limit, `output like ${pattern}`),
    stop: () => finish("SIGTERM"),
    kill: () => finish("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await finish("SIGTERM");
    },
  };
}
