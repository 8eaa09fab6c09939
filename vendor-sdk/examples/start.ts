/** Runs the main job: the server with the customer's app, and the sample shop beside it. Both must be built. Ends both on SIGINT or SIGTERM. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = join(import.meta.dirname, "..", "..");
const issuer = process.env.COUNTERFOIL_ISSUER ?? "http://localhost:4000";
const shop = process.env.SHOP_ORIGIN ?? "http://127.0.0.1:4100";
const data = join(root, "data");

const running: ChildProcess[] = [];
let ending = false;

function run(name: string, cwd: string, file: string, env: Record<string, string>): void {
  const child = spawn(process.execPath, [file], { cwd, env: { ...env, ...process.env }, stdio: "inherit" });
  running.push(child);
  child.once("exit", (code, signal) => {
    if (!ending) process.stderr.write(`The ${name} ended (${code ?? signal}).\n`);
    end(code ?? 1);
  });
}

function end(code: number): void {
  if (ending) return;
  ending = true;
  process.exitCode = code;
  for (const child of running) child.kill("SIGTERM");
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 300 && !ending; tries++) {
    const up = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(2000) }).then(
      (response) => response.status < 500,
      () => false,
    );
    if (up) return;
    await sleep(100);
  }
  throw new Error(`nothing answers at ${url}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => end(0));

execFileSync(process.execPath, [join(import.meta.dirname, "bookshop", "install.js")], { stdio: "inherit" });
run("server", root, join(root, "dist", "server", "main.js"), { COUNTERFOIL_ISSUER: issuer, COUNTERFOIL_DATA: join(data, "counterfoil") });
try {
  await answers(`${issuer}/.well-known/oauth-authorization-server`);
  run("shop", root, join(import.meta.dirname, "bookshop", "shop.js"), {
    COUNTERFOIL_ISSUER: issuer,
    SHOP_ORIGIN: shop,
    SHOP_DATA: join(data, "bookshop"),
  });
  await answers(shop);
  process.stdout.write(`\n  Counterfoil   ${issuer}\n  Sample shop   ${shop}\n  Its customers ${shop}/crm\n\n`);
} catch (error) {
  if (!ending) process.stderr.write(`${(error as Error).message}\n`);
  end(1);
}
