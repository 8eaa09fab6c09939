import type { Deps } from "../deps.ts";
import { addressOf } from "../guards/address.ts";
import { readBody } from "../guards/body.ts";
import { proveClient } from "../guards/client-assertion.ts";
import { ProofError } from "../guards/dpop.ts";
import { limitRate } from "../guards/rate.ts";
import { type Http, type HttpContext, route, type Served } from "../http.ts";
import { plainHeaders } from "../pages/headers.ts";
import { refuse } from "../refuse.ts";
import { arrive } from "./authorize.ts";
import { type Form, formOf, readForm } from "./form.ts";
import { authorizationServerMetadata, protectedResourceMetadata } from "./metadata.ts";
import { JSON_HEADERS, OAuthError, oauthAnswer } from "./oauth-error.ts";
import { push } from "./push.ts";
import { issueToken } from "./token.ts";

/** Bytes of a form: an assertion, a state and authorization_details, percent-encoded. */
const LONGEST = 65_536;
/** Metadata changes with a release. */
const CACHED = { "Content-Type": "application/json", "Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff" };

/** OAuth's own surface (protocol, section 6), with OAuth's own errors. */
export function oauthRoutes(http: Http, deps: Deps): void {
  const { config, log } = deps;
  const get = (path: string, document: object): void => {
    const body = JSON.stringify(document);
    route(http, log, { method: "GET", name: path, refuse }, path, async () => ({ status: 200, headers: CACHED, body }));
  };
  get("/.well-known/oauth-authorization-server", authorizationServerMetadata(config.issuer));
  get("/.well-known/oauth-protected-resource/api", protectedResourceMetadata(config.issuer));
  get("/.well-known/jwks.json", { keys: [deps.key.jwk] });

  const post = (path: string, serve: (context: HttpContext, form: Form) => Promise<Served>): void => {
    route(http, log, { method: "POST", name: path, refuse: oauthAnswer }, path, async (context) => {
      const { incoming } = context.env;
      await limitRate(deps.storage, "oauth", addressOf(incoming, config.proxies), config.rates.others, deps.now());
      return serve(context, readForm(await readBody(incoming, LONGEST), incoming.headers["content-type"]));
    });
  };
  post("/oauth/par", async (context, form) => {
    const vendor = await proveClient(form, client(deps));
    const jkt = context.env.incoming.headers.dpop === undefined ? undefined : await proofFor(deps, context, "/oauth/par");
    return { status: 201, headers: JSON_HEADERS, body: JSON.stringify(await push(deps, form, vendor, jkt)) };
  });
  post("/oauth/token", async (context, form) => {
    const vendor = await proveClient(form, client(deps));
    const jkt = await proofFor(deps, context, "/oauth/token");
    return { status: 200, headers: JSON_HEADERS, body: JSON.stringify(await issueToken(deps, form, vendor, jkt)) };
  });

  route(http, log, { method: "GET", name: "/oauth/authorize", refuse: plainAnswer }, "/oauth/authorize", async (context) => {
    const { url = "" } = context.env.incoming;
    const at = url.indexOf("?");
    const place = await arrive(deps, formOf(new URLSearchParams(at < 0 ? "" : url.slice(at + 1))));
    return { status: 303, headers: { ...plainHeaders, Location: place }, body: null };
  });
}

const client = ({ storage, clients, config, now, started }: Deps) => ({ storage, clients, issuer: config.issuer, now, started });

async function proofFor({ proofs, config }: Deps, context: HttpContext, path: string): Promise<string> {
  const proof = context.env.incoming.headers.dpop;
  try {
    return await proofs.prove(typeof proof === "string" ? proof : undefined, { method: "POST", url: config.issuer + path });
  } catch (error) {
    if (error instanceof ProofError) throw new OAuthError(error.code, error.message, { nonce: error.nonce });
    throw error;
  }
}

/** Where a browser stands, and nothing proves whose link it followed: a sentence, never a redirect. */
function plainAnswer(error: unknown, request: string) {
  const { status, body } = oauthAnswer(error, request);
  const { error_description: text } = JSON.parse(body) as { error_description: string };
  return { status, headers: { ...plainHeaders }, body: `${text}\n` };
}
