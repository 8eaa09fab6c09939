import { Hono } from "hono";
import { API, Commit, LIMITS, type Endpoint as Row } from "#protocol/api.ts";
import { NDJSON } from "#protocol/changes.ts";
import { OAUTH_API } from "#protocol/oauth-api.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Config } from "./configuration/config.ts";
import type { Deps } from "./deps.ts";
import { documentRoutes } from "./documents/routes.ts";
import { type Ending, EndingByHand } from "./ending.ts";
import { attestations } from "./endpoints/attestations.ts";
import { changes } from "./endpoints/changes.ts";
import { commits } from "./endpoints/commits.ts";
import type { Call, Endpoints, ProvenVendor, ReplyOf } from "./endpoints/endpoint.ts";
import { grants } from "./endpoints/grants.ts";
import { leaving } from "./endpoints/leaving.ts";
import { logins } from "./endpoints/logins.ts";
import { moves } from "./endpoints/moves.ts";
import { records } from "./endpoints/records.ts";
import { recoveries } from "./endpoints/recoveries.ts";
import { registrations } from "./endpoints/registrations.ts";
import { requests } from "./endpoints/requests.ts";
import { sessions } from "./endpoints/sessions.ts";
import { storeReading } from "./endpoints/store.ts";
import { streams } from "./endpoints/streams.ts";
import { vendorGrants } from "./endpoints/vendor-grants.ts";
import { writePull } from "./endpoints/write-pull.ts";
import { AccessTokens } from "./guards/access-token.ts";
import { addressOf } from "./guards/address.ts";
import { check, parseJson, readBody } from "./guards/body.ts";
import { Proofs } from "./guards/dpop.ts";
import { sharedSecret } from "./guards/nonces.ts";
import { requireOwnOrigin } from "./guards/origin.ts";
import { limitRate } from "./guards/rate.ts";
import { callerOf, unauthenticated } from "./guards/session.ts";
import { proveVendor } from "./guards/vendor-token.ts";
import { healthRoutes } from "./health.ts";
import { type Http, type HttpContext, handler, route, type Served } from "./http.ts";
import { openLife } from "./life.ts";
import { type Lines, sent, takesGzip } from "./lines.ts";
import type { Log } from "./log.ts";
import { isLoopback } from "./loopback.ts";
import { goOn } from "./moves/go-on.ts";
import { ServerWords } from "./moves/server-words.ts";
import { oauthRoutes } from "./oauth/routes.ts";
import { ServerKeys } from "./oauth/server-keys.ts";
import { Outbox } from "./outbox/outbox.ts";
import { strangePage, webRoutes } from "./pages/routes.ts";
import { openWebApp } from "./pages/web-app.ts";
import { refuse } from "./refuse.ts";
import { restoredStorage } from "./restored-storage.ts";
import type { Rows } from "./rows.ts";
import { type Storage, StorageError } from "./storage/storage.ts";
import { type Name, TABLE } from "./table.ts";
import { Clients } from "./vendors/clients.ts";
import { fetchDocument } from "./vendors/fetch-document.ts";

export interface AppParts {
  readonly config: Config;
  readonly storage: Storage<Rows>;
  readonly log: Log;
  readonly now: () => number;
  /** Epoch milliseconds at which this process began. */
  readonly started: number;
  /** How vendors' documents are fetched, if not from the network. */
  readonly fetch?: (url: URL) => Promise<string>;
  /** When the process ends; never, unless told. */
  readonly ending?: Ending;
}

export interface App {
  readonly http: Http;
  /** What happens without anybody's request: the one who starts the server runs it. */
  readonly outbox: Outbox;
  readonly keys: ServerKeys;
  /** The storage as everything uses it that touches a store. */
  readonly storage: Storage<Rows>;
  /** Goes on with a store's move: for the sweep. */
  readonly goOn: (account: string, now: number) => Promise<boolean>;
}

