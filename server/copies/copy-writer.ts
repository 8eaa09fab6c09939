import type { FileHandle } from "node:fs/promises";
import type { Bearings } from "../storage/storage.ts";
import { type Counts, hashOfLine, noCounts, PART, type StoreRow, stable } from "./format.ts";
import { type Packing, pack } from "./frames.ts";
import type { StoreTaker } from "./source.ts";
import { StoreDigest, sortedNames } from "./store-digest.ts";

/** Where a copy stands: it can be taken back to here. */
export interface Place {
  readonly size: number;
  readonly hash: string;
  readonly counts: Counts;
}

export const START: Place = { size: 0, hash: "", counts: noCounts() };

/** Writes a copy's lines to a file, one behind the other. */
export class CopyWriter {
  readonly #file: FileHandle;
  readonly #packing: Packing;
  #place: Place;

  constructor(file: FileHandle, packing: Packing, place: Place = START) {
    this.#file = file;
    this.#packing = packing;
    this.#place = place;
  }

  get place(): Place {
    return this.#place;
  }

  async takeBack(place: Place): Promise<void> {
    if (this.#place.size === place.size) return;
    await this.#file.truncate(place.size);
    this.#place = place;
  }

  /** Writes a line of this JSON. */
  async line(json: string, counts: Partial<Counts> = {}): Promise<void> {
    const hash = hashOfLine(this.#place.hash, json);
    const bytes = await pack(`${hash} ${json}`, this.#packing);
    for (let done = 0; done < bytes.length; )
      done += (await this.#file.write(bytes, done, bytes.length - done, this.#place.size + done)).bytesWritten;
    const sum = { ...this.#place.counts };
    for (const [name, more] of Object.entries(counts)) sum[name as keyof Counts] += more;
    this.#place = { size: this.#place.size + bytes.length, hash, counts: sum };
  }

  /** Takes one store, from its beginning, each time that it is read. */
  store(id: string): StoreTaker {
    const start = this.#place;
    let digest = new StoreDigest();
    let texts: string[] = [];
    let size = 0;
    let part = 0;
    const write = async (end?: string, rows = 0): Promise<void> => {
      part++;
      const ending = end === undefined ? "" : `"end":${end},`;
      const json = `{"store":{${ending}"id":${JSON.stringify(id)},"part":${part},"rows":[${texts.join(",")}]}}`;
      [texts, size] = [[], 0];
      await this.line(json, end === undefined ? {} : { stores: 1, rows });
    };
    return {
      begin: async () => {
        await this.takeBack(start);
        [digest, texts, size, part] = [new StoreDigest(), [], 0, 0];
      },
      take: async (rows: readonly StoreRow[]) => {
        for (const row of rows) {
          if (size > PART) await write();
          const text = digest.add(row);
          texts.push(text);
          size += text.length;
        }
      },
      end: async (bearings: Bearings) => {
        const { rows } = digest;
        await write(stable({ rows, names: sortedNames(bearings), due: bearings.due, sha256: digest.end(bearings) }), rows);
      },
    };
  }
}
