import { generateKeyPairSync } from "node:crypto";
import { API, type ApiName } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { base64url } from "#protocol/canonical.ts";
import { thumbprint } from "#protocol/jws.ts";
import { putRequest } from "../../../server/oauth/pushed-request.ts";
import type { VaultEvent } from "../../../web/vault/context.ts";
import { type Core, createCore } from "../../../web/vault/core.ts";
import { type Memory, memoryInMemory } from "../../../web/vault/memory.ts";
import { connect } from "../../../web/vault/server.ts";
import type { OutlineView, StoreView, VaultState } from "../../../web/vault/vault.ts";
import { applyChange } from "../../../web/vault/view-change.ts";
import type { Clock } from "../../support/clock.ts";
import { type System, startSystem } from "../../support/system.ts";
import { type SoftwareAuthenticator, softwareAuthenticator } from "./authenticator.ts";

/** Changes what the server answers on its way, as a malicious server would. */
export type Tamper = (name: ApiName, answer: never) => unknown;

export interface House extends AsyncDisposable {
  readonly origin: string;
  readonly storage: System["storage"];
  readonly clock: Clock;
  /** A browser: its own cookies and memory. */
  device(options?: DeviceOptions): Device;
  /** A vendor's request, as if it had been pushed. */
  asks(shop: Shop, details: AuthorizationDetails, replaces?: string): Promise<string>;
  /** Answers how to put the whole store back to what it is now, as one who restores a backup in silence. */
  rewind(account: string): Promise<() => Promise<void>>;
}

const TABLES = [
  "store",
  "counter",
  "ways",
  "seals",
  "halves",
  "passkeys",
  "epochs",
  "successions",
  "leaves",
  "buckets",
  "heads",
  "records",
  "shares",
  "gone",
  "feed",
  "grants",
  "standings",
  "consents",
  "calendar",
  "attestations",
  "refusals",
  "counted",
  "nonces",
  "history",
] as const;

export interface DeviceOptions {
  authenticator?: SoftwareAuthenticator;
  memory?: Memory;
  /** Whose cookie it has: another tab of the same browser. */
  session?: Device;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

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
  /** Answers in the server's place, or throws as where the network is gone. */
  instead: ((name: ApiName) => Response | undefined) | undefined;
  /** Told of every event too. */
  heard: ((event: VaultEvent) => void) | undefined;
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

/** A running server, and what its customers and shops do with it. */
export const openHouse = async (): Promise<House> => houseOver(await startSystem());

/** The same over a server that a test runs, whose storage may be another after a while. */
export function houseOver(system: Pick<System, "issuer" | "storage" | "clock"> & AsyncDisposable): House {
  const { issuer: origin, clock } = system;
  return {
    origin,
    get storage() {
      return system.storage;
    },
    clock,
    device({ authenticator = softwareAuthenticator(origin), memory = memoryInMemory(), session }: DeviceOptions = {}): Device {
      const device: Omit<Mutable<Device>, "core"> = {
        authenticator,
        memory,
        state: undefined,
        outline: [],
        view: undefined as unknown as StoreView,
        sent: [],
        tamper: undefined,
        instead: undefined,
        heard: undefined,
        cookie: session?.cookie,
      };
      const send = async (address: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
        const name = nameOf(init.method ?? "GET", new URL(String(address)).pathname);
        const other = device.instead?.(name);
        if (other !== undefined) return other;
        if (init.body) device.sent.push(String(init.body));
        const headers = {
          ...(init.headers as Record<string, string>),
          "sec-fetch-site": "same-origin",
          origin,
          ...(device.cookie === undefined ? {} : { cookie: device.cookie }),
        };
        const response = await fetch(String(address), { ...init, headers });
        device.cookie = response.headers.get("set-cookie")?.split(";")[0] ?? device.cookie;
        if (!response.ok || device.tamper === undefined) return response;
        return Response.json(device.tamper(name, (await response.json()) as never));
      };
      const publish = (event: VaultEvent): void => {
        device.heard?.(event);
        if ("state" in event) device.state = event.state;
        if ("store" in event) device.view = applyChange(device.view, structuredClone(event.store));
        if ("outline" in event) device.outline = event.outline;
      };
      const core = createCore({
        server: connect(origin, send),
        prompts: authenticator.prompts,
        memory,
        place: { origin, rpId: new URL(origin).hostname },
        now: clock.now,
        publish,
        wait: async (duration) => clock.pass(duration),
      });
      return Object.assign(device, { core });
    },
    asks: (vendor, asked, replaces) => asksAt(system, vendor, asked, replaces),
    async rewind(account: string) {
      const { storage } = system;
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
      await system[Symbol.asyncDispose]();
    },
  };
}

function nameOf(method: string, path: string): ApiName {
  const found = Object.entries(API).find(
    ([, endpoint]) => endpoint.method === method && new RegExp(`^${endpoint.path.replace("{id}", "[^/]+")}$`).test(path),
  );
  if (found === undefined) throw new Error(`no endpoint at ${path}`);
  return found[0] as ApiName;
}

/** A store with one shared e-mail, as after the first visit to a shop. */
export async function sharedWith(device: Device, house: House, vendor: Shop, paths = ["profile/emails"], given = paths): Promise<string> {
  const request = await house.asks(vendor, details(paths, house.clock.now()));
  await device.core.request(request, await thumbprintOf(vendor));
  const { grant } = await device.core.approve({
    request,
    details: details(given, house.clock.now()),
    edits: [{ path: "profile/emails", value: { address: "ada@example.org" }, key: "first" }],
    notice: { text: "You share", language: "en" },
  });
  return grant;
}

/** A vendor's request, as if it had been pushed. */
export async function asksAt(
  { storage, clock }: Pick<System, "storage" | "clock">,
  { clientId, name, key }: Shop,
  asked: AuthorizationDetails,
  replaces: string | null = null,
): Promise<string> {
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
      since: clock.now(),
      document: base64url.encode(new Uint8Array(32)),
    },
    details: asked,
    redirectUri: "https://aldina.example/back",
    state: "s",
    codeChallenge: "c".repeat(43),
    dpopJkt: null,
    replaces,
    comeUntil: clock.now() + 300_000,
    until: clock.now() + 3_600_000,
  });
  return id;
}
