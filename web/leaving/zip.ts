import { strToU8, Zip, ZipDeflate } from "fflate";
import type { ExportedFile } from "./exported.ts";

const PIECE = 262_144;

/**
 * Files as one zip, piece by piece. Text is gathered up to some hundred kilobytes, deflated, and handed to the browser.
 * @param made time of every file in it, epoch milliseconds
 * @param pause called between pieces: the page breathes, and who waits may stop it by throwing
 */
export async function zipOf(files: Iterable<ExportedFile>, made: number, pause: (pieces: number) => Promise<void>): Promise<Blob> {
  const parts: Blob[] = [];
  let failure: Error | null = null;
  const zip = new Zip((error, bytes) => {
    if (error) failure = error;
    else parts.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  });
  let pieces = 0;
  for (const { name, pieces: texts } of files) {
    const file = new ZipDeflate(name, { level: 6 });
    file.mtime = made;
    zip.add(file);
    let held = "";
    for (const text of texts) {
      held += text;
      pieces += 1;
      if (held.length < PIECE) continue;
      file.push(strToU8(held));
      held = "";
      await pause(pieces);
    }
    file.push(strToU8(held), true);
    await pause(pieces);
  }
  zip.end();
  if (failure !== null) throw failure;
  return new Blob(parts, { type: "application/zip" });
}
