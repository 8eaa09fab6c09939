import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { type AuthorizationDetail, AuthorizationDetails, CONSENT_TYPE } from "#protocol/authorization-details.ts";
import { isNoWider, widening } from "#protocol/narrow.ts";
import { earlierDays, endOfDay } from "../../../web/customer/after/earlier-days.ts";
import { type Less, lesserPaths, lessOf, NOTHING_LESS } from "../../../web/customer/after/less.ts";
import { bounded, extraId, extrasOf } from "../../../web/customer/ask/amending.ts";
import { changesOf, isSame, replacedBy } from "../../../web/customer/changes.ts";

const now = Date.parse("2026-11-21T10:00:00Z");
const DAY = 86_400_000;

const PATHS = [
  "profile/name",
  "profile/name:given",
  "profile/emails/e1",
  "profile/addresses/a1",
  "profile/addresses/a1:town",
  "purchases",
  "purchases:tastes",
];
const PURPOSES = ["CustomerRelationshipManagement", "DeliveryOfGoods", "ProvideProductRecommendations"].map(
  (name) => `https://w3id.org/dpv#${name}`,
);
const some = <T>(of: readonly T[], minLength = 0) => fc.uniqueArray(fc.constantFrom(...of), { minLength, maxLength: of.length });

const anyDetail: fc.Arbitrary<AuthorizationDetail> = fc
  .record({
    purpose: fc.constantFrom(...PURPOSES),
    paths: some(PATHS, 1),
    actions: some(["read", "message", "offer"] as const, 1),
    days: fc.integer({ min: 1, max: 300 }),
    retention: fc.constantFrom("PT24H", "P30D", "P90D"),
    frequency: fc.option(
      fc.record({ max: fc.integer({ min: 1, max: 40 }), per: fc.option(fc.constantFrom("PT1H", "P1D", "P7D"), { nil: undefined }) }),
      {
        nil: undefined,
      },
    ),
    recipients: fc.option(some(["A", "B", "C"]), { nil: undefined }),
    countries: fc.option(some(["IT", "US", "CH"]), { nil: undefined }),
    filter: fc.option(
      fc.record(
        {
          categories: some(["books", "shoes", "toys"], 1),
          since: fc.constantFrom("2024-01-01", "2025-01-01"),
          recipients: some(["self", "gift"] as const, 1),
        },
        { requiredKeys: [] },
      ),
      { nil: undefined },
    ),
  })
  .map(({ days, frequency, recipients, countries, filter, ...rest }) => ({
    type: CONSENT_TYPE,
    necessity: "optional",
    legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
    if_refused: "nothing",
    expires: new Date(now + days * DAY).toISOString().replace(".000Z", "Z"),
    ...rest,
    ...(frequency === undefined
      ? {}
      : { frequency: frequency.per === undefined ? { max: frequency.max } : { max: frequency.max, per: frequency.per } }),
    ...(recipients === undefined ? {} : { recipients }),
    ...(countries === undefined ? {} : { storage_countries: countries }),
    ...(filter === undefined ? {} : { filter: filter as NonNullable<AuthorizationDetail["filter"]> }),
  }));
const anyDetails: fc.Arbitrary<AuthorizationDetails> = fc.array(anyDetail, { minLength: 1, maxLength: 3 });

describe("what may be granted of a change (C12)", () => {
  test("is never wider than what was asked, whatever is ticked", () => {
    fc.assert(
      fc.property(anyDetails, anyDetails, fc.boolean(), fc.array(fc.nat(20)), (asked, old, kept, ticks) => {
        const before = replacedBy(asked, old);
        const extras = extrasOf(asked, before);
        const ticked = new Set(ticks.flatMap((each) => extras[each % Math.max(1, extras.length)] ?? []).map(extraId));
        expect(widening(bounded(asked, before, ticked, kept), asked)).toBeUndefined();
      }),
    );
  });

  test("with nothing ticked: longer, oftener, to others and elsewhere stay as they are", () => {
    fc.assert(
      fc.property(anyDetails, (old) => {
        const asked = old.map((each): AuthorizationDetail => {
          const { frequency: _, ...rest } = each;
          const more = {
            recipients: [...(each.recipients ?? []), "D"],
            ...(each.storage_countries && { storage_countries: [...each.storage_countries, "AR"] }),
          };
          return { ...rest, ...more, retention: "P180D", expires: new Date(now + 365 * DAY).toISOString().replace(".000Z", "Z") };
        });
        const before = replacedBy(asked, old);
        expect(isNoWider(bounded(asked, before, new Set(), true), old)).toBe(true);
        expect(isNoWider(bounded(asked, before, new Set(extrasOf(asked, before).map(extraId)), true), old)).toBe(false);
      }),
    );
  });

  test("one tick lets through just what it names", () => {
    const [old] = fc.sample(anyDetail, 1) as [AuthorizationDetail];
    const base = { ...old, retention: "P30D", recipients: ["A"], storage_countries: ["IT"] };
    const asked = [{ ...base, retention: "P90D", recipients: ["A", "B", "C"], storage_countries: ["IT", "US"] }];
    const [granted] = bounded(asked, [base], new Set([extraId({ at: 0, term: "recipients", name: "C" })]), true);
    expect(granted).toMatchObject({ retention: "P30D", recipients: ["A", "C"], storage_countries: ["IT"] });
  });
});

