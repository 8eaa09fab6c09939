import type { AuthorizationDetail, AuthorizationDetails } from "./authorization-details.ts";
import { kindAt } from "./categories.ts";
import { PRODUCT_CATEGORIES } from "./data/product-category.ts";
import { milliseconds } from "./duration.ts";
import { frequencyIsWider } from "./narrow.ts";
import { covers, isShareable, splitPath } from "./paths.ts";
import { unclear } from "./plain-words.ts";
import { purposeOf } from "./purposes.ts";

/** Where and why a request is outside its purpose's bounds. */
export interface Breach {
  /** JSON Pointer into authorization_details. */
  pointer: string;
  reason: string;
}

const LAWFUL = ["https://w3id.org/dpv/legal/eu/gdpr#A6-1-a", "https://w3id.org/dpv/legal/eu/gdpr#A6-1-b"];

/** The first place where a request breaks its purposes' bounds, or undefined. `now`: epoch milliseconds. */
export function breach(details: AuthorizationDetails, now: number): Breach | undefined {
  for (const [index, detail] of details.entries()) {
    const found = detailBreach(detail, now);
    if (found) return { pointer: `/${index}${found.pointer}`, reason: found.reason };
  }
  return undefined;
}

function detailBreach(detail: AuthorizationDetail, now: number): Breach | undefined {
  const purpose = purposeOf(detail.purpose);
  if (purpose === undefined) return { pointer: "/purpose", reason: "this purpose is not on offer here" };
  if (!LAWFUL.includes(detail.legal_basis)) return { pointer: "/legal_basis", reason: "expected consent (A6-1-a) or contract (A6-1-b)" };
  const path = detail.paths.findIndex((each) => !isShareable(each) || !purpose.paths.some((wide) => covers(wide, each)));
  if (path >= 0) return { pointer: `/paths/${path}`, reason: "no such data, it can't be shared, or not for this purpose" };
  const filter = filterBreach(detail);
  if (filter !== undefined) return filter;
  if (milliseconds(detail.retention) > milliseconds(purpose.retention))
    return { pointer: "/retention", reason: `at most ${purpose.retention} for this purpose` };
  const expires = Date.parse(detail.expires);
  if (!(expires > now)) return { pointer: "/expires", reason: "expected a time to come" };
  if (expires > now + milliseconds(purpose.expiry))
    return { pointer: "/expires", reason: `at most ${purpose.expiry} from now for this purpose` };
  if (frequencyIsWider(detail.frequency, purpose.frequency))
    return {
      pointer: "/frequency",
      reason: `expected a frequency of at most ${purpose.frequency.max} in ${purpose.frequency.per} for this purpose`,
    };
  if (!purpose.consequences.includes(detail.if_refused))
    return { pointer: "/if_refused", reason: `expected one of: ${purpose.consequences.join(", ")}` };
  if (detail.necessity === "required" && !detail.paths.every((each) => purpose.needs.some((need) => covers(need, each))))
    return { pointer: "/necessity", reason: "this purpose can be served without some of these paths" };
  return wordsBreach(detail);
}

const CATEGORIES: readonly string[] = PRODUCT_CATEGORIES;

/** A filter that says nothing would be shown to a customer as if it did. */
function filterBreach({ filter, paths }: AuthorizationDetail): Breach | undefined {
  if (filter === undefined) return undefined;
  if (!paths.some((path) => kindAt(splitPath(path).base)?.passes !== undefined))
    return { pointer: "/filter", reason: "none of these paths has anything to filter" };
  const unknown = (filter.categories ?? []).findIndex((each) => !CATEGORIES.includes(each));
  return unknown < 0 ? undefined : { pointer: `/filter/categories/${unknown}`, reason: "expected a category of the registry" };
}

function wordsBreach({ explanation = {}, recipients = [] }: AuthorizationDetail): Breach | undefined {
  const told: Array<[pointer: string, text: string]> = [
    ...Object.entries(explanation).map(([language, text]): [string, string] => [`/explanation/${language}`, text]),
    ...recipients.map((text, at): [string, string] => [`/recipients/${at}`, text]),
  ];
  for (const [pointer, text] of told) {
    const reason = unclear(text);
    if (reason !== undefined) return { pointer, reason };
  }
  return undefined;
}
