/**
 * `foreign`: no copy; `newer`: of a later version; `cut`: it ends before its end; `changed`: altered, or its parts are not in their order or
 * not of one copy; `full`: the target holds something; `other`: not the copy, or not the life, that was begun with; `differs`: what was
 * read back is not what was written; `unreachable`: the running server can't be asked.
 */
export type CopyCode = "foreign" | "newer" | "cut" | "changed" | "full" | "other" | "differs" | "unreachable";

/** Why a copy was refused. The message names no row and no value. */
export class CopyError extends Error {
  override readonly name = "CopyError";
  readonly code: CopyCode;
  constructor(code: CopyCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
