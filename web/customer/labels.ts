import { purposeOf } from "#protocol/purposes.ts";
import { words } from "../locales/words.ts";

const from = <T>(table: Record<string, T> & { unknown: T }, key: string | undefined): T =>
  (key === undefined ? undefined : table[key]) ?? table.unknown;

/** Path of the kind that a path is of, by the words there are. Apart from the registry, whose schemas would come with the first page. */
export function kindPath(path: string): string {
  const [category = "", name] = baseOf(path).split("/");
  return Object.hasOwn(words().kinds, category) ? category : [category, name].join("/");
}
const baseOf = (path: string): string => path.split(":", 1)[0] ?? path;

/** "e-mail": inside a sentence. */
export const kindWord = (path: string): string => from(words().kinds, kindPath(path));

/** "E-mail": standing alone. */
export function kindTitle(path: string): string {
  const [first = "", ...rest] = kindWord(path);
  return first.toLocaleUpperCase(words().tag) + rest.join("");
}

/** "E-mails": the heading of a list. */
export const groupTitle = (path: string): string => (words().data.groups as Record<string, string>)[kindPath(path)] ?? kindTitle(path);

/** "Town" for `profile/addresses/a1:town`. */
export function chipOf(path: string): string {
  const form = path.slice(baseOf(path).length);
  return (words().chips as Record<string, string>)[`${kindPath(path)}${form}`] ?? kindTitle(path);
}

/** "only the town"; the whole value is a form too. */
export function formWords(path: string, form: string | undefined): string {
  const kind = kindPath(path);
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
