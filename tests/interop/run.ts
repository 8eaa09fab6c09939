import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bothSides } from "./both-sides.ts";
import keys from "./keys.json" with { type: "json" };
import { MissingError, requirePython, runPython } from "./python.ts";
import type { ForeignVector, Vectors } from "./vector.ts";

interface Verified {
  name: string;
  library: string;
  /** base64url */
  payload: string;
  refused: number;
}

/**
 * `npm run interop`: what we sign and seal, under a second JOSE implementation by other authors, and what that one makes, under ours.
 * With `--write` the run is kept as vectors.json.
 */
async function main(): Promise<void> {
  const versions = requirePython();
  const vectors = await bothSides((wanted) => runPython<ForeignVector[]>({ task: "make", ...wanted }));
  const { jws, jwe } = vectors.ours;
  const results = runPython<Verified[]>({ task: "verify", jws, jwe: jwe.map((each) => ({ ...each, key: keys[each.key] })) });
  const expected = new Map([
    ...jws.map(({ name, token }) => [name, token.split(".")[1]] as const),
    ...jwe.map(({ name, plaintext }) => [name, plaintext] as const),
  ]);
  for (const { name, library, payload, refused } of results) {
    if (payload !== expected.get(name)) throw new Error(`${name}: ${library} reads something else`);
    process.stdout.write(`${library.padEnd(9)} reads    ${name}; refuses ${refused} changed\n`);
  }
  if (results.length !== 2 * expected.size) throw new Error("not everything was read");
  for (const { library, alg } of vectors.theirs)
    process.stdout.write(`${library.padEnd(9)} makes    assertion, proof and attestation by ${alg}; the server takes them\n`);
  process.stdout.write(`${versions}: ${results.length} read, ${3 * vectors.theirs.length} made\n`);
  if (process.argv.includes("--write")) await keep(vectors);
}

/** As the formatter has it, so that a run changes nothing but what is in it. */
async function keep(vectors: Vectors): Promise<void> {
  const file = join(import.meta.dirname, "vectors.json");
  await writeFile(file, JSON.stringify(vectors, null, 2));
  execFileSync(join(import.meta.dirname, "..", "..", "node_modules", ".bin", "biome"), ["format", "--write", file], { stdio: "ignore" });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof MissingError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
