import { crc32 } from "node:zlib";

// #<sequence of the first line: 14 digits> <bytes of the lines: 8 hex> <crc32 of the header so far and the lines: 8 hex>\n<line>\n<line>\n
// JSON has no raw line break, so no line's content can look like a header at the start of a line.
const HEADER = /^#(\d{14}) ([0-9a-f]{8}) ([0-9a-f]{8})\n$/;
const HEADER_LENGTH = 34;
const LENGTH_AT = 16;
const CHECKED_LENGTH = 24;
const COPIES = 2;
/** No copy of a header begins further on. */
const LATEST_COPY = 256;

export interface Frame {
  /** Sequence number of the first line; the others follow it. */
  first: number;
  lines: string[];
}

export function encodeFrame(frame: Frame): Buffer {
  const text = `${frame.lines.join("\n")}\n`;
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(HEADER_LENGTH + length);
  bytes.write(`#${String(frame.first).padStart(14, "0")} ${hex(length)} `, 0, "latin1");
  bytes.write(text, HEADER_LENGTH);
  bytes.write(`${hex(checksum(bytes, 0, HEADER_LENGTH + length))}\n`, CHECKED_LENGTH + 1, "latin1");
  return bytes;
}

/**
 * What a file of the journal begins with: a frame twice, so that damage to one of them loses no more than that. What lies in the file
 * counts its lines from `first`, wherever older files have gone.
 */
export function encodeHeader(first: number, made: number): Buffer {
  const once = encodeFrame({ first, lines: [JSON.stringify({ made, copies: COPIES })] });
  return Buffer.concat(Array.from({ length: COPIES }, () => once));
}

/** `end`: where its frames begin. In files of layout 1 it is there once. */
export function decodeHeader(bytes: Buffer): { first: number; made: number; end: number } | undefined {
  for (let at = 0; at >= 0 && at < LATEST_COPY; at = bytes.indexOf("#", at + 1)) {
    const size = frameAt(bytes, at);
    if (size === 0 || at % size !== 0) continue;
    const [line = ""] = bytes.toString("utf8", at + HEADER_LENGTH, at + size).split("\n");
    const { made, copies = 1 } = JSON.parse(line) as { made?: unknown; copies?: number };
    // A line that makes a store says `made` too.
    if (typeof made !== "number") return undefined;
    return { first: Number(bytes.toString("latin1", at + 1, at + 15)), made, end: copies * size };
  }
  return undefined;
}

/** The good frames from `start` on. `end`: where they end. `goodAfter`: a good frame lies beyond, so what lies between is no torn append. */
export function decodeFrames(bytes: Buffer, start = 0): { frames: Frame[]; end: number; goodAfter: boolean } {
  const frames: Frame[] = [];
  let end = start;
  for (let size = frameAt(bytes, end); size > 0; size = frameAt(bytes, end)) {
    const text = bytes.toString("utf8", end + HEADER_LENGTH, end + size - 1);
    frames.push({ first: Number(bytes.toString("latin1", end + 1, end + 15)), lines: text.split("\n") });
    end += size;
  }
  let goodAfter = false;
  for (let at = bytes.indexOf("#", end); at >= 0 && !goodAfter; at = bytes.indexOf("#", at + 1)) goodAfter = frameAt(bytes, at) > 0;
  return { frames, end, goodAfter };
}

/**
 * Whether what lies at `offset`, and is no good frame, may have been a whole one. Otherwise it is too short for one, says itself that more
 * was to come, or is all zeros: an append that was never over.
 */
export function mayBeWhole(bytes: Buffer, offset: number): boolean {
  const left = bytes.subarray(offset);
  if (left.length <= HEADER_LENGTH || left.every((byte) => byte === 0)) return false;
  const header = HEADER.exec(left.toString("latin1", 0, HEADER_LENGTH));
  if (header === null || HEADER_LENGTH + Number.parseInt(header[2] as string, 16) <= left.length) return true;
  // Or it is the length alone that is wrong.
  const mended = Buffer.from(left);
  mended.write(hex(left.length - HEADER_LENGTH), LENGTH_AT, "latin1");
  return frameAt(mended, 0) > 0;
}

/** Length of the good frame at `offset`, 0 if there is none. */
function frameAt(bytes: Buffer, offset: number): number {
  const header = HEADER.exec(bytes.toString("latin1", offset, offset + HEADER_LENGTH));
  if (header === null) return 0;
  const end = offset + HEADER_LENGTH + Number.parseInt(header[2] as string, 16);
  if (end > bytes.length || checksum(bytes, offset, end) !== Number.parseInt(header[3] as string, 16)) return 0;
  return end - offset;
}

function checksum(bytes: Buffer, offset: number, end: number): number {
  return crc32(bytes.subarray(offset + HEADER_LENGTH, end), crc32(bytes.subarray(offset, offset + CHECKED_LENGTH)));
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
