import { Refusal } from "#protocol/refusal.ts";
import type { Scope } from "#protocol/scopes.ts";
import type { Deps } from "../deps.ts";
import type { VendorToken } from "./access-token.ts";
import { challenge, invalidToken, proveToken, type Shown } from "./shown-token.ts";

/**
 * Which vendor calls with a token of its own (client_credentials) that is good for `scope`, and its key.
 * @throws {Refusal} `invalid_token`, `insufficient_scope`
 */
export async function proveVendor(deps: Deps, shown: Shown & { scope: Scope | undefined }): Promise<{ clientId: string; jkt: string }> {
  const { issuer } = deps.config;
  const token = await proveToken(deps, shown);
  if (token.grant !== null) throw invalidToken(issuer, "This takes a token of the vendor itself (client_credentials).");
  if (!(await holds(deps, token))) throw invalidToken(issuer, "This access token is not known here or has ended. Get a new one.");
  const { scope } = shown;
  if (scope !== undefined && !token.scopes.includes(scope))
    throw new Refusal("insufficient_scope", `This takes a token with the scope ${scope}.`, {
      extra: { error: "insufficient_scope", challenge: challenge(issuer, { error: "insufficient_scope", scope }) },
    });
  return { clientId: token.clientId, jkt: token.jkt };
}

const REVOKED = "revoked-token";

/** Revokes one token of a vendor's own, for as long as it would have held. */
export const revokeVendorToken = ({ storage }: Pick<Deps, "storage">, { jti, exp }: VendorToken): Promise<void> =>
  storage.putTicket(REVOKED, jti, true, exp * 1000);

/**
 * Whether a token of a vendor's own holds now. Where a restart forgets which were revoked, what was made before it does not count (see
 * `Deps.started`).
 */
export async function holds(
  { storage, config, started }: Pick<Deps, "storage" | "config" | "started">,
  token: VendorToken,
): Promise<boolean> {
  if (token.iat < Math.floor(started / 1000)) return false;
  if (config.clients !== "open" && !config.clients.has(token.clientId)) return false;
  return (await storage.getTicket(REVOKED, token.jti)) === undefined;
}
