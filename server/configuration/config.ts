import { readFileSync } from "node:fs";
import type { Standby } from "../storage/medium.ts";
import type { StoragePlace } from "../storage/place.ts";
import { expectedOf, type Fault, readSetting, type Setting, SettingsError, shown } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** What an operator decides, as the server's parts take it. `main.ts` has it read from the environment. */
export interface Config {
  /** Origin without a path: where customers' browsers find this server. */
  readonly issuer: string;
  readonly host: string;
  readonly port: number;
  readonly storage: StoragePlace;
  readonly standby: Standby;
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
  readonly running: Running;
}

/** How the process itself is run. Times in milliseconds. */
export interface Running {
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly metrics: "off" | { readonly host: string; readonly port: number };
  readonly drain: number;
  readonly shutdown: number;
  /** Most connections of clients at once. */
  readonly connections: number;
  readonly keepAlive: number;
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

/** The tests' own variables, which a server that they start inherits. */
const OF_TESTS = "COUNTERFOIL_TEST_";

/**
 * @param read what a file holds; throws where it can't be read
 * @throws {SettingsError} with every fault: a value that is none, a variable that is none
 */
export function readConfig(env: Environment, read: (path: string) => string = (path) => readFileSync(path, "utf8")): Config {
  const faults: Fault[] = unknownIn(env);
  const of = <Value>(setting: Setting<Value>, written = env[setting.name] ?? setting.default): Value | undefined => {
    if (written === undefined) return undefined;
    const result = readSetting(setting, written);
    if ("value" in result) return result.value;
    faults.push(result.fault);
    return undefined;
  };
  const values = Object.fromEntries(
    Object.entries(SETTINGS).map(([key, setting]) => [key, key === "storage" ? undefined : of(setting as Setting<unknown>)]),
  ) as Values;
  const storage = of(SETTINGS.storage, mediumIn(env, values.storageFile, read, faults));
  if (faults.length > 0 || storage === undefined) throw new SettingsError(faults);
  const { issuer, host, port, standby, clients, web, proxies, keyAge, nonces, pulls, repeats, tokens } = values;
  return {
    issuer,
    host,
    port: port ?? Number(new URL(issuer).port || "4000"),
    storage:
      storage === "embedded"
        ? { kind: "embedded", folder: values.data, memory: values.memory }
        : {
            kind: "postgres",
            url: storage.url,
            connections: values.connections,
            statementTimeout: values.statementTimeout,
            ...libpqIn(env),
          },
    standby,
    clients,
    web,
    rates: { ...RATES, pulls, repeats, tokens },
    proxies,
    keyAge,
    nonces,
    running: {
      logLevel: values.logLevel,
      metrics: values.metrics,
      drain: values.drain,
      shutdown: values.shutdown,
      connections: values.most,
      keepAlive: values.keepAlive,
    },
  };
}

function libpqIn({ PGUSER, PGPASSWORD, PGPASSFILE }: Environment): { libpq?: Environment } {
  const libpq = { PGUSER, PGPASSWORD, PGPASSFILE };
  return Object.values(libpq).every((value) => value === undefined) ? {} : { libpq };
}

type ValueOf<S> = S extends Setting<infer Value> ? Value : never;
type Settings = typeof SETTINGS;
type Values = {
  [Key in keyof Settings]: ValueOf<Settings[Key]> | (Key extends "port" | "storageFile" ? undefined : never);
};

/** What is written of the storage, in its variable or in the file that the other one names. */
function mediumIn(env: Environment, file: string | undefined, read: (path: string) => string, faults: Fault[]): string | undefined {
  const { storage, storageFile } = SETTINGS;
  const written = env[storage.name] ?? storage.default;
  if (file === undefined) return written;
  if (env[storage.name] !== undefined) {
    faults.push({ name: storageFile.name, found: `${storage.name} beside it`, expected: "one of the two" });
    return undefined;
  }
  try {
    return read(file).trim();
  } catch (error) {
    const { code = "an error" } = error as NodeJS.ErrnoException;
    faults.push({ name: storageFile.name, found: `${shown(file)}, which gives ${code}`, expected: expectedOf(storageFile) });
    return undefined;
  }
}

/** A name that nobody reads is a slip of the pen, and must not pass in silence. */
function unknownIn(env: Environment): Fault[] {
  const names: string[] = Object.values(SETTINGS).map(({ name }) => name);
  return Object.keys(env)
    .filter((name) => name.startsWith("COUNTERFOIL_") && !name.startsWith(OF_TESTS) && !names.includes(name))
    .map((name) => {
      const near = names.find((known) => isNear(name, known));
      return { name, found: "a setting that there is not", expected: near ?? "one of those in server/configuration/README.md" };
    });
}

/** Whether two slips of the pen at most make one of the other (Levenshtein's distance). */
function isNear(one: string, other: string): boolean {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= other.length; at++)
      next.push(Math.min((next[at - 1] ?? 0) + 1, (row[at] ?? 0) + 1, (row[at - 1] ?? 0) + (letter === other[at - 1] ? 0 : 1)));
    row = next;
  }
  return (row.at(-1) ?? 0) <= 2;
}
