import type { Purchase } from "#protocol/data/purchases.ts";
import { thousandths } from "./sums.ts";

/** What was spent on one thing that is asked about: a month, a shop, a category. */
export interface Sum {
  readonly key: string;
  /** Thousandths of the currency's unit. */
  readonly sum: bigint;
  readonly count: number;
}

/** What was spent in one currency. Different currencies are never added up. */
export interface Spending {
  readonly currency: string;
  readonly sum: bigint;
  readonly count: number;
  /** By the first characters of the date: `2026-07`, or `2026` over all years. Each one in between too, from first to last. */
  readonly times: readonly Sum[];
  /** By seller, the most first. */
  readonly shops: readonly Sum[];
  /** By category, the most first; the key of what has none is empty. */
  readonly categories: readonly Sum[];
}

/** `year`: its months; undefined: all years. `unpriced`: how many had no price to count. */
export function spendingOf(
  purchases: readonly Purchase[],
  year: string | undefined,
): { readonly currencies: readonly Spending[]; readonly unpriced: number } {
  const asked = purchases.filter(({ date }) => year === undefined || date.startsWith(year));
  const byCurrency = new Map<string, Priced[]>();
  for (const each of asked) {
    if (each.price === undefined) continue;
    const { currency, amount } = each.price;
    const same = byCurrency.get(currency) ?? [];
    same.push({ purchase: each, sum: thousandths(amount) });
    byCurrency.set(currency, same);
  }
  const currencies = [...byCurrency].map(
    ([currency, priced]): Spending => ({
      currency,
      ...total(priced),
      times: timesOf(priced, year),
      shops: most(sums(priced, ({ seller }) => seller)),
      categories: most(sums(priced, ({ category }) => category ?? "")),
    }),
  );
  return {
    currencies: currencies.sort((a, b) => b.count - a.count || (a.currency < b.currency ? -1 : 1)),
    unpriced: asked.filter(({ price }) => price === undefined).length,
  };
}

interface Priced {
  readonly purchase: Purchase;
  readonly sum: bigint;
}

const total = (priced: readonly Priced[]) => ({ sum: priced.reduce((sum, each) => sum + each.sum, 0n), count: priced.length });

function sums(priced: readonly Priced[], of: (purchase: Purchase) => string): Sum[] {
  const parts = new Map<string, Priced[]>();
  for (const each of priced) {
    const key = of(each.purchase);
    const part = parts.get(key) ?? [];
    part.push(each);
    parts.set(key, part);
  }
  return [...parts].map(([key, part]) => ({ key, ...total(part) }));
}

const most = (all: Sum[]): Sum[] => all.sort((a, b) => (a.sum === b.sum ? (a.key < b.key ? -1 : 1) : a.sum > b.sum ? -1 : 1));

function timesOf(priced: readonly Priced[], year: string | undefined): Sum[] {
  const known = new Map(sums(priced, ({ date }) => date.slice(0, year === undefined ? 4 : 7)).map((each) => [each.key, each]));
  const years = [...known.keys()].map((key) => Number(key.slice(0, 4)));
  const keys =
    year === undefined
      ? span(Math.min(...years), Math.max(...years)).map((each) => String(each).padStart(4, "0"))
      : span(1, 12).map((month) => `${year}-${String(month).padStart(2, "0")}`);
  return keys.map((key) => known.get(key) ?? { key, sum: 0n, count: 0 });
}

const span = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** All but the first `most`, as one: a picture has room for so many. */
export function folded(all: readonly Sum[], most: number): { readonly shown: readonly Sum[]; readonly rest: Sum | undefined } {
  if (all.length <= most) return { shown: all, rest: undefined };
  const rest = all.slice(most - 1);
  return {
    shown: all.slice(0, most - 1),
    rest: { key: "", sum: rest.reduce((sum, each) => sum + each.sum, 0n), count: rest.reduce((count, each) => count + each.count, 0) },
  };
}
