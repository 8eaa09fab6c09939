import type { Deps } from "../deps.ts";
import { signedJws } from "../signed-jws.ts";
import type { Vendor } from "../vendors/metadata.ts";
import { type Form, need } from "./form.ts";
import { type LiveToken, liveToken } from "./token-status.ts";

/** Media type of a signed answer (RFC 9701, 4). */
export const SIGNED = "application/token-introspection+jwt";

/** POST /oauth/introspect (RFC 7662): whether a token would be good for anything now, and what for. Only its own client learns anything. */
export async function introspect(deps: Deps, form: Form, vendor: Vendor): Promise<Record<string, unknown>> {
  const live = await liveToken(deps, need(form, "token"), vendor.row.clientId);
  return live === undefined ? { active: false } : { active: true, client_id: vendor.row.clientId, ...told(deps, live) };
}

function told({ config, accessTokens }: Deps, live: LiveToken): Record<string, unknown> {
  if (live.kind === "refresh") {
    const { row } = live.grant;
    return { iss: config.issuer, sub: row.subject, exp: row.expires / 1000, grant_id: live.grantId, authorization_details: row.details };
  }
  const { token } = live;
  const common = {
    iss: config.issuer,
    aud: accessTokens.audience,
    sub: token.subject,
    iat: token.iat,
    exp: token.exp,
    jti: token.jti,
    token_type: "DPoP",
    cnf: { jkt: token.jkt },
  };
  if (live.kind === "vendor") return { ...common, scope: live.token.scopes.join(" ") };
  const { grant, narrowed } = live.token;
  return { ...common, grant_id: grant, authorization_details: narrowed?.details ?? live.grant.row.details };
}

/** Whether the caller asks for a signed answer (RFC 9701, 4). */
export const wantsSigned = (accept: string | undefined): boolean =>
  (accept ?? "").split(",").some((each) => each.split(";")[0]?.trim().toLowerCase() === SIGNED);

/** The same as a JWT for this client (RFC 9701, 5): of another `typ` than a token, and with none of its claims beside it. */
export function signedIntrospection({ keys, config, now }: Deps, answer: Record<string, unknown>, vendor: Vendor): string {
  const claims = {
    iss: config.issuer,
    aud: vendor.row.clientId,
    iat: Math.floor(now() / 1000),
    token_introspection: answer,
  };
  return signedJws(keys, "token-introspection+jwt", claims);
}
