/** A record as it is taken away. */
export interface ExportedRecord {
  readonly path: string;
  readonly value: unknown;
  readonly source?: string;
}

/** Of a file on its way out: pieces, so that the whole needn't be in memory at once. */
export interface ExportedFile {
  readonly name: string;
  readonly pieces: Iterable<string>;
}

/** The records of one kind, in the order of the export. */
export function byKind<R extends ExportedRecord>(records: readonly R[], kindOf: (path: string) => string | undefined): Map<string, R[]> {
  const kinds = new Map<string, R[]>();
  for (const record of records) {
    const kind = kindOf(record.path);
    if (kind === undefined) continue;
    const list = kinds.get(kind);
    if (list === undefined) kinds.set(kind, [record]);
    else list.push(record);
  }
  return kinds;
}
