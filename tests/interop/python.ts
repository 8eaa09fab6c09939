import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Debian's own, which has its packages; another may be told. */
const PYTHON = process.env.INTEROP_PYTHON ?? "/usr/bin/python3";
const LIBRARIES = { jwcrypto: "python3-jwcrypto", authlib: "python3-authlib" };

export class MissingError extends Error {
  override readonly name = "MissingError";
}

/** Versions of what is there. @throws {MissingError} with a sentence for whoever runs it */
export function requirePython(): string {
  const found: string[] = [];
  for (const [module, debian] of Object.entries(LIBRARIES)) {
    const code = `import importlib.metadata as m, ${module}.${module === "authlib" ? "jose" : "jws"}; print(m.version("${module}"))`;
    const { error, status, stdout } = spawnSync(PYTHON, ["-c", code], { encoding: "utf8", timeout: 60_000 });
    if (error !== undefined)
      throw new MissingError(`${PYTHON} can't be run. Install python3, or name another interpreter in INTEROP_PYTHON.`);
    if (status !== 0)
      throw new MissingError(`${PYTHON} has no ${module}. On Debian: apt install ${debian}. Elsewhere: pip install ${module}.`);
    found.push(`${module} ${stdout.trim()}`);
  }
  return found.join(", ");
}

/** What verify.py makes of a task. @throws {Error} with the script's own words where it refuses what it should take, or the reverse */
export function runPython<Result>(task: object): Result {
  const { error, status, stdout, stderr } = spawnSync(PYTHON, [join(import.meta.dirname, "verify.py")], {
    input: JSON.stringify(task),
    encoding: "utf8",
    timeout: 120_000,
    maxBuffer: 16_000_000,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`verify.py ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout) as Result;
}
