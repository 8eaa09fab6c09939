import * as v from "valibot";
import { Id, Instant } from "./shapes.ts";

const FAMILY = "https://w3id.org/counterfoil/export/";
/** What a sealed export's first line says that it is. */
export const EXPORT_TYPE = `${FAMILY}1`;

/** The first line of a sealed export: all of it that anyone can read. `id` is fresh for each export and names no account. */
export const ExportHeader = v.strictObject({ type: v.literal(EXPORT_TYPE), id: Id, made: Instant });
export type ExportHeader = v.InferOutput<typeof ExportHeader>;

/** Longest first line, in characters: a file without a line break so early is no export. */
export const LONGEST_HEADER = 300;

/** The header in the first line of a file; `newer`: of a later version of this format; `foreign`: another kind of file. */
export function readExportHeader(line: string): ExportHeader | "newer" | "foreign" {
  let said: unknown;
  try {
    said = JSON.parse(line.slice(0, LONGEST_HEADER));
  } catch {
    return "foreign";
  }
  if (v.is(ExportHeader, said)) return said;
  const { type } = (said ?? {}) as { type?: unknown };
  return typeof type === "string" && type !== EXPORT_TYPE && type.startsWith(FAMILY) ? "newer" : "foreign";
}
