import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { load, median, memoryOf, type Pass } from "./load.ts";
import { builtServer, pinned } from "./machine.ts";
import { pullScene } from "./pull-scene.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";
import { startSolid } from "./solid.ts";

const ROUNDS = some(5, 1);
/** Rounds before those that count: what is compiled as it runs is slow at first, at all of them. */
const WARMING = some(3, 1);
const LASTING = some(3000, 500);
const here = import.meta.dirname;

const PULL = "pull of ten 1 kB records";
const CONTAINERS = some(1_000, 3);
const IN_ONE = some(100, 10);
const MANY_IN_ONE = some(10_000, 30);

/**
 * A pull of ten 1 kB records with every check on and its line durable, beside a bare Hono hello, one ES256 verification, and Community
 * Solid Server's authorised read of as many bytes.
 */
export async function pullTable(): Promise<Table> {
  await using folder = await scratchFolder();
  await using solidFolder = await scratchFolder();
  await using yardstick = await pinned(0, [process.execPath, "--import", "tsx", join(here, "yardstick.ts")], /port/);
  const port = await freePort();
  await using server = await builtServer(folder.path, port);
  await using scene = await pullScene(`http://localhost:${port}`);
  const body = "x".repeat(scene.size);
  await using solid = await startSolid(
    solidFolder.path,
    [
      { containers: 1, each: 10 },
      { containers: CONTAINERS, each: IN_ONE },
      { containers: 1, each: MANY_IN_ONE },
    ],
    body,
  );
  const plain = (path: string): Buffer[] => [Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)];
  const yard = { port: JSON.parse(yardstick.line).port as number, pid: yardstick.pid };

  const kinds: Array<{ name: string; port: number; pid: number; requests: () => Buffer[] }> = [
    { name: "bare Hono hello", ...yard, requests: () => plain("/hello") },
    { name: "hello + one ES256 verification", ...yard, requests: () => plain("/es256") },
    { name: PULL, port, pid: server.pid, requests: () => scene.pulls(some(30_000, 300)) },
    ...solid.reads.map((reads, at) => ({
      name: `Solid: read of the same bytes, ${["10 in one container", `${CONTAINERS * IN_ONE} as ${CONTAINERS} containers`, `${MANY_IN_ONE} in one container`][at]}`,
      port: solid.port,
      pid: solid.pid,
      requests: () => reads(some([2_000, 1_000, 48][at] ?? 0, 16)),
    })),
  ];
  const passes = new Map<string, Pass[]>(kinds.map(({ name }) => [name, []]));
  for (let round = -WARMING; round < ROUNDS; round++) {
    await scene.renew();
    await solid.renew();
    for (const { name, requests, ...target } of kinds) {
      const pass = await load({ ...target, requests: requests(), lasting: LASTING });
      if (pass.refused > 0) throw new Error(`${name}: ${pass.refused} were refused`);
      if (round >= 0) passes.get(name)?.push(pass);
    }
  }
  const memory: Record<string, number> = { [PULL]: await memoryOf(server.pid), [kinds.at(-1)?.name ?? ""]: await memoryOf(solid.pid) };
  const of = (name: string, figure: "cpu" | "perSecond" | "p50" | "p99"): number =>
    median((passes.get(name) ?? []).map((pass) => pass[figure]));
  const rows: Row[] = kinds.map(({ name }) => ({
    name,
    figures: {
      "requests/s": of(name, "perSecond"),
      "p50 ms": of(name, "p50"),
      "p99 ms": of(name, "p99"),
      "CPU µs/request": of(name, "cpu"),
      "x hello": of(name, "cpu") / of("bare Hono hello", "cpu"),
      "x our pull": of(name, "cpu") / of(PULL, "cpu"),
      ...(memory[name] === undefined ? {} : { "RSS MB": memory[name] }),
    },
  }));
  return {
    title: "Pull",
    note: `Server on one core, load on the other, 16 connections kept alive, proofs signed beforehand; medians of ${ROUNDS} passes of at most ${LASTING / 1000} s, alternated. Real fdatasync. Community Solid Server 7.2 over files: client credentials, a DPoP-bound token, Web Access Control on the container, a body of as many bytes as our answer; its resources were put straight onto its disk.`,
    rows,
  };
}
