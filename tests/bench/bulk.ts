import { setTimeout as sleep } from "node:timers/promises";
import { EVENT_TYPES } from "#protocol/events.ts";
import type { Scope } from "#protocol/scopes.ts";
import { POLL } from "#protocol/streams.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { TestVendor } from "../support/vendor.ts";
import { BEHIND_PROXY, giver, manyAddresses, WANTED } from "./crowd.ts";
import { fineCpuOf, quantile } from "./load.ts";
import { builtServer } from "./machine.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";

const MANY = some(1000, 40);
const FEW = 10;
/** Vendors with few grants: together they do often enough what is measured. */
const VENDORS = some(20, 2);
const IN_ONE_STORE = 5;
/** Events of one poll at both, so that an event bears the same part of it. */
const PAGE = 10;

interface Holder {
  readonly vendor: TestVendor;
  readonly grants: string[];
  readonly stream: string;
}

class Vendors implements AsyncDisposable {
  readonly all: TestVendor[] = [];
  async [Symbol.asyncDispose](): Promise<void> {
    for (const vendor of this.all) await vendor[Symbol.asyncDispose]();
  }
}

/** What a vendor does with each of its grants: the cost of each where it has a thousand, beside where it has ten. */
export async function bulkTable(): Promise<Table> {
  await using folder = await scratchFolder();
  const port = await freePort();
  await using server = await builtServer(folder.path, port, BEHIND_PROXY);
  const issuer = `http://localhost:${port}`;
  using _crowd = manyAddresses();
  await using vendors = new Vendors();
  const hold = async (count: number): Promise<Holder> => {
    const vendor = await TestVendor.start(issuer, Date.now);
    vendors.all.push(vendor);
    const { stream_id } = await vendor.call("createStream", { body: { delivery: { method: POLL }, events_requested: EVENT_TYPES } });
    const grants: string[] = [];
    for (let at = 0; at < count; at += IN_ONE_STORE) {
      const given = await giver(issuer, Math.min(IN_ONE_STORE, count - at), () => vendor.request([vendor.ask(WANTED)]));
      grants.push(...given.grants.map(({ grant }) => grant));
    }
    return { vendor, grants, stream: stream_id };
  };
  const warmth = [await hold(some(50, 5))];
  const large = [await hold(MANY)];
  const small: Holder[] = [];
  for (let at = 0; at < VENDORS; at++) small.push(await hold(FEW));
  // What all that has set in motion comes to rest.
  await sleep(some(3000, 500));

  const rows: Row[] = [];
  for (const [what, work] of Object.entries(WORKS)) {
    await measure(warmth, work, server.pid);
    const few = await measure(small, work, server.pid);
    const many = await measure(large, work, server.pid);
    rows.push(rowOf(`${what}, of ${FEW} grants`, few, few), rowOf(`${what}, of ${MANY} grants`, many, few));
  }
  return {
    title: "A vendor's thousand grants",
    note: `One vendor with ${MANY} grants, ${IN_ONE_STORE} in a store, beside ${VENDORS} vendors with ${FEW} each, one after the other, server on one core, the vendor on the other. Each: a grant asked for; an event fetched, ${PAGE} at a time, and acknowledged with the next; a grant given up, durable, with its event.`,
    rows,
  };
}

interface Measured {
  /** Milliseconds of each request. */
  times: number[];
  /** Microseconds of the server's for each grant or event. */
  cpu: number;
}

/** What is done to everything of one vendor. */
interface Work {
  /** What its token is for. */
  readonly scope: Scope;
  /** Answers the milliseconds of each request, and how many grants or events it was about. */
  run(of: Holder): Promise<{ times: number[]; count: number }>;
}

const WORKS: Record<string, Work> = {
  query: { scope: "grant_management_query", run: (of) => each(of, (vendor, grant) => vendor.query(grant)) },
  poll: { scope: "ssf.read", run: poll },
  revoke: { scope: "grant_management_revoke", run: (of) => each(of, (vendor, grant) => vendor.release(grant)) },
};

async function each({ vendor, grants }: Holder, call: (vendor: TestVendor, grant: string) => Promise<unknown>) {
  const times: number[] = [];
  for (const grant of grants) times.push(await timed(() => call(vendor, grant)));
  return { times, count: grants.length };
}

async function poll({ vendor, grants, stream }: Holder) {
  const times: number[] = [];
  let count = 0;
  for (let ack: string[] = [], more = true; more || ack.length > 0; ) {
    const body = { ack, returnImmediately: true, maxEvents: PAGE };
    times.push(
      await timed(async () => {
        const page = await vendor.call("poll", { id: stream, body });
        ack = Object.keys(page.sets);
        more = page.moreAvailable === true;
      }),
    );
    count += ack.length;
  }
  if (count < grants.length) throw new Error(`expected ${grants.length} events, got ${count}`);
  return { times, count };
}

async function measure(holders: readonly Holder[], work: Work, pid: number): Promise<Measured> {
  // With a token that is there already.
  for (const { vendor } of holders) await vendor.ownToken(work.scope);
  const times: number[] = [];
  let count = 0;
  const before = await fineCpuOf(pid);
  for (const holder of holders) {
    const done = await work.run(holder);
    times.push(...done.times);
    count += done.count;
  }
  return { times, cpu: ((await fineCpuOf(pid)) - before) / count };
}

/** `few`: of those with ten. */
const rowOf = (name: string, { times, cpu }: Measured, few: Measured): Row => ({
  name,
  figures: { "p50 ms": quantile(times, 0.5), "p99 ms": quantile(times, 0.99), "CPU µs each": cpu, "x few": cpu / few.cpu },
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
