import { CounterfoilError } from "../error.ts";

const NEWLINE = 0x0a;

/**
 * Lines of a body as it comes, those of one chunk together, without its empty ones. What follows the last newline is no line: it was
 * cut off. Holds no more than one chunk and one line. @param most bytes of a line
 * @throws {CounterfoilError} `integrity`, reason `too_large`
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<string[], void> {
  let parts: Uint8Array[] = [];
  let size = 0;
  const grow = (part: Uint8Array): void => {
    size += part.length;
    if (size > most) throw new CounterfoilError("integrity", "a line is longer than any that the protocol allows", { reason: "too_large" });
    parts.push(part);
  };
  for await (const chunk of chunks) {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      grow(chunk.subarray(from, at));
      const line = text(parts, size);
      if (line !== "") lines.push(line);
      [parts, size] = [[], 0];
      from = at + 1;
    }
    if (from < chunk.length) grow(chunk.slice(from));
    if (lines.length > 0) yield lines;
  }
}

const text = (parts: readonly Uint8Array[], size: number): string =>
  (parts.length === 1
    ? Buffer.from((parts[0] as Uint8Array).buffer, (parts[0] as Uint8Array).byteOffset, size)
    : Buffer.concat(parts, size)
  )
    .toString("utf8")
    .trim();
