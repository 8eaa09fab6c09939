import { LIMITS } from "#protocol/api.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest, instant } from "../digest.ts";
import { isLoopback } from "../loopback.ts";
import type { Rows } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";

/** Rows that are over go when another comes; more vendors than this said no to at a time are not remembered. */
const MOST = 1000;

/** A shop is the host of its documents, which its customers are shown: it may name any number of clients there. On this machine ports tell shops apart. */
function keyOf(clientId: string): string {
  const { hostname, host } = new URL(clientId);
  return digest(isLoopback(hostname) ? host : hostname);
}

/** A vendor that its customer said no to can't ask again for a while (experience, C10). Going back to it meanwhile begins no other while. */
export async function refuseVendor(store: StoreWriter<Rows>, clientId: string, now: number): Promise<void> {
  if ((await refusedUntil(store, clientId, now)) !== undefined) return;
  const rows = await store.list("refusals", { limit: MOST });
  const over = rows.filter(([, { until }]) => until <= now);
  for (const [key] of over) store.delete("refusals", key);
  if (rows.length - over.length < MOST) store.put("refusals", keyOf(clientId), { until: now + LIMITS.refusal });
}

/** Until when this vendor can't ask; undefined: it can. Epoch milliseconds. */
export async function refusedUntil(store: StoreReader<Rows>, clientId: string, now: number): Promise<number | undefined> {
  const until = (await store.get("refusals", keyOf(clientId)))?.until ?? 0;
  return until > now ? until : undefined;
}

/** Takes it back. Answers whether there was something to take back. */
export async function reopenVendor(store: StoreWriter<Rows>, clientId: string, now: number): Promise<boolean> {
  const was = (await refusedUntil(store, clientId, now)) !== undefined;
  store.delete("refusals", keyOf(clientId));
  return was;
}

/** @throws {Refusal} `refused_before` */
export async function requireUnrefused(store: StoreReader<Rows>, clientId: string, now: number): Promise<void> {
  const until = await refusedUntil(store, clientId, now);
  if (until === undefined) return;
  throw new Refusal("refused_before", "You said no to this shop not long ago. If you have changed your mind, say so first.", {
    pointer: "/consent/request",
    extra: { until: instant(until) },
  });
}
