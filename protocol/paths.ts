import { digestAt, kindAt } from "./categories.ts";

/** A path taken apart: `profile/addresses/a1:town` is base `profile/addresses/a1`, form `town`. */
export interface PathParts {
  base: string;
  form: string | undefined;
}

/** Takes a path apart at its colon; looks nothing up. */
export function splitPath(path: string): PathParts {
  const colon = path.indexOf(":");
  return colon < 0 ? { base: path, form: undefined } : { base: path.slice(0, colon), form: path.slice(colon + 1) };
}

/** How far a form is from the whole: 0 is the whole value, then the lesser forms in order. -1: the kind has no such form of one record. */
export function formRank(base: string, form: string | undefined): number {
  if (form === undefined) return 0;
  const kind = kindAt(base);
  return kind === undefined ? -1 : kind.forms.findIndex((each) => each.name === form) + 1 || -1;
}

/** True for a path of a registered kind that can be shared, in a form that the kind has. */
export function isShareable(path: string): boolean {
  const { base, form } = splitPath(path);
  const kind = kindAt(base);
  return kind?.shareable === true && (formRank(base, form) >= 0 || digestAt(path) !== undefined);
}

/**
 * Whether allowing `wide` allows `narrow`: prefix match at `/`, and a form that says no more.
 * `profile/emails` covers `profile/emails/e1`; `profile/addresses` covers `profile/addresses/a1:town`, never the other way round. A
 * whole collection covers its digests; a digest covers itself alone.
 */
export function covers(wide: string, narrow: string): boolean {
  const w = splitPath(wide);
  const n = splitPath(narrow);
  if (n.base !== w.base && !n.base.startsWith(`${w.base}/`)) return false;
  if (digestAt(wide) !== undefined) return wide === narrow;
  if (digestAt(narrow) !== undefined) return w.form === undefined;
  // Of the wide path itself, since a form hangs on the kind that has it: `profile:given` is no path.
  const wideRank = formRank(w.base, w.form);
  return wideRank >= 0 && formRank(n.base, n.form) >= wideRank;
}
