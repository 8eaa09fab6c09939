import * as v from "valibot";
import type { Endpoint } from "../protocol/api.ts";
import { NDJSON } from "../protocol/changes.ts";
import { VENDOR_API, type VendorApiName } from "../protocol/vendor-api.ts";
import type { Dpop } from "./dpop.ts";
import { CounterfoilError } from "./error.ts";
import type { Answer } from "./http.ts";
import type { Party } from "./party.ts";
import { refused } from "./refused.ts";
import { type Tokens, withNonce } from "./tokens.ts";

/** What an exchange with the vendor's own token needs besides its name. */
export interface CallInput {
  /** What stands for `{id}` in the path. */
  id?: string;
  query?: Readonly<Record<string, string>>;
  /** JSON. */
  body?: unknown;
  /** Whether the same again does no harm; false unless told. */
  repeatable?: boolean;
  /** Of one attempt, for a call that the server may hold open. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/** Exchanges whose answer comes as lines. */
type LinesName = "changes";
type ReplyOf<N extends VendorApiName> = v.InferOutput<(typeof VENDOR_API)[N]["reply"]>;

/** One exchange of VENDOR_API with a token of the vendor itself, good for that exchange's scope. @throws {CounterfoilError} */
export type VendorCall = <N extends Exclude<VendorApiName, LinesName>>(name: N, input?: CallInput) => Promise<ReplyOf<N>>;

/** The same of an exchange that answers lines: its body as it comes. @throws {CounterfoilError} */
export type VendorStream = (name: LinesName, input?: CallInput) => Promise<AsyncIterable<Uint8Array>>;

export function vendorCall(party: Party, tokens: Tokens, proofs: Dpop): VendorCall {
  const exchange = exchanges(party, tokens, proofs);
  return async (name, input) => {
    const answer = await exchange(name, input);
    const parsed = v.safeParse(VENDOR_API[name].reply, answer.body ?? {});
    if (!parsed.success)
      throw new CounterfoilError("integrity", `the answer to ${name} has an unknown shape`, {
        status: answer.status,
        requestId: answer.requestId,
        reason: "malformed",
      });
    return parsed.output as ReplyOf<typeof name>;
  };
}

export function vendorStream(party: Party, tokens: Tokens, proofs: Dpop): VendorStream {
  const exchange = exchanges(party, tokens, proofs);
  return async (name, input) => (await exchange(name, input)).chunks ?? nothing();
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}

function exchanges(party: Party, tokens: Tokens, proofs: Dpop) {
  return async (
    name: VendorApiName,
    { id = "", query = {}, body, repeatable = false, timeoutMs, signal }: CallInput = {},
  ): Promise<Answer> => {
    const { method, path, scope, status, lines }: Endpoint = VENDOR_API[name];
    const url = new URL(path.replace("{id}", encodeURIComponent(id)), party.server);
    for (const [member, value] of Object.entries(query)) url.searchParams.set(member, value);
    const send = () =>
      party.http({
        name,
        method,
        url: url.href,
        repeatable: repeatable || method === "GET",
        timeoutMs,
        signal,
        ...(lines ? { streams: true } : {}),
        prepare: async () => {
          const token = scope === undefined ? undefined : await tokens.own(scope);
          return {
            headers: {
              ...(token === undefined ? {} : { authorization: `DPoP ${token}`, dpop: await proofs.proof(method, url.href, token) }),
              ...(body === undefined ? {} : { "content-type": "application/json" }),
              ...(lines ? { accept: `${NDJSON}, application/problem+json`, "accept-encoding": "gzip" } : {}),
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          };
        },
      });
    let answer = await withNonce(send, url.href, proofs);
    if (answer.status === 401 && scope !== undefined) {
      tokens.forgetOwn(scope);
      answer = await withNonce(send, url.href, proofs);
    }
    if (answer.status !== (status ?? 200)) throw refused(answer, name, party.now());
    return answer;
  };
}
