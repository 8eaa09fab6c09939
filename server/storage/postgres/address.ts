import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { ClientConfig } from "pg";
import { isLoopback } from "../../loopback.ts";
import { passwordFromFile } from "./passfile.ts";

/** libpq's own variables. */
export type Libpq = Readonly<Record<string, string | undefined>>;

const MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
const KNOWN = ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "user", "password", "dbname", "application_name"];

/** @throws {TypeError} which names what is wrong, and never says the address: it holds a password */
const wrong = (what: string, expected: string): TypeError => new TypeError(`the database's address: ${what}; expected ${expected}`);

/**
 * What a PostgreSQL address says (libpq, "Connection URIs"). `sslmode` as there, except that without one a database that is not on this
 * machine must prove its name (verify-full), and that the modes that quietly go without TLS are refused.
 * @throws {TypeError}
 */
export function readAddress(url: string, env: Libpq): ClientConfig {
  // Where the host is left out, as for a UNIX socket, a URL's parser would not have it.
  const given = URL.canParse(url) ? url : url.replace(/^(postgres(?:ql)?:\/\/[^/]*@)(?=[/?]|$)/, "$1localhost");
  if (!/^postgres(?:ql)?:\/\//.test(given) || !URL.canParse(given)) throw wrong("it is none", "postgres://user@host:port/database");
  const parts = new URL(given);
  const options = new Map(parts.searchParams);
  for (const [name] of options) if (!KNOWN.includes(name)) throw wrong("it has an option that is not known", KNOWN.join(", "));
  const of = (name: string, otherwise: string): string => options.get(name) || decoded(otherwise);
  const host = of("host", parts.hostname.replace(/^\[|\]$/g, "")) || "localhost";
  const port = Number(of("port", parts.port) || "5432");
  const user = of("user", parts.username) || env.PGUSER || "";
  const database = of("dbname", parts.pathname.slice(1)) || user;
  if (user === "") throw wrong("it names no user", "postgres://user@host:port/database");
  if (host.includes(",")) throw wrong("it names several hosts", "one: a proxy, or a name that follows the primary");
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) throw wrong("its port is none", "1 to 65535");
  const password = of("password", parts.password) || env.PGPASSWORD;
  return {
    host,
    port,
    user,
    database,
    // Asked for when the database wants one.
    password: password ?? (async () => (await passwordFromFile({ host, port, database, user }, env.PGPASSFILE)) ?? ""),
    application_name: options.get("application_name") ?? "counterfoil",
    ssl: tlsOf(options, host),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("it has a % that encodes nothing", "%25 for a % itself");
  }
}

function tlsOf(options: ReadonlyMap<string, string>, host: string): false | ConnectionOptions {
  const isLocal = host.startsWith("/") || isLoopback(host) || host === "::1";
  const mode = options.get("sslmode") ?? (isLocal && !options.has("sslrootcert") ? "disable" : "verify-full");
  if (!(MODES as readonly string[]).includes(mode)) throw wrong("its sslmode would not keep TLS, or is none", MODES.join(", "));
  if (mode === "disable") return false;
  const file = (name: string): string | undefined => {
    const path = options.get(name);
    if (path === undefined || (name === "sslrootcert" && path === "system")) return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch {
      throw wrong(`the file of its ${name} can't be read`, "a PEM file");
    }
  };
  const [ca, cert, key] = [file("sslrootcert"), file("sslcert"), file("sslkey")];
  if (mode === "verify-ca" && ca === undefined) throw wrong("sslmode=verify-ca without an authority of your own", "sslrootcert=a PEM file");
  const names = mode === "verify-full" ? {} : { checkServerIdentity: () => undefined };
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // libpq: `require` with a root certificate checks it as verify-ca does.
    rejectUnauthorized: !(mode === "require" && ca === undefined),
    ...names,
  };
}
