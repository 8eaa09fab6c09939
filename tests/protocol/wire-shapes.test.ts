import { toJsonSchema } from "@valibot/to-json-schema";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { Act } from "#protocol/act.ts";
import { API, Commit, type Endpoint } from "#protocol/api.ts";
import { AuthorizationDetail, AuthorizationDetails } from "#protocol/authorization-details.ts";
import { hashOfJson } from "#protocol/canonical.ts";
import { KINDS } from "#protocol/categories.ts";
import { Consent } from "#protocol/consent-token.ts";
import { milliseconds } from "#protocol/duration.ts";
import { Epoch } from "#protocol/epoch.ts";
import { Head } from "#protocol/head.ts";
import { exactly } from "#protocol/jws.ts";
import { REFUSALS } from "#protocol/refusal.ts";
import {
  CompactJwe,
  CompactJws,
  CountryCode,
  Currency,
  Day,
  Decimal,
  Duration,
  Hash,
  Id,
  Instant,
  LanguageTag,
  Path,
  Text,
  WholeSecond,
  Words,
} from "#protocol/shapes.ts";
import { hashOfWays, type Way, WaySeal, Ways } from "#protocol/ways.ts";
import { DETAILS } from "./support/customer.ts";
import { vectors } from "./vectors/read.ts";

const endpoints: [string, Endpoint][] = Object.entries(API);
const wire: [string, v.GenericSchema][] = [
  ...endpoints.flatMap(([name, { query, body, reply }]) =>
    Object.entries({ query, body, reply }).flatMap(([part, schema]): [string, v.GenericSchema][] =>
      schema ? [[`${name} ${part}`, schema]] : [],
    ),
  ),
  ["consent", Consent],
  ["head", Head],
  ["act", Act],
  ["authorization_details", AuthorizationDetails],
  ...KINDS.map((kind): [string, v.GenericSchema] => [kind.path, kind.schema]),
];

describe("every wire shape", () => {
  it("is seen", () => expect(wire.length).toBeGreaterThan(50));

  it.each(wire)("%s becomes JSON Schema", (_, schema) => {
    const json = toJsonSchema(schema, { target: "draft-2020-12", errorMode: "throw" });
    expect(json.$schema).toContain("2020-12");
  });

  it("refuses unknown members, at the top and below", () => {
    const closed = (schema: unknown, at: string): string[] => {
      if (typeof schema !== "object" || schema === null) return [];
      const own = schema as Record<string, unknown>;
      const open = own.type === "object" && own.properties !== undefined && own.additionalProperties !== false ? [at] : [];
      return [...open, ...Object.entries(own).flatMap(([name, each]) => closed(each, `${at}/${name}`))];
    };
    expect(wire.flatMap(([name, schema]) => closed(toJsonSchema(schema, { target: "draft-2020-12" }), name))).toEqual([]);
  });

  it("of junk says yes or no, and throws nothing", () =>
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withObjectString: true, withBigInt: true, withDate: true }), (junk) => {
        for (const [, schema] of wire) v.safeParse(schema, junk);
      }),
      { numRuns: 200 },
    ));
});

describe("the table of endpoints", () => {
  it("names each method and path once, and only bodies of a POST", () => {
    const places = endpoints.map(([, { method, path }]) => `${method} ${path}`);
    expect(new Set(places).size).toBe(places.length);
    for (const [name, { method, path, body, query }] of endpoints) {
      expect(path, name).toMatch(/^\/api(\/([a-z]+|\{id\}))+$/);
      expect(method === "POST", name).toBe(body !== undefined);
      if (method === "POST") expect(query, name).toBeUndefined();
    }
  });
  it("has refusals that are errors", () => {
    for (const status of Object.values(REFUSALS)) expect(status).toSatisfy((each: number) => each >= 400 && each < 600);
  });
  it("takes no extension results of a passkey, where its PRF output would be", () => {
    const commit = Commit.entries.attestation.wrapped.entries.response;
    const assertion = { id: "AAAA", rawId: "AAAA", type: "public-key", response: { clientDataJSON: "AAAA", attestationObject: "AAAA" } };
    expect(v.is(commit, { ...assertion, clientExtensionResults: {} })).toBe(true);
    expect(v.is(commit, { ...assertion, clientExtensionResults: { prf: { results: { first: "AAAA" } } } })).toBe(false);
  });
});

