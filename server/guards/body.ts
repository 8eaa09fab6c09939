import type { IncomingMessage } from "node:http";
import * as v from "valibot";
import { Refusal } from "#protocol/refusal.ts";

/** The bytes of a body, never more than `limit` of them in memory. @throws {Refusal} `body_too_large` */
export function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () => new Refusal("body_too_large", `A request may have ${limit} bytes at most. Send less at once.`);
  if (Number(incoming.headers["content-length"] ?? 0) > limit) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        chunks.length = 0;
        reject(tooLarge());
      }
    });
    incoming.on("end", () => resolve(Buffer.concat(chunks)));
    incoming.on("error", () => reject(new Refusal("malformed_body", "The request ended before its body did.")));
    incoming.on("close", () => reject(new Refusal("malformed_body", "The request ended before its body did.")));
  });
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @throws {Refusal} `unsupported_media_type`, `malformed_body` */
export function parseJson(bytes: Uint8Array, contentType: string | undefined): unknown {
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(contentType ?? ""))
    throw new Refusal("unsupported_media_type", "Send application/json.");
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new Refusal("malformed_body", "The body is not JSON.", { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Refusal("malformed_body", "The body is not a JSON object.");
  return json;
}

/** What `schema` makes of `input`, or where it is wrong. @throws {Refusal} `invalid_input` */
export function check<S extends v.GenericSchema>(schema: S, input: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Refusal(
    "invalid_input",
    `${issue.expected === null ? "This is not allowed here" : issue.expected === "never" ? "This member is not known here" : "Something of another kind is expected here"}.`,
    {
      pointer: pointerOf(issue),
    },
  );
}

/** RFC 6901. Of a union, the place in the alternative that came furthest. */
export function pointerOf(issue: v.BaseIssue<unknown>): string {
  const own = (issue.path ?? []).map(({ key }) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1").slice(0, 100)}`).join("");
  const deeper = (issue.issues ?? []).map(pointerOf).sort((a, b) => b.split("/").length - a.split("/").length);
  return own + (deeper[0] ?? "");
}
