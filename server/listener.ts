import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Http } from "./http.ts";

export interface ListenerParts {
  readonly fetch: Http["fetch"];
  readonly host: string;
  readonly port: number;
  /** Most connections at once; more are closed at once. */
  readonly connections: number;
  /** Milliseconds that a connection waits for its next request. */
  readonly keepAlive: number;
  /** Milliseconds; see `LIMITS`. */
  readonly limits?: Partial<typeof LIMITS>;
}

/** Milliseconds that a client may take, whatever it does. */
const LIMITS = {
  /** For a request's head. */
  head: 15_000,
  /** For the whole request: 1 MB in two minutes is 70 kbit/s. */
  request: 120_000,
  /** How often what has to be in time is looked at. */
  look: 5_000,
  /** Without a byte in either direction, whoever keeps whom waiting: longer than a poll. */
  idle: 120_000,
  /** Between two looks at those who read their answers. */
  reading: 300_000,
  /** When the server stops: for what a client has not finished sending. */
  sending: 3_000,
};

/** Bytes of head: a token and a proof are 3 kB. */
const LONGEST_HEAD = 16_384;
/** Bytes that a waiting answer must get on by from one look to the next: one who reads slower keeps memory for hours. */
const LEAST = 16_384;

/** Counts of this moment, and since the start. */
export interface Traffic {
  readonly connections: number;
  readonly answering: number;
  /** Connections that were closed at once, being too many. */
  readonly dropped: number;
  /** Connections that were cut, since they did not read. */
  readonly stalled: number;
}

/** The one public door: an HTTP server in which nothing waits without limit. */
export class Listener {
  readonly #server: Server;
  readonly #limits: typeof LIMITS;
  /** Open connections, and what was asked last on each: an answer that has gone out is forgotten a little later. */
  readonly #sockets = new Map<Socket, ServerResponse | undefined>();
  readonly #looks: readonly NodeJS.Timeout[];
  #isClosing = false;
  #dropped = 0;
  #stalled = 0;

  private constructor({ fetch, connections, keepAlive, limits }: ListenerParts) {
    this.#limits = { ...LIMITS, ...limits };
    this.#server = createAdaptorServer({
      fetch,
      serverOptions: {
        headersTimeout: this.#limits.head,
        requestTimeout: this.#limits.request,
        connectionsCheckingInterval: this.#limits.look,
        keepAliveTimeout: keepAlive,
        maxHeaderSize: LONGEST_HEAD,
      },
    }) as Server;
    this.#server.maxConnections = connections;
    this.#server.setTimeout(this.#limits.idle, (socket) => this.#stall(socket));
    this.#server.on("drop", () => {
      this.#dropped++;
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.set(socket, undefined);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.prependListener("request", ({ socket }: IncomingMessage, answer: ServerResponse) => {
      this.#sockets.set(socket, answer);
      if (this.#isClosing) answer.shouldKeepAlive = false;
    });
    this.#looks = [setInterval(() => this.#forget(), this.#limits.look).unref(), this.#watchReaders()];
  }

  /** @throws {Error} with the system's code, where it can't listen there */
  static async open(parts: ListenerParts): Promise<Listener> {
    const listener = new Listener(parts);
    listener.#server.listen(parts.port, parts.host);
    try {
      await once(listener.#server, "listening");
    } catch (error) {
      for (const look of listener.#looks) clearInterval(look);
      throw error;
    }
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get traffic(): Traffic {
    return { connections: this.#sockets.size, answering: [...this.#answering()].length, dropped: this.#dropped, stalled: this.#stalled };
  }

  /**
   * Takes no new connection, answers who has asked, and closes. Answers how many requests were cut, since they took longer than `limit`
   * (milliseconds). One who hasn't sent a request wholly is not waited for so long, and not counted.
   */
  async close(limit: number): Promise<number> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // Whoever asks on a connection that is kept is told to take another one next time.
    for (const [, answer] of this.#answering()) if (!answer.headersSent) answer.shouldKeepAlive = false;
    const impatient = setTimeout(() => this.#cut(({ req }) => req.complete), Math.min(this.#limits.sending, limit));
    let cut = 0;
    const late = setTimeout(() => {
      cut = [...this.#answering()].length;
      this.#cut(() => false);
    }, limit);
    await closed;
    for (const timer of [impatient, late]) clearTimeout(timer);
    for (const look of this.#looks) clearInterval(look);
    return cut;
  }

  *#answering(): Generator<[Socket, ServerResponse]> {
    for (const [socket, answer] of this.#sockets) if (answer !== undefined && !answer.writableFinished) yield [socket, answer];
  }

  #forget(): void {
    for (const [socket, answer] of this.#sockets) if (answer?.writableFinished) this.#sockets.set(socket, undefined);
  }

  /** Ends every connection but those that are answered now and which `spares` is true of. */
  #cut(spares: (answer: ServerResponse) => boolean): void {
    const spared = new Set<Socket>();
    for (const [socket, answer] of this.#answering()) if (spares(answer)) spared.add(socket);
    for (const socket of this.#sockets.keys()) if (!spared.has(socket)) socket.destroy();
  }

  #stall(socket: Socket): void {
    if (this.#sockets.get(socket)?.writableFinished === false) this.#stalled++;
    socket.destroy();
  }

  /** Cuts whoever lets an answer wait. */
  #watchReaders(): NodeJS.Timeout {
    const sent = new WeakMap<Socket, number>();
    return setInterval(() => {
      for (const socket of this.#sockets.keys()) {
        if (socket.writableLength === 0) {
          sent.delete(socket);
          continue;
        }
        const before = sent.get(socket);
        const now = socket.bytesWritten - socket.writableLength;
        sent.set(socket, now);
        if (before !== undefined && now - before < LEAST) this.#stall(socket);
      }
    }, this.#limits.reading).unref();
  }
}
