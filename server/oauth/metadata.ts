import { CONSENT_TYPE } from "#protocol/authorization-details.ts";
import { OUR_ALGORITHM, VENDOR_ALGORITHMS } from "#protocol/jws.ts";
import { SCOPES } from "#protocol/scopes.ts";

/** How a client proves itself at an endpoint (RFC 8414, 2). */
const authentication = (endpoint: string) => ({
  [`${endpoint}_endpoint_auth_methods_supported`]: ["private_key_jwt"],
  [`${endpoint}_endpoint_auth_signing_alg_values_supported`]: VENDOR_ALGORITHMS,
});

/** GET /.well-known/oauth-authorization-server (RFC 8414): what is really served, nothing else. */
export const authorizationServerMetadata = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/oauth/authorize`,
  token_endpoint: `${issuer}/oauth/token`,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  pushed_authorization_request_endpoint: `${issuer}/oauth/par`,
  require_pushed_authorization_requests: true,
  revocation_endpoint: `${issuer}/oauth/revoke`,
  introspection_endpoint: `${issuer}/oauth/introspect`,
  response_types_supported: ["code"],
  response_modes_supported: ["query"],
  grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
  scopes_supported: SCOPES,
  ...authentication("token"),
  ...authentication("revocation"),
  ...authentication("introspection"),
  introspection_signing_alg_values_supported: [OUR_ALGORITHM],
  dpop_signing_alg_values_supported: VENDOR_ALGORITHMS,
  code_challenge_methods_supported: ["S256"],
  authorization_response_iss_parameter_supported: true,
  authorization_details_types_supported: [CONSENT_TYPE],
  client_id_metadata_document_supported: true,
  grant_management_endpoint: `${issuer}/oauth/grants`,
  grant_management_actions_supported: ["create", "replace", "query", "revoke"],
  grant_management_action_required: false,
  protected_resources: [`${issuer}/api`],
  service_documentation: `${issuer}/openapi.json`,
});

/** GET /.well-known/oauth-protected-resource/api (RFC 9728). */
export const protectedResourceMetadata = (issuer: string) => ({
  resource: `${issuer}/api`,
  authorization_servers: [issuer],
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  scopes_supported: SCOPES,
  bearer_methods_supported: ["header"],
  dpop_bound_access_tokens_required: true,
  dpop_signing_alg_values_supported: VENDOR_ALGORITHMS,
  authorization_details_types_supported: [CONSENT_TYPE],
  resource_name: "Counterfoil",
  resource_documentation: `${issuer}/openapi.json`,
});
