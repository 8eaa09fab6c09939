import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { allowsRead, frequencyIsWider, isNoWider, lastExpiry, widening } from "#protocol/narrow.ts";
import { DETAILS } from "./support/customer.ts";
import { detail, details, event, frequency, letsThrough, mostReads, narrower, wideningsOf } from "./support/details.ts";

/** What can be granted of what was asked: some of its objects, narrower, in any order. */
const granted = (asked: AuthorizationDetails): fc.Arbitrary<AuthorizationDetails> =>
  fc.shuffledSubarray(asked, { minLength: 1 }).chain((some) => fc.tuple(...some.map(narrower)));
const asking = details.chain((asked) => fc.tuple(fc.constant(asked), granted(asked)));

describe("a narrower consent", () => {
  it("is taken: fewer objects in any order, each with less of anything", () =>
    fc.assert(
      fc.property(asking, ([asked, given]) => {
        expect(widening(given, asked)).toBeUndefined();
      }),
      { numRuns: 1000 },
    ));

  it("is no wider than itself", () =>
    fc.assert(
      fc.property(details, (asked) => {
        expect(widening(asked, asked)).toBeUndefined();
      }),
    ));

  it("of a narrower one is narrower than the first", () =>
    fc.assert(
      fc.property(
        asking.chain(([asked, given]) => fc.tuple(fc.constant(asked), granted(given))),
        ([asked, given]) => {
          expect(widening(given, asked)).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    ));

  it("stays so through any consent between, whichever way they came about", () => {
    let met = 0;
    const three = asking.chain(([one, two]) => fc.tuple(fc.constant(one), fc.constant(two), fc.oneof(details, granted(two), granted(one))));
    fc.assert(
      fc.property(three, ([one, two, three]) => {
        if (!isNoWider(three, two)) return;
        met++;
        expect(widening(three, one)).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
    expect(met).toBeGreaterThan(300);
  });
});

describe("whatever is taken", () => {
  /** Near misses: what was asked with one object widened, or exchanged for another, beside what is narrower. */
  const near = asking.chain(([asked, given]) => {
    const widened = given.flatMap((each, at) => wideningsOf(each).map(([, wider]): AuthorizationDetails => given.with(at, wider)));
    const others = fc.constantFrom<AuthorizationDetails[]>(given, [...given, ...given], ...widened);
    return fc.tuple(fc.constant<AuthorizationDetails>(asked), fc.oneof(granted(asked), others, details));
  });

  it("lets nothing through that wasn't asked for: no action, path, form, filtered thing or moment", () => {
    let taken = 0;
    fc.assert(
      fc.property(near, fc.array(event, { minLength: 20, maxLength: 40 }), ([asked, given], events) => {
        if (!isNoWider(given, asked)) return;
        taken++;
        for (const each of events)
          if (given.some((one) => letsThrough(one, each))) expect(asked.some((one) => letsThrough(one, each))).toBe(true);
        // For each purpose alone, too.
        for (const { purpose } of given)
          for (const each of events)
            if (given.some((one) => one.purpose === purpose && letsThrough(one, each)))
              expect(asked.some((one) => one.purpose === purpose && letsThrough(one, each))).toBe(true);
      }),
      { numRuns: 1500 },
    );
    expect(taken).toBeGreaterThan(300);
  });

  it("allows no more reads of anything in any window than all objects asked for it together", () => {
    let taken = 0;
    fc.assert(
      fc.property(near, event, fc.constantFrom(1, 2, 3, 5, 7, 24, 25, 49), ([asked, given], one, window) => {
        if (!isNoWider(given, asked)) return;
        taken++;
        const most = (all: AuthorizationDetails): number =>
          all.filter((each) => letsThrough(each, one)).reduce((sum, each) => sum + mostReads(each.frequency, window), 0);
        expect(most(given)).toBeLessThanOrEqual(most(asked));
      }),
      { numRuns: 1500 },
    );
    expect(taken).toBeGreaterThan(300);
  });
});

describe("a wider consent is refused", () => {
  it("by any one thing alone, and its place is named", () =>
    fc.assert(
      fc.property(
        detail.chain((asked) => fc.tuple(fc.constant(asked), narrower(asked))),
        ([asked, given]) => {
          for (const [name, wider] of wideningsOf(asked)) {
            const found = widening([wider], [asked]);
            expect(found?.pointer, name).toMatch(/^\/0\/[a-z_]+(\/\d+)?$/);
            expect(found?.reason.length, name).toBeGreaterThan(5);
          }
          // And the other way round: what isn't as narrow as the narrower one is wider than it.
          for (const [name, wider] of wideningsOf(given)) expect(widening([wider], [given]), name).toBeDefined();
        },
      ),
      { numRuns: 300 },
    ));

  it("where an object is given once more than it was asked", () =>
    fc.assert(
      fc.property(details, (asked) => {
        for (const each of asked) expect(isNoWider([...asked, each], asked)).toBe(false);
      }),
    ));

  it("at the very thing that is strange, the first or a later one", () => {
    const [asked] = DETAILS as [AuthorizationDetails[number]];
    const at = (change: Partial<AuthorizationDetails[number]>) => widening([{ ...asked, ...change }], [asked])?.pointer;
    expect(at({ actions: ["offer", "read"] })).toBe("/0/actions/0");
    expect(at({ actions: ["read", "offer"] })).toBe("/0/actions/1");
    expect(at({ paths: ["profile/name", "profile/emails/e1"] })).toBe("/0/paths/0");
    expect(at({ paths: ["profile/emails/e1", "profile/name"] })).toBe("/0/paths/1");
  });

  it("by what was asked for its own purpose, not by another's", () => {
    const [care] = DETAILS as [AuthorizationDetails[number]];
    const marketing = { ...care, purpose: "https://w3id.org/dpv#DirectMarketing" };
    expect(widening([{ ...marketing, retention: "P31D" }], [care, marketing])).toEqual({
      pointer: "/0/retention",
      reason: "longer than was asked",
    });
    expect(widening([care, marketing], [care])).toEqual({
      pointer: "/1/purpose",
      reason: "this purpose was not asked for, or not so often",
    });
  });

  it("where it is empty", () => expect(widening([], DETAILS)).toEqual({ pointer: "", reason: "a consent needs one object" }));
});

it("objects are matched exactly as well as by trying every way", () => {
  const ways = (given: AuthorizationDetails, asked: AuthorizationDetails): boolean => {
    const [first, ...rest] = given;
    if (first === undefined) return true;
    return asked.some((each, at) => isNoWider([first], [each]) && ways(rest, asked.toSpliced(at, 1)));
  };
  const outcomes = { taken: 0, refused: 0 };
  // Few differences, so that many objects fit many.
  const paths = fc.subarray(["profile/emails/e1", "profile/emails", "preferences/contact"], { minLength: 1 });
  const similar = fc.array(
    paths.map((each) => ({ ...(DETAILS[0] as AuthorizationDetails[number]), paths: each })),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(similar, similar, (given, asked) => {
      const expected = ways(given, asked);
      outcomes[expected ? "taken" : "refused"]++;
      expect(isNoWider(given, asked)).toBe(expected);
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(outcomes.taken, outcomes.refused)).toBeGreaterThan(200);
});

describe("frequency", () => {
  it("is no wider exactly if it never allows more reads in any window of the asked one", () => {
    const outcomes = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(frequency, frequency, (given, asked) => {
        const windows =
          asked.per === undefined
            ? 24 * 30
            : asked.per.endsWith("D")
              ? 24 * Number(asked.per.slice(1, -1))
              : Number(asked.per.slice(2, -1));
        const wider = mostReads(given, windows) > asked.max;
        outcomes[wider ? "refused" : "taken"]++;
        expect(frequencyIsWider(given, asked)).toBe(wider);
      }),
      {
        numRuns: 2000,
        examples: [
          [
            { max: 1, per: "PT5H" },
            { max: 4, per: "P1D" },
          ],
        ],
      },
    );
    expect(Math.min(outcomes.taken, outcomes.refused)).toBeGreaterThan(200);
  });
});

describe("reading", () => {
  const [detail] = DETAILS;
  if (detail === undefined) throw new TypeError("no detail");
  it("takes the action read, and a path that is covered", () => {
    expect(allowsRead(DETAILS, "profile/emails/e1")).toBe(true);
    expect(allowsRead(DETAILS, "profile/addresses/a1:region")).toBe(true);
    expect(allowsRead(DETAILS, "profile/addresses/a1")).toBe(false);
    expect(allowsRead(DETAILS, "profile/emails/e2")).toBe(false);
    expect(allowsRead([{ ...detail, actions: ["message"] }], "profile/emails/e1")).toBe(false);
  });
  it("takes an object that has not ended, though another has not", () => {
    const both = [detail, { ...detail, paths: ["profile/name"], expires: "2027-06-01T00:00:00Z" }];
    const end = Date.parse(detail.expires);
    expect(allowsRead(both, "profile/emails/e1", end - 1)).toBe(true);
    expect(allowsRead(both, "profile/emails/e1", end)).toBe(false);
    expect(allowsRead(both, "profile/name", end)).toBe(true);
    expect(lastExpiry(both)).toBe(Date.parse("2027-06-01T00:00:00Z"));
  });
});
