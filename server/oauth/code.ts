import { LIMITS } from "#protocol/api.ts";
import { digest, randomText } from "../digest.ts";
import type { Storage } from "../storage/storage.ts";
import type { PushedRequest } from "./pushed-request.ts";

/** What a code stands for, until it is redeemed. */
export interface CodeTicket {
  readonly grant: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly dpopJkt: string | null;
}

const CODE = "code";

/** A code of 256 bits for at most 60 seconds (FAPI 2.0, 5.3.2.1); only its hash is kept. */
export async function issueCode(storage: Pick<Storage, "putTicket">, request: PushedRequest, grant: string, now: number): Promise<string> {
  const code = randomText(32);
  const { redirectUri, codeChallenge, dpopJkt } = request;
  const ticket: CodeTicket = { grant, clientId: request.vendor.clientId, redirectUri, codeChallenge, dpopJkt };
  await storage.putTicket(CODE, digest(code), ticket, now + LIMITS.codeLifetime);
  return code;
}

const USED = "code-used";
/** How long it is remembered that a code was used: longer than anybody has a reason to try it again. */
const REMEMBERED = 600_000;

/**
 * Of any number who redeem it, one gets it; each of the others learns what the code stood for if it is theirs, so that what was issued by
 * it can die (RFC 6749, 4.1.2). Undefined: not known, or too old.
 */
export async function takeCode(
  storage: Pick<Storage, "putTicket" | "getTicket" | "takeTicket">,
  code: string,
  clientId: string,
  now: number,
): Promise<{ ticket: CodeTicket; again: boolean } | undefined> {
  const hash = digest(code);
  const ticket = await storage.getTicket<CodeTicket>(CODE, hash);
  // Noted before it is taken: there is no moment in which a second one finds neither.
  if (ticket?.clientId === clientId) await storage.putTicket(USED, hash, ticket, now + REMEMBERED);
  const taken = await withdrawCode(storage, hash);
  if (taken !== undefined) return { ticket: taken, again: false };
  const used = await storage.getTicket<CodeTicket>(USED, hash);
  return used?.clientId === clientId ? { ticket: used, again: true } : undefined;
}

/** Takes back a code that wasn't redeemed, by its hash. */
export const withdrawCode = (storage: Pick<Storage, "takeTicket">, hash: string): Promise<CodeTicket | undefined> =>
  storage.takeTicket<CodeTicket>(CODE, hash);
