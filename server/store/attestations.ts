import { answers } from "#protocol/deletion.ts";
import type { ErasureAttestation } from "#protocol/erasure-attestation.ts";
import { readJws } from "#protocol/jws.ts";
import { Refusal } from "#protocol/refusal.ts";
import { type AttestationRow, ordered, type Rows } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";
import { setDue } from "./calendar.ts";
import { forgetReminder, owedNow } from "./deletion.ts";
import { note } from "./history.ts";
import type { Grant } from "./shares.ts";

/** Of one grant. */
const MOST = 20;

export const attestationsOf = (store: StoreReader<Rows>, grant: string): Promise<Array<[key: string, row: AttestationRow]>> =>
  store.list("attestations", { prefix: `${grant}/`, limit: MOST });

/** An attestation that was verified, as it came and by the public JWK that verified it. */
export interface Verified {
  readonly claims: ErasureAttestation;
  readonly token: string;
  readonly key: Readonly<Record<string, unknown>>;
}

/** Keeps it, and answers when it came: of one that is there already, when it first did. @throws {Refusal} `invalid_attestation` */
export async function keepAttestation(
  store: StoreWriter<Rows>,
  grant: string,
  known: Grant,
  { claims, token, key }: Verified,
  now: number,
): Promise<number> {
  const rows = await attestationsOf(store, grant);
  const same = rows.find(([each]) => each.slice(grant.length + 13) === claims.jti);
  if (same !== undefined) {
    // Signatures of one thing may differ (ECDSA); what is signed may not.
    if (payloadOf(same[1].token) === payloadOf(token)) return same[1].received;
    throw new Refusal("invalid_attestation", "Another attestation has this jti.", { pointer: "/attestation" });
  }
  if (rows.length >= MOST) store.delete("attestations", oldest(rows, claims.reason));
  store.put("attestations", `${grant}/${ordered(now)}/${claims.jti}`, { token, key, received: now });
  const owed = owedNow(known, now);
  if (owed !== undefined && answers(owed, claims)) {
    forgetReminder(store, grant, owed);
    store.put("standings", grant, { ...known.standing, deletion: { ...owed, attested: now } });
    await setDue(store);
  }
  await note(store, { at: now, type: "attest", grant, number: claims.n });
  return now;
}

const payloadOf = (token: string): string => token.split(".")[1] ?? "";

/** The oldest of the same reason; else what says least: that retention had lapsed; else the oldest. */
function oldest(rows: ReadonlyArray<[key: string, row: AttestationRow]>, reason: ErasureAttestation["reason"]): string {
  const said = rows.map(([key, { token }]) => ({
    key,
    reason: (readJws(token, ["alg", "kid", "typ"]).payload as ErasureAttestation).reason,
  }));
  const goes = said.find((each) => each.reason === reason) ?? said.find((each) => each.reason === "retention") ?? said[0];
  return goes?.key ?? "";
}
