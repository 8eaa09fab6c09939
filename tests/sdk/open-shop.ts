import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { JWK } from "jose";
import type { Content } from "#protocol/sealing/record.ts";
import { type Ask, ask } from "../../vendor-sdk/ask.ts";
import type { SdkEvent } from "../../vendor-sdk/event.ts";
import type { Receiver } from "../../vendor-sdk/events/receiver.ts";
import type { Grant } from "../../vendor-sdk/grant.ts";
import { clientMetadata, makeKeys, publicKeys } from "../../vendor-sdk/make-keys.ts";
import { memoryState, type StateStore } from "../../vendor-sdk/state.ts";
import { createVendor, type Vendor } from "../../vendor-sdk/vendor.ts";
import type { Customer, GivenGrant } from "../support/customer.ts";
import type { System } from "../support/system.ts";
import { answerEvent } from "./answer-event.ts";

/** A vendor that is nothing but the SDK, its two documents and, once there is one, its receiver. */
export interface Shop extends AsyncDisposable {
  vendor: Vendor;
  /** Where `receive` is mounted. */
  readonly endpoint: string;
  receive: Receiver | undefined;
  readonly clientId: string;
  readonly state: StateStore;
  readonly events: SdkEvent[];
  /** The vendor as a new process over the same state. */
  restart(keys?: readonly JWK[]): Vendor;
  /** The documents that it serves, by path. */
  readonly documents: Record<string, unknown>;
  readonly keys: JWK[];
  redirectUri: string;
  wish(change?: Partial<Ask>): ReturnType<typeof ask>;
}

export async function openShop(system: System): Promise<Shop> {
  const keys = await makeKeys();
  const documents: Record<string, unknown> = {};
  const server = createServer((request, response) => {
    if (request.url === "/events" && it.receive !== undefined) return void answerEvent(it.receive, request, response);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(documents[request.url ?? ""] ?? {}));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clientId = `${origin}/client.json`;
  const redirectUri = `${origin}/callback`;
  documents["/client.json"] = clientMetadata({
    clientId,
    name: "Shop",
    legalName: "Shop S.r.l.",
    country: "IT",
    dpoContact: "mailto:privacy@shop.example",
    redirectUris: [redirectUri],
    jwksUri: `${origin}/jwks.json`,
  });
  documents["/jwks.json"] = publicKeys(keys);
  const state = memoryState();
  const events: SdkEvent[] = [];
  const restart = (of: readonly JWK[] = keys): Vendor =>
    createVendor({ clientId, server: system.issuer, keys: of, now: system.clock.now, state, on: (event) => events.push(event) });
  const it: Shop = {
    vendor: restart(),
    restart,
    clientId,
    state,
    events,
    documents,
    keys,
    endpoint: `${origin}/events`,
    receive: undefined,
    redirectUri,
    wish: (change = {}) =>
      ask(
        { purpose: "customer-management", paths: ["profile/name", "profile/emails", "profile/addresses"], days: 90, ...change },
        new Date(system.clock.now()),
      ),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return it;
}

export async function share(
  shop: Shop,
  customer: Customer,
  contents: Record<string, Content>,
  granted: Partial<Ask> = {},
): Promise<{ given: GivenGrant; grant: Grant }> {
  const { url, id } = await shop.vendor.requests.create({ authorization_details: [shop.wish()], redirect_uri: shop.redirectUri });
  const given = await customer.approve(await requestAt(url), { details: [shop.wish(granted)], contents });
  return { given, grant: await shop.vendor.requests.exchange(given.redirect, { id }) };
}

/** The request's id, as the page knows it that the customer is sent to. */
export async function requestAt(url: string): Promise<string> {
  const arrival = await fetch(url, { redirect: "manual" });
  return (arrival.headers.get("location") ?? "").replace(/^.*\/ask\//, "");
}
