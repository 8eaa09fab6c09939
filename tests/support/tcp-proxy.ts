import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Transform } from "node:stream";

/** A network that a test can spoil: it stands between a client and a server on this machine. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Cuts every connection, both ends, at once. */
  cut(): void;
  /** New connections are refused (true) or taken again (false). Those that are open stay. */
  refuse(refused: boolean): void;
  /** Milliseconds by which every piece is late, in both directions. */
  delay(milliseconds: number): void;
  /** Nothing passes any more, and nobody is told (true); it goes on where it was (false). */
  hold(held: boolean, direction?: "sent" | "answered"): void;
  /** Called with each piece before it is passed on. `cut`: the connection is cut instead; `lose`: from here on nothing passes on it. */
  watch(look: ((piece: Buffer, direction: "sent" | "answered") => "cut" | "lose" | undefined) | undefined): void;
}

/** Listens on loopback in front of `target`. */
export async function tcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const waiting = new Set<() => void>();
  const held = { sent: false, answered: false };
  let late = 0;
  let refused = false;
  let look: Parameters<TcpProxy["watch"]>[0];
  const cutPair = (pair: readonly [Socket, Socket]) => {
    for (const socket of pair) socket.resetAndDestroy();
    pairs.delete(pair);
  };
  const server = createServer((client) => {
    if (refused) return client.resetAndDestroy();
    const upstream = connect({ port: target, host: "127.0.0.1" });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", () => cutPair(pair));
      socket.on("close", () => cutPair(pair));
    }
    const passing = (direction: "sent" | "answered") =>
      new Transform({
        transform(piece: Buffer, _encoding, done) {
          const pass = () => {
            if (held[direction]) return void waiting.add(pass);
            const fate = look?.(piece, direction);
            if (fate === undefined) done(null, piece);
            else if (fate === "cut") cutPair(pair);
          };
          if (late > 0) setTimeout(pass, late);
          else pass();
        },
      });
    client.pipe(passing("sent")).pipe(upstream);
    upstream.pipe(passing("answered")).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const pair of pairs) cutPair(pair);
  };
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size;
    },
    cut,
    refuse: (now) => {
      refused = now;
    },
    delay: (milliseconds) => {
      late = milliseconds;
    },
    hold(now, direction) {
      for (const each of direction === undefined ? (["sent", "answered"] as const) : [direction]) held[each] = now;
      const again = [...waiting];
      waiting.clear();
      for (const pass of again) pass();
    },
    watch: (next) => {
      look = next;
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
