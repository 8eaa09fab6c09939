import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OwnBench, openBench } from "./bench.ts";
import plan from "./fapi2-modules.json" with { type: "json" };
import { LEFT_OUT, SIGNED_REQUESTS } from "./left-out.ts";
import { NEGATIVE_CASES } from "./negative-cases.ts";
import { isWithin, outcomeOf } from "./outcome.ts";
import { POSITIVE_CASES } from "./positive-cases.ts";
import type { Algorithm } from "./suite-client.ts";
import { type Answer, jsonOf } from "./wire.ts";

const ALGORITHMS: readonly Algorithm[] = ["EdDSA", "ES256", "PS256"];

describe("the table of the FAPI 2.0 Security Profile Final plan", () => {
  test("has every module of the suite's list, and none that isn't on it", () => {
    const covered = new Set([...NEGATIVE_CASES, ...POSITIVE_CASES].map(({ module }) => module));
    const known = [...covered, ...Object.keys(LEFT_OUT)];
    expect(known.toSorted()).toEqual(plan.modules.map(({ module }) => module).toSorted());
    expect(plan.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(plan.removed).toHaveLength(16);
    expect(SIGNED_REQUESTS).toContain("JAR");
  });

  test("says no case twice, and answers within what the suite demands", () => {
    const names = NEGATIVE_CASES.map(nameOf);
    expect(new Set(names).size).toBe(names.length);
    for (const each of NEGATIVE_CASES) expect(isWithin(each.answers, each.demands), nameOf(each)).toBe(true);
  });
});

describe.each(ALGORITHMS)("a client of %s keys", (alg) => {
  let bench: OwnBench;
  beforeAll(async () => {
    bench = await openBench(alg);
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  test.each(POSITIVE_CASES.map((each) => [nameOf(each), each] as const))("is let through: %s", (_, { run }) => run(bench));

  const cases = NEGATIVE_CASES.filter(({ only }) => only === undefined || only === alg);
  test.each(cases.map((each) => [nameOf(each), each] as const))("is refused: %s", async (_, { run, demands, answers }) => {
    const answer = await run(bench);
    const outcome = outcomeOf(answer, demands);
    expect(outcome).toEqual(answers);
    expect(isWithin(outcome, demands)).toBe(true);
    if ("errors" in demands) expectWellFormed(answer);
  });
});

const nameOf = ({ module, sends }: { module: string; sends: string }): string => `${module}: ${sends}`;

/** `CheckTokenEndpointReturnedJsonContentType`, `ValidateErrorFromTokenEndpointResponseError` and `ValidateErrorDescription…` (RFC 6749, 5.2). */
function expectWellFormed(answer: Answer): void {
  const { error, error_description: description = "none", error_uri: uri } = jsonOf(answer);
  expect(answer.headers["content-type"]).toMatch(/^application\/(json|problem\+json)\b/);
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(error).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  expect(description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  expect(uri).toBeUndefined();
}
