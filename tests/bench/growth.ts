import type { Rows } from "../../server/rows.ts";
import { openStorage } from "../../server/storage/open.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { TestVendor } from "../support/vendor.ts";
import { generate, modelOf } from "./generated-stores.ts";
import { load, median, memoryOf, type Pass, quantile } from "./load.ts";
import { builtServer, noncesOver } from "./machine.ts";
import { type Place, places } from "./places.ts";
import { dpopOf, someRecords } from "./pull-scene.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";
import { makeSigningKey, resourceRequest } from "./signed-requests.ts";

const STORES = [100, some(10_000, 200), some(100_000, 300)];
/** Grants that are read again and again, of as many stores, spread over all. */
const READ = some(500, 50);
/** Grants that are read once each, of stores that nobody has read for long: more than are kept in memory. */
const COLD = some(4_000, 100);
const PULLS = some(20_000, 200);
const COMMITTERS = some(20, 2);
const COMMITS = some(10, 2);
const LASTING = some(6_000, 1_000);

/** Their titles; rows are named "engine, so many stores". */
export const GROWTH = { embedded: "Growth, embedded", postgres: "Growth, PostgreSQL" };

/** The same server over ever more stores: whatever a request isn't about must not show. */
export const growthTable = (engine: keyof typeof GROWTH) => async (): Promise<Table> => {
  const rows: Row[] = [];
  for (const stores of STORES) {
    await using place = await places[engine]();
    rows.push(await grown(place, `${engine}, ${stores} stores`, stores));
  }
  return {
    title: GROWTH[engine],
    note: `Stores of ten 1 kB records with a grant of all of them to one vendor, made by the engine itself from one that a customer's commits had made. Pulls of ${READ} of the grants, chosen over all stores, each a read of ten records with its line durable; cold: of ${COLD} others, once each, whose stores are no longer in memory; ${COMMITTERS} customers' commits of one record, ${COMMITS} each. Server on one core, load ${engine === "postgres" ? "and PostgreSQL " : ""}on the other. Disk: of the ${engine === "postgres" ? "database" : "data folder"}.`,
    rows,
  };
};

async function grown(place: Place, name: string, stores: number): Promise<Row> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const contents = someRecords(10);
  const dpop = makeSigningKey();
  let refresh = "";
  let vendor: TestVendor | undefined;
  const customers: Customer[] = [];
  const live: string[] = [];
  try {
    {
      await using server = await builtServer(place.folder, port, place.env);
      void server;
      vendor = await TestVendor.start(issuer, Date.now);
      vendor.dpop = await dpopOf(dpop);
      for (let at = 0; at < COMMITTERS; at++) {
        const customer = await Customer.register(issuer, Date.now);
        await customer.commit({ records: contents });
        const given = await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"] })]), { contents });
        const { body } = await vendor.redeem(given.redirect);
        if (at === 0) refresh = body.refresh_token;
        customers.push(customer);
        live.push(given.grant);
      }
    }
    const [first] = customers as [Customer];
    const model = { account: first.account, grant: live[0] as string };
    let grants: string[];
    {
      await using storage = await openStorage<Rows>(place.storage, { now: Date.now });
      grants = await generate(storage, await modelOf(storage, model.account, model.grant), stores - COMMITTERS);
    }
    await using server = await builtServer(place.folder, port, place.env);
    const idle = await memoryOf(server.pid);
    const secret = refresh.slice(refresh.indexOf(".") + 1);
    const read = spread(grants, READ);
    const isRead = new Set(read);
    const cold =
      grants.length < 2 * COLD
        ? []
        : spread(
            grants.filter((grant) => !isRead.has(grant)),
            COLD,
          );
    await noncesOver();
    const tokens = new Map<string, string>();
    for (const grant of [...read, ...cold]) {
      const { status, body } = await vendor.token({ grant_type: "refresh_token", refresh_token: `${grant}.${secret}` });
      if (status !== 200) throw new Error(`a refresh was answered ${status} ${body.error}`);
      tokens.set(grant, body.access_token);
    }
    const pulls = async (of: readonly string[], count: number, lasting = LASTING): Promise<Pass> => {
      const requests = Array.from({ length: count }, (_, at) => {
        const grant = of[at % of.length] as string;
        return resourceRequest((vendor as TestVendor).recordsUrl(grant), tokens.get(grant) as string, dpop);
      });
      const pass = await load({ port, pid: server.pid, requests, lasting });
      if (pass.refused > 0) throw new Error(`${pass.refused} pulls were refused`);
      return pass;
    };
    await pulls(read, some(8_000, 50));
    const coldPull = cold.length === 0 ? undefined : await pulls(cold, cold.length, 60_000);
    await pulls(read, read.length);
    const pull = await pulls(read, PULLS);
    const times: number[] = [];
    for (let at = 0; at < COMMITS; at++)
      for (const customer of customers) {
        const body = await customer.draft({ records: { "profile/emails/e1": { value: { address: `new-${at}@mail.example` } } } });
        const began = performance.now();
        await customer.api.call("commit", { body });
        times.push(performance.now() - began);
        await customer.done(body);
      }
    return {
      name,
      figures: {
        "start ms": server.started,
        "RSS MB at start": idle,
        "RSS MB under load": await memoryOf(server.pid),
        "pull CPU µs": pull.cpu,
        "pull p50 ms": pull.p50,
        "pull p99 ms": pull.p99,
        ...(coldPull === undefined ? {} : { "cold pull CPU µs": coldPull.cpu, "cold p50 ms": coldPull.p50, "cold p99 ms": coldPull.p99 }),
        "commit p50 ms": median(times),
        "commit p99 ms": quantile(times, 0.99),
        "disk MB": (await place.size()) / 1e6,
      },
    };
  } finally {
    await vendor?.[Symbol.asyncDispose]();
  }
}

/** So many of them, evenly from first to last. */
const spread = (all: readonly string[], count: number): string[] =>
  Array.from(
    { length: Math.min(count, all.length) },
    (_, at) => all[Math.floor((at * all.length) / Math.min(count, all.length))] as string,
  );
