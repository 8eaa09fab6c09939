import type { ApiName, BodyOf, ReplyOf } from "#protocol/api.ts";
import type { Deps } from "../deps.ts";
import { type Caller, unauthenticated } from "../guards/session.ts";

/** One request to an endpoint of the table, after its shape was checked. */
export interface Call<Body> {
  readonly body: Body;
  /** The path's `{id}`. */
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
  readonly header: (name: string) => string | undefined;
  /** Whom limits count for. */
  readonly address: string;
  /** Whose cookie came, if one did. */
  readonly caller: Caller | undefined;
  /** Headers that the answer gets. */
  readonly answer: Record<string, string>;
}

export type Endpoint<N extends ApiName> = (deps: Deps, call: Call<BodyOf<N>>) => Promise<ReplyOf<N>>;
export type Endpoints<N extends ApiName = ApiName> = { readonly [Name in N]: Endpoint<Name> };

/** @throws {Refusal} `unauthenticated` */
export function signedIn(call: Call<unknown>): Caller {
  if (call.caller === undefined) throw unauthenticated();
  return call.caller;
}
