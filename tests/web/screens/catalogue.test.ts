import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KINDS } from "#protocol/categories.ts";
import { Contact } from "#protocol/data/contact.ts";
import { VendorCard } from "#protocol/data/private.ts";
import { PURPOSES } from "#protocol/purposes.ts";
import { DATA_CLASSES } from "../../../web/customer/data-classes.ts";
import { PRESETS } from "../../../web/imports/presets.ts";
import { plural } from "../../../web/locales/plural.ts";
import { pickLanguage } from "../../../web/locales/words.ts";
import { type FieldSpec, fieldsOf } from "../../../web/parts/schema-fields.ts";
import { wordAt } from "../../../web/parts/word-at.ts";
import { filesUnder, root } from "../../architecture/source-tree.ts";
import { en } from "./english.ts";

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
    for (const form of [...(kind?.forms ?? []), ...(kind?.digests ?? [])]) {
      expect(en.forms).toHaveProperty([`${path}:${form.name}`]);
      expect(en.chips).toHaveProperty([`${path}:${form.name}`]);
    }
  });

  test.each(PRESETS.map(({ id }) => id))("the export %s", (id) => {
    expect(en.imports.formatNames).toHaveProperty([id]);
  });

  test.each(KINDS.map((kind) => kind.path))("%s by itself", (path) => {
    expect(en.kinds).toHaveProperty([path]);
  });

  test.each(PURPOSES.map((purpose) => [purpose.id, purpose] as const))("purpose %s and what may follow a refusal", (id, purpose) => {
    expect(en.purposes).toHaveProperty([id]);
    for (const consequence of purpose.consequences) expect(en.consequences).toHaveProperty([consequence]);
  });

  const fields = (specs: readonly FieldSpec[]): FieldSpec[] => specs.flatMap((spec) => [spec, ...fields(spec.fields ?? [])]);
  test.each([
    ...shareable.map(({ path, schema }) => [path, schema] as const),
    ["a shop's card", VendorCard] as const,
    ["a shop's own rules", Contact] as const,
  ])("every field and choice in the form of %s", (_, schema) => {
    const specs = fields(fieldsOf(schema));
    expect(specs.length).toBeGreaterThan(0);
    for (const { name, place, options = [] } of specs) {
      expect(wordAt(en.fields, place, undefined), place).toBeTruthy();
      for (const option of options) expect(wordAt(en.options, `${place}.${option}`, undefined), `${name}.${option}`).toBeTruthy();
    }
  });

  test("no two fields of one form, and no two choices of one field, in the same words", () => {
    for (const { schema } of shareable) {
      const forms = [fieldsOf(schema), ...fields(fieldsOf(schema)).map((spec) => spec.fields ?? [])];
      for (const form of forms) {
        const names = form.map(({ name, place }) => wordAt(en.fields, place, name));
        expect(new Set(names).size, names.join()).toBe(names.length);
        for (const { place, options = [] } of form) {
          const said = options.map((option) => wordAt(en.options, `${place}.${option}`, option));
          expect(new Set(said).size, said.join()).toBe(said.length);
        }
      }
    }
  });
});

/** The way to every text of the catalogue. */
const waysTo = (node: unknown, way: readonly string[] = []): (readonly string[])[] =>
  typeof node === "object" && node !== null ? Object.entries(node).flatMap(([key, each]) => waysTo(each, [...way, key])) : [way];

test("nothing is left in the catalogue that no code names", () => {
  const sources = [...filesUnder("web"), ...filesUnder("protocol")].filter(
    (path) => /\.tsx?$/.test(path) && !path.startsWith("web/locales/"),
  );
  const named = new Set(sources.flatMap((path) => readFileSync(join(root, path), "utf8").match(/[\w-]+/g) ?? []));
  // Names of properties come from the files that are read; signs have no letters.
  const ways = waysTo(en).filter((way) => !(way[0] === "imports" && way[1] === "properties"));
  expect(ways.length).toBeGreaterThan(800);
  const dead = ways.filter((way) => (way.at(-1)?.match(/[\w-]+/g) ?? []).some((word) => !named.has(word)));
  expect(dead.map((way) => way.join("."))).toEqual([]);
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
