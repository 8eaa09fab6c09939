import type { Assertion, GrantView, SessionReply } from "#protocol/api.ts";
import { readConsent } from "#protocol/consent-token.ts";
import { readHead } from "#protocol/head.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { prfSalt } from "#protocol/sealing/way-in.ts";
import { noteReading } from "./acts.ts";
import { type Context, sessionOf } from "./context.ts";
import { deviceOpener } from "./device.ts";
import { type Door, type Keyring, type Opener, openKeyring } from "./keyring.ts";
import type { Remembered } from "./memory.ts";
import { grantsBehind } from "./plan.ts";
import { enter, read } from "./reading.ts";
import { isRefusal } from "./server.ts";
import { VaultError } from "./vault.ts";
import { outlineOf, stateBySayso } from "./view.ts";
import { backfill } from "./writing.ts";

/** What the page begins with: whether this browser is signed in, and then what a locked store shows. */
export async function start(context: Context): Promise<void> {
  try {
    const { account, ways } = await context.server.call("session");
    context.session = { account, ways };
  } catch (error) {
    if (!isRefusal(error, "unauthenticated", "not_found")) throw error;
    context.publish({ state: "signed-out" });
    return;
  }
  context.publish({ state: "locked" });
  await outline(context);
}

/** Reads what changed elsewhere: of an open store, of a locked one, or whether there is a session now. */
export async function refresh(context: Context): Promise<void> {
  if (context.store !== undefined) await read(context);
  else if (context.session !== undefined) await outline(context);
  else await start(context);
}

/** The grants of a locked store, by the server's word: enough to stop them. */
export async function outline(context: Context): Promise<void> {
  const grants = await readRows(context);
  context.publish({
    outline: outlineOf(
      grants.map((row) => {
        const expires = readConsent(row.consent).exp;
        return { grant: row.grant, number: row.number, state: stateBySayso(row, expires, context.now()), expires };
      }),
    ),
  });
}

/** The server's rows, unverified. */
export async function readRows({ server }: Context): Promise<GrantView[]> {
  let page = await server.call("store");
  const grants = [...page.grants];
  while (page.more !== null) {
    page = await server.call("store", { query: { after: page.more } });
    grants.push(...page.grants);
  }
  return grants;
}

/** One prompt: signs in, and opens by what that passkey gives, or by this browser's own way in. */
export async function unlock(context: Context): Promise<void> {
  const { id: login, options } = await context.server.call("loginOptions", { body: {} });
  // Where this browser is signed in, only that store's passkeys: it may hold one of a store that is gone.
  const allow = (context.session?.ways ?? []).flatMap(({ passkey }) => (passkey === null ? [] : [passkey.id]));
  const { assertion, prf } = await context.prompts.get({ challenge: String(options.challenge), allow, salt: await prfSalt() });
  const door = await signIn(context, login, { ...assertion, response: { ...assertion.response, userHandle: ownerOf(context, assertion) } });
  context.session = { account: door.account, ways: door.ways };
  const remembered = await context.memory.read(door.account);
  const passkey = door.ways.find((way) => way.passkey?.id === assertion.id);
  if (passkey === undefined)
    throw new EvidenceError("ways", "the server's list of ways into this store leaves out the passkey that you have just used");

  let keyring: Keyring | undefined;
  let changed = false;
  if (passkey.key !== null && prf !== undefined) {
    keyring = await tryOpening(door, { way: passkey.id, secret: prf }, remembered);
    changed = keyring === undefined;
  }
  const device = keyring === undefined ? await deviceOpener(remembered, door.halves) : undefined;
  if (device !== undefined) keyring = await tryOpening(door, device, remembered);
  if (keyring === undefined) {
    throw new VaultError("kit_needed", changed ? "the passkey gave another secret than before" : "neither passkey nor browser opens it");
  }
  await enter(context, keyring);
  if (prf !== undefined) await noteReading(context, passkey, prf);
  // The store is open whether or not that comes through; the next opening tries again.
  await finishBackfills(context).catch(() => undefined);
}

/** An authenticator that is told which passkeys may leave out whose they are (CTAP 2.1, 6.2.2). */
const ownerOf = ({ session }: Context, { response }: Assertion): string | null => response.userHandle ?? session?.account ?? null;

async function signIn(context: Context, login: string, assertion: Assertion): Promise<SessionReply> {
  try {
    return await context.server.call("login", { body: { login, assertion } });
  } catch (error) {
    if (isRefusal(error, "not_found", "invalid_passkey", "unauthenticated"))
      throw new VaultError("no_passkey", "opens no store", error.reference);
    throw error;
  }
}

/** Undefined if the secret is not this way's: a PRF value may change. Anything else that doesn't fit is the server's doing. */
async function tryOpening(door: Door, opener: Opener, remembered: Remembered | undefined): Promise<Keyring | undefined> {
  if (!door.ways.some((way) => way.id === opener.way)) return undefined;
  try {
    const trust = remembered?.trust;
    // One that was put back may have no kit yet: whether it was is told by the store.
    const isBeforeKit = !door.ways.some((way) => way.kind === "kit") && readHead(door.head).identity === trust?.identity;
    return (await openKeyring(door, opener, trust && isBeforeKit ? { ...trust, kit: null } : trust)).keyring;
  } catch (error) {
    if (error instanceof EvidenceError && error.code === "commitment") return undefined;
    throw error;
  }
}

async function finishBackfills(context: Context): Promise<void> {
  const { store } = context;
  if (store === undefined || store.alarms.length > 0) return;
  await backfill(context, grantsBehind(store, context.now()));
}

/** Ends the session; this browser keeps nothing. */
export async function signOut(context: Context): Promise<void> {
  const { account } = sessionOf(context);
  await context.server.call("logout", { body: {} });
  await context.memory.forget(account);
  context.store = undefined;
  context.session = undefined;
  context.publish({ state: "signed-out" });
}
