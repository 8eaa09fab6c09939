import type { JWK } from "jose";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { ask } from "../../vendor-sdk/ask.ts";
import type { SdkEvent } from "../../vendor-sdk/event.ts";
import type { Grant } from "../../vendor-sdk/grant.ts";
import { makeKeys } from "../../vendor-sdk/make-keys.ts";
import { memoryState, type StateStore } from "../../vendor-sdk/state.ts";
import { createVendor, type Vendor, type VendorOptions } from "../../vendor-sdk/vendor.ts";
import { type Customer, makeCustomer, type StandIn, standIn } from "./stand-in.ts";

export const CLIENT = "http://127.0.0.1:4999/client.json";
export const RETURN = "http://127.0.0.1:4999/callback";
export const PATHS = ["profile/name", "profile/emails", "profile/addresses", "preferences/contact"];

export const asking = (
  more: { days?: number; retention?: string; frequency?: { max: number; per?: string } } = {},
): AuthorizationDetails => [ask({ purpose: "customer-management", paths: PATHS, days: 90, ...more })];

/** Columns of a row whose customer gave no rules of contact. */
export const NO_CONTACT = { "contact.email": "no", "contact.sms": "no", "contact.phone": "no", "contact.post": "no", "contact.push": "no" };

export interface Scene extends AsyncDisposable {
  server: StandIn;
  vendor: Vendor;
  state: StateStore;
  keys: JWK[];
  events: SdkEvent[];
  /** Milliseconds added to the vendor's clock. */
  clock: { ahead: number };
  /** The vendor as a new process over the same state. */
  restart(change?: Partial<VendorOptions>): Vendor;
  /** A new customer, granting `details` to a request for `asked`. */
  connect(details?: AuthorizationDetails, asked?: AuthorizationDetails): Promise<{ customer: Customer; grant: Grant }>;
}

/** A vendor and a stand-in server; no customer yet. */
export async function scene(change: Partial<VendorOptions> = {}): Promise<Scene> {
  const keys = await makeKeys();
  const server = await standIn({ clientId: CLIENT, keys });
  const state = change.state ?? memoryState();
  const events: SdkEvent[] = [];
  const clock = { ahead: 0 };
  const start = (more: Partial<VendorOptions> = {}): Vendor =>
    createVendor({
      clientId: CLIENT,
      server: server.url,
      keys,
      state,
      maxRetries: 0,
      now: () => Date.now() + clock.ahead,
      on: (event) => events.push(event),
      ...change,
      ...more,
    });
  const vendor = start();
  return {
    server,
    vendor,
    state,
    keys,
    events,
    clock,
    restart: start,
    async connect(details = asking(), asked = details) {
      const customer = await makeCustomer({ clientId: CLIENT, keys }, details);
      server.next = customer;
      const { url, id } = await vendor.requests.create({ authorization_details: asked, redirect_uri: RETURN });
      return { customer, grant: await vendor.requests.exchange(server.cameBack(url), { id }) };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
