import { hashOfJson } from "#protocol/canonical.ts";
import { hashOfConsent, readConsent } from "#protocol/consent-token.ts";
import { approve } from "./acts.ts";
import { type Context, sessionOf, storeOf } from "./context.ts";
import { stateOfGrant } from "./grants.ts";
import type { OpenStore } from "./open-store.ts";
import { read } from "./reading.ts";
import { isRefusal } from "./server.ts";
import { outline, readRows } from "./unlock.ts";
import { type Receipt, VaultError } from "./vault.ts";
import { completedWays } from "./ways.ts";
import { backfill, refuseAlarmed, TOGETHER, write } from "./writing.ts";

/** Stops that a device remembers whole. */
const STOPS = 1000;

async function look(context: Context): Promise<void> {
  await (context.store === undefined ? outline(context) : read(context));
  context.publish({ changed: true });
}

export async function pause(context: Context, grant: string): Promise<void> {
  await context.server.call("pause", { params: { id: grant }, body: {} });
  await look(context);
}

export async function pauseAll(context: Context): Promise<{ paused: number }> {
  const answer = await context.server.call("pauseAll", { body: {} });
  await look(context);
  return answer;
}

/** Pauses at once, then ends it by an act. Needs no key: the object is the latest consent, which this device or the server names. */
export async function stop(context: Context, grant: string, { askDeletion }: { askDeletion: boolean }): Promise<void> {
  const { account, ways } = sessionOf(context);
  await context.server.call("pause", { params: { id: grant }, body: {} }).catch((error: unknown) => {
    // Paused or ended already: the act decides.
    if (!isRefusal(error, "grant_not_active", "grant_paused", "grant_ended", "version_not_newer", "taken")) throw error;
  });
  await look(context).catch(() => undefined);
  const object =
    context.store?.grants.get(grant)?.own.hash ??
    (await context.memory.read(account))?.consents[grant]?.hash ??
    (await consentByRow(context, grant));
  const act = await approve(context, { action: "revoke", grant, object }, context.store?.replica.ways ?? ways);
  await context.server.call("revoke", { params: { id: grant }, body: { act, askDeletion } });
  const hash = await hashOfJson(act);
  await context.memory.change(account, (old) => ({
    ...old,
    ends: { ...old.ends, [grant]: hash },
    stops: { ...Object.fromEntries(Object.entries(old.stops ?? {}).slice(1 - STOPS)), [grant]: { act, askDeletion } },
  }));
  await look(context);
}

async function consentByRow(context: Context, grant: string): Promise<string> {
  const row = (await readRows(context)).find((each) => each.grant === grant);
  if (row === undefined) throw new VaultError("failed", "no such grant");
  return hashOfConsent(row.consent);
}

/** Lifts the pauses that are seen, by one act, and shares what changed meanwhile. */
export async function resume(context: Context, ...ids: string[]): Promise<void> {
  const store = storeOf(context);
  refuseAlarmed(store);
  const resumes = ids.map((grant) => ({ grant, pause: pauseOf(store, grant, context.now()) }));
  if (resumes.length === 0) throw new VaultError("invalid", "nothing to resume");
  const act = await approve(
    context,
    { action: "resume", grant: ids.length === 1 ? (ids[0] as string) : null, object: await hashOfJson(resumes) },
    store.replica.ways,
  );
  const { rest } = await write(context, async (now) => {
    if (resumes.some(({ grant, pause }) => now.grants.get(grant)?.row?.paused?.position !== pause))
      throw new VaultError("stale", "paused again");
    const ways = await completedWays(context, now, act);
    return { resumes, backfill: ids.slice(0, TOGETHER), acts: [act], ...(ways === undefined ? {} : { ways }) };
  });
  await backfill(context, rest, true);
  await backfill(context, ids.slice(TOGETHER));
}

function pauseOf({ grants }: OpenStore, grant: string, now: number): number {
  const known = grants.get(grant);
  const paused = known?.row?.paused;
  if (known === undefined || paused == null || stateOfGrant(known, now) !== "paused") throw new VaultError("invalid", "not paused");
  return paused.position;
}

export function receipt(context: Context, grant: string): Receipt {
  const known = storeOf(context).grants.get(grant);
  if (known === undefined) throw new VaultError("invalid", "no such grant");
  const { own } = known;
  return {
    grant,
    consent: own.token,
    claims: readConsent(own.token),
    client: own.client,
    pauseLink: known.row?.ended == null ? `${context.place.origin}/pause#${grant}.${own.pauseSecret}` : null,
  };
}

/** @param fragment of the link: `<grant>.<secret>` */
export async function pauseByLink(context: Context, fragment: string): Promise<{ name: string }> {
  const [, grant, secret] = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(fragment) ?? [];
  if (grant === undefined || secret === undefined) throw new VaultError("expired_link", "not a whole link");
  try {
    return { name: (await context.server.call("pauseByLink", { body: { grant, secret } })).client_name };
  } catch (error) {
    if (isRefusal(error, "not_found", "grant_ended")) throw new VaultError("expired_link", "used or ended", error.reference);
    throw error;
  }
}
