import { canonical } from "../protocol/canonical.ts";
import { kindAt } from "../protocol/categories.ts";
import { type Consent, readConsent } from "../protocol/consent-token.ts";
import { takesAway } from "../protocol/deletion.ts";
import { allowsRead, isNoWider } from "../protocol/narrow.ts";
import { covers, splitPath } from "../protocol/paths.ts";
import { openGrantKey, openKept, type VerifiedConsent } from "./evidence.ts";
import { owing } from "./owing.ts";
import type { Party } from "./party.ts";
import type { StoredGrant } from "./state.ts";

/** The grant under a consent that was found good: what is remembered of it however a read ends can only make the next check stricter. */
export function accepted(grant: StoredGrant, { token, consent, hash }: VerifiedConsent): StoredGrant {
  const details = consent.authorization_details;
  const before = grant.consent === null ? undefined : readConsent(grant.consent.token).authorization_details;
  const asked = isNoWider(details, grant.asked) ? grant.asked : (grant.offers.find((offer) => isNoWider(details, offer)) ?? grant.asked);
  const next: StoredGrant = {
    ...grant,
    pin: consent.iss,
    consent: { token, n: consent.n, hash },
    details,
    asked,
    offers: asked === grant.asked ? grant.offers : [],
  };
  if (before === undefined || grant.consent?.n === consent.n || !takesAway(before, details, consent.iat * 1000)) return next;
  // Of each narrowing for itself: what a sink did of an earlier one says nothing of this one.
  const since = new Date(consent.iat * 1000).toISOString();
  return owing(grant.owes?.reason === "narrowed" ? { ...next, owes: null } : next, "narrowed", since);
}

/** Without the shares that the consent no longer covers. */
export function withinConsent(grant: StoredGrant): StoredGrant {
  const kept = Object.entries(grant.shares).filter(([path]) => allowsRead(grant.details, path));
  return kept.length === Object.keys(grant.shares).length ? grant : { ...grant, shares: Object.fromEntries(kept) };
}

/**
 * The same where no read may follow, so that nobody says record by record what a tighter filter takes away: what can't be told from
 * the value as it is held goes too, and comes again with the next read.
 */
export async function withinFilters(party: Party, before: StoredGrant, after: StoredGrant): Promise<StoredGrant> {
  const grant = withinConsent(after);
  if (before.consent === null || grant.consent === null || grant.grantKey === null) return grant;
  const old = readConsent(before.consent.token);
  const asked = Object.entries(grant.shares).filter(
    ([path]) => kindAt(path)?.passes !== undefined && filtersOf(old, path) !== filtersOf({ authorization_details: grant.details }, path),
  );
  if (asked.length === 0) return grant;
  const key = await openGrantKey(party, readConsent(grant.consent.token), grant.grantKey);
  const gone = new Set<string>();
  for (const [path, kept] of asked) {
    const content = splitPath(path).form === undefined ? await openKept(async () => key, grant.id, path, kept) : undefined;
    if (content === undefined || !("value" in content) || !passes(grant, path, content.value)) gone.add(path);
  }
  if (gone.size === 0) return grant;
  return { ...grant, cursor: null, shares: Object.fromEntries(Object.entries(grant.shares).filter(([path]) => !gone.has(path))) };
}

const covering = ({ authorization_details }: Pick<Consent, "authorization_details">, path: string) =>
  authorization_details.filter(({ actions, paths }) => actions.includes("read") && paths.some((wide) => covers(wide, path)));

const filtersOf = (consent: Pick<Consent, "authorization_details">, path: string): string =>
  canonical(covering(consent, path).map(({ filter }) => filter ?? null));

const passes = (grant: StoredGrant, path: string, value: unknown): boolean =>
  covering({ authorization_details: grant.details }, path).some(
    ({ filter }) => filter === undefined || (value !== null && kindAt(path)?.passes?.(value as never, filter) === true),
  );
