import { Readable } from "node:stream";

/**
 * Mounts the SDK's receiver in node:http: the request as the web's, and its answer back. A framework that speaks Request and Response needs
 * none of it.
 * @param {import("@counterfoil/vendor-sdk").Receiver} receive
 * @param {import("node:http").IncomingMessage} incoming @param {import("node:http").ServerResponse} outgoing
 */
export async function answerEvent(receive, incoming, outgoing) {
  const { headers } = incoming;
  // Of every other method the receiver says that it doesn't take it; the web has no Request for some.
  const method = incoming.method === "POST" ? "POST" : "GET";
  const body = method === "GET" ? null : /** @type {ReadableStream} */ (Readable.toWeb(incoming));
  const pairs = Object.entries(headers).map(([name, value]) => /** @type {[string, string]} */ ([name, String(value)]));
  const init = /** @type {RequestInit} */ ({ method, headers: pairs, body, duplex: "half" });
  const answer = await receive(new Request("http://localhost/events", init));
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
}
