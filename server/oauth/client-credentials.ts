import { SCOPES, type Scope } from "#protocol/scopes.ts";
import type { Deps } from "../deps.ts";
import { TOKEN_LIFETIME } from "../guards/access-token.ts";
import type { Vendor } from "../vendors/metadata.ts";
import type { Form } from "./form.ts";
import { OAuthError } from "./oauth-error.ts";

/** A token of the vendor itself, for what needs no customer (RFC 6749, 4.4). @throws {OAuthError} `invalid_scope` */
export function byClientCredentials({ accessTokens }: Pick<Deps, "accessTokens">, form: Form, vendor: Vendor, jkt: string) {
  if (form.has("authorization_details"))
    throw new OAuthError("invalid_authorization_details", "only a customer grants these: client_credentials takes a scope", {
      pointer: "",
    });
  const { clientId } = vendor.row;
  const scopes = readScopes(form.get("scope"));
  return {
    access_token: accessTokens.make({ subject: clientId, clientId, grant: null, scopes, jkt }),
    token_type: "DPoP",
    expires_in: TOKEN_LIFETIME,
    scope: scopes.join(" "),
  };
}

function readScopes(text: string | undefined): Scope[] {
  const named = new Set(text?.split(" ") ?? []);
  const scopes = SCOPES.filter((scope) => named.has(scope));
  if (scopes.length === 0 || scopes.length !== named.size)
    throw new OAuthError("invalid_scope", `scope names one or more of: ${SCOPES.join(" ")}`);
  return scopes;
}
