import type { Client, Deletion, GrantView, HistoryEntry, PasskeyView } from "#protocol/api.ts";
import type { Epoch } from "#protocol/epoch.ts";
import { SUCCESSIONS, type SuccessionEvidence } from "#protocol/succession.ts";
import type { Way, WaySeal } from "#protocol/ways.ts";
import { instant } from "../digest.ts";
import {
  type DeletionRow,
  fromOrdered,
  type HistoryRow,
  type PasskeyRow,
  type Rows,
  type SealRow,
  type VendorRow,
  type WayRow,
} from "../rows.ts";
import type { StoreReader } from "../storage/storage.ts";
import { attestationsOf } from "./attestations.ts";
import { owedNow } from "./deletion.ts";
import { wholeLine } from "./history.ts";
import type { Grant } from "./shares.ts";

export const clientView = (row: VendorRow): Client => ({
  client_id: row.clientId,
  client_name: row.clientName,
  legal_name: row.legalName,
  country: row.country,
  dpo_contact: row.dpoContact,
  client_uri: row.clientUri,
  policy_uri: row.policyUri,
  domain: row.domain,
  encryption_key: row.encryptionKey,
  since: instant(row.since),
  document: row.document,
});

/** @param now what the clock alone has ended is owed, too */
export async function grantView(
  store: StoreReader<Rows>,
  grant: string,
  known: Grant,
  { now, health }: { now: number; health: (clientId: string) => Promise<GrantView["stream"]> },
): Promise<GrantView> {
  const { row, standing } = known;
  const owed = owedNow(known, now);
  return {
    grant,
    number: row.number,
    client: clientView(row.vendor),
    consent: row.consent,
    complete: standing.complete,
    given: instant(row.given),
    paused: standing.paused && { position: standing.paused.position, at: instant(standing.paused.at) },
    ended: standing.ended && { ...standing.ended, at: instant(standing.ended.at) },
    reads: { count: standing.reads, last: momentOf(standing.lastRead) },
    deletion: owed === undefined ? null : await deletionView(store, grant, owed),
    stream: await health(row.vendor.clientId),
  };
}

const momentOf = (at: number | null): string | null => (at === null ? null : instant(at));

const deletionView = async (store: StoreReader<Rows>, grant: string, { reason, since, n, by, told }: DeletionRow): Promise<Deletion> => ({
  reason,
  since: instant(since),
  n,
  by: momentOf(by),
  told: momentOf(told),
  attestations: (await attestationsOf(store, grant)).map(([, { token, key, received }]) => ({ token, key, received: instant(received) })),
});

export const passkeyView = (way: string, row: PasskeyRow): PasskeyView => ({
  way,
  aaguid: row.aaguid,
  created: instant(row.created),
  lastUsed: instant(row.lastUsed),
  backedUp: row.backedUp,
});

export async function historyEntry(store: StoreReader<Rows>, key: string, row: HistoryRow): Promise<HistoryEntry> {
  const line = await wholeLine(store, row);
  return { position: fromOrdered(key), ...line, at: instant(line.at), paths: [...line.paths] };
}

const wayView = (id: string, row: WayRow): Way => ({ id, kind: row.kind, key: row.key, passkey: row.passkey, sign: row.sign });
const sealView = (id: string, row: SealRow): WaySeal => ({ id, box: row.box, epoch: row.epoch, envelope: row.envelope });

export const waysOf = async (store: StoreReader<Rows>): Promise<Way[]> =>
  (await store.list("ways", { limit: 40 })).map(([id, row]) => wayView(id, row));

/** What a way in needs to open the store. */
export async function openingOf(
  store: StoreReader<Rows>,
): Promise<{ head: string; ways: Way[]; seals: WaySeal[]; epochs: Epoch[]; successions: SuccessionEvidence[] }> {
  return {
    head: (await store.get("store", "store"))?.head ?? "",
    ways: await waysOf(store),
    seals: (await store.list("seals", { limit: 40 })).map(([id, row]) => sealView(id, row)),
    epochs: (await store.list("epochs", { limit: 1000 })).map(([key, row]) => ({
      epoch: fromOrdered(key),
      identity: row.identity,
      previous: row.previous,
    })),
    successions: (await store.list("successions", { limit: SUCCESSIONS })).map(([, { token, head, ways }]) => ({
      token,
      head,
      ways: ways.map((way) => wayView(way.id, way)),
    })),
  };
}
