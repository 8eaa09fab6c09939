/** Letters that no decomposition takes apart. */
const LETTERS: Record<string, string> = { ß: "ss", ø: "o", ł: "l", đ: "d", æ: "ae", œ: "oe", ı: "i", ð: "d", þ: "th" };

/** A text as one looks for it: without case, accents, and what has no width. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  // Most of it is plain, and thousands of it are folded at a time.
  if (/^[\n -~]*$/.test(lower)) return lower;
  return lower
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{Cf}]/gu, "")
    .replaceAll(/[ßøłđæœıðþ]/g, (letter) => LETTERS[letter] ?? letter);
}

/** The words of a search. */
export const termsOf = (query: string): readonly string[] => fold(query).split(/\s+/).filter(Boolean);

/** Whether a folded text holds every one of the words. */
export const holds = (folded: string, terms: readonly string[]): boolean => terms.every((term) => folded.includes(term));

/** `make` of each object once, for as long as the object lives: a letter typed over thousands folds none of them anew. */
export function once<T extends object, M>(make: (each: T) => M): (each: T) => M {
  const made = new WeakMap<T, { readonly of: M }>();
  return (each) => {
    const before = made.get(each);
    if (before) return before.of;
    const of = make(each);
    made.set(each, { of });
    return of;
  };
}
