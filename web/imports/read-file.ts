import { type Around, type Choices, type Found, type Opening, openFile, type Preview } from "./open-file.ts";

/**
 * A file from its bytes to what it would bring, in one go, with nothing asked that was not chosen: the whole of the work that the worker
 * does, without the worker. `preview` is undefined where something has to be asked first.
 * @throws {ImportRefusal} if nothing of it can be read
 */
export function readFile(
  bytes: Uint8Array,
  name: string,
  { choices = {}, known = [], ...opening }: Opening & Partial<Pick<Around, "known">> & { choices?: Choices },
): { found: Found; preview: Preview | undefined } {
  const opened = openFile(bytes, name, opening);
  return { found: opened.found, preview: opened.prepare(choices, { today: opening.today, known }) };
}
