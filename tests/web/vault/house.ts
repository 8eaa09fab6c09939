import { generateKeyPairSync } from "node:crypto";
import * as v from "valibot";
import { API, type ApiName } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { base64url } from "#protocol/canonical.ts";
import { thumbprint } from "#protocol/jws.ts";
import { Refusal } from "#protocol/refusal.ts";
import { RATES } from "../../../server/config.ts";
import type { Deps } from "../../../server/deps.ts";
import { commits } from "../../../server/endpoints/commits.ts";
import { grants } from "../../../server/endpoints/grants.ts";
import { logins } from "../../../server/endpoints/logins.ts";
import { recoveries } from "../../../server/endpoints/recoveries.ts";
import { registrations } from "../../../server/endpoints/registrations.ts";
import { requests } from "../../../server/endpoints/requests.ts";
import { sessions } from "../../../server/endpoints/sessions.ts";
import { storeReading } from "../../../server/endpoints/store.ts";
import { callerOf } from "../../../server/guards/session.ts";
import { putRequest } from "../../../server/oauth/pushed-request.ts";
import { refuse } from "../../../server/refuse.ts";
import type { Rows } from "../../../server/rows.ts";
import { openFileStorage } from "../../../server/storage/file/open.ts";
import type { VaultEvent } from "../../../web/vault/context.ts";
import { type Core, createCore } from "../../../web/vault/core.ts";
import { type Memory, memoryInMemory } from "../../../web/vault/memory.ts";
import { connect } from "../../../web/vault/server.ts";
import type { OutlineView, StoreView, VaultState } from "../../../web/vault/vault.ts";
import { scratchFolder } from "../../support/scratch-folder.ts";
import { type SoftwareAuthenticator, softwareAuthenticator } from "./authenticator.ts";

export const ORIGIN = "http://localhost:4000";

/** Changes what the server answers on its way, as a malicious server would. */
export type Tamper = (name: ApiName, answer: never) => unknown;

export interface House extends AsyncDisposable {
  readonly storage: Deps["storage"];
  now: number;
  /** A browser: its own cookies and memory. */
  device(options?: { authenticator?: SoftwareAuthenticator; memory?: Memory; session?: Device }): Device;
  /** A vendor's request, as if it had been pushed. */
  asks(shop: Shop, details: AuthorizationDetails): Promise<string>;
  /** Answers how to put the whole store back to what it is now, as one who restores a backup in silence. */
  rewind(account: string): Promise<() => Promise<void>>;
}

const TABLES = ["store", "counter", "ways", "seals", "halves", "passkeys", "epochs", "leaves", "buckets", "heads", "records", "shares", "gone", "feed", "grants", "standings", "counted", "nonces", "history"] as const;

export interface Device {
  readonly core: Core;
  readonly authenticator: SoftwareAuthenticator;
  readonly memory: Memory;
  readonly state: VaultState | undefined;
  readonly outline: readonly OutlineView[];
  /** The last view that was published. */
  readonly view: StoreView;
  readonly sent: string[];
  tamper: Tamper | undefined;
  cookie: string | undefined;
}

export interface Shop {
  readonly clientId: string;
  readonly name: string;
  readonly key: Record<string, unknown>;
  readonly privateKey: Record<string, unknown>;
}

export function shop(name = "Libreria Aldina", clientId = "https://aldina.example/client.json"): Shop {
  const { privateKey } = generateKeyPairSync("x25519");
  const { d, ...key } = privateKey.export({ format: "jwk" });
  return { clientId, name, key: { ...key }, privateKey: { ...key, d } };
}

export const thumbprintOf = ({ key }: Shop): Promise<string> => thumbprint(key);

export function details(paths: string[], now: number, more: Partial<AuthorizationDetails[number]> = {}): AuthorizationDetails {
  return [
    {
      type: "https://w3id.org/counterfoil/consent/1",
      actions: ["read"],
      paths,
      purpose: "https://w3id.org/dpv#CustomerRelationshipManagement",
      necessity: "optional",
      legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
      retention: "P30D",
      expires: `${new Date(now + 90 * 86_400_000).toISOString().slice(0, 19)}Z`,
      if_refused: "nothing",
      ...more,
    },
  ];
}

