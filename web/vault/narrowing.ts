import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { canonical } from "#protocol/canonical.ts";
import { isEnded } from "#protocol/grant.ts";
import { isNoWider, lastExpiry } from "#protocol/narrow.ts";
import { aliasesOf, learnAliases, renamedDetails } from "./aliases.ts";
import type { Change } from "./change.ts";
import { type Context, storeOf } from "./context.ts";
import { give, withGiven } from "./giving.ts";
import { type KnownGrant, stateOfGrant } from "./grants.ts";
import type { OpenStore } from "./open-store.ts";
import { outside } from "./plan.ts";
import { read } from "./reading.ts";
import { grantKeyOf } from "./relationship.ts";
import { VaultError } from "./vault.ts";
import { backfill, write } from "./writing.ts";

/** Each attempt that fails is another device's commit: as many as a customer's devices could make at one moment. */
const ATTEMPTS = 64;

/**
 * A new consent without a prompt, since it can only take away. Where another device was first it follows that device's, if it is still
 * narrower; so of any number that narrow at a time each outcome is one that was wished, and none undoes another.
 */
export async function narrow(context: Context, grant: string, details: AuthorizationDetails): Promise<void> {
  const first = knownOf(storeOf(context), grant, context.now());
  if (first === undefined) throw new VaultError("invalid", "no such grant, or ended");
  const wanted = await asGranted(storeOf(context), first, details);
  const isSame = (known: KnownGrant): boolean => canonical(known.consent.authorization_details) === canonical(wanted);
  if (isSame(first) || !fits(wanted, first, context.now())) throw new VaultError("invalid", "not narrower than what is in force");
  let rest: readonly string[] = [grant];
  try {
    ({ rest } = await write(context, (store) => change(store, grant, wanted, context.now()), ATTEMPTS));
  } catch (error) {
    // Its answer was lost, or another device wished the same.
    const known = knownOf(storeOf(context), grant, context.now());
    if (!(error instanceof VaultError && error.code === "stale" && known !== undefined && isSame(known))) throw error;
  }
  // The next opening sees to what is left.
  await backfill(context, rest, true)
    .then(() => tidy(context, grant))
    .catch(() => read(context).catch(() => undefined));
}

async function change(store: OpenStore, grant: string, details: AuthorizationDetails, now: number): Promise<Change> {
  const known = knownOf(store, grant, now);
  if (known === undefined || !fits(details, known, now) || canonical(known.consent.authorization_details) === canonical(details))
    throw new VaultError("stale", "changed on another device");
  const { own, consent, relationship, at } = known;
  const giving = await give(
    [at, relationship],
    {
      grant: { id: grant, key: grantKeyOf(own) },
      details,
      client: own.client,
      // As it was shown with the consent in force: `cnf` is its thumbprint.
      vendorKey: { jkt: consent.cnf.jkt, jwk: own.client.encryption_key },
      notice: consent.notice,
      gpc: consent.gpc === true,
    },
    { known, request: null, now, restored: store.replica.restored },
  );
  return { contents: new Map([[at, { value: withGiven(relationship, giving, now) }]]), consent: giving.change };
}

const fits = (details: AuthorizationDetails, { consent }: KnownGrant, now: number): boolean =>
  details.length > 0 && isNoWider(details, consent.authorization_details) && lastExpiry(details) > now;

/** A grant that has not ended. */
export function knownOf({ grants }: OpenStore, grant: string, now: number): KnownGrant | undefined {
  const known = grants.get(grant);
  return known === undefined || isEnded(stateOfGrant(known, now)) ? undefined : known;
}

/** Details in the customer's own paths as the vendor of a grant names them, in whole seconds. */
async function asGranted(
  { aliases, contents }: OpenStore,
  known: KnownGrant,
  details: AuthorizationDetails,
): Promise<AuthorizationDetails> {
  const seconds = details.map((detail) => ({ ...detail, expires: `${detail.expires.slice(0, 19)}Z` }));
  await learnAliases(aliases, { id: known.grant, key: grantKeyOf(known.own), details: seconds }, contents.keys());
  return renamedDetails(seconds, aliasesOf(aliases, known.grant).byPath);
}

/** Commits until no leaf is left outside a grant's consent: one that came back into it by a later consent would be taken for a copy that is there. */
export async function tidy(context: Context, grant: string): Promise<void> {
  const isUntidy = (): boolean => {
    const store = storeOf(context);
    return outside(store, {}, context.now()).some((at) => store.replica.shares.get(at)?.grant === grant);
  };
  while (isUntidy()) await write(context, () => ({}));
}
