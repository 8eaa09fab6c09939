import { describe, expect, test } from "vitest";
import { trimmed, unblocked } from "../../../web/customer/vendors/cards.ts";
import { spaced } from "../../../web/customer/vendors/shared.ts";

describe("a shop's card", () => {
  test("keeps nothing empty, and unblocking leaves the rest", () => {
    expect(trimmed({ view: "blocked", customerNumber: "", notes: undefined })).toEqual({ view: "blocked" });
    expect(unblocked({ view: "blocked", notes: "Loud." })).toEqual({ notes: "Loud." });
  });
});

test("of thousands of readings the line draws as many as have a place on it, the first and the last among them", () => {
  const times = Array.from({ length: 9000 }, (_, at) => at * 1000);
  const drawn = spaced(times, 0, 9_000_000, 60);
  expect(drawn.length).toBeLessThanOrEqual(61);
  expect(drawn.length).toBeGreaterThan(50);
  expect(drawn.at(-1)).toBe(times.at(-1));
  expect(spaced([5, 4_000_000, 8_999_000], 0, 9_000_000, 60)).toHaveLength(3);
});
