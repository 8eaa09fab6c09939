import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";
import { BEHIND_PROXY, manyAddresses } from "./crowd.ts";
import { load, median, type Pass } from "./load.ts";
import { builtServer, type Pinned } from "./machine.ts";
import { places } from "./places.ts";
import { pullScene } from "./pull-scene.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";

const ROUNDS = some(3, 1);
const LASTING = some(3000, 500);
/** Of as many customers: more than requests at a time, so that few wait for the same store. */
const GRANTS = some(64, 4);

/** The same pulls through one, two and four server processes on one PostgreSQL, all on the same core: what sharing costs, not what it gains. */
export async function processesTable(): Promise<Table> {
  const rows: Row[] = [];
  let alone = Number.NaN;
  for (const count of [1, 2, 4]) {
    await using place = await places.postgres();
    const ports = await Promise.all(Array.from({ length: count }, freePort));
    const issuer = `http://localhost:${ports[0]}`;
    await using servers = new Servers();
    for (const port of ports)
      servers.all.push(await builtServer(place.folder, port, { ...place.env, ...BEHIND_PROXY, COUNTERFOIL_ISSUER: issuer }));
    using addresses = manyAddresses();
    void addresses;
    await using scene = await pullScene(issuer, 10, GRANTS);
    await sleep(some(2000, 100));
    const passes: Array<Pass & { cpu: number }> = [];
    for (let round = -1; round < ROUNDS; round++) {
      await scene.renew();
      const together = await Promise.all(
        servers.all.map(({ pid }, at) =>
          load({
            port: ports[at] as number,
            pid,
            requests: scene.pulls(Math.floor(some(16_000, 160) / count)),
            connections: 16 / count,
            lasting: LASTING,
          }),
        ),
      );
      const requests = together.reduce((sum, pass) => sum + pass.requests, 0);
      const refused = together.reduce((sum, pass) => sum + pass.refused, 0);
      if (refused > 0) throw new Error(`${refused} pulls were refused`);
      if (round < 0) continue;
      passes.push({
        requests,
        refused,
        perSecond: together.reduce((sum, pass) => sum + pass.perSecond, 0),
        p50: median(together.map((pass) => pass.p50)),
        p99: Math.max(...together.map((pass) => pass.p99)),
        cpu: together.reduce((sum, pass) => sum + pass.cpu * pass.requests, 0) / requests,
      });
    }
    const cpu = median(passes.map((pass) => pass.cpu));
    if (count === 1) alone = cpu;
    rows.push({
      name: `${count} ${count === 1 ? "process" : "processes"}`,
      figures: {
        "requests/s": median(passes.map((pass) => pass.perSecond)),
        "p50 ms": median(passes.map((pass) => pass.p50)),
        "p99 ms": median(passes.map((pass) => pass.p99)),
        "CPU µs/request": cpu,
        "x one process": cpu / alone,
      },
    });
  }
  return {
    title: "Processes on one PostgreSQL",
    note: `Pulls of ten 1 kB records of ${GRANTS} customers' grants in turn, 16 connections spread over the processes, which share one core; load and PostgreSQL on the other. It shows what one request costs the servers, not how much faster more machines would be.`,
    rows,
  };
}

class Servers implements AsyncDisposable {
  readonly all: Pinned[] = [];
  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.all) await server[Symbol.asyncDispose]();
  }
}
