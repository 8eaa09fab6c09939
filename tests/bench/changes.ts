import { setTimeout as sleep } from "node:timers/promises";
import type { Rows } from "../../server/rows.ts";
import { openStorage } from "../../server/storage/open.ts";
import { changesFeedOf } from "../../server/store/changes.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { TestVendor } from "../support/vendor.ts";
import { generate, modelOf } from "./generated-stores.ts";
import { fineCpuOf, median, memoryOf, quantile } from "./load.ts";
import { builtServer, noncesOver } from "./machine.ts";
import { type Place, places } from "./places.ts";
import { someRecords } from "./pull-scene.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";

const PATH = "profile/emails/e1";
const EDITS = some(40, 3);
const PASSES = some(5, 2);
const [FEW, MANY] = [1, some(10_000, 30)];
const ENTRIES = some(1_000_000, 600);
const PAGE = 5_000;
/** Passes before those that count. */
const WARMING = some(5, 1);
const SMALL = { grants: some(2_000, 10), records: 1 };
const WHOLE = { grants: some(100, 5), records: 100 };

/** A vendor with many grants of generated stores and one of a living customer, over one place. */
interface Crowd extends AsyncDisposable {
  readonly vendor: TestVendor;
  readonly customer: Customer;
  readonly grant: string;
  readonly pid: number;
}

/** @param entries in the vendor's feed: those beyond one a grant are of the same grants again */
async function crowd(place: Place, { grants, records, entries }: { grants: number; records: number; entries: number }): Promise<Crowd> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const env = { COUNTERFOIL_STORAGE_SECONDS: "60", ...place.env };
  let vendor: TestVendor;
  let customer: Customer;
  let grant: string;
  {
    await using server = await builtServer(place.folder, port, env);
    void server;
    vendor = await TestVendor.start(issuer, Date.now);
    customer = await Customer.register(issuer, Date.now);
    const contents = someRecords(records);
    await customer.commit({ records: contents });
    ({ grant } = await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"] })]), { contents }));
  }
  {
    await using storage = await openStorage<Rows>(place.storage);
    const made = await generate(storage, await modelOf(storage, customer.account, grant), grants - 1);
    const feed = changesFeedOf(vendor.clientId);
    const about = made.length === 0 ? [grant] : made;
    const total = entries - 1;
    for (let from = 0; from < total; from += PAGE)
      await storage.append(
        feed,
        Array.from({ length: Math.min(PAGE, total - from) }, (_, at) => ({
          grant: about[(from + at) % about.length],
          at: Date.now(),
          from: 0,
          to: 1,
        })),
      );
  }
  const server = await builtServer(place.folder, port, env);
  return {
    vendor,
    customer,
    grant,
    pid: server.pid,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await vendor[Symbol.asyncDispose]();
    },
  };
}

type Encoding = "gzip" | "identity";

/** One answer, read to its end. Answers its last cursor and what it had. */
async function bulk(
  vendor: TestVendor,
  since: string | undefined,
  encoding: Encoding,
): Promise<{ cursor: string; more: boolean; records: number; bytes: number }> {
  const response = await vendor.callRaw("changes", { encoding, ...(since === undefined ? {} : { query: { since } }) });
  const text = await response.text();
  if (!response.ok) throw new Error(`the bulk pull was answered ${response.status}`);
  const last = JSON.parse(text.slice(text.lastIndexOf("\n", text.length - 2) + 1)) as { type: string; cursor: string; more: boolean };
  if (last.type !== "cursor") throw new Error(`the bulk pull ended with a ${last.type}`);
  return { cursor: last.cursor, more: last.more, records: text.split('{"type":"record"').length - 1, bytes: text.length };
}

async function bulkAll(
  vendor: TestVendor,
  { since, encoding = "identity" }: { since?: string; encoding?: Encoding } = {},
): Promise<{ cursor: string; records: number; bytes: number }> {
  let all = { cursor: since ?? "", records: 0, bytes: 0 };
  for (let more = true, from = since; more; from = all.cursor) {
    const page = await bulk(vendor, from, encoding);
    all = { cursor: page.cursor, records: all.records + page.records, bytes: all.bytes + page.bytes };
    more = page.more;
  }
  return all;
}

