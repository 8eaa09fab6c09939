import type { Mapping } from "./mapping.ts";
import type { Around, Choices, Found, Preview } from "./open-file.ts";
import type { RefusalCode } from "./refusal.ts";

/** What the page asks of the worker; each question has one answer, in their order. */
export type Question =
  | { readonly open: { readonly bytes: Uint8Array; readonly name: string; readonly today: string; readonly entry?: string | undefined } }
  | { readonly prepare: { readonly choices: Choices; readonly around: Around } }
  | { readonly reading: Mapping["columns"] };

export type Answer =
  | { readonly found: Found }
  /** Ten thousand at once would hold the page up while it takes them in. */
  | { readonly part: Pick<Preview, "candidates" | "faults"> }
  /** Without what came in parts. */
  | { readonly preview: Preview | undefined }
  | { readonly reading: Pick<Mapping, "dates" | "decimal" | "meaning"> | undefined }
  | { readonly refused: RefusalCode; readonly detail?: string | number | undefined }
  /** A fault of our own. */
  | { readonly failed: string }
  | { readonly done: number; readonly total: number };
