import { type IncomingHttpHeaders, request } from "node:http";

export interface Sent {
  method: string;
  url: string;
  /** A list is as many header lines. */
  headers?: Record<string, string | string[]>;
  body?: string | Uint8Array;
  /** Milliseconds until an answer counts as never coming. */
  patience?: number;
}

/** An answer as it came over the wire: no redirect followed, nothing decoded. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** One request over a connection of its own, by `node:http`: unlike fetch it sends a header twice, any method, and no header of its own making. */
export function send({ method, url, headers = {}, body, patience = 10_000 }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const outgoing = request(url, { method, headers: { ...length, ...headers }, agent: false, timeout: patience }, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("error", reject);
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: Buffer.concat(parts).toString("utf8") }),
      );
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${method} ${new URL(url).pathname}: no answer within ${patience} ms`)));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** The answer's JSON object; empty where it is none. */
export function jsonOf({ text }: Answer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
