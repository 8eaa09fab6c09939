import { execFile } from "node:child_process";
import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/**
 * Compiles and packs the SDK as `npm publish` would, and installs the tarball into `folder` as a stranger has it: in its node_modules,
 * beside its four dependencies and nothing else of this repository. The repository's own dist is left alone.
 */
export async function installPacked(folder: string): Promise<string> {
  const source = join(folder, "source", "vendor-sdk");
  await mkdir(source, { recursive: true });
  for (const name of ["package.json", "README.md"]) await cp(join(root, "vendor-sdk", name), join(source, name));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  await run(process.execPath, [tsc, "-p", join(root, "vendor-sdk", "tsconfig.json"), "--outDir", join(source, "dist")]);
  await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], { cwd: source });
  const tarball = join(folder, (await readdir(folder)).find((name) => name.endsWith(".tgz")) ?? "no tarball");
  const modules = join(folder, "shop", "node_modules");
  const to = join(modules, "@counterfoil", "vendor-sdk");
  await mkdir(to, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", to, "--strip-components=1"]);
  await mkdir(join(modules, "@noble"));
  for (const name of ["jose", "valibot", "canonicalize", "@noble/ciphers"])
    await symlink(join(root, "node_modules", name), join(modules, name));
  return join(folder, "shop");
}
