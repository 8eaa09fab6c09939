/** Starts the shop. What it does with Counterfoil is in vendor.js, customers.js, events.js and the handlers below. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { CounterfoilError } from "@counterfoil/vendor-sdk";
import { readConfig } from "./config.js";
import { openCustomers } from "./customers.js";
import { answerEvent } from "./events.js";
import { crm, heldToNo, home, notice, welcome } from "./pages.js";
import { reachesOf } from "./reaching.js";
import { mayAskMore, openVendor } from "./vendor.js";

const config = readConfig(process.env);
const { vendor, clientDocument, jwks, request, requestMore, hearOfChanges } = await openVendor(config);
const customers = await openCustomers(join(config.data, "customers.json"));
const style = await readFile(join(import.meta.dirname, "style.css"), "utf8");

/** Takes events: what a customer stops is erased in the same moment, what they change is here in the next. */
const receive = vendor.receiver({ sink: customers.sink });

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

let hears = false;

/** Without a stream the shop still hears of everything, at the next sync. */
async function hear() {
  if (hears) return;
  try {
    await hearOfChanges();
    hears = true;
  } catch (error) {
    console.error(`stream: ${error instanceof CounterfoilError ? error.code : "unexpected"}`);
  }
}

/** @param {string | undefined} session */
const regular = async (session) => vendor.grants.get(sessions.get(session ?? "")?.grant ?? "none");

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

/** @typedef {{ url: URL, session: string | undefined, form: URLSearchParams }} Visit @type {Record<string, (visit: Visit) => Promise<Reply> | Reply>} */
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

  async "POST /ask"({ session: before }) {
    const { url, id } = await request();
    const known = sessions.get(before ?? "");
    const session = randomBytes(24).toString("base64url");
    for (const oldest of sessions.size < MOST_SESSIONS ? [] : [...sessions.keys()].slice(0, 1)) sessions.delete(oldest);
    // A regular who asks again has their card until there is another.
    sessions.set(session, { ...known, request: id });
    const secure = config.origin.startsWith("https:") ? "; Secure" : "";
    return goTo(url, { "set-cookie": `session=${session}; HttpOnly; SameSite=Lax; Path=/${secure}` });
  },

  async "GET /callback"({ url, session }) {
    const known = sessions.get(session ?? "");
    const grant = await vendor.requests.exchange(url, { id: known?.request }).catch((error) => {
      // A no to "more" leaves what was given before as it is.
      if (error instanceof CounterfoilError && error.code === "access_denied" && known?.grant !== undefined) return undefined;
      throw error;
    });
    if (grant === undefined) return goTo("/welcome");
    if (known !== undefined) known.grant = grant.id;
    await sync();
    return goTo("/welcome");
  },

  async "GET /welcome"({ session }) {
    const grant = await regular(session);
    if (grant === undefined) return goTo("/");
    const card = cardOf(grant.key);
    const reaches = await reachesOf(vendor, grant.id, card);
    const invoices = customers.all().invoices.filter(({ key }) => key === grant.key);
    return show(welcome({ grant, card, reaches, server: config.server, more: mayAskMore(grant), invoices }));
  },

  async "POST /more"({ session }) {
    const grant = await regular(session);
    const known = sessions.get(session ?? "");
    if (grant === undefined || known === undefined || !mayAskMore(grant)) return goTo("/welcome");
    try {
      const { url, id } = await requestMore(grant);
      known.request = id;
      return goTo(url);
    } catch (error) {
      if (error instanceof CounterfoilError && error.code === "access_denied") return show(heldToNo());
      throw error;
    }
  },

  async "POST /order"({ session }) {
    const grant = await regular(session);
    if (grant !== undefined && cardOf(grant.key) !== undefined) await customers.order(grant.key, "The Book of Tea");
    return goTo("/welcome");
  },

  async "POST /release"({ form }) {
    const grant = await vendor.grants.get(form.get("grant") ?? "none");
    if (grant !== undefined) {
      await vendor.grants.release(grant.id);
      await vendor.enforce(customers.sink, { grants: [grant.id] });
    }
    return goTo("/crm");
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

const MOST_FORM = 2000;

/** @param {import("node:http").IncomingMessage} incoming */
async function formOf(incoming) {
  let text = "";
  for await (const chunk of incoming) {
    text += String(chunk);
    if (text.length > MOST_FORM) return new URLSearchParams();
  }
  return new URLSearchParams(text);
}

const server = createServer(async (incoming, outgoing) => {
  if (incoming.url === "/events") return void answerEvent(receive, incoming, outgoing).catch(() => outgoing.destroy());
  /** @type {Reply} */
  let reply;
  try {
    const url = new URL(incoming.url ?? "/", config.origin);
    const handler = Object.entries(routes).find(([route]) => route === `${incoming.method} ${url.pathname}`)?.[1];
    const strange = incoming.method === "POST" && incoming.headers.origin !== config.origin;
    const session = /(?:^|;\s*)session=([\w-]+)/.exec(incoming.headers.cookie ?? "")?.[1];
    if (handler === undefined) reply = show(notice("No such page", "The shop has no page at this address."), 404);
    else if (strange) reply = show(notice("This did not work", "Please use the button in the shop."), 403);
    else reply = await handler({ url, session, form: incoming.method === "POST" ? await formOf(incoming) : new URLSearchParams() });
  } catch (error) {
    reply = failed(error);
  }
  outgoing
    .writeHead(reply.status ?? 200, { ...headers, ...(reply.type === undefined ? {} : { "content-type": reply.type }), ...reply.headers })
    .end(reply.body);
});

// Counterfoil fetches the shop's two documents before it answers the shop at all.
await new Promise((resolve) => server.listen(config.port, new URL(config.origin).hostname, () => resolve(undefined)));
await hear();
console.log(`Libreria Aldina is open at ${config.origin}`);

/** @type {NodeJS.Timeout | undefined} */
let next;
async function keepInStep() {
  await hear();
  await sync();
  next = setTimeout(keepInStep, config.syncSeconds * 1000);
}
if (config.syncSeconds > 0) await keepInStep();

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    clearTimeout(next);
    server.close(() => receive.close().then(() => process.exit(0)));
    server.closeIdleConnections();
  });
