import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Receiver } from "../../vendor-sdk/events/receiver.ts";

/** A receiver mounted in node:http. */
export async function answerEvent(receive: Receiver, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = "GET", headers } = incoming;
  const body = method === "GET" || method === "HEAD" ? null : (Readable.toWeb(incoming) as ReadableStream);
  const init = { method, headers: headers as Record<string, string>, body, duplex: "half" };
  const answer = await receive(new Request("http://localhost/events", init as RequestInit));
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
}
