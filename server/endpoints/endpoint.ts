import type * as v from "valibot";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { type Caller, unauthenticated } from "../guards/session.ts";
import type { Lines } from "../lines.ts";
import type { Name, Table } from "../table.ts";

export type BodyOf<N extends Name> = Table[N] extends { body: infer S extends v.GenericSchema } ? v.InferOutput<S> : undefined;
export type ReplyOf<N extends Name> = v.InferOutput<Table[N]["reply"]>;

/** A vendor that has shown its own token (client_credentials), good for what its endpoint asks, and the key that it is bound to. */
export interface ProvenVendor {
  readonly clientId: string;
  readonly jkt: string;
}

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
  /** Of an endpoint for a `vendor`: who it is. */
  readonly vendor: ProvenVendor | undefined;
  /** Headers that the answer gets. */
  readonly answer: Record<string, string>;
}

export type Endpoint<N extends Name> = (
  deps: Deps,
  call: Call<BodyOf<N>>,
) => Promise<Table[N] extends { lines: true } ? Lines : ReplyOf<N>>;
export type Endpoints<N extends Name = Name> = { readonly [Name in N]: Endpoint<Name> };

/** @throws {Refusal} `unauthenticated` */
export function signedIn(call: Call<unknown>): Caller {
  if (call.caller === undefined) throw unauthenticated();
  return call.caller;
}

/** @throws {Refusal} `invalid_token` */
export function provenVendor(call: Call<unknown>): ProvenVendor {
  if (call.vendor === undefined) throw new Refusal("invalid_token", "This takes a token of the vendor itself (client_credentials).");
  return call.vendor;
}
