import { createHash } from "node:crypto";
import type { Bearings } from "../storage/storage.ts";
import { type StoreRow, stable } from "./format.ts";

/** The names in one order, whatever the engine's is. */
export const sortedNames = ({ names }: Bearings): Array<["grant" | "locator", string]> =>
  names.map(([kind, name]): ["grant" | "locator", string] => [kind, name]).sort((a, b) => (stable(a) < stable(b) ? -1 : 1));

/** Grows the hash that stands for a whole store. */
export class StoreDigest {
  readonly #hash = createHash("sha256");
  rows = 0;

  /** Answers the row as it stands in a copy. */
  add(row: StoreRow): string {
    const text = stable(row);
    this.#hash.update(text).update("\n");
    this.rows++;
    return text;
  }

  end(bearings: Bearings): string {
    return this.#hash.update(stable([sortedNames(bearings), bearings.due])).digest("base64url");
  }
}
