import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type GrantFacts, isEnded, stateOf } from "#protocol/grant.ts";

const END = Date.parse("2027-01-01T00:00:00Z");
const grant: GrantFacts = { expires: END, paused: false, ended: undefined };
const anyGrant = fc.record({
  expires: fc.integer({ min: END - 5, max: END + 5 }),
  paused: fc.boolean(),
  ended: fc.constantFrom("revoked" as const, "declined" as const, undefined),
});
const moment = fc.integer({ min: END - 10, max: END + 10 });

describe("a grant", () => {
  test.each<[string, Partial<GrantFacts>, number, string]>([
    ["active to the last moment", {}, END - 1, "active"],
    ["expired at its time", {}, END, "expired"],
    ["paused until then", { paused: true }, END - 1, "paused"],
    ["expired though it was paused", { paused: true }, END, "expired"],
    ["revoked before its time", { ended: "revoked" }, END - 1, "revoked"],
    ["revoked after it too", { ended: "revoked", paused: true }, END + 1, "revoked"],
    ["declined for good", { ended: "declined" }, END, "declined"],
  ])("is %s", (_, change, now, state) => expect(stateOf({ ...grant, ...change }, now)).toBe(state));

  test("that has ended once is never again anything else, whatever is paused or resumed", () =>
    fc.assert(
      fc.property(anyGrant, moment, fc.nat(20), fc.boolean(), (facts, now, later, paused) => {
        const state = stateOf(facts, now);
        if (isEnded(state)) expect(stateOf({ ...facts, paused }, now + later)).toBe(state);
      }),
    ));

  test("is over when it is revoked, expired or declined, and only then", () => {
    expect((["active", "paused", "revoked", "expired", "declined"] as const).filter(isEnded)).toEqual(["revoked", "expired", "declined"]);
  });
});
