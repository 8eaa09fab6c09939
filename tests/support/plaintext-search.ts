import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createInflate, createInflateRaw } from "node:zlib";
import { writings } from "./writings.ts";

/** One value found where it should not be. */
export interface Found {
  value: string;
  /** How it was written, for example `base64 at 2` or, inside a compressed stream, `gzip > UTF-8`. */
  encoding: string;
  /** The name of the buffer or the file's path, with the offset of the first hit of this value in this encoding. */
  place: string;
}

/** Where to look: named bytes, and files or whole folders. */
export interface Places {
  buffers?: Record<string, Uint8Array | string>;
  paths?: readonly string[];
}

/** A shorter value turns up by chance in hex or base64. */
export const shortestValue = 8;

const chunkSize = 16 * 1024 * 1024;
const inflatedAtMost = 512 * 1024 * 1024;
const deepest = 3;

interface Needle {
  value: string;
  encoding: string;
  bytes: Buffer;
}

const needlesFor = (values: readonly string[]): Needle[] => {
  if (values.length === 0) throw new TypeError("no value to search for");
  const needles: Needle[] = [];
  for (const value of new Set(values)) {
    if (value.length < shortestValue) throw new TypeError(`a value needs ${shortestValue} characters or more: ${value}`);
    const seen = new Set<string>();
    for (const [encoding, bytes] of writings(value)) {
      const key = bytes.toString("latin1");
      if (seen.has(key)) continue;
      seen.add(key);
      needles.push({ value, encoding, bytes });
    }
  }
  return needles;
};

interface Packing {
  name: string;
  start: () => Transform;
}

// Not createGunzip(): it drops what it has when other bytes follow the stream.
const gzip: Packing = { name: "gzip", start: () => createInflateRaw() };
const deflate: Packing = { name: "deflate", start: () => createInflate() };
const rawDeflate: Packing = { name: "raw deflate", start: () => createInflateRaw() };
const brotli: Packing = { name: "brotli", start: () => createBrotliDecompress() };

function* positions(haystack: Buffer, needle: Buffer): Generator<number> {
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + 1)) yield at;
}

/** RFC 1952, section 2.3: the fixed header, then what its flags announce. */
const afterGzipHeader = (bytes: Buffer, start: number): number => {
  const flags = bytes[start + 3] ?? 0;
  let at = start + 10;
  if (flags & 4 && at + 2 <= bytes.length) at += 2 + bytes.readUInt16LE(at);
  for (const text of [8, 16]) if (flags & text) at = bytes.indexOf(0, at) + 1 || bytes.length;
  return flags & 2 ? at + 2 : at;
};

const gzipMagic = Buffer.from([0x1f, 0x8b, 0x08]);
const zipMagic = Buffer.from("PK\u0003\u0004", "latin1");
const zlibMagics = [0x01, 0x5e, 0x9c, 0xda].map((level) => Buffer.from([0x78, level]));
const emptyLine = Buffer.from("\r\n\r\n");

/** Where a compressed stream may begin in these bytes. Brotli and raw deflate have no mark: only the beginning, a zip's entry, a body. */
function* packedAt(chunk: Buffer, isBeginning: boolean): Generator<[at: number, packing: Packing]> {
  for (const at of positions(chunk, gzipMagic)) yield [afterGzipHeader(chunk, at), gzip];
  for (const magic of zlibMagics) for (const at of positions(chunk, magic)) yield [at, deflate];
  for (const at of positions(chunk, zipMagic)) {
    if (at + 30 > chunk.length || chunk.readUInt16LE(at + 8) !== 8) continue;
    yield [at + 30 + chunk.readUInt16LE(at + 26) + chunk.readUInt16LE(at + 28), rawDeflate];
  }
  if (isBeginning) for (const packing of [rawDeflate, brotli]) yield [0, packing];
  for (const at of positions(chunk, emptyLine)) for (const packing of [rawDeflate, brotli]) yield [at + 4, packing];
}

type ReadFrom = (offset: number) => AsyncIterable<Buffer>;

/** What a stream unpacks to, up to its end or its first fault; nothing when it isn't one. */
async function unpack(from: AsyncIterable<Buffer>, packing: Packing): Promise<Buffer> {
  const unpacking = packing.start();
  const pieces: Buffer[] = [];
  let size = 0;
  const input = Readable.from(from, { objectMode: true });
  unpacking.on("error", () => input.destroy());
  input.on("error", () => unpacking.destroy());
  input.pipe(unpacking);
  try {
    for await (const piece of unpacking as AsyncIterable<Buffer>) {
      pieces.push(piece);
      size += piece.length;
      if (size > inflatedAtMost) throw new RangeError("unpacks to too much");
    }
  } catch (error) {
    if (error instanceof RangeError) throw error;
  } finally {
    input.destroy();
    unpacking.destroy();
  }
  return Buffer.concat(pieces);
}

