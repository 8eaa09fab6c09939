import { LIMITS } from "#protocol/api.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";

/** What a path takes besides its body: its leaf and its keys, and, of a share that was dropped, its last version for good. */
const PATH = 400;
/** What a commit leaves behind besides its head and the paths of its line. */
const COMMIT = 400;
const LINE_PATHS = 100;
/** So much more is there for what makes a store no larger, or takes something away. */
const SPARE = LIMITS.bytes / 10;
/** Above this a commit can only take away, and no store is taken from another server. */
export const MOST_BYTES = LIMITS.bytes + SPARE;

interface Sealed {
  readonly body: string;
}

/** How many characters a commit puts into a store, and takes out of it: an engine may keep a store in one piece, and that has an end. */
export class Weight {
  #body = 0;
  #rest = 0;
  #takes = false;

  /** A version of a record or share. `isNew`: nothing was ever at its path. */
  put({ body }: Sealed, old: Sealed | undefined, isNew: boolean): void {
    this.#body += body.length - (old?.body.length ?? 0) + (isNew ? PATH : 0);
  }

  drop(old: Sealed | undefined): void {
    this.#body -= old?.body.length ?? 0;
  }

  /** A consent, which stays for good. */
  consent({ token, grantKey }: { token: string; grantKey: string }, isNarrower: boolean): void {
    if (isNarrower) this.#rest += token.length;
    else this.#body += token.length + grantKey.length;
  }

  commit(head: string): void {
    this.#rest += head.length + COMMIT;
  }

  /** A commit's line in the history. */
  line(paths: readonly string[]): void {
    for (const path of paths.slice(0, LINE_PATHS)) this.#rest += path.length;
  }

  /** It gives somebody less than before: nobody is kept from that by what there is already. */
  takeAway(): void {
    this.#takes = true;
  }

  get total(): number {
    return this.#body + this.#rest;
  }

  /** What the store takes afterwards. @throws {Refusal} `store_full` */
  addedTo(before: number): number {
    const after = Math.max(0, before + this.total);
    const grows = this.#body > 0;
    const most = grows && !this.#takes ? LIMITS.bytes : MOST_BYTES;
    if (after > most && (grows || !this.#takes))
      throw new Refusal("store_full", `A store holds ${LIMITS.bytes / 1_000_000} million characters at most. Nothing was changed.`);
    return after;
  }
}

/** Outside a commit: bodies have gone. */
export async function lighten(store: StoreWriter<Rows>, characters: number): Promise<void> {
  const row = await store.get("store", "store");
  if (row?.bytes !== undefined && characters > 0) store.put("store", "store", { ...row, bytes: Math.max(0, row.bytes - characters) });
}
