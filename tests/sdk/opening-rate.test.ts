import { expect, it } from "vitest";
import { openingRate } from "./opening-rate.ts";

it("what the SDK does besides the ciphers costs less than they do", async () => {
  const { records, ratio, sdk } = await openingRate(3, 60, 3);
  expect(records).toBe(180);
  expect(sdk.perSecond).toBeGreaterThan(0);
  // The benchmark says it exactly, on a machine that does nothing else.
  expect(ratio).toBeLessThan(2);
});
