import { canonical } from "#protocol/canonical.ts";
import { widening } from "#protocol/narrow.ts";
import type { GrantToken } from "../guards/access-token.ts";
import type { GrantRow } from "../rows.ts";
import { readDetails, wrongDetails } from "./details.ts";
import type { Form } from "./form.ts";

/** Characters of details that stand in a token: it is one header of a request, of which common proxies take 8 KiB. */
const LONGEST = 4000;

/**
 * What of a grant a token shall be good for, where its client wants less than all (RFC 9396, 6). Null: all of it.
 * @throws {OAuthError} `invalid_authorization_details` where it is wider than the consent in force, or too long for a token
 */
export function narrowedBy(form: Form, { details, n = 1 }: Pick<GrantRow, "details" | "n">): GrantToken["narrowed"] {
  const text = form.get("authorization_details");
  if (text === undefined) return null;
  const wanted = readDetails(text);
  if (canonical(wanted) === canonical(details)) return null;
  const wider = widening(wanted, details);
  if (wider !== undefined) throw wrongDetails(wider.reason, wider.pointer);
  // Values are sealed: only the customer's app can filter them, and it filters by the consent.
  const filtered = wanted.findIndex(({ filter }) => !details.some((each) => canonical(each.filter ?? null) === canonical(filter ?? null)));
  if (filtered >= 0) throw wrongDetails("a filter is part of the consent: ask the customer for a narrower one", `/${filtered}/filter`);
  if (JSON.stringify(wanted).length > LONGEST) throw wrongDetails(`more than ${LONGEST} characters, as many as a token can hold`, "");
  return { n, details: wanted };
}
