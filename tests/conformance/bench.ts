import { expect } from "vitest";
import { ApiClient } from "../support/api-client.ts";
import { Clock, HOUR } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { type System, type SystemOptions, startSystem } from "../support/system.ts";
import { type Algorithm, type Call, SuiteClient } from "./suite-client.ts";
import { type Answer, jsonOf } from "./wire.ts";

/** A started server, two clients of one kind of key, and someone who answers them. */
export interface Bench extends AsyncDisposable {
  readonly issuer: string;
  readonly clock: Clock;
  readonly first: SuiteClient;
  readonly second: SuiteClient;
  pass(milliseconds: number): void;
  /** The browser goes to the authorization endpoint, and its person says yes: where it comes back. */
  agree(client: SuiteClient, requestUri: string, request: Record<string, string>): Promise<URL>;
}

/** This server, with a customer who has a passkey. */
export interface OwnBench extends Bench {
  readonly system: System;
  readonly customer: Customer;
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  grant_id: string;
  expires_in: number;
}

const EMAIL = { value: { address: "ada@example.org" } };

export async function openBench(alg: Algorithm, { clock = new Clock(), ...options }: SystemOptions = {}): Promise<OwnBench> {
  // Long started: whether a proof needs a nonce is then the server's own choice, not that of its first seconds.
  const system = await startSystem({ clock, started: clock.now() - HOUR, ...options });
  const { issuer } = system;
  const customer = await Customer.register(issuer, clock.now);
  await customer.commit({ records: { "profile/emails/e1": EMAIL } });
  await customer.addKit();
  const [first, second] = [
    await SuiteClient.start({ issuer, now: clock.now, alg }),
    await SuiteClient.start({ issuer, now: clock.now, alg }),
  ] as const;
  const bench: OwnBench = {
    issuer,
    clock,
    system,
    customer,
    first,
    second,
    pass: (milliseconds) => clock.pass(milliseconds),
    agree: async (client, requestUri, request) => approve(bench, requestIdOf(await client.visit(requestUri, request))),
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]();
      await second[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
    },
  };
  return bench;
}

/** `EnsureMinimum…Entropy`: Shannon's entropy of the characters, times how many there are. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const each of text) counts.set(each, (counts.get(each) ?? 0) + 1);
  const bits = [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0);
  return bits * text.length;
}

/** `processParResponse`: the request_uri of an answer that must be a success. */
export function requestUriOf(answer: Answer): string {
  const { request_uri: uri, expires_in: expires, error } = jsonOf(answer);
  expect({ status: answer.status, error }).toEqual({ status: 201, error: undefined });
  expect(answer.headers["content-type"]).toMatch(/^application\/json\b/);
  expect(answer.headers["cache-control"]).toMatch(/no-(store|cache)/);
  // FAPI 2.0, 5.3.2.2: under ten minutes.
  expect(expires).toSatisfy((seconds: unknown) => typeof seconds === "number" && seconds >= 5 && seconds < 600);
  expect(entropyOf(String(uri))).toBeGreaterThan(96);
  return String(uri);
}

/** Where the browser is shown to the customer's screen: 303 and nothing else (FAPI 2.0, 5.3.2.2: no 307). */
export function requestIdOf(page: Answer): string {
  expect(page.status).toBe(303);
  expect(page.headers.location).toMatch(/^\/ask\/[A-Za-z0-9_-]{22}$/);
  return (page.headers.location ?? "").slice("/ask/".length);
}

/** The customer says yes: where the browser goes. */
export async function approve({ customer }: OwnBench, id: string): Promise<URL> {
  const given = await customer.approve(id, { contents: { "profile/emails/e1": EMAIL } });
  return new URL(given.redirect);
}

/** Someone says no. Without a session, so that this shop may ask this customer again. */
export async function decline({ issuer }: OwnBench, id: string): Promise<URL> {
  const { redirect } = await new ApiClient(issuer).call("decline", { id });
  return new URL(redirect);
}

/** `onAuthorizationCallbackResponse`: the code of a redirect that must be a success. */
export function codeOf(redirect: URL, client: SuiteClient, request: Record<string, string>): string {
  const { dummy1, dummy2, ...answer } = Object.fromEntries(redirect.searchParams);
  expect(redirect.hash).toBe("");
  expect(`${redirect.origin}${redirect.pathname}`).toBe(client.redirectUri);
  expect([dummy1, dummy2]).toEqual(request.redirect_uri?.includes("?") ? ["lorem", "ipsum"] : [undefined, undefined]);
  expect(answer).toEqual({
    code: expect.any(String),
    iss: client.issuer,
    ...(request.state === undefined ? {} : { state: request.state }),
  });
  expect(entropyOf(answer.code ?? "")).toBeGreaterThan(96);
  return answer.code ?? "";
}

/** From a pushed request to a code. `change`: what of the request is other than usual; undefined: left out. */
export async function authorize(
  bench: Bench,
  client: SuiteClient,
  call: Call & { change?: Record<string, string | undefined> } = {},
): Promise<string> {
  const request = Object.fromEntries(
    Object.entries({ ...client.request(), ...call.change }).filter((each): each is [string, string] => each[1] !== undefined),
  );
  const uri = requestUriOf(await client.push(call, request));
  return codeOf(await bench.agree(client, uri, request), client, request);
}

/** `processTokenEndpointResponse`: the tokens of an answer that must be a success. */
export function tokensOf(answer: Answer, { refreshed = false } = {}): Tokens {
  const tokens = jsonOf(answer);
  expect({ status: answer.status, error: tokens.error, description: tokens.error_description }).toEqual({ status: 200 });
  expect(answer.headers["content-type"]).toMatch(/^application\/json\b/);
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(tokens).toMatchObject({ token_type: "DPoP", expires_in: expect.any(Number), authorization_details: expect.any(Array) });
  expect(entropyOf(String(tokens.access_token))).toBeGreaterThan(96);
  if (!refreshed || tokens.refresh_token !== undefined) expect(entropyOf(String(tokens.refresh_token))).toBeGreaterThan(96);
  return tokens as unknown as Tokens;
}

export async function connect(bench: Bench, client: SuiteClient): Promise<Tokens> {
  return tokensOf(await client.redeem(await authorize(bench, client)));
}

/** `requestProtectedResource`: an answer that must be a success. */
export function expectRead(answer: Answer): void {
  expect({ status: answer.status, code: jsonOf(answer).code }).toEqual({ status: 200, code: undefined });
  expect(answer.headers.date).toBeDefined();
}
