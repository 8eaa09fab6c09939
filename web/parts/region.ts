/** British ways of writing days and sums: 30 Nov 2026, €11.40. */
export const region = (tag: string): string => (tag === "en" ? "en-GB" : tag);
