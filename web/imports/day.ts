import { fold } from "../parts/fold.ts";
import type { DateOrder } from "./mapping.ts";

const LANGUAGES = ["en", "it", "de", "fr", "es", "pt", "nl", "ro", "ru"];

let months: Map<string, string> | undefined;

/** Names and short names of months, without dots and accents, with the number of the month. */
function monthOf(name: string): string | undefined {
  months ??= new Map(
    LANGUAGES.flatMap((tag) =>
      (["long", "short"] as const).flatMap((month) =>
        Array.from({ length: 12 }, (_, at) => {
          const format = new Intl.DateTimeFormat(tag, { month, day: "numeric", timeZone: "UTC" });
          const part = format.formatToParts(Date.UTC(2024, at, 15)).find(({ type }) => type === "month");
          return [plain(part?.value ?? ""), String(at + 1).padStart(2, "0")] as const;
        }),
      ),
    ),
  );
  const told = plain(name);
  return months.get(told) ?? (told.length > 3 ? months.get(told.slice(0, 3)) : undefined);
}

const plain = (name: string): string => fold(name).replaceAll(".", "");

const NUMBERS = /^(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(?:$|[ T,])/;

/** `first` is the day or the month; where one of a column's numbers is over twelve, it is told. */
export function orderOf(values: readonly string[]): DateOrder | "unclear" {
  let [day, month, any] = [false, false, false];
  for (const value of values) {
    const [, first, second] = NUMBERS.exec(value.trim()) ?? [];
    if (first === undefined) continue;
    any = true;
    if (Number(first) > 12) day = true;
    else if (Number(second) > 12) month = true;
  }
  if (!any || (day && !month)) return "day-first";
  return month && !day ? "month-first" : "unclear";
}

const isDay = (year: string, month: string, day: string): boolean => {
  const at = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return at.getUTCFullYear() === Number(year) && at.getUTCMonth() === Number(month) - 1 && at.getUTCDate() === Number(day);
};

const two = (part: string): string => part.padStart(2, "0");
/** Of two digits: this century as far as it has come, with a year to spare. */
const full = (year: string, today: string): string =>
  year.length === 4 ? year : Number(year) <= Number(today.slice(2, 4)) + 1 ? `20${year}` : `19${year}`;

/** The day of a date as programs write it, `YYYY-MM-DD`; undefined if it is none. The time, if any, is left out. */
export function parseDay(text: string, order: DateOrder, today: string): string | undefined {
  const value = text.trim();
  const made = (year: string, month: string, day: string): string | undefined =>
    isDay(year, month, day) ? `${year}-${two(month)}-${two(day)}` : undefined;
  const iso = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:$|[ T])/.exec(value) ?? /^(\d{4})(\d{2})(\d{2})(?:$|[ T])/.exec(value);
  if (iso) return made(iso[1] ?? "", iso[2] ?? "", iso[3] ?? "");
  const numbers = NUMBERS.exec(value);
  if (numbers) {
    const [, first = "", second = "", year = ""] = numbers;
    const [day, month] = order === "day-first" ? [first, second] : [second, first];
    return made(full(year, today), month, day);
  }
  const words = /^(?:\p{L}+,? )?(\d{1,2})\.?(?: de)?[ -](\p{L}+)\.?(?: de)?,?[ -](\d{4}|\d{2})(?:$|[ ,T])/u.exec(value);
  if (words) return made(full(words[3] ?? "", today), monthOf(words[2] ?? "") ?? "", words[1] ?? "");
  const american = /^(?:\p{L}+,? )?(\p{L}+)\.? (\d{1,2}),? (\d{4})(?:$|[ ,T])/u.exec(value);
  return american ? made(american[3] ?? "", monthOf(american[1] ?? "") ?? "", american[2] ?? "") : undefined;
}
