import * as v from "valibot";
import { API, type ApiName, type BodyOf, type ReplyOf } from "#protocol/api.ts";
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

/** A refusal by its stable code (protocol.md 13). */
export class ServerRefusal extends VaultError {
  readonly refusal: string;
  constructor(refusal: string, detail: string, reference: string | undefined) {
    super(codes[refusal] ?? "failed", detail, reference);
    this.refusal = refusal;
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
  unavailable: "offline",
};

const TIMEOUT = 20_000;

/** @param origin where the API is: a worker that starts from a blob has no address of its own */
export function connect(origin: string, send: typeof fetch): Server {
  return {
    async call<N extends ApiName>(name: N, { params = {}, query = {}, body }: Call<N> = {}): Promise<ReplyOf<N>> {
      const endpoint = API[name];
      const path = endpoint.path.replace(/\{(\w+)\}/g, (_, parameter: string) => encodeURIComponent(params[parameter] ?? ""));
      const search = new URLSearchParams(query).toString();
      let response: Response;
      let answer: unknown;
      try {
        response = await send(`${origin}${path}${search === "" ? "" : `?${search}`}`, {
          method: endpoint.method,
          credentials: "same-origin",
          cache: "no-store",
          redirect: "error",
          signal: AbortSignal.timeout(TIMEOUT),
          ...(endpoint.method === "POST" ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) } : {}),
        });
        answer = await response.json();
      } catch {
        throw new VaultError("offline", "The server could not be reached");
      }
      if (!response.ok) throw refusalOf(answer);
      const parsed = v.safeParse(endpoint.reply as v.GenericSchema, answer);
      if (!parsed.success) throw new VaultError("failed", `The server's answer to ${name} has an unknown shape`);
      return parsed.output as ReplyOf<N>;
    },
  };
}

function refusalOf(problem: unknown): VaultError {
  const { code, detail, request } = (typeof problem === "object" && problem !== null ? problem : {}) as { code?: unknown; detail?: unknown; request?: unknown };
  return new ServerRefusal(typeof code === "string" ? code : "internal", typeof detail === "string" ? detail : "The server refused", typeof request === "string" ? request : undefined);
}

export const isRefusal = (error: unknown, ...refusals: string[]): error is ServerRefusal => error instanceof ServerRefusal && refusals.includes(error.refusal);
