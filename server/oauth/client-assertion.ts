import { digest } from "../digest.ts";
import { objectOf, takeApart } from "../guards/compact-jws.ts";
import { isSignedBy } from "../guards/public-key.ts";
import type { Storage } from "../storage/storage.ts";
import { ClientError, type Clients } from "../vendors/clients.ts";
import type { Vendor } from "../vendors/metadata.ts";
import { type Form, need } from "./form.ts";
import { OAuthError } from "./oauth-error.ts";

const TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** Seconds. */
const LONGEST = 300;
const FUTURE = 10;

interface Circumstances {
  readonly storage: Pick<Storage, "once">;
  readonly clients: Clients;
  readonly issuer: string;
  readonly now: () => number;
  /** See `Deps.started`. */
  readonly started: number;
}

const wrong = (reason: string): OAuthError => new OAuthError("invalid_client", reason);

/**
 * Proves which vendor calls: private_key_jwt (RFC 7523; FAPI 2.0, 5.3.2.1), each assertion once.
 * @param newest whether its key set must be of just now: where the grant key will be sealed to the encryption key in it
 * @throws {OAuthError} `invalid_client`
 */
export async function proveClient(
  form: Form,
  { storage, clients, issuer, now: clock, started }: Circumstances,
  newest = false,
): Promise<Vendor> {
  if (!form.has("client_assertion")) throw wrong("client_assertion is needed: this server takes private_key_jwt");
  if (form.get("client_assertion_type") !== TYPE) throw wrong("client_assertion_type is not jwt-bearer");
  const parts = takeApart(need(form, "client_assertion"));
  const header = parts && objectOf(parts.header);
  const claims = parts && objectOf(parts.payload);
  if (parts === undefined || header === undefined || claims === undefined || header.crit !== undefined)
    throw wrong("client_assertion is not a JWT");
  const { iss, sub, aud, jti } = claims;
  if (typeof iss !== "string" || iss !== sub || (form.has("client_id") && form.get("client_id") !== iss))
    throw wrong("iss, sub and client_id of the assertion differ");
  if (aud !== issuer) throw wrong("aud of the assertion is not the issuer, as a string");
  const exp = checkTimes(claims, clock() / 1000, Math.floor(started / 1000));
  if (typeof jti !== "string" || jti.length < 1 || jti.length > 200) throw wrong("jti of the assertion has 1 to 200 characters");
  try {
    const signature = Buffer.from(parts.signature, "base64url");
    const vendor = await clients.prove(iss, header, (key) => isSignedBy(key, parts.signed, signature));
    if (!(await storage.once("assertion", digest(`${iss}\n${jti}`), (exp + FUTURE) * 1000))) throw wrong("this assertion was used before");
    return newest ? await clients.findNow(iss) : vendor;
  } catch (error) {
    if (error instanceof ClientError) throw wrong(error.message);
    throw error;
  }
}

/** Answers `exp`. Times in seconds. @throws {OAuthError} `invalid_client` */
function checkTimes({ exp, iat, nbf }: Record<string, unknown>, now: number, started: number): number {
  const isTime = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
  if (!isTime(exp) || now >= exp || exp > now + LONGEST + FUTURE)
    throw wrong(`exp of the assertion is missing, past, or more than ${LONGEST} seconds away`);
  if (iat !== undefined && (!isTime(iat) || iat > now + FUTURE)) throw wrong("iat of the assertion is in the future");
  if (nbf !== undefined && (!isTime(nbf) || nbf > now + FUTURE)) throw wrong("nbf of the assertion is in the future");
  // Where a restart forgets what was used, what the process before may have seen does not count.
  if (iat === undefined ? now <= started + LONGEST + FUTURE : iat < started) throw wrong("the assertion may be older than this server");
  return exp;
}
