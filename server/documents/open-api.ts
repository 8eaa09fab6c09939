import { toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import type { Endpoint } from "#protocol/api.ts";
import { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { NDJSON } from "#protocol/changes.ts";
import { OAUTH_API, type OAuthEndpoint } from "#protocol/oauth-api.ts";
import { REFUSALS } from "#protocol/refusal.ts";
import { SCOPES } from "#protocol/scopes.ts";
import { HEALTH_PATH, READY_PATH } from "../health.ts";
import { TABLE } from "../table.ts";
import { type OwnDocument, SUMMARIES } from "./summaries.ts";

type Json = Record<string, unknown>;

/** Places of the server's own documents. */
export const OPEN_API_PATH = "/openapi.json";
export const GPC_PATH = "/.well-known/gpc.json";

const schemaOf = (schema: GenericSchema): Json => {
  const { $schema: _, ...json } = toJsonSchema(schema, { target: "draft-2020-12", errorMode: "throw" });
  return json as Json;
};

const json = (schema: Json): Json => ({ content: { "application/json": { schema } } });
/** One schema for each line. */
const lines = (schema: Json): Json => ({ content: { [NDJSON]: { schema } } });
const REFERENCE = (name: string): Json => ({ $ref: `#/components/responses/${name}` });

/** Parameters of a path and of a query, whose members are texts. */
function parametersOf(path: string, query: GenericSchema | undefined): Json[] {
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  if (query === undefined) return named;
  const { properties = {}, required = [] } = schemaOf(query) as { properties?: Record<string, Json>; required?: string[] };
  return [
    ...named,
    ...Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: required.includes(name), schema })),
  ];
}

const SECURITY = {
  anyone: [],
  session: [{ session: [] }],
  token: [{ grantToken: [], proof: [] }],
  server: [],
} as const;

function operation(name: keyof typeof TABLE, row: Endpoint): Json {
  const { caller, query, body, reply, status = 200, scope } = row;
  const answer = row.lines ? lines : json;
  const parameters = parametersOf(row.path, query);
  return {
    operationId: name,
    summary: SUMMARIES[name],
    tags: [caller === "server" ? "server" : caller === "token" || caller === "vendor" ? "vendor" : "customer"],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, ...json(schemaOf(body)) } }),
    responses: {
      [status]: { description: "Done", ...(status === 204 ? {} : answer(schemaOf(reply))) },
      default: REFERENCE("Problem"),
    },
    security: caller === "vendor" ? [{ vendorToken: scope === undefined ? [] : [scope], proof: [] }] : SECURITY[caller],
  };
}

function oauthOperation(name: keyof typeof OAUTH_API, row: OAuthEndpoint): Json {
  const parameters = parametersOf(row.path, row.query);
  const proof =
    row.proof === "none" ? [] : [{ name: "DPoP", in: "header", required: row.proof === "required", schema: { type: "string" } }];
  return {
    operationId: name,
    summary: SUMMARIES[name],
    tags: ["oauth"],
    ...(parameters.length + proof.length === 0 ? {} : { parameters: [...parameters, ...proof] }),
    ...(row.form === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/x-www-form-urlencoded": { schema: schemaOf(row.form) } } } }),
    responses: {
      [row.status]: {
        description: row.status === 303 ? "On to the customer's app" : "Done",
        ...(row.reply === undefined ? {} : json(schemaOf(row.reply))),
      },
      default: REFERENCE("OAuthError"),
    },
    security: [],
  };
}

const own = (operationId: OwnDocument, tag: "documents" | "operator"): Json => ({
  operationId,
  summary: SUMMARIES[operationId],
  tags: [tag],
  responses: {
    200: { description: "Done", ...json({ type: "object" }) },
    ...(tag === "operator" ? { default: REFERENCE("Problem") } : {}),
  },
  security: [],
});

/** The OpenAPI 3.1 document of everything that is served but the app's pages and files. Made of the tables that the handlers run by. */
export function openApi(issuer: string): Json {
  const paths: Record<string, Json> = {};
  const add = (path: string, method: string, operation: Json): void => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  };
  for (const [name, row] of Object.entries(TABLE)) add(row.path, row.method, operation(name as keyof typeof TABLE, row));
  for (const [name, row] of Object.entries(OAUTH_API)) add(row.path, row.method, oauthOperation(name as keyof typeof OAUTH_API, row));
  add(OPEN_API_PATH, "get", own("openApi", "documents"));
  add(GPC_PATH, "get", own("gpc", "documents"));
  add(HEALTH_PATH, "get", own("health", "operator"));
  add(READY_PATH, "get", own("ready", "operator"));
  return {
    openapi: "3.1.0",
    info: {
      title: "Counterfoil",
      version: "1",
      description:
        "Vendors call what is tagged vendor and oauth, best by the SDK: values travel sealed to the vendor's key, and only it opens them. What is tagged customer is for the customer's app alone.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: issuer }],
    paths,
    components: {
      schemas: { AuthorizationDetails: schemaOf(AuthorizationDetails) },
      responses: {
        Problem: {
          description: "Refused (RFC 9457): `code` is stable, `pointer` names the place in the body",
          content: { "application/problem+json": { schema: PROBLEM } },
        },
        OAuthError: { description: "Refused (RFC 6749, 5.2)", ...json(OAUTH_ERROR) },
      },
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: issuer.startsWith("https:") ? "__Host-counterfoil" : "counterfoil" },
        grantToken: { type: "http", scheme: "dpop", description: "Access token of one grant (RFC 9068), bound to a DPoP key (RFC 9449)" },
        vendorToken: {
          type: "oauth2",
          description: "The vendor's own access token, sent by the scheme DPoP",
          flows: {
            clientCredentials: { tokenUrl: `${issuer}/oauth/token`, scopes: Object.fromEntries(SCOPES.map((scope) => [scope, scope])) },
          },
        },
        proof: { type: "apiKey", in: "header", name: "DPoP", description: "A proof for this request (RFC 9449, 4)" },
      },
    },
  };
}

const PROBLEM: Json = {
  type: "object",
  required: ["type", "title", "status", "code", "detail"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { enum: Object.keys(REFUSALS) },
    detail: { type: "string" },
    pointer: { type: "string" },
  },
};

const OAUTH_ERROR: Json = {
  type: "object",
  required: ["error"],
  properties: { error: { type: "string" }, error_description: { type: "string" }, pointer: { type: "string" } },
};
