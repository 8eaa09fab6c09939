import type { Client } from "#protocol/api.ts";
import type { VendorRow } from "../rows.ts";

/** A vendor as a store keeps it, from what another server shows of it. Where its documents lie, it names nobody else's place. */
export const vendorOf = (client: Client): VendorRow => ({
  clientId: client.client_id,
  clientName: client.client_name,
  legalName: client.legal_name,
  country: client.country,
  dpoContact: client.dpo_contact,
  clientUri: client.client_uri,
  policyUri: client.policy_uri,
  domain: URL.canParse(client.client_id) ? new URL(client.client_id).hostname : "",
  encryptionKey: client.encryption_key,
  since: Date.parse(client.since),
  document: client.document,
});
