import type { Rows } from "../../server/rows.ts";
import { openStorage } from "../../server/storage/open.ts";
import { Clock } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { startSystem } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { generate, type Model, modelOf } from "./generated-stores.ts";
import { places } from "./places.ts";
import { someRecords } from "./pull-scene.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";

const RECORDS = 300;
const GRANTS = 5;
const SHARED = 30;
const STORES = some(400, 20);

/** How much one customer is: with what the paper about ten million reckons. */
export async function storeSizeTable(): Promise<Table> {
  const model = await someCustomer();
  const rows: Row[] = [];
  for (const engine of ["embedded", "postgres"] as const) {
    await using place = await places[engine]();
    const fill = async (count: number): Promise<void> => {
      await using storage = await openStorage<Rows>(place.storage);
      await generate(storage, model, count);
    };
    await fill(STORES / 10);
    const before = await place.size();
    await fill(STORES);
    rows.push({
      name: engine,
      figures: {
        rows: model.rows.length,
        "kB of JSON": model.rows.reduce((sum, [, key, row]) => sum + key.length + row.length, 0) / 1000,
        "kB on the disk": ((await place.size()) - before) / STORES / 1000,
      },
    });
  }
  return {
    title: "One customer",
    note: `${RECORDS} records of 1 kB, ${GRANTS} grants of ${SHARED} of them each, never read: rows, and what ${STORES} such stores take on the disk, a store; of PostgreSQL with its indexes, without its write-ahead log.`,
    rows,
  };
}

async function someCustomer(): Promise<Model> {
  await using system = await startSystem({ clock: new Clock(Date.now()) });
  await using vendor = await TestVendor.start(system.issuer, system.clock.now);
  const customer = await Customer.register(system.issuer, system.clock.now);
  await customer.addKit();
  const contents = someRecords(RECORDS);
  await customer.commit({ records: contents });
  const grants: string[] = [];
  for (let at = 0; at < GRANTS; at++) {
    const part = Object.fromEntries(Object.entries(contents).slice(at * SHARED, (at + 1) * SHARED));
    grants.push((await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"] })]), { contents: part })).grant);
  }
  return modelOf(system.storage, customer.account, grants[0] as string);
}
