import { CompactSign } from "jose";
import * as v from "valibot";
import { canonical, hashOfJson, utf8 } from "../protocol/canonical.ts";
import { ATTESTATION_TYP, type ErasureAttestation, REMAINS, type Remainder } from "../protocol/erasure-attestation.ts";
import { unclear } from "../protocol/plain-words.ts";
import { Day, Words } from "../protocol/shapes.ts";
import type { Party } from "./party.ts";
import type { Done, StoredGrant } from "./state.ts";

/** Entries of `did` and `remains` that an attestation can have. */
const MOST = 50;

/** What the SDK itself did of every erasure, besides its sinks. */
const OWN = "the sealed copies kept beside it were erased";

/**
 * A sink's words as an attestation can carry them: a driver's mistake must not hold up what is owed to a customer. What isn't fit to be
 * shown goes; what is too long is cut.
 */
function fit(text: string, most: number): string {
  const plain = text
    .normalize("NFC")
    .replace(/\p{C}|\p{Z}/gu, " ")
    .trim();
  const shown = [...plain].slice(0, most).join("").slice(0, most).trim();
  return isPlain(shown, most) ? shown : "something that has no plain name";
}

/** Whether a server takes these words to be shown to a customer. */
export const isPlain = (text: string, most: number): boolean => v.is(Words(most), text) && unclear(text) === undefined;

const fitRemainder = ({ what, why, until, note }: Remainder): Remainder => ({
  what: fit(what, 100),
  why: REMAINS.includes(why) ? why : "technical",
  until: v.is(Day, until) ? until : null,
  ...(note === undefined ? {} : { note: fit(note, 200) }),
});

/** The same words of two sinks once. */
const once = <T>(items: readonly T[]): T[] => [...new Map(items.map((item) => [canonical(item), item])).values()];

export const fitDone = ({ did, remains }: { did: readonly string[]; remains: readonly Remainder[] }): Done => ({
  did: did.slice(0, MOST).map((each) => fit(each, 100)),
  remains: remains.slice(0, MOST).map(fitRemainder),
});

/** What is attested of a grant when every sink has done its part. The same erasure gives the same `jti`, also after a crash. @param now epoch milliseconds */
export async function claimsOf(
  party: Party,
  grant: StoredGrant,
  owes: NonNullable<StoredGrant["owes"]>,
  now: number,
): Promise<ErasureAttestation> {
  const { reason, since, n, by } = owes;
  const parts = Object.values(by);
  const most = reason === "narrowed" ? MOST : MOST - 1;
  return {
    iss: party.clientId,
    aud: grant.server ?? party.server,
    jti: await hashOfJson(["counterfoil/attestation/v1", grant.id, n, reason, since]),
    iat: Math.floor(now / 1000),
    grant_id: grant.id,
    n,
    reason,
    at: new Date(now).toISOString(),
    did: [...once(parts.flatMap(({ did }) => did)).slice(0, most), ...(reason === "narrowed" ? [] : [OWN])],
    remains: once(parts.flatMap(({ remains }) => remains)).slice(0, MOST),
  };
}

/** A compact JWS by the signing key in use, header and payload canonical. */
export async function signAttestation({ keys }: Pick<Party, "keys">, claims: ErasureAttestation): Promise<string> {
  const { alg, kid, key } = keys.signing;
  return new CompactSign(utf8(canonical(claims)))
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }), typ: ATTESTATION_TYP })
    .sign(await key);
}
