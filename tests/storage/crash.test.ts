import { describe, expect, test } from "vitest";
import { range } from "./contract.ts";
import { afterlife, Promises, violation, workload } from "./crash-workload.ts";
import { type Fate, SimulatedDisk } from "./simulated-disk.ts";

/** mulberry32 */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Scenario {
  /** The operation at which everything stops. */
  crashAt: number;
  seed: number;
  /** Only the process dies then; the power goes some operations later, in the life of the next process. */
  processFirst: boolean;
}

interface Crashed {
  readonly disk: SimulatedDisk;
  readonly promises: Promises;
}

async function crashedAt(crashAt: number, leftOut?: string): Promise<Crashed> {
  const disk = new SimulatedDisk();
  disk.leftOut = leftOut;
  disk.crashAt = crashAt;
  const promises = new Promises();
  await ignoringCrash(disk, workload(disk, promises));
  return { disk, promises };
}

/** What a crash left is the same each time: it is made once for all that may follow it. */
const crashes = new Map<number, Promise<Crashed>>();

async function crashed(crashAt: number): Promise<Crashed> {
  const made = crashes.get(crashAt) ?? crashedAt(crashAt);
  crashes.set(crashAt, made);
  const { disk, promises } = await made;
  return { disk: disk.copy(), promises: promises.copy() };
}

async function run({ crashAt, seed, processFirst }: Scenario, leftOut?: string): Promise<string | undefined> {
  const first = await (leftOut === undefined ? crashed(crashAt) : crashedAt(crashAt, leftOut));
  const { promises } = first;
  let { disk } = first;
  const chance = random(seed * 7919 + crashAt);
  if (processFirst) {
    disk = disk.nextProcess();
    disk.crashAt = 1 + chance(80);
    const problem = await ignoringCrash(disk, afterlife(disk, promises));
    if (problem !== undefined) return problem;
  }
  const fates: Fate[] = ["nothing", "everything"];
  return violation(disk.survivor(fates[seed] ?? chance), promises);
}

/** An error that no crash explains is a problem. */
async function ignoringCrash(disk: SimulatedDisk, work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
  } catch (error) {
    if (!disk.crashed) return `${error}`;
  }
  disk.crashed = true;
  return undefined;
}

async function measure(): Promise<{ operations: number; syncs: SimulatedDisk["syncs"] }> {
  const disk = new SimulatedDisk();
  const promises = new Promises();
  await workload(disk, promises);
  const states = promises.changes.map(({ state }) => state);
  expect(states.filter((state) => state === "answered").length).toBeGreaterThan(15);
  expect(states.filter((state) => state === "failed").length).toBeGreaterThan(2);
  const { operations } = disk;
  // What only a second process does, after one that died.
  for (const crashAt of range(operations)) {
    const first = await crashed(crashAt);
    const second = first.disk.nextProcess();
    await ignoringCrash(second, afterlife(second, first.promises));
    for (const { site } of second.syncs) disk.syncs.push({ site, operation: crashAt });
  }
  return { operations, syncs: disk.syncs };
}

describe("a crash", async () => {
  const { operations, syncs } = await measure();
  const sites = new Set(syncs.map(({ site }) => site));

  for (const processFirst of [false, true]) {
    test(`at any of ${operations} operations ${processFirst ? "of the process, and later of the power, " : ""}loses nothing that was answered`, {
      timeout: 300_000,
    }, async () => {
      expect(operations).toBeGreaterThan(200);
      const problems: unknown[] = [];
      for (const crashAt of range(operations + 1)) {
        for (const seed of range(processFirst ? 3 : 5)) {
          const problem = await run({ crashAt, seed, processFirst });
          if (problem !== undefined) problems.push({ crashAt, seed, problem });
        }
      }
      expect(problems).toEqual([]);
    });
  }

  describe("without the sync of", () => {
    test("some places", () => expect(sites.size).toBeGreaterThan(10));

    for (const site of sites) {
      test(`${site}: something is lost`, { timeout: 300_000 }, async () => {
        const scenarios = range(6).flatMap((seed) =>
          [true, false].flatMap((processFirst) => range(operations + 1).map((crashAt) => ({ crashAt, seed, processFirst }))),
        );
        const chance = random(1);
        // The likely ones first: soon after such a sync.
        const soonAfter = ({ crashAt }: Scenario) =>
          syncs.some((sync) => sync.site === site && sync.operation <= crashAt && crashAt < sync.operation + 40);
        const order = new Map(scenarios.map((scenario) => [scenario, chance(1e6) + (soonAfter(scenario) ? 0 : 1e6)]));
        scenarios.sort((a, b) => (order.get(a) as number) - (order.get(b) as number));
        let problem: string | undefined;
        for (const scenario of scenarios) {
          problem = await run(scenario, site);
          if (problem !== undefined) break;
        }
        expect(problem).toBeDefined();
      });
    }
  });
});
