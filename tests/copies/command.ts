import { spawn } from "node:child_process";
import { once } from "node:events";

/** The operator's command line, over a data folder or what `env` says. */
export function command(env: Readonly<Record<string, string>>, ...args: string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", "server/operator.ts", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (piece: string) => (said += piece));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, said }));
  return { ended, kill: () => child.kill("SIGKILL") };
}
