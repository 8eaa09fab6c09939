import { Hono } from "hono";
import { expect, test } from "vitest";
import { EndingByHand } from "../../server/ending.ts";
import { healthRoutes } from "../../server/health.ts";
import type { Bindings } from "../../server/http.ts";
import { makeLog } from "../../server/log.ts";
import { StorageError } from "../../server/storage/storage.ts";

/** The two addresses over a storage whose answer is `state.check`. */
function watched(level: "debug" | "info" = "info") {
  const state = { checks: 0, check: (): Promise<void> => Promise.resolve() };
  const lines: Array<Record<string, unknown>> = [];
  const log = makeLog({ write: (text) => lines.push(JSON.parse(text)) }, Date.now, level);
  const http = new Hono<Bindings>();
  const ending = new EndingByHand();
  const check = (): Promise<void> => {
    state.checks++;
    return state.check();
  };
  healthRoutes(http, { log, storage: { check } as never, ending });
  return { state, lines, ending, ask: async (path: string) => http.request(path) };
}

const later = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("however many ask at once, the storage is asked once, and no line is written while all is well", async () => {
  const { state, lines, ask } = watched();
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask("/ready")));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 200 }, () => 200));
  expect(state.checks).toBe(1);
  expect(lines).toEqual([]);
  await later(1_050);
  await ask("/ready");
  expect(state.checks, "a second later").toBe(2);
});

test("a storage that fails makes the process unready and not dead, and that is told once, and once more when it is over", async () => {
  const { state, lines, ask } = watched();
  state.check = () => Promise.reject(new StorageError("failed", "as the test says"));
  for (let n = 0; n < 3; n++) {
    const answer = await ask("/ready");
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toMatchObject({ code: "unavailable" });
    expect((await ask("/health")).status).toBe(200);
  }
  expect(lines).toMatchObject([{ fault: "StorageError", request: "storage" }, { stage: "unready" }]);
  state.check = () => Promise.resolve();
  await later(1_050);
  expect((await ask("/ready")).status).toBe(200);
  expect(lines.slice(2)).toMatchObject([{ stage: "ready" }]);
});

test("a storage that hangs is one that fails", async () => {
  const { state, ask } = watched();
  state.check = () => new Promise(() => {});
  const began = performance.now();
  expect((await ask("/ready")).status).toBe(503);
  expect(performance.now() - began).toBeLessThan(4_000);
});

test("a process that is about to end is alive and not ready, whatever its storage says", async () => {
  const { ending, ask, lines } = watched("debug");
  ending.drain();
  expect((await ask("/ready")).status).toBe(503);
  expect((await ask("/health")).status).toBe(200);
  expect(lines).toMatchObject([
    { level: "debug", route: "/ready" },
    { level: "debug", route: "/health" },
  ]);
});
