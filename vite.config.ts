import { join } from "node:path";
import type { UserConfig } from "vite";
import { defineConfig } from "vitest/config";
import { webApp } from "./web/build/app.ts";

const here = import.meta.dirname;

const customer = webApp({
  root: join(here, "web", "customer"),
  outDir: join(here, "dist", "web", "customer"),
  workers: { vault: join(here, "web", "vault", "worker.ts"), imports: join(here, "web", "imports", "worker.ts") },
});

const server: UserConfig = {
  root: here,
  publicDir: false,
  build: {
    ssr: true,
    rolldownOptions: { input: { main: join(here, "server", "main.ts"), counterfoil: join(here, "server", "operator.ts") } },
    outDir: join(here, "dist", "server"),
    emptyOutDir: true,
    target: "node20",
    minify: false,
  },
};

const inBrowser = ["tests/flow/**/*.test.ts", "tests/**/*.browser.test.ts"];

/** `vite build --mode customer | server`; Vitest finds its projects here. */
export default defineConfig(({ mode }) => {
  if (mode === "customer") return customer;
  if (mode === "server") return server;
  return {
    root: here,
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    test: {
      projects: [
        {
          extends: true,
          test: {
            name: "node",
            include: ["tests/**/*.test.{ts,tsx}"],
            exclude: inBrowser,
            testTimeout: 60_000,
            hookTimeout: 60_000,
            // Files share what they import: to load it anew for each took longer than the tests.
            isolate: false,
            // Vitest leaves one processor free, which of two is half of them.
            maxWorkers: "100%",
          },
        },
        {
          extends: true,
          test: {
            name: "flow",
            include: inBrowser,
            globalSetup: ["tests/support/prepare-browser.ts"],
            testTimeout: 180_000,
            // A browser on a busy machine misses a beat now and then; what is broken fails every time.
            retry: 2,
            hookTimeout: 120_000,
            // Each file has a browser and a server of its own: few at a time, and after the other tests.
            maxWorkers: 2,
            sequence: { groupOrder: 1 },
          },
        },
      ],
      benchmark: { include: ["tests/bench/**/*.bench.ts"] },
    },
  };
});
