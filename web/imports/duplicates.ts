import { kindAt } from "#protocol/categories.ts";
import type { Purchase } from "#protocol/data/purchases.ts";
import type { Candidate, Doubt } from "./candidate.ts";
import { LIMITS } from "./limits.ts";

/** What the store holds already. */
export interface Known {
  /** Path of the kind. */
  readonly kind: string;
  readonly value: unknown;
}

type Text = Record<string, string | undefined>;

const folded = (text: string | undefined): string =>
  (text ?? "")
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");

/** JSON with its members in order: the same value has the same text. */
const written = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each) ? Object.fromEntries(Object.entries(each).sort()) : each,
  );

/** A purchase is the same by its order, its thing, its day and its sum; 8.9 is 8.90. */
const purchaseKey = ({ item, seller, date, order, code, price }: Purchase): string =>
  JSON.stringify([
    order ?? folded(seller),
    code ?? folded(item),
    date,
    price === undefined ? "" : Number(price.amount),
    price?.currency ?? "",
  ]);

/** The last nine digits: with the country's code or without it, a number is the same. */
const phoneKey = (number: string | undefined): string => (number ?? "").replace(/\D/g, "").replace(/^0+/, "").slice(-9);

const KEYS: Record<string, (value: never) => string> = {
  purchases: purchaseKey,
  "profile/emails": ({ address }: Text) => (address ?? "").toLowerCase(),
  "profile/phones": ({ number }: Text) => phoneKey(number),
  "profile/addresses": ({ street, postcode, locality, countryCode }: Text) =>
    [street, postcode, locality, countryCode].map(folded).join("|"),
  "profile/online": ({ service, user }: Text) => `${folded(service)}|${folded(user)}`,
  "preferences/tastes": ({ about, sentiment }: Text) => `${folded(about)}|${sentiment}`,
  intents: ({ item, state }: Text) => `${folded(item)}|${state}`,
};

/** What makes two values of a kind the same. */
const keyOf = (path: string, value: unknown): string =>
  `${path} ${(KEYS[path] as ((value: unknown) => string) | undefined)?.(value) ?? written(value)}`;

/**
 * Marks what the store has already, what the file says twice, single values that differ from the store's, and what is more of one kind
 * than one would want unseen. A thing bought twice in one order is there twice in both: each is matched once.
 * @param lineOf what the line of a table says that it stands in; without it every second one of a kind is a repetition
 */
export function markDoubts(
  candidates: readonly Candidate[],
  known: readonly Known[],
  lineOf: (candidate: Candidate) => string = () => "",
): Candidate[] {
  const there = new Map<string, number>();
  const single = new Map<string, unknown>();
  for (const { kind, value } of known) {
    if (value === null) continue;
    if (kindAt(kind)?.many === false) single.set(kind, value);
    else there.set(keyOf(kind, value), (there.get(keyOf(kind, value)) ?? 0) + 1);
  }
  /** Lines by what they bring. */
  const met = new Map<string, Set<string>>();
  const singles = new Set<string>();
  const counts = new Map<string, number>();
  return candidates.map((candidate) => {
    const doubt = doubtOf(candidate);
    return doubt === undefined ? candidate : { ...candidate, doubt };
  });

  function doubtOf(candidate: Candidate): Doubt | undefined {
    const { path, value } = candidate;
    const key = keyOf(path, value);
    if (kindAt(path)?.many === false) {
      if (singles.has(path)) return "repeated";
      singles.add(path);
      if (!single.has(path)) return undefined;
      return written(single.get(path)) === written(value) ? "known" : "differs";
    }
    const line = lineOf(candidate);
    const before = met.get(key) ?? new Set();
    if (before.has(line)) return "repeated";
    met.set(key, before.add(line));
    const left = there.get(key) ?? 0;
    if (left > 0) {
      there.set(key, left - 1);
      return "known";
    }
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    return path.startsWith("profile/") && count > LIMITS.ofOneKind ? "many" : undefined;
  }
}
