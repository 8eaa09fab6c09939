import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder, writeAtomically } from "./atomic-file.ts";
import type { StateStore } from "./state.ts";

const KEY = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)?$/;

const missing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

/**
 * A state in a folder: one small file for each key, each replaced atomically and readable by its owner alone (0600), so that a sync
 * costs what it changes. @param folder made when it is first written to
 */
export function fileState(folder: string): StateStore {
  const pathOf = (key: string): string => {
    if (!KEY.test(key)) throw new TypeError("a state key is made of A-Z a-z 0-9 _ - and at most one /");
    return join(folder, `${key}.json`);
  };
  return {
    async get(key) {
      try {
        return await readFile(pathOf(key), "utf8");
      } catch (error) {
        if (missing(error)) return undefined;
        throw error;
      }
    },
    set: (key, text) => writeAtomically(pathOf(key), text),
    async delete(key) {
      const path = pathOf(key);
      await rm(path, { force: true });
      await syncFolder(dirname(path)).catch((error: unknown) => {
        if (!missing(error)) throw error;
      });
    },
    async list(prefix) {
      const [group = "", rest = ""] = prefix.split("/");
      try {
        const names = await readdir(join(folder, group));
        return names
          .filter((name) => name.endsWith(".json") && !name.startsWith(".") && name.startsWith(rest))
          .map((name) => `${group}/${name.slice(0, -".json".length)}`);
      } catch (error) {
        if (missing(error)) return [];
        throw error;
      }
    },
  };
}