/** What leaves the server in bulk: sealed records a second on one core. */
export async function bulkPullTable(): Promise<Table> {
  const rows: Row[] = [];
  const kinds: ReadonlyArray<{ engine: keyof typeof places; encoding: Encoding; grants: number; records: number }> = [
    { engine: "embedded", encoding: "identity", ...WHOLE },
    { engine: "embedded", encoding: "gzip", ...WHOLE },
    { engine: "embedded", encoding: "identity", ...SMALL },
    { engine: "postgres", encoding: "identity", ...WHOLE },
    { engine: "postgres", encoding: "identity", ...SMALL },
  ];
  for (const { engine, encoding, grants, records } of kinds) {
    await using place = await places[engine]();
    await using at = await crowd(place, { grants, records, entries: grants });
    await noncesOver();
    const cpu: number[] = [];
    const rate: number[] = [];
    for (let pass = -WARMING; pass < PASSES; pass++) {
      const before = await fineCpuOf(at.pid);
      const began = performance.now();
      const whole = await bulkAll(at.vendor, { encoding });
      const took = performance.now() - began;
      if (whole.records !== grants * records) throw new Error(`expected ${grants * records} records, got ${whole.records}`);
      if (pass < 0) continue;
      cpu.push(((await fineCpuOf(at.pid)) - before) / whole.records);
      rate.push((whole.records / took) * 1000);
    }
    rows.push({
      name: `${engine}, ${grants} grants of ${records} ${records === 1 ? "record" : "records"}${encoding === "gzip" ? ", gzip" : ""}`,
      figures: {
        "records/s": median(rate),
        "CPU µs/record": median(cpu),
        "CPU µs/grant": median(cpu) * records,
        "RSS MB": await memoryOf(at.pid),
      },
    });
  }
  return {
    title: "Bulk pull",
    note: `Everything of a vendor by GET /api/changes, records of 1 kB; medians of ${PASSES} passes. Each grant's part is a line in its customer's history, durable before it leaves. Server on one core; the vendor, which only counts, and PostgreSQL on the other.`,
    rows,
  };
}

/** Waits until a server has done what it does by itself after so much has come. */
async function quiet(pid: number): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    const before = await fineCpuOf(pid);
    await sleep(1_000);
    if ((await fineCpuOf(pid)) - before < 50_000) return;
  }
  throw new Error("the server has not come to rest within two minutes");
}

/** What changed since the cursor, after one customer's edit: it must not matter how much else there is. */
export async function changesTable(): Promise<Table> {
  const rows: Row[] = [];
  for (const engine of ["embedded", "postgres"] as const)
    for (const { grants, entries } of [
      { grants: FEW, entries: FEW },
      { grants: MANY, entries: MANY },
      { grants: MANY, entries: ENTRIES },
    ]) {
      await using place = await places[engine]();
      await using at = await crowd(place, { grants, records: 1, entries });
      await noncesOver();
      const began = performance.now();
      let { cursor } = await bulkAll(at.vendor);
      const first = performance.now() - began;
      await quiet(at.pid);
      const times: number[] = [];
      const cpu: number[] = [];
      for (let edit = 0; edit < EDITS; edit++) {
        const content = { value: { address: `new-${edit}@mail.example` } };
        await at.customer.commit({ records: { [PATH]: content }, shares: [{ grant: at.grant, path: PATH, content }] });
        const before = await fineCpuOf(at.pid);
        const started = performance.now();
        const page = await bulkAll(at.vendor, { since: cursor });
        times.push(performance.now() - started);
        cpu.push((await fineCpuOf(at.pid)) - before);
        if (page.records !== 1) throw new Error(`expected one record, got ${page.records}`);
        cursor = page.cursor;
      }
      rows.push({
        name: `${engine}, ${grants} grants, ${entries} entries`,
        figures: {
          "p50 ms": median(times),
          "p99 ms": quantile(times, 0.99),
          "CPU µs": median(cpu),
          "everything once s": first / 1000,
          "RSS MB": await memoryOf(at.pid),
        },
      });
    }
  return {
    title: "Changes after one edit",
    note: `When the server has come to rest, one customer's edit, then the bulk pull from the cursor before it; ${EDITS} times. Entries: of the vendor's feed. Everything once: the first bulk pull of all grants, one record each.`,
    rows,
  };
}
