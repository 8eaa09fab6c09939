import { describe, expect, test } from "vitest";
import { range } from "./contract.ts";
import { afterlife, Promises, violation, workload } from "./crash-workload.ts";
import { random } from "./random.ts";
import { type Fate, SimulatedDisk } from "./simulated-disk.ts";

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

/** What a crash leaves is the same each time: it is made once for all that may follow it. `leftOut`: the place that doesn't sync. */
function crashing(leftOut?: string): (crashAt: number) => Promise<Crashed> {
  const crashes = new Map<number, Promise<Crashed>>();
  return async (crashAt) => {
    const made = crashes.get(crashAt) ?? crashedAt(crashAt, leftOut);
    crashes.set(crashAt, made);
    const { disk, promises } = await made;
    return { disk: disk.copy(), promises: promises.copy() };
  };
}

const crashed = crashing();

async function run({ crashAt, seed, processFirst }: Scenario, crash = crashed): Promise<string | undefined> {
  const first = await crash(crashAt);
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
        // Each fate at many operations; all of them at each: COUNTERFOIL_TEST_FATES=all.
        const some = processFirst ? [crashAt % 3] : [0, 1 + (crashAt % 4)];
        for (const seed of process.env.COUNTERFOIL_TEST_FATES === "all" ? range(6) : some) {
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
        const crash = crashing(site);
        const after = syncs.filter((sync) => sync.site === site).map(({ operation }) => operation);
        const distance = (crashAt: number) => Math.min(...after.map((at) => (at <= crashAt ? crashAt - at : operations)));
        // The likely ones first: soon after such a sync.
        const nearest = range(operations + 1).sort((a, b) => distance(a) - distance(b));
        const fates = [0, 2, 1, 3, 4, 5];
        let problem: string | undefined;
        for (const seeds of [fates.slice(0, 2), fates.slice(2)])
          for (const crashAt of nearest)
            for (const seed of seeds)
              for (const processFirst of [false, true]) problem ??= await run({ crashAt, seed, processFirst }, crash);
        expect(problem).toBeDefined();
      });
    }
  });
});
