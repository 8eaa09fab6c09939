import type { AuthorizationDetail, AuthorizationDetails } from "./authorization-details.ts";
import { canonical } from "./canonical.ts";
import { milliseconds } from "./duration.ts";
import { covers } from "./paths.ts";

/** Where and why one consent is wider than another. `pointer`: JSON Pointer into the narrower one's authorization_details. */
export interface Widening {
  pointer: string;
  reason: string;
}

type Detail = AuthorizationDetail;

/**
 * Whether what is `granted` says no more than what was `asked`: the one place that decides, for app, server, SDK and auditor
 * alike. Undefined if it is no wider; else the first place where it is. Each granted object needs an asked object of its own (or
 * one that was asked could be taken twice, at twice its frequency); what a customer can't change must be equal.
 */
export function widening(granted: AuthorizationDetails, asked: AuthorizationDetails): Widening | undefined {
  if (granted.length === 0) return { pointer: "", reason: "a consent needs one object" };
  const wider = granted.map((object) => asked.map((each) => objectWidening(object, each)));
  // Augmenting paths: the first that fits may be the only one that fits another.
  const holders = new Map<number, number>();
  const place = (index: number, tried: Set<number>): boolean =>
    asked.some((_, at) => {
      if (wider[index]?.[at] !== undefined || tried.has(at)) return false;
      tried.add(at);
      const holder = holders.get(at);
      if (holder !== undefined && !place(holder, tried)) return false;
      holders.set(at, index);
      return true;
    });
  for (const [index, object] of granted.entries()) {
    if (place(index, new Set())) continue;
    const found = wider[index]?.find((each, at) => each !== undefined && asked[at]?.purpose === object.purpose);
    return {
      pointer: `/${index}${found?.pointer ?? "/purpose"}`,
      reason: found?.reason ?? "this purpose was not asked for, or not so often",
    };
  }
  return undefined;
}

/** Whether `widening` finds nothing. */
export const isNoWider = (granted: AuthorizationDetails, asked: AuthorizationDetails): boolean => widening(granted, asked) === undefined;

const FIXED = ["type", "purpose", "necessity", "legal_basis", "explanation", "if_refused", "agreement"] as const;

function objectWidening(granted: Detail, asked: Detail): Widening | undefined {
  for (const member of FIXED) {
    if (canonical(granted[member] ?? null) !== canonical(asked[member] ?? null))
      return { pointer: `/${member}`, reason: "differs from what was asked" };
  }
  const action = granted.actions.findIndex((each) => !asked.actions.includes(each));
  if (action >= 0) return { pointer: `/actions/${action}`, reason: "this action was not asked for" };
  const path = granted.paths.findIndex((each) => !asked.paths.some((wide) => covers(wide, each)));
  if (path >= 0) return { pointer: `/paths/${path}`, reason: "this path was not asked for" };
  if (filterIsWider(granted.filter, asked.filter)) return { pointer: "/filter", reason: "lets through more than was asked" };
  if (milliseconds(granted.retention) > milliseconds(asked.retention)) return { pointer: "/retention", reason: "longer than was asked" };
  if (Date.parse(granted.expires) > Date.parse(asked.expires)) return { pointer: "/expires", reason: "later than was asked" };
  if (frequencyIsWider(granted.frequency, asked.frequency)) return { pointer: "/frequency", reason: "more often than was asked" };
  if (!isSubset(granted.recipients ?? [], asked.recipients ?? []))
    return { pointer: "/recipients", reason: "a recipient that was not named" };
  if (countriesAreWider(granted.storage_countries, asked.storage_countries))
    return { pointer: "/storage_countries", reason: "a country that was not named" };
  return undefined;
}

const isSubset = (some: readonly string[], all: readonly string[]): boolean => some.every((each) => all.includes(each));

// Where no country is named, nothing is said of any: neither is the lesser.
const countriesAreWider = (granted: Detail["storage_countries"], asked: Detail["storage_countries"]): boolean =>
  granted === undefined || asked === undefined ? granted !== asked : !isSubset(granted, asked);

/** Whether a filter lets through what another doesn't. */
export function filterIsWider(granted: Detail["filter"], asked: Detail["filter"]): boolean {
  if (asked === undefined) return false;
  if (asked.categories && !(granted?.categories && isSubset(granted.categories, asked.categories))) return true;
  if (asked.recipients && !(granted?.recipients && isSubset(granted.recipients, asked.recipients))) return true;
  return asked.since !== undefined && !(granted?.since !== undefined && granted.since >= asked.since);
}

/** `{max m1, per p1}` is no wider than `{max m2, per p2}` if m1 * ceil(p2 / p1) <= m2; without `per`, m1 <= m2 decides. */
export function frequencyIsWider(granted: Detail["frequency"], asked: Detail["frequency"]): boolean {
  if (asked === undefined) return false;
  if (granted === undefined) return true;
  if (granted.per === undefined) return granted.max > asked.max;
  if (asked.per === undefined) return true;
  return granted.max * Math.ceil(milliseconds(asked.per) / milliseconds(granted.per)) > asked.max;
}

/** Whether one object of a consent that lets `path` be read covers it. `now`: epoch milliseconds; an object that has ended by then says nothing. */
export const allowsRead = (details: AuthorizationDetails, path: string, now?: number): boolean =>
  details.some(
    (each) =>
      each.actions.includes("read") &&
      !(now !== undefined && now >= Date.parse(each.expires)) &&
      each.paths.some((wide) => covers(wide, path)),
  );

/** The last moment at which anything of these details holds: epoch milliseconds. */
export const lastExpiry = (details: AuthorizationDetails): number => Math.max(...details.map((each) => Date.parse(each.expires)));
