import type { Intent } from "#protocol/data/intents.ts";
import { words } from "../../locales/words.ts";
import { money } from "../../parts/amounts.ts";
import { countryName } from "../../parts/countries.ts";
import { calendarDay } from "../../parts/dates.ts";
import { wordAt } from "../../parts/word-at.ts";

function priceText(price: NonNullable<Intent["price"]>): string | undefined {
  const { tag, wanted: t } = words();
  const [min, max] = [price.min, price.max].map((each) => (each === undefined ? undefined : money(tag, each, price.currency)));
  if (min !== undefined && max !== undefined) return t.between(min, max);
  return min === undefined ? (max === undefined ? undefined : t.upTo(max)) : t.from(min);
}

function areaText({ countryCode, region, postcodePrefix }: NonNullable<Intent["area"]>): string {
  const { tag, wanted: t } = words();
  const place = [postcodePrefix && t.postcodeStart(postcodePrefix), region, countryName(tag, countryCode)];
  return t.near(place.filter(Boolean).join(", "));
}

/** "books": the word for a category's code. */
export const categoryWord = (code: string): string => wordAt(words().options, `category.${code}`, code);

/** What bounds a wish, but its day: short pieces of text. */
export function limitsOf(intent: Intent): string[] {
  const { tag, wanted: t } = words();
  const { category, price, condition, quantity = 1, area } = intent;
  return [
    category && categoryWord(category),
    condition && t.conditions[condition],
    quantity > 1 && t.times(new Intl.NumberFormat(tag).format(quantity)),
    price && priceText(price),
    area && areaText(area),
  ].filter((each) => typeof each === "string" && each !== "") as string[];
}

export const dayText = (date: string): string => calendarDay(words().tag, date);
