import { hashOfJson } from "../protocol/canonical.ts";
import { readConsent } from "../protocol/consent-token.ts";
import { lastExpiry } from "../protocol/narrow.ts";
import type { SubjectRecord } from "./crm/sink.ts";
import { CounterfoilError } from "./error.ts";
import { openGrantKey, openKept } from "./evidence.ts";
import { rowKey } from "./grant.ts";
import { inForce, keptPaths } from "./keeping.ts";
import type { Party } from "./party.ts";
import type { StoredGrant } from "./state.ts";

/** What a row would be made of, without opening it: two equal prints are two equal rows. */
export const printOf = (grant: StoredGrant, now: number): Promise<string> =>
  hashOfJson([
    grant.consent?.hash ?? null,
    grant.paused,
    inForce(grant, now),
    keptPaths(grant, now).map((path) => [path, grant.shares[path]?.version ?? 0]),
  ]);

/** Current values by path: opened from the shares as they came. A value that the customer left empty is absent. @param only this path alone */
export async function fieldsOf(party: Party, grant: StoredGrant, now: number, only?: string): Promise<Record<string, unknown>> {
  const paths = keptPaths(grant, now).filter((path) => only === undefined || path === only);
  if (paths.length === 0) return {};
  if (grant.consent === null || grant.grantKey === null)
    throw new CounterfoilError("integrity", "shares are kept without their consent", { reason: "state" });
  const { token } = grant.consent;
  const sealed = grant.grantKey;
  let opening: Promise<Uint8Array> | undefined;
  // Only where something isn't open already.
  const key = (): Promise<Uint8Array> => {
    opening ??= openGrantKey(party, readConsent(token), sealed);
    return opening;
  };
  const pairs = await Promise.all(
    paths.map(async (path) => {
      const content = await openKept(key, grant.id, path, grant.shares[path] as StoredGrant["shares"][string]);
      return [path, "value" in content ? content.value : null] as const;
    }),
  );
  return Object.fromEntries(pairs.filter(([, value]) => value !== null));
}

/** @param only of the values this one alone */
export async function recordOf(party: Party, grant: StoredGrant, now: number, only?: string): Promise<SubjectRecord> {
  const details = inForce(grant, now);
  const purposes = [...new Set(details.map(({ purpose }) => purpose))];
  const gpc = grant.consent !== null && readConsent(grant.consent.token).gpc === true;
  const endOf = (purpose: string): string => new Date(lastExpiry(details.filter((each) => each.purpose === purpose))).toISOString();
  return {
    key: await rowKey(grant.id),
    fields: await fieldsOf(party, grant, now, only),
    consent: {
      gpc,
      // "Do not sell or share" (Global Privacy Control) takes back what was granted of others.
      recipients: gpc ? [] : [...new Set(details.flatMap(({ recipients = [] }) => recipients))],
      given: new Date(grant.given).toISOString(),
      until: new Date(lastExpiry(grant.details)).toISOString(),
      paused: grant.paused,
      n: grant.consent?.n ?? 0,
      purposes,
      ends: Object.fromEntries(purposes.map((purpose) => [purpose, endOf(purpose)])),
      paths: [...new Set(details.flatMap(({ paths }) => paths))],
    },
  };
}
