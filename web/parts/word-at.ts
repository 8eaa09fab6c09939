/**
 * The word for a place such as `purchases.price.currency`: of the longest end of it that the table has, so that `currency` serves all
 * kinds and `purchases.date` one of them. `or`: where the table has none.
 */
export function wordAt<Or extends string | undefined>(table: Readonly<Record<string, string>>, place: string, or: Or): string | Or {
  for (let end = place; ; end = end.slice(end.indexOf(".") + 1)) {
    if (Object.hasOwn(table, end)) return table[end] ?? or;
    if (!end.includes(".")) return or;
  }
}
