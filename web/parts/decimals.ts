/**
 * A sum as people write it, with a point: `1.234,50`, `1 234,50` and `€ 1,234.50` are 1234.50. What can be read in two ways (`1,234`)
 * comes back as it is, for the schema to refuse.
 */
export function decimalOf(text: string): string {
  const bare = text.replaceAll(/[\s'’\p{Sc}]/gu, "");
  const marks = bare.replaceAll(/[^.,]/g, "");
  if (!/^\d*(?:[.,]\d*)*$/.test(bare) || !/\d/.test(bare)) return text;
  const last = marks.at(-1) ?? "";
  const isGrouping = marks.length > 1 && marks === last.repeat(marks.length);
  // A comma before three digits groups in one country and parts decimals in another.
  if (marks === "," && /,\d{3}$/.test(bare)) return text;
  const [, whole = "", part = ""] = last === "" || isGrouping ? ["", bare] : (/^(.*)[.,](.*)$/.exec(bare) ?? []);
  if (!/^(?:\d*|\d{1,3}(?:[.,]\d{3})+)$/.test(whole)) return text;
  const units = whole.replaceAll(/[.,]/g, "").replace(/^0+(?=\d)/, "") || "0";
  return part === "" ? units : `${units}.${part}`;
}
