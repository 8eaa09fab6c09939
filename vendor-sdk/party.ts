import type { Listener } from "./event.ts";
import type { Http } from "./http.ts";
import type { Book } from "./state.ts";
import type { VendorKeys } from "./vendor-keys.ts";

/** The vendor as the SDK's parts see it: who it is, what it holds, and how it reaches the server. */
export interface Party {
  readonly clientId: string;
  /** Issuer URL. */
  readonly server: string;
  readonly keys: VendorKeys;
  readonly book: Book;
  readonly http: Http;
  readonly on: Listener;
  /** Epoch milliseconds. */
  readonly now: () => number;
}
