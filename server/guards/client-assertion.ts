import { digest } from "../digest.ts";
import { type Form, need } from "../oauth/form.ts";
import { OAuthError } from "../oauth/oauth-error.ts";
import type { Storage } from "../storage/storage.ts";
import { ClientError, type Clients } from "../vendors/clients.ts";
import type { Vendor } from "../vendors/metadata.ts";
import { objectOf, takeApart } from "./compact-jws.ts";
import { isSignedBy } from "./public-key.ts";

const TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** Seconds. */
const LONGEST = 300;
const FUTURE = 10;

interface Circumstances {
  readonly storage: Pick<Storage, "once">;
  readonly clients: Clients;
  readonly issuer: string;
  readonly now: () => number;
  /** Epoch milliseconds at which this process began. */
  readonly started: number;
}

const wrong = (reason: string): OAuthError => new OAuthError("invalid_client", reason);

/** Proves which vendor calls: private_key_jwt (RFC 7523; FAPI 2.0, 5.3.2.1), each assertion once. @throws {OAuthError} `invalid_client` */
export async function proveClient(form: Form, { storage, clients, issuer, now: clock, started }: Circumstances): Promise<Vendor> {
  if (form.get("client_assertion_type") !== TYPE) throw wrong("client_assertion_type is not jwt-bearer");
  const parts = takeApart(need(form, "client_assertion"));
  const header = parts && objectOf(parts.header);
  const claims = parts && objectOf(parts.payload);
  if (parts === undefined || header === undefined || claims === undefined || header.crit !== undefined)
    throw wrong("client_assertion is not a JWT");
  const { iss, sub, aud, exp, iat, nbf, jti } = claims;
  const now = clock() / 1000;
  if (typeof iss !== "string" || iss !== sub || (form.has("client_id") && form.get("client_id") !== iss))
    throw wrong("iss, sub and client_id of the assertion differ");
  if (aud !== issuer) throw wrong("aud of the assertion is not the issuer, as a string");
  if (typeof exp !== "number" || now >= exp || exp > now + LONGEST + FUTURE)
    throw wrong(`exp of the assertion is past, or more than ${LONGEST} seconds away`);
  if (typeof iat !== "number" || iat > now + FUTURE) throw wrong("iat of the assertion is missing or in the future");
  if (nbf !== undefined && (typeof nbf !== "number" || nbf > now + FUTURE)) throw wrong("nbf of the assertion is in the future");
  // A restart forgets what was used; so what was made before it does not count.
  if (iat < Math.floor(started / 1000)) throw wrong("the assertion is older than this server");
  if (typeof jti !== "string" || jti.length < 1 || jti.length > 200) throw wrong("jti of the assertion has 1 to 200 characters");
  try {
    const key = await clients.keyOf(iss, header.kid, header.alg);
    if (!isSignedBy(key, parts.signed, Buffer.from(parts.signature, "base64url"))) throw wrong("the assertion's signature is wrong");
    const vendor = await clients.find(iss);
    if (!(await storage.once("assertion", digest(`${iss}\n${jti}`), (exp + FUTURE) * 1000))) throw wrong("this assertion was used before");
    return vendor;
  } catch (error) {
    if (error instanceof ClientError) throw wrong(error.message);
    throw error;
  }
}
