import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Bytes of everything below a folder, as the disk has them. */
export async function sizeOf(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    sum += entry.isDirectory() ? await sizeOf(path) : (await stat(path)).blocks * 512;
  }
  return sum;
}
