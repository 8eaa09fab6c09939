import { GIFT_HINTS } from "#protocol/data/purchases.ts";
import { clean } from "./clean.ts";

type Hint = (typeof GIFT_HINTS)[number];

/** Most parcels go to the same few addresses. */
function remembered<T>(tell: (text: string) => T): (text: string) => T {
  const told = new Map<string, T>();
  return (text) => {
    if (!told.has(text)) told.set(text, tell(text));
    return told.get(text) as T;
  };
}

/** What exports write where there is nothing. */
export const isNothing = (cell: string): boolean =>
  /^\s*(?:not (?:available|applicable)|n\/?a|none|null|nan|-+|0(?:[.,]0+)?|no|false)?\s*$/i.test(cell);

/** Whoever a parcel goes to: two words before the street begins, empty where there are none. Compared here, and kept nowhere. */
const nameIn = (address: string): string =>
  isNothing(address)
    ? ""
    : clean(address.split(/[,\n\d]/, 1)[0] ?? "")
        .toLowerCase()
        .split(" ")
        .slice(0, 2)
        .join(" ");

/**
 * Tells whether a parcel went to somebody else: to a name that isn't the store's own, or, where no address bears that name, to another
 * one than most.
 */
export function otherName(
  addresses: readonly string[],
  own: { given: string; surname?: string | undefined } | undefined,
): (address: string) => boolean {
  const mine = own ? [own.given, own.surname].flatMap((each) => (each ? [clean(each).toLowerCase()] : [])) : [];
  const isMine = remembered((address) => {
    const told = clean(address).toLowerCase();
    return mine.length > 0 && mine.every((each) => told.includes(each));
  });
  if (addresses.some(isMine)) return (address) => !isNothing(address) && !isMine(address);
  const name = remembered(nameIn);
  const counts = new Map<string, number>();
  const named = addresses.map(name).filter((each) => each !== "");
  for (const each of named) counts.set(each, (counts.get(each) ?? 0) + 1);
  const [most, count = 0] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
  return (address) => count > named.length / 2 && name(address) !== "" && name(address) !== most;
}

/** What an order itself hints at. Never decides. */
export function hintsOf(order: { otherName: boolean; message: string; wrap: string; date: string }): Hint[] {
  const told: Record<Hint, boolean> = {
    "other-name": order.otherName,
    "gift-wrap": !isNothing(order.wrap),
    "gift-message": !isNothing(order.message),
    season: order.date.slice(5) >= "12-01" && order.date.slice(5) <= "12-24",
  };
  return GIFT_HINTS.filter((hint) => told[hint]);
}
