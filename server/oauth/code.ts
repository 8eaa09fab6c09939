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

/** Of any number who redeem it, one gets it. */
export const takeCode = (storage: Pick<Storage, "takeTicket">, code: string): Promise<CodeTicket | undefined> =>
  withdrawCode(storage, digest(code));

/** Takes back a code that wasn't redeemed, by its hash. */
export const withdrawCode = (storage: Pick<Storage, "takeTicket">, hash: string): Promise<CodeTicket | undefined> =>
  storage.takeTicket<CodeTicket>(CODE, hash);
