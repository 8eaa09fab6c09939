import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./source-tree.ts";

const size = (subset: string): number =>
  ["golos", "piazzolla"]
    .map((family) => statSync(join(root, "web", "customer", "fonts", `${family}${subset}.woff2`)).size)
    .reduce((sum, bytes) => sum + bytes);

test.each([
  ["in English and Italian", "", 50_000],
  ["more in Romanian", "-ext", 7_000],
  ["more in Russian", "-cyr", 28_000],
])("fonts of the first view stay small: %s", (_, subset, budget) => {
  expect(size(subset)).toBeGreaterThan(1_000);
  expect(size(subset)).toBeLessThanOrEqual(budget);
});
