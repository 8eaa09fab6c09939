import type { Deps } from "../deps.ts";
import { revokeVendorToken } from "../guards/vendor-token.ts";
import type { GrantRow } from "../rows.ts";
import { StorageError } from "../storage/storage.ts";
import { requireServed } from "../store/whereabouts.ts";
import type { Vendor } from "../vendors/metadata.ts";
import { type Form, need } from "./form.ts";
import { readRefreshToken } from "./refresh-token.ts";

/**
 * POST /oauth/revoke (RFC 7009). A refresh token goes with every access token of its grant, an access token with the others of its grant;
 * the grant itself stays: giving it up is DELETE /oauth/grants/{id}. What is not a token of this client is no fault, and changes nothing.
 */
export async function revokeToken(deps: Deps, form: Form, vendor: Vendor): Promise<void> {
  const text = need(form, "token");
  const { clientId } = vendor.row;
  const token = await deps.accessTokens.find(text);
  if (token !== undefined && token.clientId !== clientId) return;
  if (token?.grant === null) return revokeVendorToken(deps, token);
  if (token !== undefined)
    return changeGrant(deps, token.grant, clientId, (row) =>
      (row.generation ?? 0) === token.generation ? { ...row, generation: token.generation + 1 } : undefined,
    );
  const { grant, hash } = readRefreshToken(text) ?? {};
  if (grant !== undefined)
    await changeGrant(deps, grant, clientId, (row) =>
      row.refresh === hash ? { ...row, refresh: null, generation: (row.generation ?? 0) + 1 } : undefined,
    );
}

async function changeGrant(
  { storage }: Deps,
  grant: string,
  clientId: string,
  next: (row: GrantRow) => GrantRow | undefined,
): Promise<void> {
  const account = await storage.find("grant", grant);
  if (account === undefined) return;
  try {
    await storage.change(account, async (store) => {
      const row = await store.get("grants", grant);
      const changed = row?.vendor.clientId === clientId ? next(row) : undefined;
      if (changed !== undefined) await requireServed(store, { grant, clientId, standing: await store.get("standings", grant) });
      if (changed !== undefined) store.put("grants", grant, changed);
    });
  } catch (error) {
    if (!(error instanceof StorageError && error.code === "absent")) throw error;
  }
}
