/** Starts the shop. What it does with Counterfoil is in vendor.js, customers.js and the four handlers below. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { CounterfoilError } from "@counterfoil/vendor-sdk";
import { readConfig } from "./config.js";
import { openCustomers } from "./customers.js";
import { crm, home, notice, welcome } from "./pages.js";
import { reachesOf } from "./reaching.js";
import { openVendor } from "./vendor.js";

const config = readConfig(process.env);
const { vendor, clientDocument, jwks, request } = await openVendor(config);
const customers = await openCustomers(join(config.data, "customers.json"));
const style = await readFile(join(import.meta.dirname, "style.css"), "utf8");

/** Which request, and then which grant, belongs to which browser. @type {Map<string, { request: string, grant?: string }>} */
const sessions = new Map();
const MOST_SESSIONS = 1000;

/** @type {{ at: string | undefined, failed: string[] }} */
let last = { at: undefined, failed: [] };

async function sync() {
  try {
    const { failed } = await vendor.sync(customers.sink);
    last = { at: new Date().toISOString(), failed: failed.map(({ error }) => error.code) };
  } catch (error) {
    last = { ...last, failed: [error instanceof CounterfoilError ? error.code : "unexpected"] };
  }
  if (last.failed.length > 0) console.error(`sync: ${last.failed.join(", ")}`);
}

/** @param {string} key */
const cardOf = (key) => customers.all().cards.find((each) => each.key === key);

/**
 * @typedef {{ status?: number, type?: string, body?: string, headers?: Record<string, string> }} Reply
 * @param {{ text: string }} page @param {number} [status] @returns {Reply}
 */
const show = (page, status = 200) => ({ status, type: "text/html; charset=utf-8", body: page.text });
/** @param {string} to @param {Record<string, string>} [headers] @returns {Reply} */
const goTo = (to, headers = {}) => ({ status: 303, headers: { location: to, ...headers } });
/** @param {unknown} document @returns {Reply} */
const json = (document) => ({ type: "application/json", body: JSON.stringify(document) });

/** @typedef {{ url: URL, session: string | undefined }} Visit @type {Record<string, (visit: Visit) => Promise<Reply> | Reply>} */
const routes = {
  "GET /": () => show(home()),
  "GET /style.css": () => ({ type: "text/css; charset=utf-8", body: style }),
  "GET /client.json": () => json(clientDocument),
  "GET /jwks.json": () => json(jwks),
  async "GET /crm"() {
    const grants = await vendor.grants.list();
    const reaches = new Map();
    for (const { id, key, state } of grants) if (state === "active") reaches.set(id, await reachesOf(vendor, id, cardOf(key)));
    return show(crm(grants, customers.all(), reaches, last));
  },

  async "POST /sync"() {
    await sync();
    return goTo("/crm");
  },

  async "POST /ask"() {
    const { url, id } = await request();
    const session = randomBytes(24).toString("base64url");
    for (const oldest of sessions.size < MOST_SESSIONS ? [] : [...sessions.keys()].slice(0, 1)) sessions.delete(oldest);
    sessions.set(session, { request: id });
    const secure = config.origin.startsWith("https:") ? "; Secure" : "";
    return goTo(url, { "set-cookie": `session=${session}; HttpOnly; SameSite=Lax; Path=/${secure}` });
  },

  async "GET /callback"({ url, session }) {
    const known = sessions.get(session ?? "");
    const grant = await vendor.requests.exchange(url, { id: known?.request });
    if (known !== undefined) known.grant = grant.id;
    await sync();
    return goTo("/welcome");
  },

  async "GET /welcome"({ session }) {
    const grant = await vendor.grants.get(sessions.get(session ?? "")?.grant ?? "none");
    if (grant === undefined) return goTo("/");
    const card = cardOf(grant.key);
    return show(welcome(grant, card, await reachesOf(vendor, grant.id, card), config.server));
  },
};

/** @param {unknown} error @returns {Reply} */
function failed(error) {
  const code = error instanceof CounterfoilError ? error.code : "unexpected";
  if (code === "access_denied") return show(notice("Nothing was shared", "That is fine. You type your address when you order."));
  console.error(error instanceof CounterfoilError ? `${error.code}: ${error.message}` : "unexpected");
  if (code === "invalid") return show(notice("This link was used already", "Start again from the shop: nothing was shared by this."), 400);
  if (code === "unavailable" || code === "rate_limited")
    return show(notice("Counterfoil can't be reached", "Please try again in a minute. Nothing was shared by this."), 503);
  return show(notice("This did not work", "Nothing was stored. Please try again from the shop."), 500);
}

const headers = {
  // Chromium holds a form's redirects to form-action too, and the way to the request page is one.
  "content-security-policy": `default-src 'none'; style-src 'self'; form-action 'self' ${new URL(config.server).origin}; frame-ancestors 'none'; base-uri 'none'`,
  "x-content-type-options": "nosniff",
  // With no-referrer a browser would send `Origin: null` with the shop's own forms.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

const server = createServer(async (incoming, outgoing) => {
  /** @type {Reply} */
  let reply;
  try {
    const url = new URL(incoming.url ?? "/", config.origin);
    const handler = Object.entries(routes).find(([route]) => route === `${incoming.method} ${url.pathname}`)?.[1];
    const strange = incoming.method === "POST" && incoming.headers.origin !== config.origin;
    const session = /(?:^|;\s*)session=([\w-]+)/.exec(incoming.headers.cookie ?? "")?.[1];
    if (handler === undefined) reply = show(notice("No such page", "The shop has no page at this address."), 404);
    else if (strange) reply = show(notice("This did not work", "Please use the button in the shop."), 403);
    else reply = await handler({ url, session });
  } catch (error) {
    reply = failed(error);
  }
  outgoing
    .writeHead(reply.status ?? 200, { ...headers, ...(reply.type === undefined ? {} : { "content-type": reply.type }), ...reply.headers })
    .end(reply.body);
});

server.listen(config.port, new URL(config.origin).hostname, () => console.log(`Libreria Aldina is open at ${config.origin}`));

/** @type {NodeJS.Timeout | undefined} */
let next;
async function keepInStep() {
  await sync();
  next = setTimeout(keepInStep, config.syncSeconds * 1000);
}
if (config.syncSeconds > 0) await keepInStep();

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    clearTimeout(next);
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