/** Puts the server together. */
export async function makeApp(parts: AppParts): Promise<App> {
  const { config, log, now, started, fetch, ending = new EndingByHand() } = parts;
  const life = await openLife(parts.storage, { now, standby: config.standby });
  const { restores } = life;
  const storage =
    restores === 0 && parts.storage.doubts === undefined
      ? parts.storage
      : restoredStorage(parts.storage, { restores, restored: life.restored ?? now(), now, teller: () => outbox });
  const keys = await ServerKeys.open({ storage, now, age: config.keyAge });
  const secret = await sharedSecret(storage);
  // What a storage that is shared remembers, no start makes doubtful; but what it remembered before it was put back, nobody knows.
  const since = storage.isShared ? (life.restored ?? 0) : started;
  const loopback = isLoopback(new URL(config.issuer).hostname);
  const outbox: Outbox = new Outbox({ storage, key: keys, issuer: config.issuer, loopback, now, log });
  const fetchOne = fetch ?? ((url: URL) => fetchDocument(url, { loopback }));
  const deps: Deps = {
    config,
    storage,
    life,
    log,
    now,
    started: since,
    keys,
    clients: new Clients({ storage, now, policy: config.clients, fetch: fetchOne }),
    proofs: new Proofs({ storage, now, started: since, nonces: config.nonces, secret }),
    accessTokens: new AccessTokens(keys, config.issuer, now),
    outbox,
    words: new ServerWords({ key: keys, issuer: config.issuer, now, address: { loopback }, fetch: fetchOne }),
    web: await openWebApp(config.web, config.issuer),
    ending,
  };
  const http: Http = new Hono();
  apiRoutes(http, deps);
  oauthRoutes(http, deps);
  documentRoutes(http, deps);
  healthRoutes(http, deps);
  webRoutes(http, deps);
  http.notFound(handler(log, { method: "other", name: "*", refuse }, async (context) => strangePage(context, deps) ?? noEndpoint(context)));
  return { http, outbox, keys, storage, goOn: (account, at) => goOn(deps, account, at) };
}

/** One handler for each row of the table: a missing one does not compile. */
const ENDPOINTS: Endpoints = {
  ...registrations,
  ...logins,
  ...recoveries,
  ...sessions,
  ...storeReading,
  ...commits,
  ...requests,
  ...grants,
  ...leaving,
  ...records,
  ...changes,
  ...vendorGrants,
  ...attestations,
  ...streams,
  ...moves,
};

const HEADERS = { "Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** Every endpoint of the table, and nothing besides. */
function apiRoutes(http: Http, deps: Deps): void {
  for (const [name, row] of Object.entries(TABLE) as Array<[Name, Row]>) {
    const serve = ENDPOINTS[name] as (deps: Deps, call: Call<unknown>) => Promise<unknown>;
    route(http, deps.log, { method: row.method, name: row.path, refuse }, patternOf(row.path), async (context): Promise<Served> => {
      const call = await callOf(context, row, deps);
      const reply = await serve(deps, call).catch((error: unknown) => {
        // A cookie that names no store is as good as none.
        throw row.caller === "session" && error instanceof StorageError && error.code === "absent" ? unauthenticated() : error;
      });
      deps.outbox.wake();
      if (row.lines) return sendLines(reply as Lines, call);
      const { status = 200 } = row;
      return {
        status,
        headers: Object.keys(call.answer).length === 0 ? HEADERS : { ...HEADERS, ...call.answer },
        ...(status === 204 ? { body: null } : name === "records" ? sendPull(reply as ReplyOf<"records">) : { body: JSON.stringify(reply) }),
      };
    });
  }
}

const sendPull = (reply: ReplyOf<"records">): Pick<Served, "body" | "records"> => ({
  // Bytes, since a string would be measured and converted with care for characters that are not in it.
  body: Buffer.from(writePull(reply), "latin1"),
  records: reply.records.length,
});

function sendLines(lines: Lines, { header, answer }: Call<unknown>): Served {
  const gzip = takesGzip(header("accept-encoding"));
  const { body, done } = sent(lines, { gzip });
  const encoding = gzip ? { "Content-Encoding": "gzip" } : {};
  return {
    status: 200,
    headers: { ...HEADERS, "Content-Type": NDJSON, Vary: "Accept-Encoding", ...encoding, ...answer },
    body,
    records: done,
  };
}

const ADDRESSES = [...Object.values(TABLE), ...Object.values(OAUTH_API)].map(({ path, method }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
}));

