import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** A process on one core, which says on its first matching line of output that it is ready. */
export interface Pinned extends AsyncDisposable {
  pid: number;
  line: string;
  child: ChildProcess;
  /** Milliseconds from the start to the line. */
  started: number;
}

export async function pinned(core: number, command: readonly string[], ready: RegExp, env: Record<string, string> = {}): Promise<Pinned> {
  const began = performance.now();
  const child = spawn("taskset", ["-c", String(core), ...command], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the process was not ready within 60 s")), 60_000);
    child.once("exit", (code) => reject(new Error(`the process ended with ${code}`)));
    const lines = createInterface({ input: child.stdout }).on("line", (text) => {
      if (!ready.test(text)) return;
      clearTimeout(timer);
      lines.close();
      // What follows is the log: read, so that nobody waits, and not looked at.
      child.stdout.resume();
      resolve(text);
    });
  });
  return {
    pid: child.pid as number,
    line,
    child,
    started: performance.now() - began,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
      await gone;
      clearTimeout(timer);
    },
  };
}

/**
 * The built server, as it is run, on core 0; only pulls, their repeats and tokens are not limited. `BENCH_NODE`: options of its Node.
 * @param env more of its environment
 */
export function builtServer(folder: string, port: number, env: Record<string, string> = {}): Promise<Pinned> {
  const options = process.env.BENCH_NODE?.split(" ") ?? [];
  const file = process.env.BENCH_SERVER ?? join(import.meta.dirname, "..", "..", "dist", "server", "main.js");
  return pinned(0, [process.execPath, ...options, file], /listens on/, {
    COUNTERFOIL_DATA: folder,
    COUNTERFOIL_PORT: String(port),
    COUNTERFOIL_ISSUER: `http://localhost:${port}`,
    COUNTERFOIL_WEB: join(import.meta.dirname, "..", "..", "dist", "web", "customer"),
    COUNTERFOIL_PULLS_PER_MINUTE: "1000000000",
    COUNTERFOIL_REPEATS_PER_READ: "1000000000",
    COUNTERFOIL_TOKENS_PER_MINUTE: "1000000000",
    ...env,
  });
}

/** Waits until a server that has just started takes proofs without its nonce. */
export const noncesOver = (): Promise<void> => sleep(12_000);