/** The real endpoints over real storage, called as the network would call them. */
export async function openHouse(): Promise<House> {
  const folder = await scratchFolder();
  const house = { now: Date.now() };
  const storage = await openFileStorage<Rows>({ folder: folder.path });
  const deps = {
    storage,
    now: () => house.now,
    config: { issuer: ORIGIN, host: "127.0.0.1", port: 0, data: folder.path, clients: "open", web: "", rates: { ...RATES, logins: 1000, recoveries: 1000, commits: 10_000 } },
  } as unknown as Deps;
  const handlers = { ...registrations, ...logins, ...recoveries, ...sessions, ...storeReading, ...commits, ...grants, ...requests };

  async function answer(name: keyof typeof handlers, id: string, query: Record<string, string>, init: RequestInit, cookie: string | undefined) {
    const headers: Record<string, string> = {};
    const endpoint = API[name];
    const body = "body" in endpoint ? v.safeParse(endpoint.body as v.GenericSchema, JSON.parse(String(init.body))) : undefined;
    if (body?.success === false) throw new Refusal("invalid_input", v.getDotPath(body.issues[0]) ?? "");
    const handler = handlers[name] as (deps: Deps, call: unknown) => Promise<unknown>;
    const caller = callerOf(cookie, ORIGIN);
    const reply = await handler(deps, { body: body?.output, id, query, header: () => undefined, address: "127.0.0.1", caller, answer: headers });
    return { reply: v.parse(endpoint.reply as v.GenericSchema, reply), headers };
  }

  return Object.assign(house, {
    storage,
    device({ authenticator = softwareAuthenticator(ORIGIN), memory = memoryInMemory(), session }: { authenticator?: SoftwareAuthenticator; memory?: Memory; session?: Device } = {}): Device {
      const device = {
        authenticator,
        memory,
        state: undefined as VaultState | undefined,
        outline: [] as readonly OutlineView[],
        view: undefined as unknown as StoreView,
        sent: [] as string[],
        tamper: undefined as Tamper | undefined,
        cookie: session?.cookie,
      };
      const send = async (address: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
        const url = new URL(String(address));
        const [name, id] = routeOf(init.method ?? "GET", url.pathname);
        if (init.body) device.sent.push(String(init.body));
        try {
          const { reply, headers } = await answer(name as keyof typeof handlers, id, Object.fromEntries(url.searchParams), init, device.cookie);
          device.cookie = headers["Set-Cookie"]?.split(";")[0] ?? device.cookie;
          const copy = structuredClone(reply) as never;
          return Response.json(device.tamper?.(name, copy) ?? copy);
        } catch (error) {
          const { status, body } = refuse(error, "request-1");
          if (status >= 500) console.error(error);
          return new Response(body, { status });
        }
      };
      const publish = (event: VaultEvent): void => {
        if ("state" in event) device.state = event.state;
        if ("store" in event) device.view = structuredClone(event.store);
        if ("outline" in event) device.outline = event.outline;
      };
      const core = createCore({ server: connect(ORIGIN, send), prompts: authenticator.prompts, memory, place: { origin: ORIGIN, rpId: "localhost" }, now: () => house.now, publish });
      // The same object as the one whose members the calls above change.
      return Object.assign(device, { core });
    },
    async asks({ clientId, name, key }: Shop, asked: AuthorizationDetails): Promise<string> {
      const id = base64url.encode(crypto.getRandomValues(new Uint8Array(16)));
      await putRequest(storage, {
        id,
        vendor: {
          clientId,
          clientName: name,
          legalName: `${name} Srl`,
          country: "IT",
          dpoContact: null,
          clientUri: null,
          policyUri: null,
          domain: new URL(clientId).host,
          encryptionKey: key,
          since: house.now,
          document: base64url.encode(new Uint8Array(32)),
        },
        details: asked,
        redirectUri: "https://aldina.example/back",
        state: "s",
        codeChallenge: "c".repeat(43),
        dpopJkt: null,
        comeUntil: house.now + 300_000,
        until: house.now + 3_600_000,
      });
      return id;
    },
    async rewind(account: string) {
      const rowsOf = (table: (typeof TABLES)[number]) => storage.read(account, (store) => store.list(table, { limit: 100_000 }));
      const old = new Map(await Promise.all(TABLES.map(async (table) => [table, await rowsOf(table)] as const)));
      return () =>
        storage.change(account, async (store) => {
          for (const [table, rows] of old) {
            for (const [key] of await store.list(table, { limit: 100_000 })) store.delete(table, key);
            for (const [key, row] of rows) store.put(table, key, row as never);
          }
        });
    },
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  });
}

function routeOf(method: string, path: string): [ApiName, string] {
  for (const [name, endpoint] of Object.entries(API)) {
    const match = endpoint.method === method ? new RegExp(`^${endpoint.path.replace("{id}", "([^/]+)")}$`).exec(path) : null;
    if (match) return [name as ApiName, match[1] ?? ""];
  }
  throw new Error(`no endpoint at ${path}`);
}

/** A store with one shared e-mail, as after the first visit to a shop. */
export async function sharedWith(device: Device, house: House, vendor: Shop, paths = ["profile/emails"], given = paths): Promise<string> {
  const request = await house.asks(vendor, details(paths, house.now));
  await device.core.request(request, await thumbprintOf(vendor));
  const { grant } = await device.core.approve({
    request,
    details: details(given, house.now),
    edits: [{ path: "profile/emails", value: { address: "ada@example.org" }, key: "first" }],
    notice: { text: "You share", language: "en" },
  });
  return grant;
}
