import type { EventName, EventPayload } from "#protocol/events.ts";
import type { GrantRow, Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";

/** Something that a vendor has to be told about one of its grants. */
export interface Told<N extends EventName = EventName> {
  readonly clientId: string;
  /** Who the customer is to this vendor: `iss` of its consents. */
  readonly subject: string;
  readonly grant: string;
  readonly event: N;
  /** Without `grant_id` and `event_timestamp`, which follow from the rest. */
  readonly payload: Omit<EventPayload<N>, "grant_id" | "event_timestamp">;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What takes events to vendors, in the same change as what they tell of. */
export interface Teller {
  tell<N extends EventName>(store: StoreWriter<Rows>, told: Told<N>): Promise<void>;
}

/** A change of one store, and whom it is told to. */
export interface Changing {
  readonly store: StoreWriter<Rows>;
  readonly teller: Teller;
}

/** Tells a grant's vendor. */
export const tell = <N extends EventName>(
  { store, teller }: Changing,
  grant: string,
  { vendor, subject }: GrantRow,
  at: number,
  event: N,
  payload: Told<N>["payload"],
): Promise<void> => teller.tell(store, { clientId: vendor.clientId, subject, grant, event, payload, at });
