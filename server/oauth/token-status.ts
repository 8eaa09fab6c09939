import { isEnded } from "#protocol/grant.ts";
import type { Deps } from "../deps.ts";
import type { GrantToken, VendorToken } from "../guards/access-token.ts";
import { holds } from "../guards/vendor-token.ts";
import { StorageError } from "../storage/storage.ts";
import { type Grant, grantOf, stateNow } from "../store/shares.ts";
import { readRefreshToken } from "./refresh-token.ts";

/** A token that would do what it is for if it were used now. */
export type LiveToken =
  | { readonly kind: "vendor"; readonly token: VendorToken }
  | { readonly kind: "access"; readonly token: GrantToken; readonly account: string; readonly grant: Grant }
  | { readonly kind: "refresh"; readonly grantId: string; readonly account: string; readonly grant: Grant };

/** What a client's own token is good for at this moment; undefined for every other text, whosesoever it is. */
export async function liveToken(deps: Deps, text: string, clientId: string): Promise<LiveToken | undefined> {
  const token = await deps.accessTokens.find(text);
  if (token === undefined) return liveRefreshToken(deps, text, clientId);
  if (token.clientId !== clientId) return undefined;
  if (token.grant === null) return (await holds(deps, token)) ? { kind: "vendor", token } : undefined;
  const found = await standing(deps, token.grant);
  if (found === undefined || stateNow(found.grant, deps.now()) !== "active") return undefined;
  const { generation = 0, n = 1, vendor } = found.grant.row;
  const isOurs = vendor.clientId === clientId && generation === token.generation && (token.narrowed === null || token.narrowed.n === n);
  return isOurs ? { kind: "access", token, ...found } : undefined;
}

/** A pause ends, and a refresh token stays good through it. */
async function liveRefreshToken(deps: Deps, text: string, clientId: string): Promise<LiveToken | undefined> {
  const { grant: grantId, hash } = readRefreshToken(text) ?? {};
  const found = grantId === undefined ? undefined : await standing(deps, grantId);
  if (grantId === undefined || found === undefined || isEnded(stateNow(found.grant, deps.now()))) return undefined;
  const { vendor, refresh } = found.grant.row;
  return vendor.clientId === clientId && refresh === hash ? { kind: "refresh", grantId, ...found } : undefined;
}

async function standing({ storage }: Deps, grant: string): Promise<{ account: string; grant: Grant } | undefined> {
  const account = await storage.find("grant", grant);
  if (account === undefined) return undefined;
  try {
    return await storage.read(account, async (store) =>
      (await store.get("grants", grant)) === undefined ? undefined : { account, grant: await grantOf(store, grant) },
    );
  } catch (error) {
    if (error instanceof StorageError && error.code === "absent") return undefined;
    throw error;
  }
}