async function noEndpoint({ req }: HttpContext): Promise<never> {
  const allowed = ADDRESSES.filter(({ pattern }) => pattern.test(req.path)).map(({ method }) => method);
  if (allowed.length === 0) throw new Refusal("not_found", "There is nothing at this address.");
  throw new Refusal("method_not_allowed", `This address takes ${allowed.join(" and ")}.`, {
    // OAuth's clients look for its own word (RFC 9126, 2.3).
    extra: { allow: allowed.join(", "), ...(req.path.startsWith("/oauth/") ? { error: "invalid_request" } : {}) },
  });
}

const patternOf = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");
const ID = /^[A-Za-z0-9_-]{22}$/;
/** Bytes of a body that is no commit: reading a stranger's costs as much as it is long. */
const SMALL = 65_536;

async function callOf(context: HttpContext, row: Row, deps: Deps): Promise<Call<unknown>> {
  const { config } = deps;
  const { incoming } = context.env;
  const header = (name: string): string | undefined => {
    const value = incoming.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  };
  if (row.caller === "session" || (row.caller === "anyone" && row.method === "POST")) requireOwnOrigin(header, row.method, config.issuer);
  const id = row.path.includes("{id}") ? (context.req.param("id") ?? "") : "";
  if (row.path.includes("{id}") && !ID.test(id)) throw new Refusal("not_found", "There is nothing at this address.");
  const caller =
    row.caller === "token" || row.caller === "vendor" || row.caller === "server" ? undefined : callerOf(header("cookie"), config.issuer);
  if (row.caller === "session" && caller === undefined) throw unauthenticated();
  const limit = row.body === Commit || row.body === API.move.body ? LIMITS.body : SMALL;
  const answer: Record<string, string> = {};
  // Before what came with it is read: nobody else's faults are worth the work.
  const vendor = row.caller === "vendor" ? await vendorOf(context, row, deps, { header, answer }) : undefined;
  return {
    id,
    header,
    query: queryOf(context, row),
    body: row.body === undefined ? undefined : check(row.body, parseJson(await readBody(incoming, limit), header("content-type"))),
    address: addressOf(incoming, config.proxies),
    caller,
    vendor,
    answer,
  };
}

/** Who calls with a token of its own, good for what the row asks. @throws {Refusal} `invalid_token`, `insufficient_scope`, `rate_limited` */
async function vendorOf(
  { req }: HttpContext,
  { method, scope }: Row,
  deps: Deps,
  shown: Pick<Call<unknown>, "header" | "answer">,
): Promise<ProvenVendor> {
  const vendor = await proveVendor(deps, { ...shown, method, path: req.path, scope });
  await limitRate(deps.storage, "vendor", vendor.clientId, deps.config.rates.tokens, deps.now());
  return vendor;
}

const NONE = {};

function queryOf(context: HttpContext, row: Row): Readonly<Record<string, string>> {
  const { url } = context.env.incoming;
  const at = url?.indexOf("?") ?? -1;
  if (url === undefined || at < 0) return NONE;
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(url.slice(at + 1))) {
    if (name in query || row.query === undefined || value.length > 400)
      throw new Refusal("invalid_input", "This parameter is not known here, came twice or is too long.", { pointer: "" });
    query[name] = value;
  }
  return row.query === undefined ? query : (check(row.query, query) as Record<string, string>);
}
