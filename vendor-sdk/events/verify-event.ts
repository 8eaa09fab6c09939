import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK } from "jose";
import * as v from "valibot";
import { fromUtf8 } from "../../protocol/canonical.ts";
import {
  EVENT_BASE,
  EVENT_TYP,
  EVENTS,
  type EventName,
  type EventPayload,
  EventToken,
  GrantSubject,
  STREAM_UPDATED,
  VERIFICATION,
} from "../../protocol/events.ts";
import { VENDOR_ALGORITHMS } from "../../protocol/jws.ts";
import { CounterfoilError } from "../error.ts";

/** What every event has. `jti` names it for ever; `at`: when it was made. */
interface Common {
  jti: string;
  at: Date;
  /** Its URI. */
  type: string;
  /** Whose word it is. */
  issuer: string;
}

/** An event about a grant. */
export type GrantEvent = { [N in EventName]: Common & { name: N; grant: string; payload: EventPayload<N> } }[EventName];

/** An event about the stream itself, or of a type that this version doesn't know. */
export interface OtherEvent extends Common {
  name: "verification" | "stream-updated" | "unknown";
  grant: undefined;
  payload: Record<string, unknown>;
}

/** A security event token that was found good. */
export type VendorEvent = GrantEvent | OtherEvent;

/** Why a token was refused, in RFC 8935's words (2.4): the `reason` of the error. */
export type EventFault = "invalid_request" | "invalid_key" | "invalid_issuer" | "invalid_audience";

/** Whether a `jti` came before. `take` says false the second time; bounded memories forget the oldest. */
export interface ReplayMemory {
  take(jti: string): boolean | Promise<boolean>;
}

/** What the receiver knows by itself. */
export interface EventExpectation {
  /** The server. */
  issuer: string;
  /** Your client id. */
  audience: string;
  /** The issuer's public key of this name; undefined if it has none: see `eventKeys`. */
  keys(kid: string | undefined): Promise<JWK | undefined>;
  /** Refuses what came before, as `conflict`, reason `replayed`. None unless told: `receiver` keeps its own, in your state. */
  replay?: ReplayMemory;
  /** Epoch milliseconds; the system's clock unless told. */
  now?: number;
  /** How far clocks may be apart: 60 000 unless told. */
  skewMs?: number;
}

/** A compact JWS of ours is far below. */
const MOST_CHARACTERS = 65_536;
const SKEW = 60_000;
/** Nobody retries for so long. */
const OLDEST = 30 * 86_400_000;

const refuse = (reason: EventFault, message: string): never => {
  throw new CounterfoilError("integrity", message, { reason });
};

/**
 * Checks a security event token (RFC 8417; SSF 1.0, 4.1): `typ`, signature by a key of the issuer, issuer, audience, exactly one event,
 * neither `sub` nor `exp`, a time that is neither ahead nor a month past, a payload of its type's shape.
 * @param body the token as it came
 * @throws {CounterfoilError} `integrity`, with an {@link EventFault} as its reason; `conflict` replayed; `unavailable` keys can't be fetched, or `clock`: it is from the future
 */
export async function verifyEvent(body: string, expected: EventExpectation): Promise<VendorEvent> {
  const { issuer, audience, keys, replay, now = Date.now(), skewMs = SKEW } = expected;
  if (body.length > MOST_CHARACTERS) refuse("invalid_request", "the token is too large");
  const claims = readClaims(await verified(body, keys));
  if (claims.iss !== issuer) refuse("invalid_issuer", "the token is another issuer's");
  if (claims.aud !== audience) refuse("invalid_audience", "the token is for another receiver");
  // Said again later rather than lost: it may be this clock that is behind.
  if (claims.iat * 1000 > now + skewMs)
    throw new CounterfoilError("unavailable", "the token is from the future, by this machine's clock", { reason: "clock" });
  if (claims.iat * 1000 < now - OLDEST) refuse("invalid_request", "the token is too old");
  const event = eventOf(claims);
  if (replay !== undefined && !(await replay.take(event.jti)))
    throw new CounterfoilError("conflict", "this event came before", { reason: "replayed" });
  return event;
}

/** Whose token it says it is: worth nothing before it is checked. */
export function issuerOf(body: string): string | undefined {
  try {
    const { iss } = decodeJwt(body);
    return typeof iss === "string" ? iss : undefined;
  } catch {
    return undefined;
  }
}

async function verified(body: string, keys: EventExpectation["keys"]): Promise<Uint8Array> {
  let kid: string | undefined;
  try {
    const header = decodeProtectedHeader(body);
    // RFC 8417, 2.3: explicitly typed, so that no other token of this issuer passes for an event.
    if (header.typ !== EVENT_TYP) refuse("invalid_request", `expected typ ${EVENT_TYP}`);
    if (!VENDOR_ALGORITHMS.includes(header.alg ?? "")) refuse("invalid_request", "expected another algorithm");
    kid = header.kid;
  } catch (error) {
    if (error instanceof CounterfoilError) throw error;
    return refuse("invalid_request", "expected a compact JWS");
  }
  const key = await keys(kid);
  if (key === undefined) return refuse("invalid_key", "the token names a key that the issuer doesn't have");
  try {
    const imported = await importJWK(key, decodeProtectedHeader(body).alg);
    return (await compactVerify(body, imported, { algorithms: [...VENDOR_ALGORITHMS] })).payload;
  } catch {
    return refuse("invalid_key", "the token is not signed by the issuer's key");
  }
}

function readClaims(payload: Uint8Array): EventToken {
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(payload));
  } catch {
    return refuse("invalid_request", "the claims are not JSON");
  }
  if (typeof json === "object" && json !== null && ("sub" in json || "exp" in json))
    refuse("invalid_request", "a security event token has neither sub nor exp");
  const parsed = v.safeParse(EventToken, json);
  return parsed.success ? parsed.output : refuse("invalid_request", "the claims are not those of a security event with exactly one event");
}

function eventOf({ iss, jti, iat, sub_id, events }: EventToken): VendorEvent {
  const [[type, payload] = ["", {}]] = Object.entries(events);
  const common = { jti, at: new Date(iat * 1000), type, issuer: iss };
  const name = type.startsWith(EVENT_BASE) ? type.slice(EVENT_BASE.length) : undefined;
  if (name === undefined || !Object.hasOwn(EVENTS, name)) {
    const known = type === VERIFICATION ? "verification" : type === STREAM_UPDATED ? "stream-updated" : "unknown";
    return { ...common, name: known, grant: undefined, payload };
  }
  const parsed = v.safeParse(EVENTS[name as EventName], payload);
  if (!parsed.success) return refuse("invalid_request", "the event's payload has an unknown shape");
  const subject = v.safeParse(GrantSubject, sub_id);
  if (!subject.success || subject.output.grant.id !== parsed.output.grant_id)
    return refuse("invalid_request", "the event's subject is not its grant");
  return { ...common, name, grant: parsed.output.grant_id, payload: parsed.output } as GrantEvent;
}

/** A memory of the last `most` events: for a receiver of your own in one process. */
export function memoryReplay(most = 10_000): ReplayMemory {
  const seen = new Set<string>();
  return {
    take(jti) {
      if (seen.has(jti)) return false;
      seen.add(jti);
      for (const oldest of seen.size > most ? [...seen].slice(0, 1) : []) seen.delete(oldest);
      return true;
    },
  };
}