describe("a change, told", () => {
  test("what is in force against itself is no change; against another, every path stands in one list that is right", () => {
    fc.assert(
      fc.property(anyDetails, anyDetails, (old, next) => {
        expect(isSame(changesOf(old, old))).toBe(true);
        const changes = changesOf(old, next);
        expect(changes).toHaveLength(next.length + changes.filter((each) => each.after === undefined).length);
        for (const { before, after, added, gone, kept } of changes) {
          const read = (each: AuthorizationDetail | undefined) => (each?.actions.includes("read") ? each.paths : []);
          expect([...added, ...kept].sort()).toEqual([...read(after)].sort());
          for (const path of gone) expect(read(before)).toContain(path);
        }
        if (isSame(changes)) expect(changes.every(({ before, after }) => before?.expires === after?.expires)).toBe(true);
      }),
    );
  });
});

test("a digest that no longer leaves is gone, though its collection stays; one that was in the collection is nothing new", () => {
  const [detail] = fc.sample(anyDetail, 1) as [AuthorizationDetail];
  const of = (...paths: string[]) => [{ ...detail, actions: ["read" as const], paths }];
  expect(changesOf(of("purchases", "purchases:tastes"), of("purchases"))[0]).toMatchObject({
    gone: ["purchases:tastes"],
    kept: ["purchases"],
  });
  expect(changesOf(of("purchases"), of("purchases:tastes"))[0]).toMatchObject({
    added: [],
    gone: ["purchases"],
    kept: ["purchases:tastes"],
  });
});

const anyLess = (details: AuthorizationDetails) =>
  fc.record({
    left: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 6 }).map(
      (picks) =>
        new Map(
          picks.map(([object, path, form]): [string, string | null] => {
            const at = object % details.length;
            const name = details[at]?.paths[path % (details[at]?.paths.length ?? 1)] ?? "";
            const forms = [null, name, ...lesserPaths(name)];
            return [`${at}/${name}`, forms[form % forms.length] ?? null];
          }),
        ),
    ),
    actions: some(details.flatMap((each, at) => each.actions.map((name) => `${at}/${name}`))).map((all) => new Set(all)),
    categories: some(["0/books", "1/shoes", "0/toys", "2/books"]).map((all) => new Set(all)),
    recipients: some(["0/self", "1/gift", "0/gift"]).map((all) => new Set(all)),
    end: fc.option(fc.integer({ min: now, max: now + 400 * DAY }), { nil: undefined }),
  });

describe("sharing less (S3)", () => {
  test("what stays is never wider than what there was, whatever is taken away; with nothing taken away it is the same", () => {
    fc.assert(
      fc.property(
        anyDetails.chain((details) => fc.tuple(fc.constant(details), anyLess(details))),
        ([details, less]) => {
          expect(lessOf(details, NOTHING_LESS)).toEqual(details);
          const next = lessOf(details, less);
          if (next.length > 0) expect(widening(next, details)).toBeUndefined();
          if (next.length > 0) expect(v.is(AuthorizationDetails, next)).toBe(true);
          for (const { expires } of next) expect(expires).toMatch(/:\d\dZ$/);
        },
      ),
    );
  });

  test("a purpose of which everything was taken goes whole, and so does the last one", () => {
    const [detail] = fc.sample(anyDetail, 1) as [AuthorizationDetail];
    const gone: Less = { ...NOTHING_LESS, left: new Map(["0/profile/name", "1/profile/name"].map((each) => [each, null])) };
    const one = { ...detail, paths: ["profile/name"], actions: ["read" as const] };
    expect(lessOf([one, { ...one, paths: ["profile/name", "profile/emails/e1"] }], gone).map((each) => each.paths)).toEqual([
      ["profile/emails/e1"],
    ]);
    expect(lessOf([one], gone)).toEqual([]);
  });

  test("a last day is before the agreed one, and ends with that day", () => {
    const days = earlierDays("2026-12-01T09:00:00Z", now);
    expect(days).toEqual({ min: "2026-11-21", max: "2026-11-30" });
    expect(earlierDays("2026-11-21T23:00:00Z", now)).toBeUndefined();
    if (days === undefined) return;
    expect(endOfDay("2026-12-01", days)).toBeUndefined();
    expect(endOfDay("2026-11-20", days)).toBeUndefined();
    expect(endOfDay("", days)).toBeUndefined();
    expect(endOfDay("2026-11-30", days)).toBe(new Date(2026, 10, 30, 23, 59, 59).getTime());
  });
});
