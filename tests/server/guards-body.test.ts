import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { check, parseJson, pointerOf, readBody } from "../../server/guards/body.ts";
import { Bounded } from "../../server/guards/bounded.ts";

const sending = (headers: Record<string, string> = {}) => Object.assign(new PassThrough(), { headers }) as PassThrough & IncomingMessage;
const tooLarge = { code: "body_too_large", message: "A request may have 4 bytes at most. Send less at once." };

// What never ends fails soon.
describe("a body", { timeout: 2_000 }, () => {
  test("is read whole up to the limit, in whatever pieces it comes", async () => {
    for (const pieces of [["abcd"], ["a", "b", "cd"], [""]]) {
      const incoming = sending({ "content-length": "4" });
      const body = readBody(incoming, 4);
      for (const each of pieces) incoming.write(each);
      incoming.end();
      expect((await body).toString()).toBe(pieces.join(""));
    }
  });

  test("is refused by its length before it comes, and by what comes whatever it said", async () => {
    await expect(readBody(sending({ "content-length": "5" }), 4)).rejects.toMatchObject(tooLarge);
    for (const headers of [{}, { "content-length": "1" }]) {
      const incoming = sending(headers);
      const body = readBody(incoming, 4);
      incoming.write("abc");
      incoming.write("de");
      await expect(body, "without its end").rejects.toMatchObject(tooLarge);
    }
  });

  test("that breaks off is refused", async () => {
    const cut = { code: "malformed_body", message: "The request ended before its body did." };
    for (const error of [undefined, new Error("reset")]) {
      const incoming = sending();
      const body = readBody(incoming, 4);
      incoming.write("ab");
      incoming.destroy(error);
      await expect(body).rejects.toMatchObject(cut);
    }
  });

  test("is a JSON object, and says so", () => {
    const utf8 = (text: string) => Buffer.from(text);
    for (const type of ["application/json", "application/json; charset=utf-8", "Application/JSON ;charset=UTF-8 "])
      expect(parseJson(utf8('{"a":"ț"}'), type), type).toEqual({ a: "ț" });
    for (const type of [
      undefined,
      "",
      "text/json",
      "application/json5",
      "xapplication/json",
      "application/json; charset=latin1",
      "application/json; a=b",
    ])
      expect(() => parseJson(utf8("{}"), type), type).toThrow(
        expect.objectContaining({ code: "unsupported_media_type", message: "Send application/json." }),
      );
    for (const bytes of [utf8("{"), utf8(""), new Uint8Array([0x22, 0xff, 0x22])])
      expect(() => parseJson(bytes, "application/json")).toThrow(
        expect.objectContaining({ code: "malformed_body", message: "The body is not JSON." }),
      );
    for (const text of ["[]", "null", "1", '"a"'])
      expect(() => parseJson(utf8(text), "application/json"), text).toThrow(
        expect.objectContaining({ code: "malformed_body", message: "The body is not a JSON object." }),
      );
  });

  test("is refused at the first wrong place, by the kind of fault and never by its value", () => {
    const schema = v.strictObject({
      a: v.pipe(
        v.string(),
        v.minLength(2),
        v.check((text) => text !== "no"),
      ),
      "b/~": v.optional(v.number()),
    });
    expect(check(schema, { a: "ab" })).toEqual({ a: "ab" });
    const other = "Something of another kind is expected here.";
    for (const [input, pointer, message] of [
      [{ a: 1 }, "/a", other],
      [{ a: "x" }, "/a", other],
      [{ a: "no" }, "/a", "This is not allowed here."],
      [{ a: "ab", "b/~": "" }, "/b~1~0", other],
      [{ a: "ab", c: 1 }, "/c", "This member is not known here."],
      [{ a: 1, "b/~": "" }, "/a", other],
      [{ a: "ab", ["c".repeat(200)]: 1 }, `/${"c".repeat(100)}`, "This member is not known here."],
      [1, "", other],
    ] as const)
      expect(() => check(schema, input), pointer).toThrow(expect.objectContaining({ code: "invalid_input", pointer, message }));
  });

  test("of one of many shapes is refused where it came furthest", () => {
    const schema = v.strictObject({
      a: v.union([v.number(), v.strictObject({ b: v.strictObject({ c: v.number() }) }), v.strictObject({ d: v.number() })]),
    });
    for (const a of [{ b: { c: "" } }, { b: { c: "" }, "a-long-name-that-is-not-deep": "" }]) {
      const { issues = [] } = v.safeParse(schema, { a });
      expect(issues.map(pointerOf)).toEqual(["/a/b/c"]);
    }
  });
});

test("what is bounded keeps what was used last", () => {
  const kept = new Bounded<number>(2);
  kept.set("a", 1);
  kept.set("b", 2);
  expect(kept.get("a")).toBe(1);
  kept.set("c", 3);
  expect([...kept.entries()]).toEqual([
    ["a", 1],
    ["c", 3],
  ]);
  kept.set("a", 4);
  kept.set("d", 5);
  expect([kept.get("c"), kept.get("a"), kept.get("d")]).toEqual([undefined, 4, 5]);
  kept.delete("a");
  expect(kept.get("a")).toBeUndefined();
});
