import type { DataFolder } from "./data-folder.ts";
import { failure } from "./failure.ts";

const PART = /^[A-Za-z0-9_-]{2}$/;
const FILE = /^([A-Za-z0-9_-]{22})\.json$/;

export const storePath = (folder: DataFolder, id: string): string => folder.path("stores", id.slice(0, 2), id.slice(2, 4), `${id}.json`);

/** Ids of the stores that have a document, in order, greater than `after`. */
export async function* storeFiles(folder: DataFolder, after = ""): AsyncGenerator<string> {
  const names = async (pattern: RegExp, from: string, ...path: string[]) => {
    try {
      const all = await folder.disk.list(folder.path("stores", ...path));
      return all.filter((name) => pattern.test(name) && name >= from).sort();
    } catch (error) {
      throw failure("listing stores", error);
    }
  };
  for (const first of await names(PART, after.slice(0, 2))) {
    const isSameFirst = after.startsWith(first);
    for (const second of await names(PART, isSameFirst ? after.slice(2, 4) : "", first))
      for (const file of await names(FILE, "", first, second)) {
        const id = file.slice(0, -".json".length);
        if (id > after) yield id;
      }
  }
}
