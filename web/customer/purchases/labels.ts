import type { Purchase, Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { money } from "../../parts/amounts.ts";
import { calendarDay } from "../../parts/dates.ts";
import { wordAt } from "../../parts/word-at.ts";

/** "Books". Of a code that this app doesn't know, the code. */
export const categoryWord = (code: string): string => wordAt(words().options, `purchases.category.${code}`, code);

/** "Myself" */
export const recipientWord = (recipient: Recipient): string => wordAt(words().options, `purchases.recipient.${recipient}`, recipient);

/** What the order itself hinted at, in words. The season by its day, which says more. */
export const hintWords = ({ hints = [], date }: Purchase): string[] =>
  hints.map((hint) =>
    hint === "season"
      ? words().purchases.sort.boughtOn(calendarDay(words().tag, date))
      : wordAt(words().options, `purchases.hints.${hint}`, hint),
  );

/** What a list shows under a purchase's name: shop, day, price, kind of thing. */
export function detailsLine({ seller, date, price, quantity, category }: Purchase): string {
  const { tag, purchases: t } = words();
  return [
    seller,
    calendarDay(tag, date),
    price && money(tag, price.amount, price.currency),
    quantity !== undefined && quantity > 1 && t.pieces(quantity),
    category === undefined ? t.noCategory : categoryWord(category),
  ]
    .filter(Boolean)
    .join(" · ");
}
