import * as v from "valibot";
import { type API, type ApiName, type BodyOf, type ReplyOf, RequestView, Sync } from "#protocol/api.ts";
import { Epoch } from "#protocol/epoch.ts";
import { CompactJws, Id } from "#protocol/shapes.ts";
import { Successions } from "#protocol/succession.ts";
import { WaySeal, Ways } from "#protocol/ways.ts";
import { VaultError, type VaultErrorCode } from "./vault.ts";

export interface Call<N extends ApiName> {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: BodyOf<N>;
}

/** The API of protocol/api.ts, called by name. */
export interface Server {
  /** @throws {VaultError}, or {ServerRefusal} for a refusal that the caller may want to tell apart */
  call<N extends ApiName>(name: N, call?: Call<N>): Promise<ReplyOf<N>>;
}

/** A refusal by its stable code (protocol, section 13). */
export class ServerRefusal extends VaultError {
  readonly refusal: string;
  /** Seconds, where the server says when to come again. */
  readonly retryAfter: number | undefined;
  constructor(refusal: string, detail: string, reference: string | undefined, retryAfter?: number) {
    super(codes[refusal] ?? "failed", detail, reference);
    this.refusal = refusal;
    this.retryAfter = retryAfter;
  }
}

const codes: Record<string, VaultErrorCode> = {
  unauthenticated: "signed_out",
  stale_head: "stale",
  rate_limited: "rate_limited",
  storage_full: "full",
  store_full: "full",
  body_too_large: "full",
  kit_required: "kit_first",
  already_answered: "answered",
  refused_before: "refused_before",
  unavailable: "offline",
};

type Route<N extends ApiName> = `${(typeof API)[N]["method"]} ${(typeof API)[N]["path"]}`;
/** The table's routes again, held to it by their types: the table itself would bring every schema into the worker. */
const ROUTES: { readonly [N in ApiName]: Route<N> } = {
  registrationOptions: "POST /api/registrations/options",
  register: "POST /api/registrations",
  loginOptions: "POST /api/logins/options",
  login: "POST /api/logins",
  recovery: "POST /api/recoveries",
  recover: "POST /api/recoveries/sessions",
  session: "GET /api/session",
  logout: "POST /api/logout",
  act: "POST /api/acts",
  passkeyOptions: "POST /api/passkeys/options",
  store: "GET /api/store",
  commit: "POST /api/store/commits",
  request: "GET /api/requests/{id}",
  decline: "POST /api/requests/{id}/decline",
  pause: "POST /api/grants/{id}/pause",
  pauseAll: "POST /api/pauses",
  reopen: "POST /api/requests/{id}/reopen",
  consents: "GET /api/grants/{id}/consents",
  pauseByLink: "POST /api/pauses/links",
  revoke: "POST /api/grants/{id}/revoke",
  exports: "POST /api/store/exports",
  erase: "POST /api/store/erasure",
  keep: "POST /api/store/erasure/cancel",
  move: "POST /api/store/move",
  stay: "POST /api/store/move/cancel",
  arrive: "POST /api/moves",
  settle: "POST /api/store/arrival",
};

/** What an opener decides on. */
const Door = v.object({
  account: Id,
  head: CompactJws,
  ways: Ways,
  seals: v.array(WaySeal),
  epochs: v.array(Epoch),
  successions: Successions,
});
/** The answers on which something is decided; of others a member is shown, or sent back. */
const SHAPES: { readonly [N in ApiName]?: v.GenericSchema } = {
  store: Sync,
  request: RequestView,
  session: Door,
  login: Door,
  recovery: Door,
  recover: Door,
};

const TIMEOUT = 20_000;
/** A whole store comes with the answer. */
const LONG = 900_000;

/** @param origin where the API is: a worker that starts from a blob has no address of its own */
export function connect(origin: string, send: typeof fetch): Server {
  return {
    async call<N extends ApiName>(name: N, { params = {}, query = {}, body }: Call<N> = {}): Promise<ReplyOf<N>> {
      const [method = "", route = ""] = ROUTES[name].split(" ");
      const path = route.replace(/\{(\w+)\}/g, (_, parameter: string) => encodeURIComponent(params[parameter] ?? ""));
      const search = new URLSearchParams(query).toString();
      let response: Response;
      let answer: unknown;
      try {
        response = await send(`${origin}${path}${search === "" ? "" : `?${search}`}`, {
          method,
          credentials: "same-origin",
          cache: "no-store",
          redirect: "error",
          signal: AbortSignal.timeout(name === "arrive" ? LONG : TIMEOUT),
          ...(method === "POST" ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) } : {}),
        });
        answer = await response.json();
      } catch {
        throw new VaultError("offline", "no answer");
      }
      if (!response.ok) throw refusalOf(answer);
      const shape = SHAPES[name];
      if (shape !== undefined && !v.is(shape, answer)) throw new VaultError("failed", `unknown answer to ${name}`);
      return answer as ReplyOf<N>;
    },
  };
}

function refusalOf(problem: unknown): VaultError {
  const { code, detail, request, retryAfter } = (typeof problem === "object" && problem !== null ? problem : {}) as {
    code?: unknown;
    detail?: unknown;
    request?: unknown;
    retryAfter?: unknown;
  };
  return new ServerRefusal(
    typeof code === "string" ? code : "internal",
    typeof detail === "string" ? detail : "refused",
    typeof request === "string" ? request : undefined,
    typeof retryAfter === "number" ? retryAfter : undefined,
  );
}

export const isRefusal = (error: unknown, ...refusals: string[]): error is ServerRefusal =>
  error instanceof ServerRefusal && refusals.includes(error.refusal);
