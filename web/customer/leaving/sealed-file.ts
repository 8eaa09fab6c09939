import { LONGEST_HEADER, readExportHeader } from "#protocol/export-header.ts";

/** What the first line of a file says, before anyone types its code. */
export type FileLook =
  | { readonly made: string }
  | { readonly fault: "empty" | "foreign" | "newer" | "unreadable" }
  | { readonly fault: "large"; readonly megabytes: number };

/** Larger than any store within its limits. */
const LARGEST = 400_000_000;

/** Reads no more of it than its first line. */
export async function lookAt(file: Blob): Promise<FileLook> {
  if (file.size === 0) return { fault: "empty" };
  let start: string;
  try {
    start = await file.slice(0, LONGEST_HEADER).text();
  } catch {
    return { fault: "unreadable" };
  }
  const header = readExportHeader(start.split("\n", 1)[0] ?? "");
  if (header === "foreign" || header === "newer") return { fault: header };
  return file.size > LARGEST ? { fault: "large", megabytes: Math.round(file.size / 1_000_000) } : { made: header.made };
}
