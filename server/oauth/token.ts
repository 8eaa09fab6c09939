import { isEnded } from "#protocol/grant.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { digest, randomText } from "../digest.ts";
import { TOKEN_LIFETIME } from "../guards/access-token.ts";
import { callOff } from "../moves/leaving.ts";
import type { GrantRow, Rows } from "../rows.ts";
import { StorageError, type StoreReader } from "../storage/storage.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import { requireServed } from "../store/whereabouts.ts";
import type { Vendor } from "../vendors/metadata.ts";
import { byClientCredentials } from "./client-credentials.ts";
import { takeCode } from "./code.ts";
import { checkTarget, type Form, need } from "./form.ts";
import { narrowedBy } from "./narrowed.ts";
import { OAuthError } from "./oauth-error.ts";
import { readRefreshToken, refreshTokenOf } from "./refresh-token.ts";

const refused = (description: string): OAuthError => new OAuthError("invalid_grant", description);

/** POST /oauth/token. @param jkt thumbprint of the DPoP key that tokens are bound to */
export async function issueToken(deps: Deps, form: Form, vendor: Vendor, jkt: string) {
  const type = need(form, "grant_type");
  checkTarget(form, deps.accessTokens.audience);
  if (type === "client_credentials") return byClientCredentials(deps, form, vendor, jkt);
  // A scope beside a customer's grant is left alone, as at PAR (RFC 6749, 3.3): what is granted stands in authorization_details.
  if (type === "authorization_code") return byCode(deps, form, vendor, jkt);
  if (type === "refresh_token") return byRefreshToken(deps, form, vendor, jkt);
  throw new OAuthError("unsupported_grant_type", "grant_type is authorization_code, refresh_token or client_credentials");
}

async function byCode(deps: Deps, form: Form, vendor: Vendor, jkt: string) {
  // One that is missing is one that doesn't fit (RFC 7636, 4.6).
  const verifier = form.get("code_verifier") ?? "";
  const code = need(form, "code");
  const { clientId } = vendor.row;
  const taken = await takeCode(deps.storage, code, clientId, deps.now());
  if (taken?.again) await burn(deps, taken.ticket.grant, digest(code));
  if (taken === undefined || taken.again) throw refused("the code is not known, too old or was used before");
  const { ticket } = taken;
  if (ticket.clientId !== clientId) throw refused("the code is another client's");
  if (form.get("redirect_uri") !== ticket.redirectUri) throw refused("redirect_uri is not that of the request");
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier) || digest(verifier) !== ticket.codeChallenge) throw refused("code_verifier does not fit");
  if (ticket.dpopJkt !== null && ticket.dpopJkt !== jkt) throw new OAuthError("invalid_dpop_proof", "the code is bound to another key");
  const { grant } = ticket;
  const secret = randomText(32);
  const account = await accountOf(deps, grant);
  const row = await sayEnded(() =>
    deps.storage.change(account, async (store) => {
      const row = await standingGrant(store, grant, vendor, deps.now());
      if (row.burnt === digest(code)) throw refused("the code is not known, too old or was used before");
      narrowedBy(form, row);
      store.put("grants", grant, { ...row, refresh: digest(secret) });
      return row;
    }),
  );
  return answer(deps, form, grant, row, jkt, refreshTokenOf(grant, secret));
}

/** What was issued by a code that comes a second time is no longer good (RFC 6749, 4.1.2): one of the two has stolen it. */
async function burn(deps: Deps, grant: string, code: string): Promise<void> {
  const account = await deps.storage.find("grant", grant);
  if (account === undefined) return;
  await deps.storage.change(account, async (store) => {
    const row = await store.get("grants", grant);
    // Once: a vendor that sends its own code again and again must not keep a customer from moving.
    if (row === undefined || row.burnt === code) return;
    store.put("grants", grant, { ...row, refresh: null, generation: (row.generation ?? 0) + 1, burnt: code });
    const whole = await store.get("store", "store");
    // What was given by it must not come to life elsewhere.
    if (whole !== undefined) await callOff(store, whole, deps.now());
  });
}

/** No rotation (FAPI 2.0, 5.3.2.1); the client proves itself at each use. */
async function byRefreshToken(deps: Deps, form: Form, vendor: Vendor, jkt: string) {
  const token = need(form, "refresh_token");
  const { grant, hash } = readRefreshToken(token) ?? {};
  if (grant === undefined) throw refused("the refresh token is not known");
  const account = await accountOf(deps, grant);
  const row = await sayEnded(() =>
    deps.storage.read(account, async (store) => {
      const row = await standingGrant(store, grant, vendor, deps.now());
      if (row.refresh !== hash) throw refused("the refresh token is not known");
      return row;
    }),
  );
  return answer(deps, form, grant, row, jkt, token);
}

async function accountOf({ storage }: Deps, grant: string): Promise<string> {
  const account = await storage.find("grant", grant);
  if (account === undefined) throw refused("the grant has ended");
  return account;
}

/** The same words for a grant that ended, that never was, and that is another's. */
async function sayEnded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if ((error instanceof StorageError && error.code === "absent") || (error instanceof Refusal && error.code === "not_found"))
      throw refused("the grant has ended");
    throw error;
  }
}

async function standingGrant(store: StoreReader<Rows>, grant: string, vendor: Vendor, now: number): Promise<GrantRow> {
  const { clientId } = vendor.row;
  const known = await grantOf(store, grant).catch(async (error: unknown) => {
    await requireServed(store, { grant, clientId, standing: undefined });
    throw error;
  });
  if (known.row.vendor.clientId !== clientId) throw refused("the grant has ended");
  await requireServed(store, { grant, clientId, standing: known.standing });
  if (isEnded(stateNow(known, now))) throw refused("the grant has ended");
  return known.row;
}

function answer({ accessTokens }: Deps, form: Form, grant: string, row: GrantRow, jkt: string, refreshToken: string) {
  const narrowed = narrowedBy(form, row);
  const { subject, vendor, generation = 0 } = row;
  return {
    access_token: accessTokens.make({ subject, clientId: vendor.clientId, grant, jkt, generation, narrowed }),
    token_type: "DPoP",
    expires_in: TOKEN_LIFETIME,
    refresh_token: refreshToken,
    grant_id: grant,
    authorization_details: narrowed?.details ?? row.details,
  };
}
