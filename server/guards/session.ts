import { Refusal } from "#protocol/refusal.ts";
import { digest, randomText } from "../digest.ts";
import type { Rows, SessionRow } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";
import { goneAt } from "../store/gone.ts";
import { requireHere } from "../store/whereabouts.ts";

const IDLE = 30 * 86_400_000;
const MOST = 20;

/** What a cookie says; whether it is so, the store knows. */
export interface Caller {
  readonly account: string;
  /** Key of the session's row. */
  readonly session: string;
}

export const unauthenticated = (): Refusal => new Refusal("unauthenticated", "You are not signed in. Sign in with your passkey.");

const nameOf = (issuer: string): string => (issuer.startsWith("https:") ? "__Host-counterfoil" : "counterfoil");

export function callerOf(cookies: string | undefined, issuer: string): Caller | undefined {
  const name = `${nameOf(issuer)}=`;
  const value = (cookies ?? "")
    .split(/;\s*/)
    .find((each) => each.startsWith(name))
    ?.slice(name.length);
  const parts = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(value ?? "");
  return parts?.[1] && parts[2] ? { account: parts[1], session: digest(parts[2]) } : undefined;
}

/** The caller's session, in the same moment as the work that it is for. @throws {Refusal} `unauthenticated` */
export async function requireSession(store: StoreReader<Rows>, caller: Caller, now: number): Promise<SessionRow> {
  const row = await store.get("sessions", caller.session);
  if (row === undefined) requireHere(await store.get("store", "store"));
  if (row === undefined || now - row.used > IDLE || (await goneAt(store)) <= now) throw unauthenticated();
  return row;
}

/**
 * Opens a session and answers its secret, of which only the hash is kept. The oldest ones go when there are many.
 * @throws {Refusal} `unauthenticated` where the store is as good as erased
 */
export async function openSession(store: StoreWriter<Rows>, way: string | null, now: number): Promise<string> {
  if ((await goneAt(store)) <= now) throw unauthenticated();
  const secret = randomText(32);
  const all = (await store.list("sessions", { limit: 1000 })).sort((a, b) => a[1].used - b[1].used);
  for (const [index, [key, row]] of all.entries()) if (now - row.used > IDLE || index <= all.length - MOST) store.delete("sessions", key);
  store.put("sessions", digest(secret), { way, created: now, used: now });
  return secret;
}

export function sessionCookie(issuer: string, account: string, secret: string): string {
  return cookie(issuer, `${account}.${secret}`, IDLE / 1000);
}

export const noCookie = (issuer: string): string => cookie(issuer, "", 0);

const cookie = (issuer: string, value: string, seconds: number): string =>
  `${nameOf(issuer)}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${issuer.startsWith("https:") ? "; Secure" : ""}`;
