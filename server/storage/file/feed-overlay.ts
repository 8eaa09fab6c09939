import type { Entries } from "./feed-pages.ts";
import type { Entry } from "./table.ts";

/** What lines said about the positions of one page; undefined: taken out. */
type Changed = Map<number, Entry | undefined>;

/** What lies over the pages of a feed until it is in them. */
export class FeedOverlay {
  readonly pageLength: number;
  readonly #changed = new Map<number, Changed>();

  constructor(pageLength: number) {
    this.pageLength = pageLength;
  }

  pageOf(position: number): number {
    return Math.floor((position - 1) / this.pageLength);
  }

  get pages(): number[] {
    return [...this.#changed.keys()];
  }

  /** Whether an entry is here: undefined if the page knows. */
  has(position: number): boolean | undefined {
    const changed = this.#changed.get(this.pageOf(position));
    return changed?.has(position) ? changed.get(position) !== undefined : undefined;
  }

  isOver(page: number): boolean {
    return this.#changed.has(page);
  }

  set(position: number, entry: Entry | undefined): void {
    const page = this.pageOf(position);
    const changed = this.#changed.get(page) ?? new Map();
    this.#changed.set(page, changed);
    changed.set(position, entry);
  }

  /** The page as it is now. */
  over(page: number, entries: Entries): Entries {
    return merged(entries, this.#changed.get(page));
  }

  /** As of this moment. */
  snapshot(): Array<[page: number, changed: Changed]> {
    return [...this.#changed].map(([page, changed]) => [page, new Map(changed)]);
  }

  /** What the pages have now need not lie over them, unless it has changed again. */
  drop(snapshot: ReturnType<FeedOverlay["snapshot"]>): void {
    for (const [page, written] of snapshot) {
      const changed = this.#changed.get(page) as Changed;
      for (const [position, entry] of written) if (changed.get(position) === entry) changed.delete(position);
      if (changed.size === 0) this.#changed.delete(page);
    }
  }
}

/** In the order of positions. */
export function merged(entries: Entries, changed: Changed | undefined): Entries {
  if (changed === undefined) return entries;
  const left = [...new Map<number, Entry | undefined>([...entries, ...changed])].filter(
    (each): each is [number, Entry] => each[1] !== undefined,
  );
  return new Map(left.sort(([a], [b]) => a - b));
}
