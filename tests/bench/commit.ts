import type { Commit } from "#protocol/api.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { cpuOf, median } from "./load.ts";
import { builtServer } from "./machine.ts";
import type { Row, Table } from "./results.ts";

const COMMITS = 60;

/** A commit of one record into stores of three sizes: sequential, signed beforehand. */
export async function commitTable(): Promise<Table> {
  const rows: Row[] = [];
  await using folder = await scratchFolder();
  const port = await freePort();
  await using server = await builtServer(folder.path, port);
  let base = Number.NaN;
  for (const size of [10, 1000, 10_000]) {
    const customer = await Customer.register(`http://localhost:${port}`, Date.now);
    for (let from = 0; from < size; from += 1000) {
      const records = Array.from({ length: Math.min(1000, size - from) }, (_, at) => [
        `profile/emails/r${from + at}`,
        { value: { address: `box-${from + at}@example.org` } },
      ]);
      await customer.commit({ records: Object.fromEntries(records) });
    }
    const bodies: Commit[] = [];
    for (let at = 0; at < COMMITS; at++) {
      const body = await customer.draft({ records: { [`profile/emails/r${at % size}`]: { value: { address: `new-${at}@example.org` } } } });
      bodies.push(body);
      await customer.done(body);
    }
    const times: number[] = [];
    const before = await cpuOf(server.pid);
    for (const body of bodies) {
      const began = performance.now();
      await customer.api.call("commit", { body });
      times.push(performance.now() - began);
    }
    const cpu = ((await cpuOf(server.pid)) - before) / COMMITS;
    const p50 = median(times);
    if (Number.isNaN(base)) base = p50;
    rows.push({
      name: `${size} records`,
      figures: {
        "p50 ms": p50,
        "p99 ms": [...times].sort((a, b) => a - b)[Math.floor(COMMITS * 0.99)] ?? Number.NaN,
        "CPU µs": cpu,
        "x the smallest": p50 / base,
      },
    });
  }
  return { title: "Commit of one record", note: `${COMMITS} commits one after the other, each durable.`, rows };
}
