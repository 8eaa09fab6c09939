import type { Channel } from "#protocol/data/contact.ts";
import { words } from "../locales/words.ts";
import { money } from "../parts/amounts.ts";
import { countryName } from "../parts/countries.ts";
import { calendarDay } from "../parts/dates.ts";
import { wordAt } from "../parts/word-at.ts";
import { kindWord } from "./labels.ts";

type Members = Record<string, unknown>;
const isRecord = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

/** The order in which people say it; sealed values come back with their members sorted by name. */
const SAID =
  "item seller date category price quantity condition recipient deadline area street postcode locality region countryCode about sentiment".split(
    " ",
  );
const rank = (name: string): number => SAID.indexOf(name) + 1 || SAID.length + 1;

/** Members whose value alone doesn't tell what it is. */
const LABELLED = new Set(
  "quantity recipient order code warrantyUntil returnBy hints condition deadline ended state postcodePrefix top bottom shoes avoid language timeZone view customerNumber".split(
    " ",
  ),
);

/** Every member of a value as text, in its order: what is shown as leaving is all that leaves. Empty where there is nothing. */
export const valueText = (value: unknown): string => texts("", value).join(", ");

/** The same in parts; the first names it. */
export const valueParts = (value: unknown): readonly string[] => texts("", value);

function texts(name: string, value: unknown): string[] {
  if (value === null || value === undefined || value === "") return [];
  if (Array.isArray(value)) return listed(name, value);
  if (!isRecord(value)) return [leaf(name, value)];
  const { fields, field, tag } = words();
  if (typeof value.given === "string") return [[value.given, value.surname].filter(Boolean).join(" ")];
  if (Array.isArray(value.channels)) return contactTexts(value);
  if (typeof value.currency === "string") return [sum(value, tag)];
  if (typeof value.category === "string" && typeof value.count === "number")
    return [field.counted(leaf("category", value.category), value.count.toLocaleString(tag))];
  const members = Object.entries(value).sort(([a], [b]) => rank(a) - rank(b));
  return members.flatMap(([key, each]) => {
    const told = texts(key, each);
    return LABELLED.has(key) && told.length > 0 ? [field.labelled(wordAt(fields, key, key), told.join(", "))] : told;
  });
}

function listed(name: string, values: readonly unknown[]): string[] {
  const told = values.flatMap((each) => texts(name, each));
  return LABELLED.has(name) ? [told.join(", ")] : told;
}

const isDay = (value: unknown): value is string => typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value);

function leaf(name: string, value: unknown): string {
  const { fields, field, options, tag } = words();
  if (typeof value === "boolean") return field.labelled(wordAt(fields, name, name), value ? field.yes : field.no);
  if (name === "countryCode" && typeof value === "string") return `${countryName(tag, value)} (${value})`;
  if ((name === "tags" || name === "language") && typeof value === "string") return languageText(tag, value);
  if (isDay(value)) return calendarDay(tag, value);
  return CLOSED.has(name) ? wordAt(options, `${name}.${text(value)}`, text(value)) : text(value);
}

/** Italian (it) */
function languageText(tag: string, code: string): string {
  try {
    return `${new Intl.DisplayNames(tag, { type: "language" }).of(code)} (${code})`;
  } catch {
    return code;
  }
}

/** Members whose values are codes with words. */
const CLOSED = new Set("sentiment category recipient condition state hints view purposes days".split(" "));

function sum(value: Members, tag: string): string {
  const { fields, field } = words();
  const { amount, min, max, currency } = value;
  const said = (each: unknown): string => money(tag, text(each), text(currency));
  if (amount !== undefined) return said(amount);
  const ends = [
    min === undefined ? "" : field.labelled(fields["price.min"], said(min)),
    max === undefined ? "" : field.labelled(fields["price.max"], said(max)),
  ].filter(Boolean);
  return ends.length === 0 ? text(currency) : ends.join(", ");
}

/** Not the protocol's own list, which would bring its schemas along. */
const CHANNELS = Object.keys({ email: 0, sms: 0, phone: 0, post: 0, push: 0 } satisfies Record<Channel, 0>);

/** The rules of a contact card, one text for each; what isn't named isn't allowed. */
function contactTexts(value: Members): string[] {
  const { field, options } = words();
  const rules = (value.channels as unknown[]).filter(isRecord);
  const told = rules.map((rule) => {
    const name = wordAt(options, text(rule.channel), text(rule.channel));
    return rule.allowed === true ? field.rule.allowed(name, howText(rule)) : field.rule.never(name);
  });
  const named = new Set(rules.map(({ channel }) => channel));
  const rest = Object.entries(value).filter(([key]) => key !== "channels");
  return [
    ...told,
    ...(CHANNELS.every((each) => named.has(each)) ? [] : [field.rule.rest]),
    ...rest.flatMap(([key, each]) => texts("", { [key]: each })),
  ];
}

function howText({ purposes, frequency, hours, target, pref }: Members): string {
  const { field } = words();
  const t = field.rule;
  const parts: string[] = [];
  if (Array.isArray(purposes)) parts.push(t.purposes(texts("purposes", purposes).join(", ")));
  if (isRecord(frequency)) parts.push(t.often(Number(frequency.max), perText(text(frequency.per))));
  if (isRecord(hours)) {
    const days = texts("days", hours.days).join(", ");
    const [from, to] = [text(hours.from), text(hours.to)];
    parts.push(from === to && to === "00:00" ? t.wholeDays(days) : t.hours(days, from, to));
  }
  if (typeof target === "string") parts.push(t.target(kindWord(target)));
  if (typeof pref === "number") parts.push(t.pref(pref));
  return parts.join("; ");
}

/** "a day", "7 days": of a duration PnD or PTnH. */
export const perText = (duration: string): string => words().field.per(Number(/\d+/.exec(duration)?.[0]), duration.endsWith("H"));
