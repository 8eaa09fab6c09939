import { describe, expect, test } from "vitest";
import { kindAt } from "#protocol/categories.ts";
import { checked, draftOf } from "../../../web/parts/draft.ts";
import { rosetteCurves } from "../../../web/parts/rosette-curves.ts";
import { fieldsOf } from "../../../web/parts/schema-fields.ts";

const kindOf = (path: string) => {
  const kind = kindAt(path);
  if (kind === undefined) throw new TypeError(`no kind at ${path}`);
  return { schema: kind.schema, fields: fieldsOf(kind.schema) };
};
const filled = (path: string, draft: Record<string, unknown>) => {
  const { schema, fields } = kindOf(path);
  return checked(schema, fields, { ...draftOf(fields, undefined), ...draft });
};

describe("a form from a schema", () => {
  test("asks for each member by its own kind of field", () => {
    expect(kindOf("profile/emails").fields.map((field) => [field.name, field.input, field.optional])).toEqual([
      ["address", "email", false],
      ["label", "text", true],
    ]);
    expect(kindOf("profile/addresses").fields.find((field) => field.name === "countryCode")?.input).toBe("country");
    expect(kindOf("profile/birthday").fields[0]?.input).toBe("date");
    expect(kindOf("profile/languages").fields[0]?.input).toBe("list");
    expect(kindOf("preferences/contact").fields[0]).toMatchObject({ input: "grid", grid: { key: "channel", answer: "allowed" } });
    expect(kindOf("preferences/tastes").fields[1]).toMatchObject({ input: "select", options: ["like", "dislike", "avoid", "need", "own"] });
  });

  test.each([
    ["profile/name", { given: "Ottavia", surname: "Bellini" }],
    ["profile/emails/e1", { address: "o@posta.example" }],
    ["profile/languages", { tags: ["it", "en"] }],
    ["preferences/contact", { channels: [{ channel: "email", allowed: "offers", pref: 3 }], language: "it" }],
  ])("gives a value of %s back as it was", (path, value) => {
    const { schema, fields } = kindOf(path);
    expect(checked(schema, fields, draftOf(fields, value))).toEqual({ value });
  });

  test("leaves an empty optional member out", () => {
    expect(filled("profile/emails", { address: " o@posta.example ", label: "  " })).toEqual({ value: { address: "o@posta.example" } });
  });

  test("names each fault at its field", () => {
    expect(filled("profile/addresses", { street: "Via del Lloyd 12", postcode: "x".repeat(21) })).toMatchObject({
      errors: { locality: { type: "required" }, countryCode: { type: "required" }, postcode: { type: "max_length", requirement: 20 } },
    });
    expect(filled("profile/emails", { address: "nobody" })).toMatchObject({ errors: { address: { type: "email" } } });
    expect(filled("profile/languages", { tags: "it\nnot a tag" })).toMatchObject({ errors: { tags: { type: "regex" } } });
  });
});

describe("the rosette", () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => at * 7);
  test("is the same for the same key, another for another key", () => {
    expect(rosetteCurves(bytes)).toEqual(rosetteCurves(Uint8Array.from(bytes)));
    expect(rosetteCurves(Uint8Array.from(bytes, (byte) => byte ^ 1))[0]).not.toBe(rosetteCurves(bytes)[0]);
  });

  test("stays inside its box for any key", () => {
    for (let seed = 0; seed < 256; seed += 15) {
      const numbers = rosetteCurves(new Uint8Array(32).fill(seed))
        .flatMap((curve) => curve.match(/[\d.]+/g) ?? [])
        .map(Number);
      expect(numbers.length).toBeGreaterThan(300);
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(3);
      expect(Math.max(...numbers)).toBeLessThanOrEqual(97);
    }
  });
});
