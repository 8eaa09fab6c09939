import * as v from "valibot";
import { Client } from "./api.ts";
import { AuthorizationDetails } from "./authorization-details.ts";
import { VendorCard } from "./data/private.ts";
import { CompactJws, Count, Id, Instant, Path, Text } from "./shapes.ts";

const ExportedRecord = v.strictObject({ path: Path, value: v.unknown(), source: v.optional(Id) });
const ExportedVendor = v.strictObject({ relationship: Path, client_id: Text(500), name: Text(200), card: VendorCard });
const ExportedConnection = v.strictObject({
  grant: Id,
  number: Count,
  relationship: Path,
  client: Client,
  state: v.picklist(["active", "paused", "revoked", "expired", "declined"]),
  /** In the customer's own paths. */
  details: AuthorizationDetails,
  given: Instant,
  expires: Instant,
  endedAt: v.nullable(Instant),
  reads: v.array(v.strictObject({ at: Instant, paths: v.array(v.string()), count: Count, key: v.string() })),
  /** The signed consent, as evidence: it gives no right to anyone who imports it. */
  consent: CompactJws,
});

/** One line of an export's contents. A store first, then records by path, vendors and connections, each in a fixed order. */
export const ExportEntry = v.union([
  v.strictObject({ store: v.strictObject({ created: Instant }) }),
  v.strictObject({ record: ExportedRecord }),
  v.strictObject({ vendor: ExportedVendor }),
  v.strictObject({ connection: ExportedConnection }),
]);
export type ExportEntry = v.InferOutput<typeof ExportEntry>;
