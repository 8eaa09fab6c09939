/** Why a file can't be read at all. The words are in the catalogue; `detail` says how much or which, never a value out of the file. */
export type RefusalCode =
  | "empty"
  | "too-big"
  | "too-many-lines"
  | "too-many-people"
  | "too-many-files"
  | "zip-bomb"
  | "zip-broken"
  | "zip-locked"
  | "zip-nothing"
  | "not-text"
  | "json-broken"
  | "json-unknown"
  | "torn-card"
  | "no-table"
  | "sealed"
  | "older-app"
  | "unknown";

export class ImportRefusal extends Error {
  override readonly name = "ImportRefusal";
  readonly code: RefusalCode;
  /** A name of a file inside an archive, a count, a line. */
  readonly detail: string | number | undefined;
  constructor(code: RefusalCode, detail?: string | number) {
    super(code);
    this.code = code;
    this.detail = detail;
  }
}
