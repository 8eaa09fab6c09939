import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** The tests that judge mutants of the protocol and the guards: no browser, no whole server where a part does. */
export default defineConfig({
  root: join(import.meta.dirname, "..", ".."),
  test: { include: ["tests/protocol/**/*.test.ts", "tests/server/guards-*.test.ts"], testTimeout: 20_000 },
});
