import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Every byte that clients send to a server, as it stood on the wire. */
export interface RecordingProxy extends AsyncDisposable {
  readonly port: number;
  readonly sent: () => Buffer;
}

/** Listens in front of `target` on loopback, passes everything on, and keeps what clients send. */
export async function recordingProxy(port: number, target: number): Promise<RecordingProxy> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ port: target, host: "127.0.0.1" });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk) => chunks.push(chunk));
    client.pipe(upstream);
    upstream.pipe(client);
  });
  // A browser asks for `localhost` by IPv6 first.
  server.listen({ port, host: "::", ipv6Only: false });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => Buffer.concat(chunks),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