async function searchIn(
  needles: Needle[],
  chunks: AsyncIterable<Buffer>,
  readFrom: ReadFrom,
  label: { place: string; packing: string; depth: number },
): Promise<Found[]> {
  const { place, packing, depth } = label;
  const longest = Math.max(...needles.map((needle) => needle.bytes.length), 2048);
  const found: Found[] = [];
  const wanted = new Set(needles);
  const packed = new Map<string, [number, Packing]>();
  let tail: Buffer = Buffer.alloc(0);
  let tailAt = 0;
  for await (const chunk of chunks) {
    const bytes = tail.length ? Buffer.concat([tail, chunk]) : chunk;
    for (const needle of wanted) {
      const at = bytes.indexOf(needle.bytes);
      if (at === -1) continue;
      wanted.delete(needle);
      found.push({ value: needle.value, encoding: packing + needle.encoding, place: `${place} at ${tailAt + at}` });
    }
    if (depth < deepest)
      for (const [at, kind] of packedAt(bytes, tailAt === 0)) packed.set(`${kind.name} ${tailAt + at}`, [tailAt + at, kind]);
    const keep = Math.min(longest, bytes.length);
    tailAt += bytes.length - keep;
    tail = bytes.subarray(bytes.length - keep);
  }
  for (const [at, kind] of packed.values()) {
    const inside = await unpack(readFrom(at), kind);
    if (inside.length < shortestValue) continue;
    found.push(...(await searchBytes(needles, inside, { place, packing: `${packing}${kind.name} > `, depth: depth + 1 })));
  }
  return found;
}

const searchBytes = (needles: Needle[], bytes: Buffer, label: { place: string; packing: string; depth: number }): Promise<Found[]> => {
  // Small pieces first: nearly every false beginning shows itself within some bytes.
  async function* readFrom(offset: number): AsyncGenerator<Buffer> {
    let size = 512;
    for (let at = offset; at < bytes.length; at += size) {
      if (at > offset) size = 4096;
      yield bytes.subarray(at, at + size);
    }
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield bytes;
  }
  return searchIn(needles, whole(), readFrom, label);
};

async function* fileChunks(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    // Of many small files each would cost as much as a large one.
    const length = Math.min(chunkSize, (await file.stat()).size + 1);
    for (;;) {
      const chunk = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(chunk, 0, length);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* filesUnder(path: string): AsyncGenerator<string> {
  if (!(await stat(path)).isDirectory()) {
    yield path;
    return;
  }
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* filesUnder(join(path, entry.name));
    else if (entry.isFile()) yield join(path, entry.name);
  }
}

/**
 * Searches for values as people write them in UTF-8, UTF-16, Latin-1, hex, base64 and base64url at each offset, percent-encoding, form
 * encoding and JSON escapes, in file names too, and once more inside every gzip, deflate and brotli stream and zip entry found.
 * It reports the first hit of each value in each encoding and place. Missing files and values under 8 characters are errors,
 * so that an empty answer means that something was searched.
 */
export async function searchPlaintext(values: readonly string[], { buffers = {}, paths = [] }: Places): Promise<Found[]> {
  const needles = needlesFor(values);
  const found: Found[] = [];
  let places = 0;
  for (const [place, content] of Object.entries(buffers)) {
    const bytes = typeof content === "string" ? Buffer.from(content) : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    found.push(...(await searchBytes(needles, bytes, { place, packing: "", depth: 0 })));
    places += 1;
  }
  for (const path of paths)
    for await (const file of filesUnder(path)) {
      const name = Buffer.from(file);
      for (const needle of needles)
        if (name.includes(needle.bytes)) found.push({ value: needle.value, encoding: `${needle.encoding} in the name`, place: file });
      const readFrom: ReadFrom = (start) => createReadStream(file, { start, highWaterMark: 4096 });
      found.push(...(await searchIn(needles, fileChunks(file), readFrom, { place: file, packing: "", depth: 0 })));
      places += 1;
    }
  if (places === 0) throw new TypeError("no place to search");
  return found;
}
