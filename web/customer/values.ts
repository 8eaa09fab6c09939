import { words } from "../locales/words.ts";
import { countryName } from "../parts/countries.ts";

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** An address as it is written on an envelope; sealed values come back with their members sorted by name. */
const WRITTEN = ["street", "postcode", "locality", "region", "countryCode"];

/** Every member of a value as text, in its order: what is shown as leaving is all that leaves. Empty where there is nothing. */
export function valueText(value: unknown): string {
  return texts("", value).join(", ");
}

function texts(key: string, value: unknown): string[] {
  const { fields, field, options, tag } = words();
  if (value === null || value === undefined || value === "") return [];
  if (typeof value === "boolean") return [`${(fields as Record<string, string>)[key] ?? key}: ${value ? field.yes : field.no}`];
  if (Array.isArray(value)) return value.flatMap((each) => texts(key, each));
  if (isRecord(value)) {
    const { channel, allowed, pref } = value;
    if (typeof channel === "string" && typeof allowed === "string") {
      const rank = pref === undefined ? "" : ` (${pref})`;
      return [
        `${(options as Record<string, string>)[channel] ?? channel}: ${(options as Record<string, string>)[allowed] ?? allowed}${rank}`,
      ];
    }
    if (typeof value.given === "string") return [[value.given, value.surname].filter(Boolean).join(" ")];
    const members = Object.entries(value);
    if ("countryCode" in value) members.sort(([a], [b]) => WRITTEN.indexOf(a) - WRITTEN.indexOf(b));
    return members.flatMap(([name, each]) => texts(name, each));
  }
  if (key === "countryCode" && typeof value === "string") return [`${countryName(tag, value)} (${value})`];
  if (key === "sentiment" && typeof value === "string") return [(options as Record<string, string>)[value] ?? value];
  return [String(value)];
}
