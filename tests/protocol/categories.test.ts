import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { formOf, isRecordPath, KINDS, SINGLE_PATHS } from "#protocol/categories.ts";
import type { Kind } from "#protocol/kind.ts";
import { isShareable } from "#protocol/paths.ts";
import { PURPOSES } from "#protocol/purposes.ts";
import { Path } from "#protocol/shapes.ts";

/** Values of each kind that has forms: many people, some alike. A kind with forms and none here fails below. */
const PEOPLE: Record<string, fc.Arbitrary<object>> = {
  "profile/name": fc.record(
    { given: fc.constantFrom("Mira", "Ana"), surname: fc.constantFrom("Pop", "Rusu") },
    { requiredKeys: ["given"] },
  ),
  "profile/addresses": fc.record(
    {
      street: fc.constantFrom("Strada Horea 1", "Strada Horea 2"),
      postcode: fc.constantFrom("400174", "400175"),
      locality: fc.constantFrom("Cluj-Napoca", "Turda"),
      region: fc.constantFrom("Cluj", "Alba"),
      countryCode: fc.constantFrom("RO", "IT"),
      label: fc.constantFrom("home", "work"),
    },
    { requiredKeys: ["street", "locality", "countryCode"] },
  ),
  "profile/birthday": fc
    .date({ min: new Date("1990-01-01"), max: new Date("2012-12-31"), noInvalidDate: true })
    .map((date) => ({ date: date.toISOString().slice(0, 10) })),
  purchases: fc.record(
    {
      item: fc.constantFrom("Invisible Cities", "The Book of Tea"),
      seller: fc.constantFrom("Libreria Aldina", "Amazon"),
      date: fc.constantFrom("2026-01-01", "2026-11-20"),
      category: fc.constantFrom("books", "music"),
      recipient: fc.constantFrom("self", "gift"),
    },
    { requiredKeys: ["item", "seller", "date", "recipient"] },
  ),
};
const NOW = new Date("2026-11-21T10:15:00Z");
const withForms = KINDS.filter((each) => each.forms.length > 0);
const path = (kind: Kind, form?: string): string => `${kind.path}${kind.many ? "/a1" : ""}${form === undefined ? "" : `:${form}`}`;
const formed = (kind: Kind, form: string | undefined, value: unknown): string => JSON.stringify(formOf(path(kind, form), value, NOW));

describe("the registry", () => {
  it("has kinds, each at a path of its own", () => {
    expect(KINDS.length).toBeGreaterThan(10);
    expect(new Set(KINDS.map((each) => each.path)).size).toBe(KINDS.length);
    expect(SINGLE_PATHS).toEqual(KINDS.filter(({ many }) => !many).map((each) => each.path));
    for (const single of SINGLE_PATHS) expect(isRecordPath(single)).toBe(true);
  });

  it.each(KINDS.map((kind) => ({ kind, at: kind.path })))("$at is whole", ({ kind }) => {
    expect(v.is(Path, path(kind))).toBe(true);
    expect(isRecordPath(path(kind))).toBe(true);
    expect(kind.dpv).toMatch(/^pd:[A-Z][A-Za-z]+$/);
    expect(isShareable(kind.path)).toBe(kind.shareable);
    expect(v.is(kind.schema, null)).toBe(false);
    // No kind lies under another, where one grant would mean two things.
    expect(KINDS.filter((other) => other !== kind && kind.path.startsWith(`${other.path}/`))).toEqual([]);
    const names = kind.forms.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      expect(v.is(Path, path(kind, name)), name).toBe(true);
      expect(isShareable(path(kind, name)), name).toBe(true);
      expect(formOf(path(kind, name), null, NOW)).toBeNull();
    }
    for (const { name } of kind.digests) {
      expect(kind.many && !names.includes(name), name).toBe(true);
      expect(v.is(Path, `${kind.path}:${name}`), name).toBe(true);
      expect(isShareable(`${kind.path}:${name}`), name).toBe(true);
      expect(isRecordPath(`${kind.path}:${name}`), name).toBe(false);
    }
    if (!kind.shareable) expect([kind.forms, kind.digests]).toEqual([[], []]);
  });

  it("a kind that can be shared can be asked for some purpose, and no other can", () => {
    const asked = (kind: Kind) =>
      PURPOSES.some((purpose) => purpose.paths.some((wide) => kind.path === wide.split(":")[0] || kind.path.startsWith(`${wide}/`)));
    expect(KINDS.filter((kind) => kind.shareable && !asked(kind)).map((each) => each.path)).toEqual([]);
  });
});

describe.each(withForms.map((kind) => ({ kind, at: kind.path })))("a form of $at", ({ kind }) => {
  const people = PEOPLE[kind.path] as fc.Arbitrary<object>;
  const sample = (): object[] => fc.sample(people, { numRuns: 400, seed: 7 });
  const chain = [undefined, ...kind.forms.map(({ name }) => name)];

  it("is tried on values of the kind", () => {
    expect(people).toBeDefined();
    for (const value of sample()) expect(v.is(kind.schema, value)).toBe(true);
  });

  it("tells fewer people apart than the one before it", () => {
    const classes = chain.map((form) => new Set(sample().map((value) => formed(kind, form, value))).size);
    expect(classes).toEqual(classes.toSorted((a, b) => b - a));
    expect(new Set(classes).size).toBe(classes.length);
  });

  it("says nothing that the one before it doesn't say", () => {
    for (const [index, form] of chain.entries()) {
      const before = chain[index - 1];
      // Whether someone is of age follows from the year in all years but one: it is the lesser since it says one bit of it.
      if (index === 0 || form === "over-18") continue;
      const known = new Map<string, string>();
      for (const value of sample()) {
        const lesser = formed(kind, form, value);
        expect(known.get(formed(kind, before, value)) ?? lesser).toBe(lesser);
        known.set(formed(kind, before, value), lesser);
      }
    }
  });

  it("holds no more facts than the value, and leaves the value as it was", () =>
    fc.assert(
      fc.property(people, (value) => {
        const frozen = structuredClone(value);
        for (const { name } of kind.forms) {
          const lesser = formOf(path(kind, name), value, NOW);
          if (lesser === null) continue;
          expect(Object.keys(lesser as object).length).toBeLessThanOrEqual(Object.keys(value).length);
          expect(JSON.stringify(lesser)).not.toBe(Object.keys(value).length > 1 ? JSON.stringify(value) : "");
        }
        expect(value).toEqual(frozen);
      }),
    ));
});

it("whether someone is of age changes on the day, and at no other moment", () => {
  const of = (date: string, now: string) => formOf("profile/birthday:over-18", { date }, new Date(now));
  fc.assert(
    fc.property(fc.date({ min: new Date("1930-01-01"), max: new Date("2030-12-31"), noInvalidDate: true }), (birth) => {
      const date = birth.toISOString().slice(0, 10);
      const day = Date.UTC(birth.getUTCFullYear() + 18, birth.getUTCMonth(), birth.getUTCDate());
      expect(of(date, new Date(day - 1).toISOString())).toEqual({ over18: false });
      expect(of(date, new Date(day).toISOString())).toEqual({ over18: true });
    }),
  );
});

it("what is no kind, or no form of one, is said by its path", () => {
  expect(() => formOf("profile/shoes", null, NOW)).toThrow(new TypeError("no kind of data at profile/shoes"));
  expect(() => formOf("profile/name:town", null, NOW)).toThrow(new TypeError("no form town of profile/name"));
});
