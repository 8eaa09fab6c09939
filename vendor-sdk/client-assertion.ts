import { SignJWT } from "jose";
import type { Party } from "./party.ts";
import { newToken } from "./random.ts";

const TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** private_key_jwt (RFC 7523, 2.2); `aud` is the issuer as a string and nothing else (FAPI 2.0, 5.3.3.1). Good for one request. */
export async function clientAssertion({ clientId, server, keys, now }: Party): Promise<Record<string, string>> {
  const { alg, kid, key } = keys.signing;
  const seconds = Math.floor(now() / 1000);
  const assertion = await new SignJWT({ iss: clientId, sub: clientId, aud: server, jti: newToken(), iat: seconds, exp: seconds + 60 })
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .sign(await key);
  return { client_id: clientId, client_assertion_type: TYPE, client_assertion: assertion };
}
