import { connect } from "node:net";
import fc from "fast-check";
import { CANARY } from "./mutations.ts";

/** What came back over a socket, until the server closed it or the time was over. */
export interface Spoken {
  text: string;
  /** Whether the server was still thinking. */
  late: boolean;
}

/** Writes bytes to a port, says that there are no more, and waits for the end. */
export function speak(port: number, bytes: Uint8Array, patience: number): Promise<Spoken> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect(port, "localhost");
    const end = (late: boolean): void => {
      socket.destroy();
      resolve({ text: Buffer.concat(parts).toString("latin1"), late });
    };
    const timer = setTimeout(() => end(true), patience);
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      end(false);
    });
    socket.on("connect", () => socket.end(bytes));
  });
}

const line = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: 40 }),
  fc.constantFrom(
    "Host: localhost",
    "Host: a\r\nHost: b",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 5, 6",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 3",
    "Expect: 100-continue",
    "Upgrade: websocket\r\nConnection: upgrade",
    "Content-Type: application/json; charset=\u00ff",
    "Content-Encoding: gzip",
    "Origin: null",
    `Cookie: ${`a=${CANARY};`.repeat(300)}`,
    `Cookie: __Host-session=${CANARY}; __Host-session=${CANARY}`,
    `Authorization: ${CANARY}`,
    `Authorization: DPoP ${CANARY}`,
    `Authorization: DPoP ${"a".repeat(15_000)}`,
    `DPoP: ${CANARY}`,
    `DPoP: eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.${CANARY}\r\nDPoP: x`,
    `X-Forwarded-For: ${CANARY}`,
    "Accept: application/token-introspection+jwt",
    "Sec-Fetch-Site: same-origin",
  ),
);

/** Requests as bytes: some well-formed with odd parts, some no HTTP at all. @param paths that the server serves */
export const rawRequests = (paths: readonly string[]): fc.Arbitrary<Uint8Array> => {
  const method = fc.constantFrom(
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PRI",
    "get",
    `X${CANARY}`,
  );
  const odd = fc.constantFrom(
    "",
    "%",
    "%00",
    "%2e%2e/%2e%2e/etc/passwd",
    "/../../etc/passwd",
    "//evil.example/",
    "?",
    "?a=%ff%fe",
    `?${CANARY}=${CANARY}&${CANARY}=${CANARY}`,
    `?since=${CANARY.repeat(100)}`,
    "#x",
    ";a=b",
    "/".repeat(500),
    `/${CANARY}`,
  );
  const target = fc.tuple(fc.constantFrom(...paths, "*", "http://other.example/", `/${CANARY}`), odd).map((parts) => parts.join(""));
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.constantFrom("", "{", "[]", '{"a":1e999}', "a=b&a=b", "5\r\nhello\r\n0\r\n\r\n").map((text) => Buffer.from(text)),
  );
  const request = fc
    .tuple(method, target, fc.constantFrom("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9"), fc.array(line, { maxLength: 5 }), body)
    .map(([verb, to, version, lines, rest]) =>
      Buffer.concat([
        Buffer.from(`${verb} ${to} ${version}\r\n${["Host: localhost", "Connection: close", ...lines].join("\r\n")}\r\n\r\n`, "latin1"),
        rest,
      ]),
    );
  return fc.oneof({ weight: 9, arbitrary: request }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) });
};
