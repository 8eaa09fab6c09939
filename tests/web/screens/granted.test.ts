import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import type { AuthorizationDetail, AuthorizationDetails, Filter } from "#protocol/authorization-details.ts";
import { widening } from "#protocol/narrow.ts";
import { countLeaving, type FilterChoice, filterOf } from "../../../web/customer/ask/collection.ts";
import { editsOf, grantedOf, type Pick } from "../../../web/customer/ask/granted.ts";
import { itemsOf } from "../../../web/customer/ask/items.ts";
import { offerOf } from "../../../web/customer/ask/offer.ts";
import { dayBounds, latest, periodsOf, type Until } from "../../../web/customer/ask/until.ts";
import type { StoreView } from "../../../web/vault/vault.ts";
import { records, request } from "./prepared.ts";
import { purchases } from "./prepared-purchases.ts";

const now = Date.parse("2026-11-21T10:00:00.123Z");
const DAY = 86_400_000;
const asked = request("r1", now, { several: true }).details;
const store: StoreView = {
  created: "",
  kit: { confirmed: true, due: "" },
  records,
  connections: [],
  vendors: [],
  erasing: null,
  moving: null,
  restored: null,
  ways: [],
  head: { seq: 1, code: "" },
  alarms: [],
};
const rowsOf = (details: AuthorizationDetails, from: StoreView | undefined = store) =>
  itemsOf(details, from, {}, [], new Date(now))
    .flat()
    .flatMap((item) => item.rows);
const once: Until = { kind: "once" };

const anyChoice = fc.record({
  ticks: fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 8 }),
  until: fc.oneof(
    fc.constant(once),
    fc.constantFrom("P30D", "P90D").map((period): Until => ({ kind: "period", period })),
    fc.integer({ min: -5, max: 500 }).map((days): Until => ({ kind: "day", day: new Date(now + days * DAY).toISOString().slice(0, 10) })),
  ),
  deposit: fc.boolean(),
  expires: fc.integer({ min: 1, max: 366 }),
  frequency: fc.option(fc.record({ max: fc.integer({ min: 1, max: 50 }), per: fc.constantFrom("PT1H", "P1D") }), { nil: undefined }),
});