describe("shapes", () => {
  const table: [string, v.GenericSchema, unknown[], unknown[]][] = [
    [
      "Instant",
      Instant,
      ["2026-11-21T10:15:00Z", "2026-11-21T10:15:00.123Z", "2028-02-29T23:59:59Z", "2000-02-29T00:00:00Z"],
      [
        "2026-02-29T00:00:00Z",
        "2026-02-31T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:60:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00",
        "2026-01-01t00:00:00z",
        "2026-01-01T00:00:00.1Z",
        "2026-01-01T00:00:00Z\n",
        "20260101T000000Z",
        "+002026-01-01T00:00:00Z",
        0,
      ],
    ],
    [
      "WholeSecond",
      WholeSecond,
      ["2026-11-21T10:15:00Z", "2026-11-21T10:15:00.000Z"],
      ["2026-11-21T10:15:00.001Z", "2026-11-21T10:15:00.500Z", "2026-02-30T00:00:00Z"],
    ],
    [
      "Day",
      Day,
      ["2026-11-21", "2028-02-29", "2000-02-29", "2026-12-31"],
      ["2026-02-29", "2100-02-29", "2026-06-31", "2026-1-1", "2026-11-21T00:00:00Z", "26-11-21", "2026-11-21 "],
    ],
    [
      "Duration",
      Duration,
      ["P1D", "P9999D", "PT1H", "PT99999H"],
      ["P0D", "P01D", "PT0H", "P1M", "P1Y", "P1W", "PT1M", "P1DT1H", "p1d", "P-1D", "P1.5D", "P10000D", "PT100000H", "P1D\n", ""],
    ],
    [
      "Path",
      Path,
      ["profile", "profile/name", "profile/emails/e1", "profile/addresses/a-1_B:over-18", `profile/emails/${"a".repeat(64)}`],
      [
        "",
        "/",
        "profile/",
        "Profile/name",
        "profile//e1",
        "profile/emails/e1/x",
        "profile/..",
        "profile/é",
        "profile/name:",
        "profile/name:a:b",
        "profile/name:Given",
        "profile/%2e",
        "profile/name ",
        "profile/name\n",
        `profile/emails/${"a".repeat(65)}`,
        "a/b\u0000",
      ],
    ],
    [
      "Id",
      Id,
      ["AAAAAAAAAAAAAAAAAAAAAA", "__________--------0123"],
      ["", "A".repeat(21), "A".repeat(23), `${"A".repeat(21)}=`, `${"A".repeat(21)}/`, `${"A".repeat(22)}\n`],
    ],
    ["Hash", Hash, ["A".repeat(43)], ["", "A".repeat(42), "A".repeat(44), `${"A".repeat(42)}+`, `${"A".repeat(43)}\n`]],
    ["CompactJws", CompactJws, ["a.b.c"], ["a.b", "a.b.", "a..c", "a.b.c.d", "a.b.c=", " a.b.c", "a.b.c\n"]],
    ["CompactJwe", CompactJwe, ["a.b.c.d.e", "a....e"], ["a.b.c", "a.b.c.d", "a.b.c.d.e.f", ".b.c.d.e", "a.b.c.d.e\n"]],
    [
      "Decimal",
      Decimal,
      ["0", "0.5", "12", "12.50", "1234567890.123", "0.001"],
      [
        "",
        ".5",
        "5.",
        "-1",
        "+1",
        "01",
        "00",
        "1,50",
        "1 000",
        "1e3",
        "0x10",
        "1.2345",
        "12345678901",
        "Infinity",
        "NaN",
        "1.5\n",
        " 1",
        "١",
        1.5,
      ],
    ],
    ["Currency", Currency, ["EUR", "RON"], ["eur", "EU", "EURO", "€", "EUR\n"]],
    ["CountryCode", CountryCode, ["IT", "RO"], ["it", "ITA", "I", "IT "]],
    ["LanguageTag", LanguageTag, ["it", "zh-Hant", "gsw-CH"], ["", "i", "it_IT", "italian-", "it-", "it\n"]],
    ["Text", Text(5), ["a", "ț", "😀", "a\nb"], ["", "abcdef", "\ud83d", "a\ude00", "\ude00\ud83d", 1]],
    [
      "Words",
      Words(20),
      ["Ca să vă răspundem", "Чтобы ответить", "l’ordine n° 1 – 5 €", "😀"],
      [
        "a\nb",
        "a\tb",
        "a\u0000",
        "a\u202eb",
        "a\u2066b",
        "a\u200bb",
        "a\u200db",
        "a\u00adb",
        "\ufeffa",
        "a\u2028b",
        "a\u0085b",
        "a\u061cb",
        "",
      ],
    ],
  ];
  it.each(table)("%s", (_, schema, good, bad) => {
    for (const each of good) expect(v.is(schema, each), JSON.stringify(each)).toBe(true);
    for (const each of bad) expect(v.is(schema, each), JSON.stringify(each)).toBe(false);
  });

  it("an instant is exactly what a clock writes, and reads as that moment everywhere", () =>
    fc.assert(
      fc.property(fc.date({ min: new Date("1900-01-01"), max: new Date("2199-12-31"), noInvalidDate: true }), (date) => {
        expect(v.is(Instant, date.toISOString())).toBe(true);
        expect(v.is(Day, date.toISOString().slice(0, 10))).toBe(true);
        expect(v.is(WholeSecond, date.toISOString())).toBe(date.getTime() % 1000 === 0);
      }),
    ));

  it("and every text of that shape that is an instant is one that a clock writes", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1990, max: 2030 }),
        fc.integer({ min: 0, max: 13 }),
        fc.integer({ min: 0, max: 32 }),
        (year, month, day) => {
          const text = `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
          const moment = new Date(`${text}T00:00:00.000Z`);
          const real = !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(text);
          expect(v.is(Day, text)).toBe(real);
          expect(v.is(Instant, `${text}T00:00:00Z`)).toBe(real);
        },
      ),
      { numRuns: 2000 },
    ));

  it("milliseconds reads a Duration and throws at any other text", () => {
    expect([milliseconds("P1D"), milliseconds("PT1H"), milliseconds("P366D")]).toEqual([86_400_000, 3_600_000, 31_622_400_000]);
    for (const text of ["P1Dx", "xP1D", "PT1Hx", "xPT1H", "P1D\n", "P0D", "PT0H"])
      expect(() => milliseconds(text), text).toThrow(new TypeError("duration must be PnD or PTnH"));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^PT?\d{0,6}[DHMYW]$/)), (text) => {
        if (v.is(Duration, text)) expect(milliseconds(text)).toBeGreaterThan(0);
        else expect(() => milliseconds(text)).toThrow(TypeError);
      }),
      { numRuns: 500 },
    );
  });
});

describe("authorization_details", () => {
  const [detail] = DETAILS;
  it.each(["filter", "frequency", "explanation", "recipients", "storage_countries", "agreement"])(
    "may lack %s, and no more than that",
    (name) =>
      expect(v.is(AuthorizationDetail, Object.fromEntries(Object.entries(detail ?? {}).filter(([each]) => each !== name)))).toBe(true),
  );
  it("are refused with too much, or with what can't be", () => {
    const wrong: object[] = [
      { more: 1 },
      { type: "https://w3id.org/counterfoil/consent/2" },
      { actions: [] },
      { actions: ["write"] },
      { paths: [] },
      { paths: Array.from({ length: 65 }, (_, at) => `profile/emails/e${at}`) },
      { paths: ["../name"] },
      { expires: "2027-05-20T10:15:00.5Z" },
      { expires: "2027-02-31T10:15:00Z" },
      { retention: "P1Y" },
      { frequency: { max: 0, per: "P1D" } },
      { frequency: { max: 1.5, per: "P1D" } },
      { frequency: { max: -1 } },
      { frequency: {} },
      { filter: { since: "2026-02-30" } },
      { filter: { categories: [] } },
      { filter: { recipients: ["anyone"] } },
      { filter: { more: 1 } },
      { explanation: { en: "\u202elles" } },
      { explanation: { english: "too long a tag" } },
      { explanation: { en: "x".repeat(141) } },
      { recipients: ["a\u200bb"] },
      { storage_countries: ["de"] },
      { necessity: "maybe" },
    ];
    for (const change of wrong) expect(v.is(AuthorizationDetail, { ...detail, ...change }), JSON.stringify(change)).toBe(false);
    expect(
      v.is(
        AuthorizationDetails,
        Array.from({ length: 16 }, () => detail),
      ),
    ).toBe(true);
    expect(
      v.is(
        AuthorizationDetails,
        Array.from({ length: 17 }, () => detail),
      ),
    ).toBe(false);
  });
});

it("exactly reads a value whole or not at all", () => {
  const shape = v.record(v.string(), v.string());
  expect(exactly(shape, { a: "b" })).toEqual({ a: "b" });
  for (const name of ["__proto__", "constructor", "prototype"])
    expect(exactly(shape, JSON.parse(`{"a":"b","${name}":"c"}`))).toBeUndefined();
  expect(exactly(shape, [])).toBeUndefined();
  expect(exactly(shape, { a: 1 })).toBeUndefined();
});

it("the hash of the ways in depends on each of them and on no order", async () => {
  const { seal } = vectors<{ seal: WaySeal }>("way-in");
  expect(v.is(WaySeal, seal)).toBe(true);
  expect(v.is(v.array(Epoch), vectors<{ epochs: Epoch[] }>("epoch").epochs)).toBe(true);
  const named = (letter: string): Way => ({ id: letter.repeat(22), kind: "device", key: letter.repeat(43), passkey: null, sign: null });
  const ways = ["B", "A", "C"].map(named);
  expect(v.is(Ways, ways)).toBe(true);
  const whole = await hashOfWays(ways);
  expect(await hashOfWays(ways.toReversed())).toBe(whole);
  expect(whole, "in the order of their ids, for whoever makes it again").toBe(await hashOfJson(["A", "B", "C"].map(named)));
  const many = [..."HBXAQCZ"].map(named);
  expect(await hashOfWays(many)).toBe(await hashOfJson([..."ABCHQXZ"].map(named)));
  const [first, ...rest] = ways as [Way, ...Way[]];
  const changed: Way[][] = [
    rest,
    [...ways, first],
    [{ ...first, key: null }, ...rest],
    [{ ...first, kind: "kit" }, ...rest],
    [{ ...first, id: "D".repeat(22) }, ...rest],
    [{ ...first, sign: first.key }, ...rest],
  ];
  for (const each of changed) expect(await hashOfWays(each)).not.toBe(whole);
});
