import type { FileHandle } from "node:fs/promises";
import { CopyError } from "./copy-error.ts";
import type { Counts, Header } from "./format.ts";
import type { Progress } from "./progress.ts";
import { readCopy } from "./read-copy.ts";

export interface Checked {
  readonly header: Header;
  readonly counts: Counts;
  /** Of the last line: stands for all of it. */
  readonly hash: string;
  readonly lines: number;
  readonly size: number;
}

/** Reads a whole copy. @throws {CopyError} as `readCopy` */
export async function checkCopy(file: FileHandle, progress?: Progress): Promise<Checked> {
  let checked: Checked | undefined;
  for await (const { header, counts, hash, line, end } of readCopy(file)) {
    checked = { header, counts, hash, lines: line, size: end };
    progress?.step(counts.stores, end);
  }
  if (checked === undefined) throw new CopyError("foreign", "the file is empty: no copy of a Counterfoil deployment");
  return checked;
}
