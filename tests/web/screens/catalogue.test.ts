import { describe, expect, test } from "vitest";
import { KINDS } from "#protocol/categories.ts";
import { PURPOSES } from "#protocol/purposes.ts";
import { DATA_CLASSES } from "../../../web/customer/data-classes.ts";
import { en } from "../../../web/locales/en.ts";
import { plural } from "../../../web/locales/plural.ts";
import { pickLanguage } from "../../../web/locales/words.ts";
import { type FieldSpec, fieldsOf } from "../../../web/parts/schema-fields.ts";

const shareable = KINDS.filter((kind) => kind.shareable);

/** Every text of the catalogue; functions with stand-ins for what they are told. */
function texts(node: unknown): string[] {
  if (typeof node === "string") return [node];
  if (typeof node === "function") return [String(node(3, 3))];
  return Object.values(node as Record<string, unknown>).flatMap(texts);
}

describe("the catalogue has words for", () => {
  test.each(shareable.map((kind) => kind.path))("%s and its forms", (path) => {
    const kind = KINDS.find((each) => each.path === path);
    expect(en.kinds).toHaveProperty([path]);
    for (const form of kind?.forms ?? []) {
      expect(en.forms).toHaveProperty([`${path}:${form.name}`]);
      expect(en.chips).toHaveProperty([`${path}:${form.name}`]);
    }
  });

  test.each(PURPOSES.map((purpose) => [purpose.id, purpose] as const))("purpose %s and what may follow a refusal", (id, purpose) => {
    expect(en.purposes).toHaveProperty([id]);
    for (const consequence of purpose.consequences) expect(en.consequences).toHaveProperty([consequence]);
  });

  const fields = (specs: readonly FieldSpec[]): FieldSpec[] => specs.flatMap((spec) => [spec, ...fields(spec.fields ?? [])]);
  test.each(shareable.map((kind) => kind.path))("every field and choice in the form of %s", (path) => {
    const specs = fields(fieldsOf((KINDS.find((each) => each.path === path) as (typeof KINDS)[number]).schema));
    expect(specs.length).toBeGreaterThan(0);
    for (const spec of specs) {
      expect(en.fields).toHaveProperty([spec.name]);
      for (const option of [...(spec.options ?? []), ...(spec.grid?.answers ?? [])]) expect(en.options).toHaveProperty([option]);
    }
  });
});

describe("the voice", () => {
  test("speaks no jargon", () => {
    const all = texts(en);
    expect(all.length).toBeGreaterThan(300);
    for (const text of all) expect(text).not.toMatch(/\bconsent|data subject|\bscope|\brevo[kc]|\bvendor/i);
  });

  test("says the two answers in two words of the same kind", () => {
    expect(en.ask.no).toBe("Don’t share");
    expect(en.ask.yes(1)).toBe("Share 1 item");
    expect(en.ask.yes(2)).toBe("Share 2 items");
  });
});

test("plurals follow each language's own rules", () => {
  const forms = { one: "# magazin", few: "# magazine", other: "# de magazine" };
  expect([1, 2, 20].map((count) => plural("ro")(count, forms))).toEqual(["1 magazin", "2 magazine", "20 de magazine"]);
});

test("a browser in a language that is not on offer gets English", () => {
  expect(pickLanguage(["ja-JP", "en-GB"])).toBe("en");
  expect(pickLanguage([])).toBe("en");
});

test("every kind that can be shared stands on exactly one page of My data", () => {
  const listed = Object.values(DATA_CLASSES).flat();
  expect([...listed].sort()).toEqual(shareable.map((kind) => kind.path).sort());
});
