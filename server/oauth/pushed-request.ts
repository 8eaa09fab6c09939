import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import type { VendorRow } from "../rows.ts";
import type { Storage } from "../storage/storage.ts";

/** What a vendor pushed (RFC 9126), until it is answered. */
export interface PushedRequest {
  readonly id: string;
  readonly vendor: VendorRow;
  readonly details: AuthorizationDetails;
  readonly redirectUri: string;
  readonly state: string | null;
  readonly codeChallenge: string;
  readonly dpopJkt: string | null;
  /** The grant that it would amend. */
  readonly replaces: string | null;
  /** Until when a browser may come with the request_uri (FAPI 2.0: under 600 s). */
  readonly comeUntil: number;
  /** Until when the one who came may answer: filling in a first address takes longer than a request_uri lives. */
  readonly until: number;
}

/** A consent that was given: enough to give its code again, and only to who gave it. */
export interface Given {
  readonly account: string;
  readonly consentHash: string;
  readonly codeHash: string;
  readonly grant: string;
  readonly seq: number;
  readonly position: number;
}

export interface AnsweredRequest extends PushedRequest {
  readonly given?: Given;
}

/** How long the customer has, from the moment of arrival. */
export const ANSWER_TIME = 3_600_000;

const OPEN = "request";
const ANSWERED = "request-answered";

type Tickets = Pick<Storage, "putTicket" | "getTicket" | "takeTicket">;

export const putRequest = (tickets: Tickets, request: PushedRequest): Promise<void> =>
  tickets.putTicket(OPEN, request.id, request, request.until);
export const openRequest = (tickets: Tickets, id: string): Promise<PushedRequest | undefined> => tickets.getTicket<PushedRequest>(OPEN, id);
export const takeRequest = (tickets: Tickets, id: string): Promise<PushedRequest | undefined> =>
  tickets.takeTicket<PushedRequest>(OPEN, id);
export const answeredRequest = (tickets: Tickets, id: string): Promise<AnsweredRequest | undefined> =>
  tickets.getTicket<AnsweredRequest>(ANSWERED, id);
/** Remembers what was answered, for the one whose answer didn't arrive. */
export const noteGiven = (tickets: Tickets, request: PushedRequest, given: Given): Promise<void> =>
  tickets.putTicket(ANSWERED, request.id, { ...request, given }, request.until);

/**
 * Answers a request exactly once: of any number who try at a time one has it, and gives it back if its `answer` fails.
 * Undefined if there is no open request.
 */
export async function answerOnce<Result>(
  tickets: Tickets,
  id: string,
  answer: (request: PushedRequest) => Promise<Result>,
): Promise<Result | undefined> {
  const request = await takeRequest(tickets, id);
  if (request === undefined) return undefined;
  let result: Result;
  try {
    result = await answer(request);
  } catch (error) {
    await putRequest(tickets, request);
    throw error;
  }
  await tickets.putTicket(ANSWERED, id, request, request.until);
  return result;
}

/** Back to the vendor (RFC 6749, 4.1.2; RFC 9207). */
export function redirectOf(
  request: Pick<PushedRequest, "redirectUri" | "state">,
  issuer: string,
  answer: { code: string } | { error: string },
): string {
  const url = new URL(request.redirectUri);
  for (const [name, value] of Object.entries(answer)) url.searchParams.append(name, value);
  if (request.state !== null) url.searchParams.append("state", request.state);
  url.searchParams.append("iss", issuer);
  return url.href;
}
