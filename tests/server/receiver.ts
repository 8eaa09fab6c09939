import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { compactVerify, createLocalJWKSet, decodeJwt, type JSONWebKeySet } from "jose";
import * as v from "valibot";
import { EVENT_BASE, EventToken } from "#protocol/events.ts";

/** One delivery as it came. */
export interface Delivered {
  readonly token: string;
  readonly claims: EventToken;
  /** Last part of the event's type, or the whole type of another's. */
  readonly name: string;
  readonly payload: Record<string, unknown>;
  readonly grant: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

type Respond = (delivered: Delivered, response: ServerResponse, count: number) => unknown;

export const accept: Respond = (_delivered, response) => response.writeHead(202).end();
export const answer =
  (status: number, body?: object): Respond =>
  (_delivered, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(body === undefined ? "" : JSON.stringify(body));

/** A vendor's endpoint for events (RFC 8935) on this machine, which writes down what comes. */
export class Receiver implements AsyncDisposable {
  readonly url: string;
  readonly got: Delivered[] = [];
  respond: Respond = accept;
  readonly #server: ReturnType<typeof createServer>;
  #wakes: Array<() => void> = [];
  connections = 0;

  private constructor(server: ReturnType<typeof createServer>, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(port = 0): Promise<Receiver> {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const receiver = new Receiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`);
    server.on("connection", () => receiver.connections++);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const token = Buffer.concat(chunks).toString();
        const delivered = read(token, request.headers);
        receiver.got.push(delivered);
        receiver.respond(delivered, response, receiver.got.length);
        for (const wake of receiver.#wakes.splice(0)) wake();
      });
    });
    return receiver;
  }

  /** Waits until so many have come. */
  async until(count: number, timeout = 10_000): Promise<readonly Delivered[]> {
    const ends = performance.now() + timeout;
    while (this.got.length < count) {
      const left = ends - performance.now();
      if (left <= 0) throw new Error(`${this.got.length} events came, not ${count}: ${this.names().join(", ")}`);
      const { promise, resolve } = later();
      this.#wakes.push(resolve);
      const timer = setTimeout(resolve, left);
      await promise;
      clearTimeout(timer);
    }
    return this.got;
  }

  names(): string[] {
    return this.got.map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function later(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

export function read(token: string, headers: IncomingHttpHeaders = {}): Delivered {
  const claims = v.parse(EventToken, decodeJwt(token));
  const [[type, payload]] = Object.entries(claims.events) as [[string, Record<string, unknown>]];
  return {
    token,
    claims,
    name: type.startsWith(EVENT_BASE) ? type.slice(EVENT_BASE.length) : type,
    payload,
    grant: claims.sub_id.format === "complex" ? claims.sub_id.grant.id : undefined,
    headers,
  };
}

/** Header and claims of a token as its server's published keys verify it. */
export async function verified(issuer: string, token: string): Promise<{ header: Record<string, unknown>; claims: unknown }> {
  const keys = (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  const { payload, protectedHeader } = await compactVerify(token, createLocalJWKSet(keys), { algorithms: ["Ed25519"] });
  return { header: { ...protectedHeader }, claims: JSON.parse(new TextDecoder().decode(payload)) };
}

/** Waits until something holds. */
export async function eventually(look: () => unknown, timeout = 10_000): Promise<void> {
  const ends = performance.now() + timeout;
  for (;;) {
    try {
      await look();
      return;
    } catch (error) {
      if (performance.now() > ends) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
