import { ATTESTATION_AHEAD, ATTESTATION_SKEW } from "#protocol/deletion.ts";
import { type ErasureAttestation, verifyAttestation } from "#protocol/erasure-attestation.ts";
import { isEnded } from "#protocol/grant.ts";
import { EvidenceError, readJws } from "#protocol/jws.ts";
import { unclear } from "#protocol/plain-words.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { instant } from "../digest.ts";
import { limitRate } from "../guards/rate.ts";
import { keepAttestation, type Verified } from "../store/attestations.ts";
import { type Grant, stateNow } from "../store/shares.ts";
import { changeOwn, readOwn } from "../store/vendors-grant.ts";
import { ClientError } from "../vendors/clients.ts";
import { type Endpoints, provenVendor } from "./endpoint.ts";

/** For each grant, in a minute and in a day: each that is taken is a line in its customer's history, also after the end. */
const MOST = 30;
const MOST_IN_A_DAY = 100;
const DAY = 86_400_000;

const wrong = (detail: string, cause?: unknown): Refusal => new Refusal("invalid_attestation", detail, { pointer: "/attestation", cause });

/** A vendor's signed word that it has deleted (protocol, section 8). */
export const attestations: Endpoints<"attest"> = {
  async attest(deps, call) {
    const { storage } = deps;
    const now = deps.now();
    const asked = { clientId: provenVendor(call).clientId, grant: call.id, now };
    await limitRate(storage, "attest", `${asked.clientId} ${call.id}`, MOST, now);
    // Whose grant it is comes first: no key is fetched for a stranger's.
    await readOwn(storage, asked, async () => undefined);
    await limitRate(storage, "attest-day", call.id, MOST_IN_A_DAY, now, DAY);
    const verified = await verify(deps, asked.clientId, call.id, call.body.attestation);
    const received = await changeOwn(storage, asked, async (store, known) => {
      requirePlausible(verified.claims, known, now);
      requirePlain(verified.claims);
      return keepAttestation(store, call.id, known, verified, now);
    });
    return { received: instant(received) };
  },
};

async function verify({ clients, config }: Deps, clientId: string, grant: string, token: string): Promise<Verified> {
  try {
    const { header } = readJws(token, ["alg", "kid", "typ"]);
    const { alg, kid } = header;
    if (typeof kid !== "string" || typeof alg !== "string") throw wrong("The header has exactly alg, kid and typ.");
    const key = { ...(await clients.keyOf(clientId, kid, alg)).key.export({ format: "jwk" }), kid, alg };
    return { claims: await verifyAttestation(token, { key, issuer: clientId, audience: config.issuer, grant }), token, key };
  } catch (error) {
    if (error instanceof ClientError) throw wrong(`The signing key is not found: ${error.message}.`, error);
    if (error instanceof EvidenceError) throw wrong(`This attestation is refused: ${error.message}.`, error);
    throw error;
  }
}

/** Words of a vendor are plain (protocol, section 5). @throws {Refusal} `invalid_attestation` */
function requirePlain({ did, remains, statement }: ErasureAttestation): void {
  const told = [...did, ...remains.flatMap(({ what, note }) => (note === undefined ? [what] : [what, note]))];
  for (const text of statement === undefined ? told : [...told, statement]) {
    const reason = unclear(text);
    if (reason !== undefined) throw wrong(`Some of its words can't be shown: ${reason}.`);
  }
}

/** What can't be so. @throws {Refusal} `invalid_attestation` */
function requirePlausible({ n, at, iat, reason }: ErasureAttestation, known: Grant, now: number): void {
  const { row } = known;
  if (n > (row.n ?? 1)) throw wrong("This grant never had a consent with this n.");
  const done = Date.parse(at);
  if (done > now + ATTESTATION_AHEAD || iat * 1000 > now + ATTESTATION_AHEAD)
    throw wrong("What was done can't lie ahead. Check this machine's clock.");
  if (done < row.given - ATTESTATION_SKEW) throw wrong("This was done before the grant was given.");
  if (reason === "narrowed" && n < 2) throw wrong("A narrowing is attested with the n of the narrower consent.");
  if (reason !== "narrowed" && reason !== "retention" && !isEnded(stateNow(known, now))) throw wrong("This grant has not ended.");
}
