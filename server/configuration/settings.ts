import { isLoopback } from "../loopback.ts";
import { oneOf, parsed, type Setting, text, whole } from "./setting.ts";

/** Keeps the type of the value. */
const setting = <Value>(it: Setting<Value>): Setting<Value> => it;

/** An issuer is an origin; http only where it never leaves this machine. */
const origin = parsed("an origin, as https://counterfoil.example; http only on this machine", (written) => {
  if (!URL.canParse(written)) return undefined;
  const url = new URL(written);
  const isSafe = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
  return isSafe && url.origin === written.replace(/\/$/, "") ? url.origin : undefined;
});

const isClientId = (it: string): boolean => URL.canParse(it) && /^https?:$/.test(new URL(it).protocol);

const clients = parsed("`open`, or client_ids (addresses) separated by commas", (written): "open" | ReadonlySet<string> | undefined => {
  if (written === "open") return written;
  const named = written.split(",").map((each) => each.trim());
  return named.every(isClientId) ? new Set(named) : undefined;
});

/** What is said of where the data lies. */
const medium = parsed("`embedded`, or postgres://user:password@host:port/database", (written): "embedded" | { url: string } | undefined => {
  if (written === "embedded") return written;
  return /^postgres(?:ql)?:\/\/\S+$/.test(written) ? { url: written } : undefined;
});

