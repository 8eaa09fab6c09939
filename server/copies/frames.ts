import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { crc32, deflateRaw, type InputType, inflateRaw, type ZlibOptions } from "node:zlib";
import { CopyError } from "./copy-error.ts";
import { LONGEST } from "./format.ts";

const deflate = promisify<InputType, ZlibOptions, Buffer>(deflateRaw);
const inflate = promisify<InputType, ZlibOptions, Buffer>(inflateRaw);

/** How lines lie in a file: as they are, or each as a gzip member of its own, so that a file that was cut can be cut back to a whole one. */
export type Packing = "plain" | "gzip";

const cut = (): CopyError => new CopyError("cut", "the copy ends in the middle of a part: it was not finished, or was cut");

/** A line's bytes in the file. */
export async function pack(line: string, packing: Packing): Promise<Buffer> {
  const bytes = Buffer.from(`${line}\n`);
  if (packing === "plain") return bytes;
  const deflated = await deflate(bytes, { level: 6 });
  // RFC 1952, 2.3: FLG.FEXTRA with one subfield that says how long the member is.
  const head = Buffer.alloc(HEAD);
  head.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x43, 0x46, 4, 0]);
  head.writeUInt32LE(HEAD + deflated.length + TAIL, 16);
  const tail = Buffer.alloc(TAIL);
  tail.writeUInt32LE(crc32(bytes), 0);
  tail.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, deflated, tail]);
}
const HEAD = 20;
const TAIL = 8;
const LEAST = HEAD + TAIL;

/** The lines of a file, each with where it ends there. @throws {CopyError} `foreign`, `cut`, `changed` */
export async function* unpack(file: FileHandle): AsyncGenerator<{ line: string; end: number }> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
  if (bytesRead === 0) throw new CopyError("foreign", "the file is empty: no copy of a Counterfoil deployment");
  yield* buffer[0] === 0x1f && buffer[1] === 0x8b ? members(file) : lines(file);
}

async function* lines(file: FileHandle): AsyncGenerator<{ line: string; end: number }> {
  const chunk = Buffer.alloc(256 * 1024);
  let waiting: Buffer[] = [];
  let size = 0;
  let at = 0;
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) break;
    let from = 0;
    for (;;) {
      const end = chunk.subarray(0, bytesRead).indexOf(0x0a, from);
      if (end === -1) break;
      waiting.push(Buffer.from(chunk.subarray(from, end)));
      yield { line: Buffer.concat(waiting).toString(), end: at + end + 1 };
      waiting = [];
      size = 0;
      from = end + 1;
    }
    size += bytesRead - from;
    if (size > LONGEST) throw new CopyError("foreign", "the file has no such lines as a copy has");
    waiting.push(Buffer.from(chunk.subarray(from, bytesRead)));
    at += bytesRead;
  }
  if (size > 0) throw at === size ? new CopyError("foreign", "the file has no line as a copy has") : cut();
}

const strange = (at: number): CopyError =>
  at === 0
    ? new CopyError("foreign", "the file is gzip, but not as counterfoil makes it: unpack it with gunzip, and give that")
    : new CopyError("changed", `the copy was changed: at byte ${at} begins no part of it`);

async function* members(file: FileHandle): AsyncGenerator<{ line: string; end: number }> {
  const { size } = await file.stat();
  for (let at = 0; at < size; ) {
    const head = Buffer.alloc(HEAD);
    const { bytesRead } = await file.read(head, 0, HEAD, at);
    if (bytesRead >= 4 && head.readUInt32BE(0) !== 0x1f8b0804) throw strange(at);
    if (bytesRead < HEAD) throw cut();
    const length = head.readUInt32LE(16);
    if (head.readUInt32BE(12) !== 0x43460400 || length < LEAST || length > LONGEST) throw strange(at);
    if (at + length > size) throw cut();
    const body = Buffer.alloc(length - HEAD);
    await file.read(body, 0, body.length, at + HEAD);
    const line = await inflate(body.subarray(0, -TAIL), { maxOutputLength: LONGEST }).catch((cause: unknown) => {
      throw new CopyError("changed", `the copy was changed: the part at byte ${at} can't be unpacked`, { cause });
    });
    at += length;
    yield { line: line.toString().replace(/\n$/, ""), end: at };
  }
}
