import type { Fault, Place } from "../../imports/place.ts";
import type { ImportRefusal } from "../../imports/refusal.ts";
import { words } from "../../locales/words.ts";

/** `Order History.csv, line 12, Price` */
export function placeText({ file, line, cell }: Place): string {
  const t = words().imports;
  return t.placeOf(file, line === undefined ? "" : t.onLine(line), cell ?? "");
}

export function faultText({ code, expected = 0, got = 0 }: Fault): string {
  const said = words().imports.faultOf[code];
  return typeof said === "function" ? said(expected, got) : said;
}

export function refusalText({ code, detail }: ImportRefusal): string {
  const { refusals: t } = words().imports;
  switch (code) {
    case "not-text":
      return (t[code] as Record<string, string>)[detail ?? "other"] ?? t[code].other;
    case "zip-bomb":
    case "zip-locked":
      return t[code](String(detail));
    case "too-big":
    case "too-many-lines":
    case "too-many-people":
    case "too-many-files":
    case "json-broken":
    case "torn-card":
      return t[code](Number(detail));
    default:
      return t[code];
  }
}
