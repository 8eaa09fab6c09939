import { type EventEntry, laneOf, merged } from "./event-entry.ts";

/** One event to deliver, and all entries of the feed that it stands for. */
export interface Item {
  readonly entry: EventEntry;
  readonly positions: readonly number[];
}

/** What waits for one grant, the first of it first. */
export interface Lane {
  readonly id: string;
  readonly items: Item[];
  /** The first item is on its way. */
  busy: boolean;
  /** Failed deliveries of the first item; `next`: not before (epoch milliseconds). */
  tries: number;
  next: number;
  /** How many deliveries had succeeded when the first item failed for the first time. */
  successes: number;
}

/** What was read of a feed, by grant: each keeps its order, none waits for another. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  #size = 0;

  /** Events in memory. */
  get size(): number {
    return this.#size;
  }

  all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  add(position: number, entry: EventEntry): void {
    const id = laneOf(entry);
    let lane = this.#lanes.get(id);
    if (lane === undefined) {
      lane = { id, items: [], busy: false, tries: 0, next: 0, successes: 0 };
      this.#lanes.set(id, lane);
    }
    const { items } = lane;
    const last = items.length === 1 && lane.busy ? undefined : items.at(-1);
    const both = last && merged(last.entry, entry);
    if (last !== undefined && both !== undefined) items[items.length - 1] = { entry: both, positions: [...last.positions, position] };
    else {
      items.push({ entry, positions: [position] });
      this.#size++;
    }
  }

  /** The first item is done with. A lane with more goes behind the others. */
  shift(lane: Lane): void {
    lane.items.shift();
    this.#size--;
    this.#lanes.delete(lane.id);
    lane.tries = 0;
    lane.next = 0;
    if (lane.items.length > 0) this.#lanes.set(lane.id, lane);
  }

  clear(): void {
    this.#lanes.clear();
    this.#size = 0;
  }
}
