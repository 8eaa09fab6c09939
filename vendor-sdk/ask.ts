import { type AuthorizationDetail, CONSENT_TYPE, type Filter } from "../protocol/authorization-details.ts";
import { breach } from "../protocol/breach.ts";
import { PURPOSES } from "../protocol/purposes.ts";

/** What you want for one purpose: see {@link ask}. */
export interface Ask {
  /** Id of a purpose in the protocol's registry, such as `customer-management` or `delivery`. */
  purpose: string;
  /** Such as `profile/emails` or `profile/addresses:town`. */
  paths: readonly string[];
  /** Which purchases or wishes: of these categories, since this day (YYYY-MM-DD), for these recipients. Other paths aren't affected. */
  filter?: Filter;
  /** For how many days from now; at most 365. */
  days: number;
  /** Your own words by language, at most 140 characters each. */
  explanation?: Record<string, string>;
  /** One of the purpose's consequences; `nothing` unless told. */
  ifRefused?: string;
  /** PnD: how long you keep what you read; as long as the purpose allows unless told. */
  retention?: string;
  /** How often you may read; as often as the purpose allows unless told. */
  frequency?: { max: number; per?: string };
  /** ISO 3166 codes of the countries where you store it. */
  storageCountries?: string[];
}

/**
 * One object of `authorization_details` (RFC 9396): what you ask for one purpose, on the legal basis of consent.
 * @throws {TypeError} where it breaks the purpose's bounds, saying at which member
 */
export function ask(wish: Ask, now = new Date()): AuthorizationDetail {
  const purpose = PURPOSES.find((each) => each.id === wish.purpose);
  if (purpose === undefined) throw new TypeError(`purpose: expected one of ${PURPOSES.map((each) => each.id).join(", ")}`);
  const expires = new Date(now.getTime() + wish.days * 86_400_000);
  const detail: AuthorizationDetail = {
    type: CONSENT_TYPE,
    actions: ["read"],
    paths: [...wish.paths],
    ...(wish.filter === undefined ? {} : { filter: wish.filter }),
    purpose: purpose.iri,
    necessity: "optional",
    legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
    ...(wish.explanation === undefined ? {} : { explanation: wish.explanation }),
    retention: wish.retention ?? purpose.retention,
    expires: `${expires.toISOString().slice(0, 19)}Z`,
    frequency: wish.frequency ?? { ...purpose.frequency },
    ...(wish.storageCountries === undefined ? {} : { storage_countries: wish.storageCountries }),
    if_refused: wish.ifRefused ?? "nothing",
  };
  const found = breach([detail], now.getTime());
  if (found !== undefined) throw new TypeError(`ask${found.pointer}: ${found.reason}`);
  return detail;
}
