import { expect, test } from "vitest";
import { readOptions, UsageError } from "../../server/operator/usage.ts";

const KNOWN = { to: "string", hash: "string", gzip: "boolean" } as const;

test("a value that begins with a dash is a value, as a hash may", () => {
  expect(readOptions(["--hash", "-Ab_9", "--gzip", "--to", "x.copy"], KNOWN)).toEqual({ hash: "-Ab_9", gzip: true, to: "x.copy" });
});

test.each([[["--to", "--gzip"]], [["--to"]], [["--form", "x"]], [["--gzip", "-x"]], [["x.copy"]]])("%j is refused", (args) => {
  expect(() => readOptions(args, KNOWN)).toThrow(UsageError);
});
