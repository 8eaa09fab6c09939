import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kindAt } from "#protocol/categories.ts";
import { usualCurrency } from "../../../web/parts/currencies.ts";
import { decimalOf } from "../../../web/parts/decimals.ts";
import { checked, draftOf, rulesOf } from "../../../web/parts/draft.ts";
import { rosetteCurves } from "../../../web/parts/rosette-curves.ts";
import { type FieldSpec, fieldsOf } from "../../../web/parts/schema-fields.ts";

const kindOf = (path: string) => {
  const kind = kindAt(path);
  if (kind === undefined) throw new TypeError(`no kind at ${path}`);
  return { schema: kind.schema, fields: fieldsOf(kind.schema) };
};
const inputs = (path: string): Record<string, string> => {
  const all = (above: string, fields: readonly FieldSpec[]): Array<[string, string]> =>
    fields.flatMap((each) => [[above + each.name, each.input] as [string, string], ...all(`${above}${each.name}.`, each.fields ?? [])]);
  return Object.fromEntries(all("", kindOf(path).fields));
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
    expect(kindOf("preferences/contact").fields[0]).toMatchObject({ input: "rules", rule: { key: "channel", allowed: "allowed" } });
    expect(inputs("preferences/contact")).toMatchObject({
      "channels.purposes": "choices",
      "channels.frequency.max": "number",
      "channels.frequency.per": "duration",
      "channels.hours.days": "choices",
      "channels.hours.from": "time",
      "channels.hours.to": "time",
      "channels.target": "record",
      timeZone: "zone",
      language: "language",
    });
    expect(inputs("purchases")).toMatchObject({
      item: "text",
      date: "date",
      category: "select",
      "price.amount": "decimal",
      "price.currency": "currency",
      quantity: "number",
      hints: "choices",
    });
    expect(inputs("intents")).toMatchObject({ "area.countryCode": "country", "area.postcodePrefix": "capitals", audience: "list" });
    expect(kindOf("preferences/tastes").fields[1]).toMatchObject({ input: "select", options: ["like", "dislike", "avoid", "need", "own"] });
  });

  test.each([
    ["profile/name", { given: "Ottavia", surname: "Bellini" }],
    ["profile/emails/e1", { address: "o@posta.example" }],
    ["profile/languages", { tags: ["it", "en"] }],
    [
      "preferences/contact",
      {
        channels: [
          {
            channel: "email",
            allowed: true,
            purposes: ["delivery", "recommendations"],
            frequency: { max: 2, per: "PT36H" },
            hours: { days: ["SA", "SU"], from: "22:00", to: "06:30" },
            target: "profile/emails/e1",
            pref: 3,
          },
          { channel: "phone", allowed: false },
          { channel: "email", allowed: true, frequency: { max: 1, per: "P7D" } },
        ],
        timeZone: "Europe/Rome",
        language: "it",
      },
    ],
    [
      "purchases/p1",
      {
        item: "Danube",
        seller: "Amazon",
        date: "2026-08-19",
        category: "books",
        recipient: "gift",
        price: { amount: "14.005", currency: "KWD" },
        quantity: 2,
        hints: ["gift-wrap"],
      },
    ],
    ["purchases/p2", { item: "x", seller: "y", date: "2026-08-19", recipient: "unknown" }],
    ["intents/i1", { item: "Bicycle", price: { max: "450", currency: "EUR" }, area: { countryCode: "IT" }, state: "open" }],
    ["profile/addresses/a1", { locality: "Trieste", countryCode: "IT" }],
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

  const bought = { item: "Danube", seller: "Amazon", date: "2026-08-19", recipient: "self" };
  test("keeps a group that may be left out whole or not at all", () => {
    expect(filled("purchases", bought)).toEqual({ value: bought });
    expect(filled("purchases", { ...bought, price: { amount: "11,4", currency: "EUR" } })).toEqual({
      value: { ...bought, price: { amount: "11.4", currency: "EUR" } },
    });
    expect(filled("purchases", { ...bought, price: { amount: "11.40", currency: "" } })).toMatchObject({
      errors: { "price.currency": { type: "required" } },
    });
    expect(filled("intents", { item: "x", state: "open", area: { region: "Istria", postcodePrefix: "sk1" } })).toMatchObject({
      errors: { "area.countryCode": { type: "required" } },
    });
  });

  test("keeps what the form doesn't ask for", () => {
    const { schema } = kindOf("purchases");
    const fields = fieldsOf(schema).filter(({ name }) => name !== "hints");
    expect(checked(schema, fields, { ...draftOf(fields, bought) }, { hints: ["season"] })).toEqual({
      value: { ...bought, hints: ["season"] },
    });
  });

  test("drops nothing that was typed into a number", () => {
    expect(filled("purchases", { ...bought, quantity: "two" })).toMatchObject({ errors: { quantity: {} } });
    expect(filled("purchases", { ...bought, quantity: "0" })).toMatchObject({ errors: { quantity: { type: "min_value" } } });
  });

  test("takes a channel that nothing is said of for absent, and names a fault at its rule", () => {
    const { schema, fields } = kindOf("preferences/contact");
    const draft = draftOf(fields, { channels: [{ channel: "phone", allowed: true }] });
    const rules = rulesOf(draft.channels);
    expect(rules.map(({ key, allowed }) => [key, allowed])).toEqual([
      ["email", undefined],
      ["sms", undefined],
      ["phone", true],
      ["post", undefined],
      ["push", undefined],
    ]);
    const late = rules.map((rule) =>
      rule.allowed ? { ...rule, draft: { ...rule.draft, hours: { days: [], from: "22:00", to: "" } } } : rule,
    );
    expect(checked(schema, fields, { ...draft, channels: late })).toMatchObject({
      errors: { "channels.2.hours.to": { type: "required" } },
    });
    const never = late.map((rule) => ({ ...rule, allowed: rule.allowed && false }));
    expect(checked(schema, fields, { ...draft, channels: never })).toEqual({
      value: { channels: [{ channel: "phone", allowed: false }], timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone },
    });
  });
});

describe("a sum as people write it", () => {
  test.each([
    ["12", "12"],
    ["12,5", "12.5"],
    ["12.50", "12.50"],
    ["1.234,50", "1234.50"],
    ["1,234.50", "1234.50"],
    ["1 234,50", "1234.50"],
    ["1’234.50", "1234.50"],
    ["€ 1.234.567", "1234567"],
    ["007,10", "7.10"],
    [",5", "0.5"],
    ["5,", "5"],
    // Three decimals where a currency has them.
    ["1.234", "1.234"],
  ])("%s is %s", (typed, sum) => {
    expect(decimalOf(typed)).toBe(sum);
  });

  test.each(["1,234", "12,34,56", "1.2.3", "twelve", "-4", "1,2.3,4", "", "."])("%s isn't taken for a sum", (typed) => {
    expect(filled("intents", { item: "x", state: "open", price: { min: `${typed} `, max: "9", currency: "EUR" } })).toMatchObject(
      typed === "" ? { value: { price: { max: "9" } } } : { errors: { "price.min": {} } },
    );
  });

  test("what the schema takes stays as it is", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^(0|[1-9]\d{0,9})(\.\d{1,3})?$/), (sum) => {
        expect(decimalOf(sum)).toBe(sum);
      }),
    );
  });
});

test("the currency of where one is comes first", () => {
  expect(usualCurrency(["en", "ro-RO"])).toBe("RON");
  expect(usualCurrency(["de-Latn-CH"])).toBe("CHF");
  expect(usualCurrency(["it"])).toBe("EUR");
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
