import { Inflate } from "fflate";
import { LIMITS } from "./limits.ts";
import { ImportRefusal } from "./refusal.ts";

/** One file in an archive, as its directory says. */
export interface Entry {
  readonly name: string;
  readonly packed: number;
  readonly unpacked: number;
  readonly method: number;
  readonly locked: boolean;
  readonly at: number;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;

export const isArchive = (bytes: Uint8Array): boolean => bytes.length > END_SIZE && viewOf(bytes).getUint32(0, true) === LOCAL;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * The directory of a ZIP archive (APPNOTE.TXT 6.3, 4.3.12 and 4.3.16); nothing is unpacked.
 * @throws {ImportRefusal} if it is torn, or holds too many files
 */
export function entriesOf(bytes: Uint8Array): Entry[] {
  if (bytes.length > LIMITS.archive) throw new ImportRefusal("too-big", bytes.length);
  const view = viewOf(bytes);
  // A comment of at most 65 535 bytes may follow the end record.
  const earliest = Math.max(0, bytes.length - END_SIZE - 0xffff);
  let end = bytes.length - END_SIZE;
  while (end >= earliest && view.getUint32(end, true) !== END) end -= 1;
  if (end < earliest) throw new ImportRefusal("zip-broken");
  const count = view.getUint16(end + 10, true);
  if (count > LIMITS.entries) throw new ImportRefusal("too-many-files", count);
  const entries: Entry[] = [];
  let at = view.getUint32(end + 16, true);
  for (let each = 0; each < count; each += 1) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) throw new ImportRefusal("zip-broken");
    const nameLength = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if (!name.endsWith("/"))
      entries.push({
        name,
        packed: view.getUint32(at + 20, true),
        unpacked: view.getUint32(at + 24, true),
        method: view.getUint16(at + 10, true),
        locked: (view.getUint16(at + 8, true) & 1) === 1,
        at: view.getUint32(at + 42, true),
      });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/** So few bytes at once that even the best packed ones can't fill the memory before they are counted. */
const STEP = 8192;

/**
 * Unpacks one file. What the directory says of its size is not believed: the bytes are counted as they come.
 * @throws {ImportRefusal} if it is torn, locked, or grows beyond all measure
 */
export function unpack(bytes: Uint8Array, entry: Entry, most: number = LIMITS.text): Uint8Array {
  if (entry.locked) throw new ImportRefusal("zip-locked", entry.name);
  if (entry.unpacked > most) throw new ImportRefusal("too-big", entry.unpacked);
  const view = viewOf(bytes);
  if (entry.at + 30 > bytes.length || view.getUint32(entry.at, true) !== LOCAL) throw new ImportRefusal("zip-broken");
  const from = entry.at + 30 + view.getUint16(entry.at + 26, true) + view.getUint16(entry.at + 28, true);
  const packed = bytes.subarray(from, from + entry.packed);
  if (packed.length !== entry.packed) throw new ImportRefusal("zip-broken");
  if (entry.method === 0) return packed;
  if (entry.method !== 8) throw new ImportRefusal("zip-broken");
  const parts: Uint8Array[] = [];
  let size = 0;
  let read = 0;
  const inflate = new Inflate((part) => {
    size += part.length;
    if (size > most || (size > 1_000_000 && size > read * LIMITS.ratio)) throw new ImportRefusal("zip-bomb", entry.name);
    parts.push(part);
  });
  try {
    for (let at = 0; at < packed.length; at += STEP) {
      read = Math.min(packed.length, at + STEP);
      inflate.push(packed.subarray(at, read), read === packed.length);
    }
  } catch (fault) {
    throw fault instanceof ImportRefusal ? fault : new ImportRefusal("zip-broken");
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