const place = parsed("`off`, or address:port, as 127.0.0.1:9464", (written): "off" | { host: string; port: number } | undefined => {
  if (written === "off") return written;
  const [, host, port] = /^(\[[0-9a-f:]+\]|[\w.-]+):(\d{1,5})$/i.exec(written) ?? [];
  return host === undefined || Number(port) > 65_535 ? undefined : { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
});

const SECOND = 1_000;
const MEGABYTE = 1_048_576;
const DAY = 86_400_000;
const BILLION = 1_000_000_000;

/** Everything that an operator decides: one entry for each environment variable, and no other place that knows one. */
export const SETTINGS = {
  issuer: setting({
    name: "COUNTERFOIL_ISSUER",
    purpose:
      "The address that people and vendors see. Its host is the passkeys' `rpId`: choose it once, on a host that serves nothing else.",
    shape: origin,
    default: "http://localhost:4000",
  }),
  host: setting({
    name: "COUNTERFOIL_HOST",
    purpose: "The address on which the process listens; put a TLS proxy in front.",
    shape: text("an address of this machine", 255),
    default: "127.0.0.1",
  }),
  port: setting({
    name: "COUNTERFOIL_PORT",
    purpose: "The port on which the process listens.",
    shape: whole(0, 65_535),
    otherwise: "the issuer's port, or 4000",
  }),
  proxies: setting({
    name: "COUNTERFOIL_PROXIES",
    purpose:
      "How many proxies of your own stand in front. Limits on logins, recoveries and requests count by address: behind a proxy set this, or everybody counts as one.",
    shape: whole(0, 10),
    default: "0",
  }),
  web: setting({
    name: "COUNTERFOIL_WEB",
    purpose: "The folder of the built app.",
    shape: text("a folder"),
    default: "dist/web/customer",
  }),
  storage: setting({
    name: "COUNTERFOIL_STORAGE",
    purpose:
      "Where the data lies: in a folder of this machine, for one process; or in a PostgreSQL database, for as many processes on as many machines as you like.",
    shape: medium,
    default: "embedded",
    secret: true,
  }),
  storageFile: setting({
    name: "COUNTERFOIL_STORAGE_FILE",
    purpose: "A file that holds what `COUNTERFOIL_STORAGE` would, as containers and systemd hand over secrets. Set one of the two.",
    shape: text("a file that can be read"),
    otherwise: "none",
  }),
  data: setting({
    name: "COUNTERFOIL_DATA",
    purpose:
      "The data folder of the embedded storage; one process at a time, which a lock in it sees to, also across containers on one volume. After a kill in another container, opening may wait 20 seconds.",
    shape: text("a folder"),
    default: "./data",
  }),
  memory: setting({
    name: "COUNTERFOIL_STORAGE_MEMORY",
    purpose:
      "How much of the stores that were used last the embedded storage keeps open, by the size of their rows. Reading a store that isn't open costs several times as much.",
    shape: whole(1, 1_000_000, "megabytes", MEGABYTE),
    default: "64",
  }),
  connections: setting({
    name: "COUNTERFOIL_STORAGE_CONNECTIONS",
    purpose:
      "The most connections to PostgreSQL of one process. Over all processes together they must stay below the database's `max_connections`.",
    shape: whole(2, 1_000),
    default: "10",
  }),
  statementTimeout: setting({
    name: "COUNTERFOIL_STORAGE_SECONDS",
    purpose: "How long one statement may take in PostgreSQL, or wait for a lock, before the request is answered by 503.",
    shape: whole(1, 60, "seconds", SECOND),
    default: "10",
  }),
  standby: setting({
    name: "COUNTERFOIL_STANDBY",
    purpose:
      "Whether every PostgreSQL standby that may be promoted has all that was answered. Unless `synchronous`, a promotion counts as a restore of an older state, and every grant is paused.",
    shape: oneOf("asynchronous", "synchronous"),
    default: "asynchronous",
  }),
  clients: setting({
    name: "COUNTERFOIL_CLIENTS",
    purpose: "Which vendors may ask: all, or those with these client_ids.",
    shape: clients,
    default: "open",
  }),
  pulls: setting({
    name: "COUNTERFOIL_PULLS_PER_MINUTE",
    purpose: "How often one grant may be read.",
    shape: whole(1, BILLION),
    default: "600",
  }),
  repeats: setting({
    name: "COUNTERFOIL_REPEATS_PER_READ",
    purpose: "How often a vendor may read again, within an hour, what one read gave it; then another counts against the frequency.",
    shape: whole(1, BILLION),
    default: "60",
  }),
  tokens: setting({
    name: "COUNTERFOIL_TOKENS_PER_MINUTE",
    purpose: "Token requests of one address, and requests of one vendor with its own token.",
    shape: whole(1, BILLION),
    default: "6000",
  }),
  keyAge: setting({
    name: "COUNTERFOIL_KEY_DAYS",
    purpose: "After how long another key signs tokens and events. The next one is always published before; `SIGHUP` changes at once.",
    shape: whole(1, 3_650, "days", DAY),
    default: "90",
  }),
  nonces: setting({
    name: "COUNTERFOIL_DPOP_NONCES",
    purpose: "Whether every DPoP proof needs a nonce of this server, or only those of its first seconds (RFC 9449, 8).",
    shape: oneOf("start", "always"),
    default: "start",
  }),
  logLevel: setting({
    name: "COUNTERFOIL_LOG_LEVEL",
    purpose:
      "The least that is logged. `info` has a line for each request, `warn` only what a vendor's stream or the storage suffers, `error` only faults; `debug` adds the probes of health.",
    shape: oneOf("debug", "info", "warn", "error"),
    default: "info",
  }),
  metrics: setting({
    name: "COUNTERFOIL_METRICS",
    purpose: "Where Prometheus fetches metrics: a listener of its own, never on the public address.",
    shape: place,
    default: "off",
  }),
  drain: setting({
    name: "COUNTERFOIL_DRAIN_SECONDS",
    purpose:
      "How long the process still takes connections after SIGTERM, while `/ready` says 503: as long as your load balancer needs to notice.",
    shape: whole(0, 300, "seconds", SECOND),
    default: "0",
  }),
  shutdown: setting({
    name: "COUNTERFOIL_SHUTDOWN_SECONDS",
    purpose: "How long requests on their way may still take when the process ends; whatever is left then is cut, and its status is 1.",
    shape: whole(1, 3_600, "seconds", SECOND),
    default: "20",
  }),
  most: setting({
    name: "COUNTERFOIL_CONNECTIONS",
    purpose: "The most connections of clients at once; more are closed at once. Mind the process's limit of open files.",
    shape: whole(10, 1_000_000),
    default: "10000",
  }),
  keepAlive: setting({
    name: "COUNTERFOIL_KEEP_ALIVE_SECONDS",
    purpose: "How long a connection is kept for its next request: longer than your proxy keeps it, or the proxy sends into a closed one.",
    shape: whole(1, 3_600, "seconds", SECOND),
    default: "75",
  }),
} as const;

/** The chapters of the reference. */
export const CHAPTERS: ReadonlyArray<readonly [title: string, settings: ReadonlyArray<keyof typeof SETTINGS>]> = [
  ["Where it is found", ["issuer", "host", "port", "proxies", "web"]],
  ["Where the data lies", ["storage", "storageFile", "data", "memory", "connections", "statementTimeout", "standby"]],
  ["Vendors", ["clients", "pulls", "repeats", "tokens", "keyAge", "nonces"]],
  ["Running", ["logLevel", "metrics", "drain", "shutdown", "most", "keepAlive"]],
];
