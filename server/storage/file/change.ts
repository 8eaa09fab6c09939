/** What a line of the journal says. A row without a value is deleted. */
export interface Change {
  store: string;
  made?: true;
  /** Of all lines of this store before it, and of its document, nothing holds any more. */
  erased?: true;
  rows: Array<[table: string, key: string] | [table: string, key: string, row: unknown]>;
  points?: Array<[pointerKey: string, leadsHere: boolean]>;
}

/** The lines of one store that the journal held at start. */
export interface Tail {
  first: number;
  size: number;
  changes: Array<[sequence: number, change: Change]>;
}
