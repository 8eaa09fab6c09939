import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { type AuthorizationDetail, AuthorizationDetails, type Filter } from "#protocol/authorization-details.ts";
import { breach } from "#protocol/breach.ts";
import { milliseconds } from "#protocol/duration.ts";
import { covers, isShareable } from "#protocol/paths.ts";
import { PURPOSES, type Purpose, purposeOf } from "#protocol/purposes.ts";
import { DETAILS } from "./support/customer.ts";

const NOW = Date.parse("2026-11-21T10:15:00Z");
const in_ = (ms: number): string => new Date(NOW + ms).toISOString().replace(/\.\d+Z$/, "Z");
const shareablePaths = (purpose: Purpose): string[] =>
  [
    "profile/name",
    "profile/emails",
    "profile/addresses",
    "profile/languages",
    "preferences/contact",
    "profile/name:given",
    "purchases",
    "purchases:tastes",
    "intents",
  ].filter((path) => purpose.paths.some((wide) => covers(wide, path)));

/** All that a purpose allows. */
const fullest = (purpose: Purpose): AuthorizationDetail => ({
  ...(DETAILS[0] as AuthorizationDetail),
  purpose: purpose.iri,
  paths: shareablePaths(purpose),
  retention: purpose.retention,
  expires: in_(milliseconds(purpose.expiry)),
  frequency: purpose.frequency,
  if_refused: purpose.consequences[0] as string,
});