describe("what is granted", () => {
  test("is never wider than what was asked, whatever is chosen", () => {
    fc.assert(
      fc.property(anyChoice, ({ ticks, until, deposit, expires, frequency }) => {
        const details = asked.map((each): AuthorizationDetail => {
          const { frequency: _, ...rest } = each;
          const end = new Date(now + expires * DAY).toISOString();
          return { ...rest, expires: end, ...(frequency === undefined ? {} : { frequency }) };
        });
        const rows = rowsOf(details);
        const picks = ticks.map(([at, form]): Pick => {
          const row = rows[at % rows.length] as Pick["row"];
          return { row, form: row.forms[form % row.forms.length] };
        });
        const granted = grantedOf(details, picks, { until, actions: { 0: deposit ? ["deposit"] : [] } }, now);
        if (granted !== undefined) expect(widening(granted, details)).toBeUndefined();
        for (const each of granted ?? []) {
          expect(each.expires).toMatch(/:\d\dZ$/);
          expect(Date.parse(each.expires)).toBeLessThanOrEqual(latest(details, now));
        }
      }),
    );
  });

  test("holds only what was ticked, in the chosen form, and leaves out a purpose of which nothing was", () => {
    const rows = rowsOf(asked);
    const mail = rows.find((row) => row.base === "profile/emails/e2") as Pick["row"];
    const address = rows.find((row) => row.base === "profile/addresses/a1") as Pick["row"];
    const granted = grantedOf(
      asked,
      [
        { row: mail, form: undefined },
        { row: address, form: "town" },
      ],
      { until: once, actions: {} },
      now,
    );
    expect(granted).toHaveLength(1);
    expect(granted?.[0]?.paths).toEqual(["profile/emails/e2", "profile/addresses/a1:town"]);
    expect(granted?.[0]?.actions).toEqual(["read"]);
  });

  test("once, now is one reading within 24 hours", () => {
    const row = rowsOf(asked)[0] as Pick["row"];
    const [granted] = grantedOf(asked, [{ row, form: "given" }], { until: once, actions: {} }, now) ?? [];
    expect(granted?.frequency).toEqual({ max: 1 });
    expect(granted?.expires).toBe("2026-11-22T10:00:00Z");
  });

  test("nothing ticked, or no day chosen, grants nothing", () => {
    const row = rowsOf(asked)[0] as Pick["row"];
    expect(grantedOf(asked, [], { until: once, actions: {} }, now)).toBeUndefined();
    expect(grantedOf(asked, [{ row, form: "given" }], { until: { kind: "day", day: "" }, actions: {} }, now)).toBeUndefined();
    const { max } = dayBounds(asked, now);
    const after = new Date(Date.parse(max) + DAY).toISOString().slice(0, 10);
    expect(grantedOf(asked, [{ row, form: "given" }], { until: { kind: "day", day: after }, actions: {} }, now)).toBeUndefined();
  });

  test("a form wider than was asked is not on offer", () => {
    const town = asked.map((each) => ({ ...each, paths: ["profile/addresses:town"] }));
    expect(rowsOf(town).every((row) => !row.forms.includes(undefined))).toBe(true);
    expect(rowsOf(town)[0]?.forms).toEqual(["country", "region", "town"]);
  });

  test("a form that tells no more than the next lesser one is not on offer", () => {
    const bare: StoreView = {
      ...store,
      records: records.flatMap((each) => {
        if (each.kind === "profile/name") return [{ ...each, value: { given: "Ottavia" } }];
        if (each.kind !== "profile/addresses") return [];
        const { region: _, ...value } = each.value as Record<string, unknown>;
        return [{ ...each, value }];
      }),
    };
    const forms = (from: StoreView) => Object.fromEntries(rowsOf(asked.slice(0, 1), from).map((row) => [row.kind.path, row.forms]));
    expect(forms(bare)).toMatchObject({ "profile/name": ["given"], "profile/addresses": ["country", "town", undefined] });
    expect(forms(store)).toMatchObject({
      "profile/name": ["given", undefined],
      "profile/addresses": ["country", "region", "town", undefined],
    });
  });

  test("an object that asks not to read is left out while nothing else that it asks is ticked", () => {
    const leaves = asked.slice(0, 1).map((each): AuthorizationDetail => ({ ...each, actions: ["deposit", "message"] }));
    const row = rowsOf(leaves)[0] as Pick["row"];
    const granted = (actions: string[]) => grantedOf(leaves, [{ row, form: "given" }], { until: once, actions: { 0: actions } }, now);
    expect(granted([])).toBeUndefined();
    expect(granted(["message"])?.[0]?.actions).toEqual(["message"]);
  });

  test("no end is later than the protocol allows", () => {
    const late = asked.map((each) => ({ ...each, expires: new Date(now + 900 * DAY).toISOString() }));
    expect(latest(late, now)).toBe(now + LIMITS.expiry);
  });

  test("periods beyond what was asked are not on offer", () => {
    const short = asked.map((each) => ({ ...each, expires: new Date(now + 40 * DAY).toISOString() }));
    expect(periodsOf(short, now)).toEqual(["P30D"]);
  });
});

