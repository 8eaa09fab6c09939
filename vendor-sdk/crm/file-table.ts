import { readFile, stat } from "node:fs/promises";
import { writeAtomically } from "../atomic-file.ts";
import { CounterfoilError } from "../error.ts";
import type { Driver } from "./define-sink.ts";
import type { Scalar, SubjectRecord, Values } from "./sink.ts";

/** How a file holds rows by key. */
export interface FileFormat {
  /** @throws {SyntaxError} */
  parse(text: string): Map<string, Values>;
  format(rows: ReadonlyMap<string, Values>): string;
}

/**
 * A driver over one file of rows: changes wait in memory until `commit` rewrites it as a whole. A file that someone else changed is
 * read again, unless changes of ours wait.
 */
export function fileTable(
  name: string,
  path: string,
  { parse, format }: FileFormat,
  toTarget: (record: SubjectRecord) => Values,
): Driver<string> {
  let rows = new Map<string, Values>();
  let stamp = "";
  let changes = 0;
  let saved = 0;
  let loading: Promise<void> | undefined;
  let writing: Promise<void> = Promise.resolve();

  const reload = async (): Promise<void> => {
    const now = await stampOf(path);
    if (now === stamp) return;
    try {
      const read = now === "" ? new Map<string, Values>() : parse(await readFile(path, "utf8"));
      if (changes !== saved) return;
      rows = read;
      stamp = now;
    } catch (error) {
      if (error instanceof SyntaxError)
        throw new CounterfoilError("invalid", "the file is not one that this sink wrote", { reason: "file" });
      throw unreachable(error);
    }
  };
  const load = async (): Promise<void> => {
    if (changes !== saved) return;
    loading ??= reload().finally(() => {
      loading = undefined;
    });
    await loading;
  };
  const write = async (): Promise<void> => {
    const upTo = changes;
    if (upTo === saved) return;
    try {
      await writeAtomically(path, format(rows));
      stamp = await stampOf(path);
      saved = upTo;
    } catch (error) {
      throw unreachable(error);
    }
  };

  return {
    name,
    async check() {
      await load();
      return [];
    },
    toTarget,
    async find(key) {
      await load();
      const values = rows.get(key);
      return values === undefined ? undefined : { id: key, values };
    },
    async create(key, values) {
      await load();
      rows.set(key, values);
      changes++;
    },
    async patch(key, columns) {
      await load();
      const next = new Map<string, Scalar | null>([...Object.entries(rows.get(key) ?? {}), ...Object.entries(columns)]);
      rows.set(key, Object.fromEntries([...next].filter((pair): pair is [string, Scalar] => pair[1] !== null)));
      changes++;
    },
    async erase(key) {
      await load();
      rows.delete(key);
      changes++;
      return { did: ["the row was taken out of the file"], remains: [] };
    },
    async commit() {
      writing = writing.catch(() => undefined).then(write);
      await writing;
    },
  };
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw unreachable(error);
  }
}

const unreachable = (cause: unknown): CounterfoilError =>
  new CounterfoilError("unavailable", "the file can't be read or written now", { reason: "file", cause });
