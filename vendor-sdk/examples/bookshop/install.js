/**
 * Installs the packed SDK without a network: unpacks the tarball into this shop's node_modules. Its four dependencies are found in the
 * repository's own node_modules. A shop elsewhere says `npm install` instead.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const packed = join(here, "..", "..", "..", "dist", "sdk");

/** @returns {string} */
function tarball() {
  const given = process.argv[2];
  if (given !== undefined) return given;
  const [name] = existsSync(packed) ? readdirSync(packed).filter((each) => each.endsWith(".tgz")) : [];
  if (name === undefined) throw new Error("There is no packed SDK in dist/sdk: run `npm run build` in the repository first.");
  return join(packed, name);
}

const from = tarball();
const scope = join(here, "node_modules", "@counterfoil");
const to = join(scope, "vendor-sdk");
const mark = createHash("sha256").update(readFileSync(from)).digest("hex");
const marked = (/** @type {string} */ folder) =>
  existsSync(join(folder, ".tarball")) && readFileSync(join(folder, ".tarball"), "utf8") === mark;

// Two shops may start at once: whoever comes second finds it done, or is content with what the first one did.
if (!marked(to)) {
  mkdirSync(scope, { recursive: true });
  const fresh = mkdtempSync(join(scope, ".vendor-sdk-"));
  execFileSync("tar", ["-xzf", from, "-C", fresh, "--strip-components=1"]);
  writeFileSync(join(fresh, ".tarball"), mark);
  rmSync(to, { recursive: true, force: true });
  try {
    renameSync(fresh, to);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!marked(to)) throw error;
  }
}
