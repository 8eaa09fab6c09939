import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Clock } from "../support/clock.ts";
import { type Bench, openBench } from "./bench.ts";
import { DIFFERENCES } from "./differences.ts";
import { NEGATIVE_CASES } from "./negative-cases.ts";
import { openOracle } from "./oracle.ts";
import { outcomeOf } from "./outcome.ts";
import { DEMANDS, WRONG_REQUESTS } from "./wrong-requests.ts";

const REQUESTS = [
  ...NEGATIVE_CASES.filter(({ only }) => only === undefined).map(({ sends, demands, run }) => ({ sends, demands, run })),
  ...WRONG_REQUESTS.map(({ sends, at, run }) => ({ sends, demands: DEMANDS[at], run })),
];

describe("the same wrong requests to this server and to oidc-provider", () => {
  const clock = new Clock();
  let ours: Bench;
  let oracle: Bench;
  beforeAll(async () => {
    // Its clock is the process's own: both stand still, and move together.
    vi.useFakeTimers({ toFake: ["Date"], now: clock.now() });
    const pass = (milliseconds: number): void => {
      clock.pass(milliseconds);
      vi.setSystemTime(clock.now());
    };
    ours = { ...(await openBench("ES256", { clock })), pass };
    oracle = await openOracle("ES256", clock, pass);
  });
  afterAll(async () => {
    await ours[Symbol.asyncDispose]();
    await oracle[Symbol.asyncDispose]();
    vi.useRealTimers();
  });

  test.each(REQUESTS.map((each) => [each.sends, each] as const))("%s", async (sends, { run, demands }) => {
    const answers = { ours: outcomeOf(await run(ours), demands), oracle: outcomeOf(await run(oracle), demands) };
    const { reason, ...expected } = DIFFERENCES[sends] ?? { reason: "equal", ours: answers.oracle, oracle: answers.oracle };
    expect(answers, reason).toEqual(expected);
    if (reason !== "equal") expect(answers.ours).not.toEqual(answers.oracle);
  });

  test("no difference is listed of a request that isn't sent", () => {
    expect(REQUESTS.map(({ sends }) => sends)).toEqual(expect.arrayContaining(Object.keys(DIFFERENCES)));
    expect(new Set(REQUESTS.map(({ sends }) => sends)).size).toBe(REQUESTS.length);
  });
});
