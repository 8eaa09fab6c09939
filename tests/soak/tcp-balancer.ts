import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** One server process behind the balancer. */
interface Backend {
  readonly port: number;
  isUp: boolean;
  /** Connections on which a request was sent and nothing has come back yet: what it begins with. */
  readonly asking: Map<Socket, string>;
}

/**
 * Spreads connections over the processes of a server in turn, as a load balancer in front of them does, without looking into them. One that
 * refuses is passed over.
 */
export class TcpBalancer implements AsyncDisposable {
  readonly port: number;
  readonly #server;
  readonly #backends: Backend[] = [];
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async start(): Promise<TcpBalancer> {
    const server = createServer({ noDelay: true }).listen(0, "localhost");
    await once(server, "listening");
    return new TcpBalancer(server);
  }

  add(port: number): void {
    this.#backends.push({ port, isUp: true, asking: new Map() });
  }

  mark(port: number, isUp: boolean): void {
    for (const backend of this.#backends) if (backend.port === port) backend.isUp = isUp;
  }

  /** Requests that change something and are on their way at this process. */
  writesAt(port: number): number {
    const asking = this.#backends.find((backend) => backend.port === port)?.asking.values() ?? [];
    return [...asking].filter((beginning) => beginning.startsWith("POST")).length;
  }

  #serve(client: Socket): void {
    this.#sockets.add(client);
    client.on("close", () => this.#sockets.delete(client));
    client.on("error", () => {});
    this.#join(client, this.#backends.length);
  }

  #join(client: Socket, tries: number): void {
    const up = this.#backends.filter(({ isUp }) => isUp);
    const backend = up[this.#turn++ % Math.max(1, up.length)];
    if (backend === undefined || tries === 0) {
      client.destroy();
      return;
    }
    const server = connect({ port: backend.port, host: "localhost", noDelay: true });
    let joined = false;
    server.once("connect", () => {
      joined = true;
      client.on("data", (chunk: Buffer) => {
        if (!backend.asking.has(client)) backend.asking.set(client, chunk.toString("latin1", 0, 8));
        if (!server.write(chunk)) client.pause();
      });
      server.on("drain", () => client.resume());
      server.on("data", (chunk: Buffer) => {
        backend.asking.delete(client);
        if (!client.write(chunk)) server.pause();
      });
      client.on("drain", () => server.resume());
      client.on("close", () => server.destroy());
    });
    server.on("error", () => {
      if (!joined) this.#join(client, tries - 1);
    });
    server.on("close", () => {
      backend.asking.delete(client);
      if (joined) client.destroy();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
