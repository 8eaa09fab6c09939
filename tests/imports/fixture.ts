import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Known } from "../../web/imports/duplicates.ts";
import type { Choices, Preview } from "../../web/imports/open-file.ts";
import { readFile } from "../../web/imports/read-file.ts";
import { ImportRefusal } from "../../web/imports/refusal.ts";

export const TODAY = "2026-11-22";

/** A file of the fixtures, as bytes. */
export const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", name)));

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Given {
  choices?: Choices;
  known?: Known[];
  entry?: string;
}

/** A file or a text, read with today's date fixed. */
export const read = (from: string | Uint8Array, given: Given = {}, name = "file") =>
  readFile(typeof from === "string" ? bytesOf(from) : from, name, { today: TODAY, ...given });

/** What it would bring; it has to be told enough. */
export function previewOf(from: string | Uint8Array, given: Given = {}, name = "file"): Preview {
  const { preview } = read(from, given, name);
  if (preview === undefined) throw new Error("something has to be asked first");
  return preview;
}

export const valuesOf = (preview: Preview, path: string): unknown[] =>
  preview.candidates.filter((each) => each.path === path).map(({ value }) => value);

/** `line 3, Price: amount` */
export const faultsOf = ({ faults }: Preview): string[] =>
  faults.map(({ place, code }) => `${[place.line && `line ${place.line}`, place.cell].filter(Boolean).join(", ")}: ${code}`);

/** What a refusal says; anything else that is thrown is thrown on. */
export function refusalOf(work: () => unknown): { code: string; detail: string | number | undefined } | undefined {
  try {
    work();
    return undefined;
  } catch (fault) {
    if (!(fault instanceof ImportRefusal)) throw fault;
    return { code: fault.code, detail: fault.detail };
  }
}
