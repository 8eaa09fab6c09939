import * as v from "valibot";
import { Count, Hash, Id, Text } from "./shapes.ts";

/**
 * OAuth's own endpoints (section 6), as OpenAPI tells them: forms and OAuth's own errors, whose rules the specifications give. What the
 * server checks stands in its handlers; members of other specifications are left alone (RFC 6749, 3.1), so these shapes are open.
 */
export interface OAuthEndpoint {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Whether private_key_jwt proves the client (RFC 7523), and a DPoP proof its key (RFC 9449). */
  readonly client: boolean;
  readonly proof: "none" | "optional" | "required";
  readonly query?: v.GenericSchema;
  readonly form?: v.GenericSchema;
  readonly reply?: v.GenericSchema;
  readonly status: 200 | 201 | 303;
}

const Url = v.pipe(v.string(), v.url());
/** authorization_details as a text of JSON: AuthorizationDetails of protocol/authorization-details.ts. */
const Details = v.pipe(v.string(), v.maxLength(16_384));
const Json = v.looseObject({});
/** RFC 7523, 2.2. */
const client = {
  client_id: v.optional(Url),
  client_assertion_type: v.literal("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
  client_assertion: v.string(),
};

/** The table. */
export const OAUTH_API = {
  authorizationServer: {
    method: "GET",
    path: "/.well-known/oauth-authorization-server",
    client: false,
    proof: "none",
    reply: v.looseObject({ issuer: Url }),
    status: 200,
  },
  protectedResource: {
    method: "GET",
    path: "/.well-known/oauth-protected-resource/api",
    client: false,
    proof: "none",
    reply: v.looseObject({ resource: Url }),
    status: 200,
  },
  keys: {
    method: "GET",
    path: "/.well-known/jwks.json",
    client: false,
    proof: "none",
    reply: v.looseObject({ keys: v.array(Json) }),
    status: 200,
  },
  push: {
    method: "POST",
    path: "/oauth/par",
    client: true,
    proof: "optional",
    form: v.looseObject({
      ...client,
      response_type: v.literal("code"),
      redirect_uri: Url,
      code_challenge: Hash,
      code_challenge_method: v.literal("S256"),
      state: v.optional(v.string()),
      authorization_details: Details,
      grant_management_action: v.optional(v.picklist(["create", "replace"])),
      grant_id: v.optional(Id),
      dpop_jkt: v.optional(Hash),
    }),
    reply: v.looseObject({ request_uri: v.string(), expires_in: Count }),
    status: 201,
  },
  authorize: {
    method: "GET",
    path: "/oauth/authorize",
    client: false,
    proof: "none",
    query: v.looseObject({ client_id: Url, request_uri: v.string() }),
    status: 303,
  },
  token: {
    method: "POST",
    path: "/oauth/token",
    client: true,
    proof: "required",
    form: v.looseObject({
      ...client,
      grant_type: v.picklist(["authorization_code", "refresh_token", "client_credentials"]),
      code: v.optional(v.string()),
      redirect_uri: v.optional(Url),
      code_verifier: v.optional(v.string()),
      refresh_token: v.optional(v.string()),
      scope: v.optional(v.string()),
      authorization_details: v.optional(Details),
    }),
    reply: v.looseObject({
      access_token: v.string(),
      token_type: v.literal("DPoP"),
      expires_in: Count,
      refresh_token: v.optional(v.string()),
      scope: v.optional(v.string()),
      grant_id: v.optional(Id),
      authorization_details: v.optional(v.array(Json)),
    }),
    status: 200,
  },
  revokeToken: {
    method: "POST",
    path: "/oauth/revoke",
    client: true,
    proof: "none",
    form: v.looseObject({ ...client, token: v.string(), token_type_hint: v.optional(Text(50)) }),
    status: 200,
  },
  introspect: {
    method: "POST",
    path: "/oauth/introspect",
    client: true,
    proof: "none",
    form: v.looseObject({ ...client, token: v.string(), token_type_hint: v.optional(Text(50)) }),
    reply: v.looseObject({ active: v.boolean() }),
    status: 200,
  },
} as const satisfies Record<string, OAuthEndpoint>;

/** Name of an exchange: the key of its entry. */
export type OAuthApiName = keyof typeof OAUTH_API;
