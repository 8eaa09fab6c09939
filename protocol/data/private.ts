import * as v from "valibot";
import { kind } from "../kind.ts";
import { Count, Id, Instant, Positive, Text } from "../shapes.ts";
import { Contact } from "./contact.ts";

const optional = v.optional;

/** How a customer sees a vendor. From `blocked` nothing can be asked. */
export const VENDOR_VIEWS = ["friend", "regular", "occasional", "distant", "blocked"] as const;

/** The customer's own card of a vendor; its keys and grants lie beside it in the vault's record. */
export const VendorCard = v.strictObject({
  view: optional(v.picklist(VENDOR_VIEWS)),
  /** schema.org ProgramMembership.membershipNumber */
  customerNumber: optional(Text(80)),
  notes: optional(Text(2000)),
  /** How this vendor may reach the customer, over the general card. */
  contact: optional(Contact),
});
export type VendorCard = v.InferOutput<typeof VendorCard>;

/** A vendor's own record is the vault's: card, keys, grants. */
const Relationship = v.record(v.string(), v.unknown());

/** Where records came from, so that all of it can be taken back. */
export const Import = v.strictObject({
  at: Instant,
  /** Name of the file. */
  file: Text(300),
  /** Id of the reader or preset that read it. */
  format: Text(60),
  /** How many records it brought. */
  count: Count,
  /** `running`: it was cut off, unless it is going on in another tab. */
  state: v.picklist(["running", "done"]),
  /** Values that it replaced, as they were (null: empty, or not there), and the version that it gave them. */
  replaced: v.pipe(v.array(v.strictObject({ path: Text(200), value: v.unknown(), version: optional(Positive) })), v.maxLength(50)),
});
export type Import = v.InferOutput<typeof Import>;

/** Opened deposits (section 9), and requests that the customer makes. */
const InboxEntry = v.strictObject({
  kind: v.picklist(["receipt", "quote", "invoice", "payment", "status", "message", "request"]),
  client_id: Text(500),
  grant: optional(Id),
  at: Instant,
  body: v.record(v.string(), v.unknown()),
});

/** What no vendor ever reads. */
export const PRIVATE = [
  kind("relationships", Relationship, { many: true, sensitivity: "private", dpv: "pd:Relationship", shareable: false, line: () => "" }),
  kind("inbox", InboxEntry, { many: true, sensitivity: "private", dpv: "pd:Communication", shareable: false, line: ({ kind: of }) => of }),
  kind("imports", Import, { many: true, sensitivity: "private", dpv: "pd:PersonalDocuments", shareable: false, line: ({ file }) => file }),
];