describe("which of a collection", () => {
  const everyone = [undefined, ["self"], ["self", "household", "gift"], ["gift"]] as const;
  const anyAsked: fc.Arbitrary<{ paths: string[]; filter: Filter | undefined }> = fc.record({
    paths: fc.subarray(["purchases", "purchases:tastes", "purchases:shops", "purchases:category"], { minLength: 1 }),
    filter: fc.option(
      fc
        .record({
          categories: fc.constantFrom(undefined, ["books"], ["books", "kitchen", "toys"]),
          since: fc.constantFrom(undefined, "2025-03-04", "2026-01-01", "2027-01-01"),
          recipients: fc.constantFrom(...everyone).map((each) => each && [...each]),
        })
        .map((each) => JSON.parse(JSON.stringify(each)) as Filter),
      { nil: undefined },
    ),
  });
  const anyFilter: fc.Arbitrary<FilterChoice> = fc.record({
    categories: fc.subarray(["books", "kitchen", "garden"]),
    all: fc.boolean(),
    since: fc.constantFrom(undefined, "", "2024-01-01", "2025-01-01", "2026-01-01"),
    recipients: fc.subarray(["self", "household", "gift", "work", "unknown"] as const),
  });

  test("is never wider than what was asked, whatever is chosen, and lets through what the screen counts", () => {
    fc.assert(
      fc.property(anyAsked, anyFilter, fc.nat(), (wanted, choice, at) => {
        const { filter: _, ...rest } = asked[1] as AuthorizationDetail;
        const details: AuthorizationDetail[] = [{ ...rest, paths: wanted.paths, ...(wanted.filter ? { filter: wanted.filter } : {}) }];
        const [row] = rowsOf(details).slice(at % wanted.paths.length);
        if (row === undefined) throw new TypeError("no row");
        const pick = { row, form: row.forms[at % row.forms.length] };
        const offer = offerOf(store, details[0] as AuthorizationDetail, [pick], choice);
        const filter = offer && filterOf(choice, wanted.filter, offer);
        const granted = grantedOf(details, [pick], { until: once, actions: {}, filters: { 0: filter } }, now);
        if (filter === undefined) expect(granted).toBeUndefined();
        else {
          expect(widening(granted as AuthorizationDetails, details)).toBeUndefined();
          expect(granted?.[0]?.filter).toEqual(filter);
          expect(filter.recipients?.every((each) => choice.recipients.includes(each))).toBe(true);
        }
        if (pick.form === "tastes" || pick.form === "shops")
          expect(filter?.recipients?.some((each) => ["gift", "work", "unknown"].includes(each)) ?? false).toBe(false);
        const count = countLeaving(offer?.records ?? [], row.kind, pick.form, filter, new Date(now));
        if (filter !== undefined && pick.form === undefined)
          expect(count).toBe(purchases.filter(({ value }) => row.kind.passes?.(value as never, filter)).length);
        if (choice.recipients.length === 0) expect(count).toBe(0);
      }),
    );
  });

  test("stays with the paths that it was chosen for: without one of them what was asked stands", () => {
    const details = asked.slice(0, 1).map((each): AuthorizationDetail => ({ ...each, paths: ["profile/name", "purchases"] }));
    const [name, all] = rowsOf(details) as [Pick["row"], Pick["row"]];
    const filter: Filter = { recipients: ["self"] };
    const granted = (picks: Pick[], with_: Filter | undefined) =>
      grantedOf(details, picks, { until: once, actions: {}, filters: { 0: with_ } }, now)?.[0];
    expect(granted([{ row: name, form: "given" }], undefined)).not.toHaveProperty("filter");
    expect(
      granted(
        [
          { row: name, form: "given" },
          { row: all, form: "tastes" },
        ],
        filter,
      ),
    ).toMatchObject({
      paths: ["profile/name:given", "purchases:tastes"],
      filter,
    });
    expect(
      granted(
        [
          { row: name, form: "given" },
          { row: all, form: "tastes" },
        ],
        undefined,
      )?.paths,
    ).toEqual(["profile/name:given"]);
  });
});

describe("typed values", () => {
  const empty: StoreView = { ...store, records: [] };
  const rows = rowsOf(asked, empty);
  const values = new Map<string, unknown>([
    ["profile/name~0", { given: "Ottavia" }],
    ["profile/emails~0", { address: "o@posta.example" }],
  ]);

  test("are kept only if they are ticked", () => {
    const mail = rows.find((row) => row.draft === "profile/emails~0") as Pick["row"];
    expect(editsOf([{ row: mail, form: undefined }], values)).toEqual([
      { path: "profile/emails", key: "new1", value: { address: "o@posta.example" } },
    ]);
  });

  test("of one kind that two purposes ask for are saved once", () => {
    const names = rows.filter((row) => row.draft === "profile/name~0");
    expect(names).toHaveLength(2);
    expect(
      editsOf(
        names.map((row) => ({ row, form: "given" })),
        values,
      ),
    ).toEqual([{ path: "profile/name", value: { given: "Ottavia" } }]);
  });
});
