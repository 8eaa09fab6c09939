import type { FeedName } from "../storage.ts";
import type { Entry } from "./table.ts";

/** What a line of the journal says about a store. A row without a value is deleted. */
export interface Change {
  store: string;
  /** Which change of the store it is, from 1: a gap is a loss. None in lines of layout 1. */
  n?: number;
  made?: true;
  /** Of all lines of this store before it, and of its document, nothing holds any more. */
  erased?: true;
  rows: Array<[table: string, key: string] | [table: string, key: string, row: unknown]>;
  points?: Array<[pointerKey: string, leadsHere: boolean]>;
  appends?: Array<[feed: FeedName, entry: unknown]>;
}

/** A line about feeds alone. */
export interface FeedLine {
  store?: undefined;
  appends?: Array<[feed: FeedName, entry: unknown]>;
  removed?: [feed: FeedName, positions: number[]];
}

/** What a line of the journal does to one feed. */
export type FeedChange = { readonly appended: readonly Entry[] } | { readonly removed: readonly number[] };
export type FeedStep = [sequence: number, change: FeedChange];

/** The lines of one store that the journal held at start. */
export interface Tail {
  first: number;
  size: number;
  changes: Array<[sequence: number, change: Change]>;
}
