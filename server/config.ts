/** What an operator decides. `main.ts` reads it from the environment. */
export interface Config {
  /** Origin without a path: where customers' browsers find this server. */
  readonly issuer: string;
  readonly host: string;
  readonly port: number;
  readonly data: string;
  /** Which vendors may ask: all, or those with these client_ids. */
  readonly clients: "open" | ReadonlySet<string>;
  /** Folder of the built web app. */
  readonly web: string;
  readonly rates: Rates;
  /** How many of the operator's own proxies stand in front. */
  readonly proxies: number;
  /** Milliseconds after which the key that signs tokens and events is followed by another. */
  readonly keyAge: number;
  /** Whether every DPoP proof needs a nonce of this server, or only those that may be from before its start (RFC 9449, 8). */
  readonly nonces: "start" | "always";
}

/** How many in a minute, except `repeats`. */
export interface Rates {
  /** For each address. */
  readonly logins: number;
  /** For each address, and for each locator. */
  readonly recoveries: number;
  /** For each store; of 1 000 records each, the most that a store holds take less than a minute. As many acts. */
  readonly commits: number;
  /** For each grant. */
  readonly pulls: number;
  /** For each read that counts against a frequency: how often it may be read again within its hour. */
  readonly repeats: number;
  /** For each address, and for each vendor with a token of its own: one that reads a thousand grants needs as many tokens. */
  readonly tokens: number;
  /** For each address: pushed requests and everything else that anyone may call. */
  readonly others: number;
}

export const RATES: Rates = { logins: 60, recoveries: 10, commits: 120, pulls: 600, repeats: 60, tokens: 6000, others: 600 };

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {TypeError} naming the variable that can't be read */
export function readConfig(env: Environment): Config {
  const issuer = issuerOf(env.COUNTERFOIL_ISSUER ?? "http://localhost:4000");
  const url = new URL(issuer);
  const port = Number(env.COUNTERFOIL_PORT ?? (url.port || "4000"));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new TypeError("COUNTERFOIL_PORT: expected 0 to 65535");
  return {
    issuer,
    port,
    host: env.COUNTERFOIL_HOST ?? "127.0.0.1",
    data: env.COUNTERFOIL_DATA ?? "./data",
    clients: clientsOf(env.COUNTERFOIL_CLIENTS ?? "open"),
    web: env.COUNTERFOIL_WEB ?? "dist/web/customer",
    rates: {
      ...RATES,
      pulls: countOf(env, "COUNTERFOIL_PULLS_PER_MINUTE", RATES.pulls, 1),
      tokens: countOf(env, "COUNTERFOIL_TOKENS_PER_MINUTE", RATES.tokens, 1),
      repeats: countOf(env, "COUNTERFOIL_REPEATS_PER_READ", RATES.repeats, 1),
    },
    proxies: countOf(env, "COUNTERFOIL_PROXIES", 0, 0),
    keyAge: countOf(env, "COUNTERFOIL_KEY_DAYS", 90, 1) * 86_400_000,
    nonces: noncesOf(env.COUNTERFOIL_DPOP_NONCES ?? "start"),
  };
}

function noncesOf(text: string): Config["nonces"] {
  if (text !== "start" && text !== "always") throw new TypeError("COUNTERFOIL_DPOP_NONCES: expected start or always");
  return text;
}

function countOf(env: Environment, name: string, otherwise: number, least: number): number {
  const count = Number(env[name] ?? otherwise);
  if (!Number.isInteger(count) || count < least) throw new TypeError(`${name}: expected a whole number from ${least} up`);
  return count;
}

const clientsOf = (text: string): Config["clients"] =>
  text === "open"
    ? "open"
    : new Set(
        text
          .split(",")
          .map((each) => each.trim())
          .filter(Boolean),
      );

/** An issuer is an origin; http only where it never leaves this machine. */
function issuerOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.origin !== text.replace(/\/$/, ""))
    throw new TypeError("COUNTERFOIL_ISSUER: expected an origin, like https://counterfoil.example");
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname)))
    throw new TypeError("COUNTERFOIL_ISSUER: expected https, or http on this machine");
  return url.origin;
}

/** Names of this machine alone (RFC 8252, 8.3; `localhost` by RFC 6761). */
export const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
