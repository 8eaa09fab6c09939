import type { Deps } from "../deps.ts";
import { addressOf } from "../guards/address.ts";
import { readBody } from "../guards/body.ts";
import { ProofError } from "../guards/dpop.ts";
import { limitRate } from "../guards/rate.ts";
import { type Http, type HttpContext, route, type Served } from "../http.ts";
import { plainHeaders } from "../pages/headers.ts";
import { type Answer, refuse } from "../refuse.ts";
import type { Vendor } from "../vendors/metadata.ts";
import { arrive } from "./authorize.ts";
import { proveClient } from "./client-assertion.ts";
import { type Form, formOf, readForm } from "./form.ts";
import { introspect, SIGNED, signedIntrospection, wantsSigned } from "./introspection.ts";
import { authorizationServerMetadata, protectedResourceMetadata } from "./metadata.ts";
import { JSON_HEADERS, OAuthError, oauthAnswer } from "./oauth-error.ts";
import { push } from "./push.ts";
import { revokeToken } from "./revocation.ts";
import { issueToken } from "./token.ts";

/** Bytes of a form: an assertion, a state and authorization_details, percent-encoded. */
const LONGEST = 65_536;
const PUSH = "/oauth/par";
/** Metadata changes with a release, and a key stands there for longer before it signs. */
const CACHED = { "Content-Type": "application/json", "Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff" };

/** OAuth's own surface (protocol, section 6), with OAuth's own errors. */
export function oauthRoutes(http: Http, deps: Deps): void {
  documentRoutes(http, deps);
  const { rates } = deps.config;
  const post = (path: string, most: number, serve: (context: HttpContext, form: Form, vendor: Vendor) => Promise<Served>): void => {
    route(http, deps.log, { method: "POST", name: path, refuse: oauthAnswer }, path, async (context) => {
      const { incoming } = context.env;
      await limitRate(deps.storage, path, addressOf(incoming, deps.config.proxies), most, deps.now());
      const form = readForm(await readBody(incoming, LONGEST), incoming.headers["content-type"]);
      return serve(context, form, await proveClient(form, { ...deps, issuer: deps.config.issuer }, path === PUSH));
    });
  };
  post(PUSH, rates.others, async (context, form, vendor) => {
    const isProven = context.env.incoming.headers.dpop !== undefined;
    const { jkt, headers } = isProven ? await proofFor(deps, context, PUSH) : { jkt: undefined, headers: JSON_HEADERS };
    return { status: 201, headers, body: JSON.stringify(await push(deps, form, vendor, jkt)) };
  });
  post("/oauth/token", rates.tokens, async (context, form, vendor) => {
    const { jkt, headers } = await proofFor(deps, context, "/oauth/token");
    await deps.keys.renew().catch((error: unknown) => deps.log.fault("keys", error));
    return { status: 200, headers, body: JSON.stringify(await issueToken(deps, form, vendor, jkt)) };
  });
  post("/oauth/revoke", rates.tokens, async (_context, form, vendor) => {
    await revokeToken(deps, form, vendor);
    return { status: 200, headers: JSON_HEADERS, body: "{}" };
  });
  post("/oauth/introspect", rates.tokens, async (context, form, vendor) => {
    const answer = await introspect(deps, form, vendor);
    return wantsSigned(context.env.incoming.headers.accept)
      ? { status: 200, headers: { ...JSON_HEADERS, "Content-Type": SIGNED }, body: signedIntrospection(deps, answer, vendor) }
      : { status: 200, headers: JSON_HEADERS, body: JSON.stringify(answer) };
  });

  const authorize = "/oauth/authorize";
  route(http, deps.log, { method: "GET", name: authorize, refuse: plainAnswer }, authorize, async (context) => {
    const { url = "" } = context.env.incoming;
    const at = url.indexOf("?");
    const place = await arrive(deps, formOf(new URLSearchParams(at < 0 ? "" : url.slice(at + 1))));
    return { status: 303, headers: { ...plainHeaders, Location: place }, body: null };
  });
}

function documentRoutes(http: Http, deps: Deps): void {
  const { config, log } = deps;
  const get = (path: string, body: () => string | Promise<string>): void => {
    route(http, log, { method: "GET", name: path, refuse }, path, async () => ({ status: 200, headers: CACHED, body: await body() }));
  };
  const always = (document: object): (() => string) => {
    const body = JSON.stringify(document);
    return () => body;
  };
  get("/.well-known/oauth-authorization-server", always(authorizationServerMetadata(config.issuer)));
  get("/.well-known/oauth-protected-resource/api", always(protectedResourceMetadata(config.issuer)));
  get("/.well-known/jwks.json", async () => {
    await deps.keys.refresh().catch((error: unknown) => log.fault("keys", error));
    return JSON.stringify(deps.keys.published);
  });
}

/** Whose proof came, and the headers of an answer to it. */
async function proofFor(
  { proofs, config }: Deps,
  context: HttpContext,
  path: string,
): Promise<{ jkt: string; headers: Readonly<Record<string, string>> }> {
  const proof = context.env.incoming.headers.dpop;
  try {
    const { jkt, nonce } = await proofs.prove(typeof proof === "string" ? proof : undefined, { method: "POST", url: config.issuer + path });
    return { jkt, headers: nonce === undefined ? JSON_HEADERS : { ...JSON_HEADERS, "DPoP-Nonce": nonce } };
  } catch (error) {
    if (error instanceof ProofError) throw new OAuthError(error.code, error.message, { nonce: error.nonce });
    throw error;
  }
}

/** Where a browser stands, and nothing proves whose link it followed: a sentence, never a redirect. */
function plainAnswer(error: unknown, request: string): Answer {
  const { status, body } = oauthAnswer(error, request);
  const { error_description: text } = JSON.parse(body) as { error_description: string };
  return { status, headers: { ...plainHeaders }, body: `${text}\n` };
}
