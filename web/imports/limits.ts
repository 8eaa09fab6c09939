/** What one file may be. Beyond that it is refused at once, by name, and never half read. */
export const LIMITS = {
  /** Bytes of a text. */
  text: 30_000_000,
  /** Bytes of an archive: Amazon's holds pictures and invoices, which are never unpacked. */
  archive: 300_000_000,
  /** Files in an archive. */
  entries: 20_000,
  /** Bytes unpacked for each byte packed. Tables come to about thirty. */
  ratio: 200,
  lines: 200_000,
  people: 20_000,
  columns: 200,
  /** Of one kind of contact detail, before one is asked which to bring. */
  ofOneKind: 50,
} as const;
