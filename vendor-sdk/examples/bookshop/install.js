/**
 * Installs the packed SDK without a network: unpacks the tarball into this shop's node_modules. Its four dependencies are found in the
 * repository's own node_modules. A shop elsewhere says `npm install` instead.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
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
const to = join(here, "node_modules", "@counterfoil", "vendor-sdk");
rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });
execFileSync("tar", ["-xzf", from, "-C", to, "--strip-components=1"]);
