import * as v from "valibot";
import { Client } from "#protocol/api.ts";
import { VendorCard } from "#protocol/data/private.ts";
import type { Context } from "./context.ts";
import { makeRelationship, newRelationshipPath, relationshipTo } from "./relationship.ts";
import { VaultError } from "./vault.ts";
import { writeWhole } from "./writing.ts";

/** Where its contact rules changed, this vendor's grants get their contact card anew, and no one else's. */
export async function saveCard(
  context: Context,
  vendor: { readonly relationship: string } | { readonly client: Client },
  card: VendorCard,
): Promise<void> {
  if (!v.is(VendorCard, card)) throw new VaultError("invalid", "not a vendor's card");
  if ("relationship" in vendor) {
    const at = vendor.relationship;
    await writeWhole(context, ({ relationships }) => {
      const relationship = relationships.get(at);
      if (relationship === undefined) throw new VaultError("invalid", "no such vendor");
      return { contents: new Map([[at, { value: { ...relationship, card } }]]) };
    });
    return;
  }
  const { client } = vendor;
  if (!v.is(Client, client)) throw new VaultError("invalid", "not a vendor");
  const made = [newRelationshipPath(), await makeRelationship(client)] as const;
  await writeWhole(context, (store) => {
    // Another tab may have met it meanwhile: a vendor has one card.
    const [at, relationship] = relationshipTo(store.relationships, client.client_id) ?? made;
    return { contents: new Map([[at, { value: { ...relationship, card } }]]) };
  });
}
