import { kindAt } from "#protocol/categories.ts";
import { splitPath } from "#protocol/paths.ts";
import { purposeOf } from "#protocol/purposes.ts";
import { words } from "../locales/words.ts";

const from = <T>(table: Record<string, T> & { unknown: T }, key: string | undefined): T => (key === undefined ? undefined : table[key]) ?? table.unknown;

/** "e-mail": inside a sentence. */
export const kindWord = (path: string): string => from(words().kinds, kindAt(path)?.path);

/** "E-mail": standing alone. */
export const kindTitle = (path: string): string => from(words().kindTitles, kindAt(path)?.path);

/** "Town" for `profile/addresses/a1:town`. */
export function chipOf(path: string): string {
  const { base, form } = splitPath(path);
  const kind = kindAt(base)?.path ?? "";
  return (words().chips as Record<string, string>)[`${kind}:${form}`] ?? kindTitle(base);
}

/** "only the town"; the whole value is a form too. */
export function formWords(path: string, form: string | undefined): string {
  const kind = kindAt(path)?.path ?? "";
  const { forms } = words();
  return (forms as Record<string, string>)[form === undefined ? kind : `${kind}:${form}`] ?? forms.whole;
}

export const purposeWords = (iri: string): { short: string; long: string } => from(words().purposes, purposeOf(iri)?.id);

export const consequenceWords = (consequence: string): string => from(words().consequences, consequence);

export function periodWords(period: string): string {
  const days = /^P(\d+)D$/.exec(period)?.[1];
  if (days) return words().ask.days(Number(days));
  return words().ask.hours(Number(/^PT(\d+)H$/.exec(period)?.[1] ?? 0));
}
