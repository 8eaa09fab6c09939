import type { Filter } from "#protocol/authorization-details.ts";
import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { calendarDay } from "../../parts/dates.ts";
import { categoryWord, recipientWord } from "../purchases/labels.ts";

/** What a filter lets through, in words; empty where there is none. */
export function filterWords(filter: Filter | undefined): string[] {
  const { tag, ask: t } = words();
  return [
    filter?.categories && t.onlyCategories(filter.categories.map(categoryWord).join(", ")),
    filter?.since && t.onlySince(calendarDay(tag, filter.since)),
    filter?.recipients && t.onlyFor(filter.recipients.map((each: Recipient) => recipientWord(each)).join(", ")),
  ].filter((each) => each !== undefined);
}
