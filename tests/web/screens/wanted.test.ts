import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { Intent } from "#protocol/data/intents.ts";
import { checkedIntent, draftOf, type IntentDraft } from "../../../web/customer/wanted/draft.ts";
import { ended, hasPassed, inOrder, reopened, type Wish } from "../../../web/customer/wanted/intents.ts";

const TODAY = "2026-11-21";
const blank = draftOf(undefined, "EUR");
const check = (over: Partial<IntentDraft>, before?: Intent) => checkedIntent({ ...blank, item: "Lamp", ...over }, before, TODAY);
const faults = (over: Partial<IntentDraft>, before?: Intent) => {
  const result = check(over, before);
  return "faults" in result ? result.faults : {};
};

describe("a wish as it was typed", () => {
  test("takes sums as people write them", () => {
    expect(check({ min: "€ 1.200,50", max: "1 500" })).toEqual({
      intent: { item: "Lamp", price: { min: "1200.50", max: "1500", currency: "EUR" }, state: "open" },
    });
  });

  test.each([
    [{ item: " \u200b\u200f " }, { item: "required" }],
    [{ item: "x".repeat(201) }, { item: { long: 200 } }],
    [{ max: "1.234" }, { max: "amount" }],
    [{ max: "-5" }, { max: "amount" }],
    [{ min: "12,3x" }, { min: "amount" }],
    [{ min: "500", max: "450" }, { max: "order" }],
    [{ min: "9.5", max: "10" }, {}],
    [{ deadline: "2026-11-20" }, { deadline: "past" }],
    [{ deadline: "1899-12-31" }, { deadline: "past" }],
    [{ deadline: TODAY }, {}],
    [{ deadline: "12026-01-01" }, { deadline: "date" }],
    [{ deadline: "2027-02-30" }, { deadline: "date" }],
    [{ quantity: "0" }, { quantity: "count" }],
    [{ quantity: "1.5" }, { quantity: "count" }],
    [{ quantity: "100001" }, { quantity: "count" }],
    [{ region: "Carso" }, { countryCode: "country" }],
    [{ postcodePrefix: "34143" }, { countryCode: "country", postcodePrefix: "postcode" }],
    [{ countryCode: "IT", postcodePrefix: "34143" }, { postcodePrefix: "postcode" }],
    [{ countryCode: "GB", postcodePrefix: "sw1 a" }, {}],
    [{ details: "x".repeat(1001) }, { details: { long: 1000 } }],
    [{ audience: Array.from({ length: 65 }, (_, at) => `https://s${at}.example`) }, { audience: "many" }],
  ] as Array<[Partial<IntentDraft>, object]>)("%j is refused at its field: %j", (over, expected) => {
    expect(faults(over)).toEqual(expected);
  });

  test("keeps a day that has gone by since it was saved, and refuses another one", () => {
    const before: Intent = { item: "Lamp", deadline: "2026-01-01", state: "open" };
    expect(faults({ deadline: "2026-01-01" }, before)).toEqual({});
    expect(faults({ deadline: "2026-01-02" }, before)).toEqual({ deadline: "past" });
  });

  test("whatever is typed is a wish that the schema takes, or has a fault; and a wish comes back from its own form unchanged", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constantFrom("", "450", "1.234,5", "IT", "341", "books", "used", "gift", "2027-01-31"),
    );
    const drafts = fc.record(
      Object.fromEntries(
        Object.keys(blank).map((name) => [name, name === "audience" ? fc.array(fc.string({ minLength: 1 }), { maxLength: 3 }) : text]),
      ),
    ) as unknown as fc.Arbitrary<IntentDraft>;
    let taken = 0;
    fc.assert(
      fc.property(drafts, fc.boolean(), (draft, tidy) => {
        const typed = tidy ? { ...blank, item: draft.item, max: draft.max, deadline: draft.deadline, audience: draft.audience } : draft;
        const result = checkedIntent(typed, undefined, TODAY);
        if ("faults" in result) return Object.keys(result.faults).length > 0;
        taken += 1;
        expect(v.is(Intent, result.intent)).toBe(true);
        expect(checkedIntent(draftOf(result.intent, "USD"), result.intent, TODAY)).toEqual(result);
        return true;
      }),
      { numRuns: 400 },
    );
    expect(taken).toBeGreaterThan(10);
  });
});

describe("the list of wishes", () => {
  const wish = (item: string, deadline?: string): Wish => ({
    record: { path: `intents/${item}`, kind: "intents", value: null, version: 1, source: null, sharedWith: [] },
    intent: { item, state: "open", ...(deadline === undefined ? {} : { deadline }) },
  });

  test("has the next day first, then what has none, then what has gone by", () => {
    const all = [
      wish("never"),
      wish("past", "2026-11-20"),
      wish("later", "2027-01-01"),
      wish("long past", "2025-01-01"),
      wish("soon", TODAY),
    ];
    expect(all.sort(inOrder(TODAY)).map((each) => each.intent.item)).toEqual(["soon", "later", "never", "past", "long past"]);
  });

  test("a day counts as gone by only on the next one, and only while the wish is open", () => {
    const { intent } = wish("lamp", TODAY);
    expect(hasPassed(intent, TODAY)).toBe(false);
    expect(hasPassed(intent, "2026-11-22")).toBe(true);
    expect(hasPassed(ended(intent, "withdrawn", TODAY), "2026-11-22")).toBe(false);
  });

  test("ending and reopening leave nothing behind", () => {
    const { intent } = wish("lamp", TODAY);
    expect(ended(intent, "fulfilled", TODAY)).toEqual({ ...intent, state: "fulfilled", ended: TODAY });
    expect(reopened(ended(intent, "fulfilled", TODAY))).toEqual(intent);
  });
});
