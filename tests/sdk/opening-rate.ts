import { verifyConsent } from "#protocol/consent-token.ts";
import { grantKeyContext, openShare } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import { bulkRead } from "../../vendor-sdk/changes/bulk-read.ts";
import { partsOf } from "../../vendor-sdk/changes/parts.ts";
import { keyedLock } from "../../vendor-sdk/lock.ts";
import { makeKeys } from "../../vendor-sdk/make-keys.ts";
import type { Party } from "../../vendor-sdk/party.ts";
import { book, freshGrant, memoryState } from "../../vendor-sdk/state.ts";
import { vendorKeys } from "../../vendor-sdk/vendor-keys.ts";
import { bulk } from "./bulk-lines.ts";
import { asking, CLIENT } from "./connected.ts";
import { type Customer, makeCustomer } from "./stand-in.ts";

/** What one way of opening records costs. */
export interface Opening {
  /** Records a second, by the clock. */
  readonly perSecond: number;
  /** Microseconds of CPU for each record, of all threads. */
  readonly cpu: number;
}

/** The SDK beside the ciphers that it can't do without. */
export interface OpeningRate {
  readonly records: number;
  /** A bulk read's text made into changes, all of it checked and kept in a state in memory. */
  readonly sdk: Opening;
  /** The same boxes, grant keys and signatures, opened and verified, and nothing else. */
  readonly ciphers: Opening;
  /** Of CPU. */
  readonly ratio: number;
}

/** Some records of many grants as a server sends them, and whoever can open them. */
export interface Sealed {
  readonly party: Party;
  readonly customers: readonly Customer[];
  readonly text: Uint8Array;
}

export async function sealedGrants(grants: number, records: number): Promise<Sealed> {
  const keys = await makeKeys();
  const customers = new Map<string, Customer>();
  const details = asking();
  for (let at = 0; at < grants; at++) {
    const customer = await makeCustomer({ clientId: CLIENT, keys }, details);
    for (let each = 0; each < records; each++)
      await customer.put(`profile/emails/e${each}`, { value: { address: `somebody-${each}@mail.example`, contexts: { private: true } } });
    customers.set(customer.grant, customer);
  }
  const lines = bulk(customers).lines(undefined) ?? [];
  const party: Party = {
    clientId: CLIENT,
    server: "https://counterfoil.example",
    keys: vendorKeys(keys),
    book: book(memoryState(), keyedLock()),
    http: () => Promise.reject(new Error("nothing is asked for")),
    on: () => undefined,
    now: Date.now,
  };
  for (const { grant } of customers.values())
    await party.book.saveGrant({ ...freshGrant(grant, party.now()), asked: details, details, refresh: null });
  return { party, customers: [...customers.values()], text: Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join("")) };
}

async function timed(records: number, work: () => Promise<void>): Promise<Opening> {
  const [cpu, started] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (records / (performance.now() - started)) * 1000, cpu: (user + system) / records };
}

/** As the SDK does it. */
export async function openBySdk({ party, text }: Sealed): Promise<number> {
  async function* chunks() {
    for (let at = 0; at < text.length; at += 65_536) yield text.subarray(at, at + 65_536);
  }
  const lines = bulkRead({ stream: async () => chunks(), on: () => undefined, maxRetries: 0 })(null);
  let count = 0;
  for await (const item of partsOf(lines, { party, server: party.server, acquire: (id) => party.book.locks.acquire(id) })) {
    if (item.type === "read") {
      count += item.reading.changes.length;
      await party.book.saveGrant(item.reading.next);
    }
    if (item.type !== "cursor") item.release();
  }
  return count;
}

/** The ciphers alone: each grant's signature and key, each record's box, side by side as the SDK opens them. */
export async function openByCiphers({ party, customers }: Sealed): Promise<void> {
  const own = await party.keys.encryption;
  for (const { grant, token, sealedGrantKey, rows } of customers) {
    const { consent } = await verifyConsent(token, {});
    const key = await openSealed(own.get(consent.cnf.jkt) ?? {}, sealedGrantKey, grantKeyContext(grant, CLIENT));
    for (let at = 0; at < rows.length; at += 64)
      await Promise.all(rows.slice(at, at + 64).map(({ path, version, body }) => openShare(key, { grant, path, version, body })));
  }
}

/** Both, alternating; medians of `rounds`. */
export async function openingRate(grants: number, records: number, rounds = 5): Promise<OpeningRate> {
  const count = grants * records;
  const [sdk, ciphers]: [Opening[], Opening[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const sealed = await sealedGrants(grants, records);
    const one = await timed(count, () => openByCiphers(sealed));
    const other = await timed(count, async () => {
      if ((await openBySdk(sealed)) !== count) throw new Error("not every record was opened");
    });
    // The first round warms up.
    if (round > 0) [ciphers.push(one), sdk.push(other)];
  }
  const median = (all: Opening[]): Opening => all.toSorted((a, b) => a.cpu - b.cpu)[Math.floor(all.length / 2)] as Opening;
  return { records: count, sdk: median(sdk), ciphers: median(ciphers), ratio: median(sdk).cpu / median(ciphers).cpu };
}