describe.each(PURPOSES.map((purpose) => ({ purpose, id: purpose.id })))("a request for $id", ({ purpose }) => {
  const at = (changes: Partial<AuthorizationDetail>) => breach([{ ...fullest(purpose), ...changes }], NOW)?.pointer;

  it("is taken up to its bounds, under either legal basis and for every consequence on offer", () => {
    expect(v.is(AuthorizationDetails, [fullest(purpose)])).toBe(true);
    expect(at({})).toBeUndefined();
    expect(at({ legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-b" })).toBeUndefined();
    for (const if_refused of purpose.consequences) expect(at({ if_refused })).toBeUndefined();
    if (purpose.needs.length > 0) expect(at({ necessity: "required", paths: [...purpose.needs] })).toBeUndefined();
  });

  it("is refused beyond any one bound, and the place is named", () => {
    const table: [Partial<AuthorizationDetail>, string][] = [
      [{ purpose: "https://w3id.org/dpv#Anything" }, "/0/purpose"],
      [{ purpose: purpose.iri.toLowerCase() }, "/0/purpose"],
      [{ purpose: "constructor" }, "/0/purpose"],
      [{ legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-f" }, "/0/legal_basis"],
      [{ paths: ["relationships"] }, "/0/paths/0"],
      [{ paths: ["preferences/terms"] }, "/0/paths/0"],
      [{ paths: ["profile/name:given", "profile"] }, "/0/paths/1"],
      [{ paths: ["profile/shoes"] }, "/0/paths/0"],
      [{ paths: ["profile/name:town"] }, "/0/paths/0"],
      [{ retention: `PT${milliseconds(purpose.retention) / 3_600_000 + 1}H` }, "/0/retention"],
      [{ expires: in_(0) }, "/0/expires"],
      [{ expires: in_(-1000) }, "/0/expires"],
      [{ expires: in_(milliseconds(purpose.expiry) + 1000) }, "/0/expires"],
      [{ expires: "soon" }, "/0/expires"],
      [{ frequency: { max: purpose.frequency.max + 1, per: purpose.frequency.per } }, "/0/frequency"],
      [{ frequency: { max: purpose.frequency.max + 1 } }, "/0/frequency"],
      [{ paths: ["inbox"] }, "/0/paths/0"],
      [{ paths: ["imports"] }, "/0/paths/0"],
      [{ paths: ["purchases:tastes:x"] }, "/0/paths/0"],
      [{ if_refused: "something" }, "/0/if_refused"],
      [{ if_refused: "" }, "/0/if_refused"],
    ];
    for (const [change, pointer] of table) expect(at(change), JSON.stringify(change)).toBe(pointer);
    expect(at({ expires: in_(1000) })).toBeUndefined();
    expect(at({ frequency: { max: 1 } })).toBeUndefined();
    const { frequency: _, ...unbounded } = fullest(purpose);
    expect(breach([unbounded], NOW)).toEqual({
      pointer: "/0/frequency",
      reason: `expected a frequency of at most ${purpose.frequency.max} in ${purpose.frequency.per} for this purpose`,
    });
  });

  it("calls required only what it can't do without", () => {
    const unneeded = shareablePaths(purpose).find((path) => !purpose.needs.some((need) => covers(need, path)));
    expect(unneeded).toBeDefined();
    expect(at({ necessity: "required", paths: [...purpose.needs, unneeded as string] })).toBe("/0/necessity");
  });

  it("is refused for data that another purpose may ask", () => {
    for (const path of [
      "purchases",
      "purchases:tastes",
      "purchases:shops",
      "purchases/p1",
      "intents",
      "profile/phones",
      "profile/birthday",
      "preferences/diet",
      "preferences/tastes",
      "profile/emails",
    ])
      expect(at({ paths: [path] })).toBe(purpose.paths.some((wide) => covers(wide, path)) ? undefined : "/0/paths/0");
  });
});

it("data that a purpose has only in a lesser form is refused whole", () => {
  const marketing = PURPOSES.find(({ id }) => id === "direct-marketing") as Purpose;
  expect(breach([{ ...fullest(marketing), paths: ["profile/name:given"] }], NOW)).toBeUndefined();
  expect(breach([{ ...fullest(marketing), paths: ["profile/name"] }], NOW)?.pointer).toBe("/0/paths/0");
});

it("a digest may be asked where its collection may not", () => {
  const care = PURPOSES.find(({ id }) => id === "customer-management") as Purpose;
  expect(breach([{ ...fullest(care), paths: ["purchases:tastes"] }], NOW)).toBeUndefined();
  for (const path of ["purchases", "purchases:shops", "purchases:category", "purchases/p1"])
    expect(breach([{ ...fullest(care), paths: [path] }], NOW)?.pointer).toBe("/0/paths/0");
});

it("a filter is refused where it says nothing: no path with anything to filter, or a category that is none", () => {
  const purpose = PURPOSES.find(({ id }) => id === "recommendations") as Purpose;
  const at = (paths: string[], filter: Filter) => breach([{ ...fullest(purpose), paths, filter }], NOW)?.pointer;
  expect(at(["purchases", "preferences/tastes"], { categories: ["books", "music"], since: "2025-01-01" })).toBeUndefined();
  expect(at(["purchases:tastes"], { categories: ["books"] })).toBeUndefined();
  expect(at(["purchases"], { since: "2025-01-01" })).toBeUndefined();
  expect(at(["intents"], { categories: ["books"] })).toBeUndefined();
  expect(at(["preferences/tastes"], { categories: ["books"] })).toBe("/0/filter");
  expect(at(["purchases"], { categories: ["books", "\u202eskoob"] })).toBe("/0/filter/categories/1");
  expect(at(["purchases"], { categories: ["constructor"] })).toBe("/0/filter/categories/0");
});

it("what is wrong is said in words that a vendor can act on", () => {
  const purpose = PURPOSES.find(({ id }) => id === "direct-marketing") as Purpose;
  const reason = (changes: Partial<AuthorizationDetail>) => breach([{ ...fullest(purpose), ...changes }], NOW)?.reason;
  const table: [Partial<AuthorizationDetail>, string][] = [
    [{ purpose: "https://w3id.org/dpv#Anything" }, "this purpose is not on offer here"],
    [{ legal_basis: "none" }, "expected consent (A6-1-a) or contract (A6-1-b)"],
    [{ paths: ["profile/shoes"] }, "no such data, it can't be shared, or not for this purpose"],
    [{ filter: { since: "2026-01-01" }, paths: ["profile/emails"] }, "none of these paths has anything to filter"],
    [{ filter: { categories: ["x"] }, paths: ["purchases:tastes"] }, "expected a category of the registry"],
    [{ retention: "P91D" }, "at most P90D for this purpose"],
    [{ expires: in_(0) }, "expected a time to come"],
    [{ expires: in_(milliseconds("P181D")) }, "at most P180D from now for this purpose"],
    [{ frequency: { max: 2, per: "PT1H" } }, "expected a frequency of at most 1 in PT1H for this purpose"],
    [{ if_refused: "no-delivery" }, "expected one of: nothing"],
    [{ necessity: "required" }, "this purpose can be served without some of these paths"],
  ];
  for (const [change, words] of table) expect(reason(change)).toBe(words);
  const delivery = PURPOSES.find(({ id }) => id === "delivery") as Purpose;
  expect(breach([{ ...fullest(delivery), if_refused: "" }], NOW)?.reason).toBe("expected one of: nothing, type-it-yourself, no-delivery");
});

it("a vendor's own words are looked at one by one, and the unclear one's place is named", () => {
  const purpose = PURPOSES[0] as Purpose;
  const at = (changes: Partial<AuthorizationDetail>) => breach([{ ...fullest(purpose), ...changes }], NOW);
  const clear = { explanation: { en: "To send it", ro: "Ca s\u0103 \u00eel trimitem" }, recipients: ["Courier SRL", "Posta"] };
  expect(at(clear)).toBeUndefined();
  expect(at({ ...clear, explanation: { en: "To send it", ro: "s\u202eit" } })).toEqual({
    pointer: "/0/explanation/ro",
    reason: "something in it can't be seen",
  });
  expect(at({ ...clear, recipients: ["Courier SRL", "P\u043esta"] })).toEqual({
    pointer: "/0/recipients/1",
    reason: "a word mixes scripts, or is of one that is not in wide use",
  });
});

it("the place of a later object is named with its number", () => {
  const [one, two] = PURPOSES.map(fullest) as [AuthorizationDetail, AuthorizationDetail];
  expect(breach([one, two], NOW)).toBeUndefined();
  expect(breach([one, { ...two, legal_basis: "none" }], NOW)?.pointer).toBe("/1/legal_basis");
});

describe("the registry", () => {
  it("has purposes, each with a name and an IRI of its own", () => {
    expect(PURPOSES.length).toBeGreaterThan(3);
    expect(new Set(PURPOSES.map(({ id }) => id)).size).toBe(PURPOSES.length);
    expect(new Set(PURPOSES.map(({ iri }) => iri)).size).toBe(PURPOSES.length);
  });

  it.each(PURPOSES.map((purpose) => ({ purpose, id: purpose.id })))("$id is whole", ({ purpose }) => {
    expect(purposeOf(purpose.iri)).toBe(purpose);
    expect(purpose.id).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(purpose.iri).toMatch(/^https:\/\/w3id\.org\/dpv#[A-Z][A-Za-z]+$/);
    // A path of a purpose is a kind that can be shared, in a form that it has, or a category that holds one.
    for (const path of purpose.paths) expect(isShareable(path) || ["profile", "preferences"].includes(path), path).toBe(true);
    for (const need of purpose.needs) expect(isShareable(need) && purpose.paths.some((wide) => covers(wide, need)), need).toBe(true);
    expect(milliseconds(purpose.expiry)).toBeLessThanOrEqual(milliseconds("P366D"));
    expect(milliseconds(purpose.retention)).toBeGreaterThan(0);
    expect(purpose.frequency.max).toBeGreaterThan(0);
    expect(milliseconds(purpose.frequency.per)).toBeGreaterThan(0);
    expect(purpose.consequences).toContain("nothing");
    const periods = purpose.periods.map(milliseconds);
    expect(periods.length).toBeGreaterThan(0);
    expect(periods).toEqual(periods.toSorted((a, b) => a - b));
    for (const period of periods) expect(period).toBeLessThanOrEqual(milliseconds(purpose.expiry));
  });
});
