import fc from "fast-check";
import { expect, test } from "vitest";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { changesFeedOf } from "../../server/store/changes.ts";
import { compact, KEEPING } from "../../server/store/compaction.ts";
import { DAY, HOUR } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { type System, startSystem } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { BulkReader, linesOf } from "./bulk-reader.ts";
import { EMAIL, NAME } from "./scene.ts";

const WIDE = ["profile/emails", "profile/name"];
const READERS = 2;
const GRANTS = 3;

interface Known {
  readonly customer: Customer;
  readonly grant: string;
  readonly refresh: string;
  /** How it may be read, or was made narrower. */
  details: AuthorizationDetail[];
  paused: number | undefined;
  ended: boolean;
}

/** One vendor, two readers of its feed, and grants of two customers: one of them may be read twice a day. */
class World {
  readonly system: System;
  readonly vendor: TestVendor;
  readonly readers: BulkReader[];
  readonly grants: Known[] = [];
  readonly customers: Customer[] = [];
  readonly given = new Map<string, Set<number>>();
  #count = 0;

  private constructor(system: System, vendor: TestVendor) {
    this.system = system;
    this.vendor = vendor;
    this.readers = Array.from({ length: READERS }, () => new BulkReader(vendor));
  }

  static async make(system: System): Promise<World> {
    const world = new World(system, await TestVendor.start(system.issuer, system.clock.now));
    const [one, other] = [
      await Customer.register(system.issuer, system.clock.now),
      await Customer.register(system.issuer, system.clock.now),
    ];
    world.customers.push(one, other);
    await one.addKit();
    for (const [customer, frequency] of [
      [one, undefined],
      [one, { max: 2, per: "P1D" }],
      [other, undefined],
    ] as const) {
      const details = [world.vendor.ask({ paths: WIDE, ...(frequency === undefined ? {} : { frequency }) })];
      const { grant, redirect } = await customer.approve(await world.vendor.request(details), { contents: { "profile/emails/e0": EMAIL } });
      const { body } = await world.vendor.redeem(redirect);
      world.grants.push({ customer, grant, refresh: body.refresh_token, details, paused: undefined, ended: false });
    }
    return world;
  }

  of(index: number): Known {
    return this.grants[index % GRANTS] as Known;
  }

  async share(index: number, path: string): Promise<void> {
    const { customer, grant, ended, paused, details } = this.of(index);
    if (ended) return;
    const isOld = customer.leaves.has(`share ${grant}/${path}`);
    const isGranted = details[0]?.paths.some((wide) => path.startsWith(wide)) ?? false;
    if ((paused !== undefined && !isOld) || (!isGranted && !isOld)) return;
    if (!isGranted) return;
    await customer.commit({
      shares: [{ grant, path, content: path === "profile/name" ? NAME : { value: { address: `a${this.#count++}@example.org` } } }],
    });
  }

  async pause(index: number): Promise<void> {
    const known = this.of(index);
    if (known.ended || known.paused !== undefined) return;
    known.paused = (await known.customer.api.call("pause", { id: known.grant })).position;
  }

  async resume(index: number): Promise<void> {
    const known = this.of(index);
    if (known.ended || known.paused === undefined) return;
    await known.customer.resume(known.grant, known.paused);
    known.paused = undefined;
  }

  async narrow(index: number): Promise<void> {
    const known = this.of(index);
    const [detail] = known.details;
    if (known.ended || detail === undefined || detail.paths.length < 2) return;
    known.details = [{ ...detail, paths: ["profile/emails"] }];
    const leaf = `share ${known.grant}/profile/name`;
    await known.customer.narrow(known.grant, known.details, known.customer.leaves.has(leaf) ? ["profile/name"] : []);
  }

  async end(index: number): Promise<void> {
    const known = this.of(index);
    if (known.ended) return;
    await known.customer.revoke(known.grant);
    known.ended = true;
  }

  async erase(index: number): Promise<void> {
    const { customer } = this.of(index);
    if (this.grants.some((each) => each.customer === customer && each.ended)) return;
    await customer.erase("now");
    for (const each of this.grants) if (each.customer === customer) each.ended = true;
  }

  async pass(milliseconds: number): Promise<void> {
    this.system.clock.pass(milliseconds);
    await this.system.sweep();
    for (const customer of this.customers)
      if (this.grants.some((each) => each.customer === customer && !each.ended)) await customer.login();
  }

  compact(): Promise<number> {
    const feed = changesFeedOf(this.vendor.clientId);
    return compact(this.system.storage, feed, this.system.clock.now() + 1, { ...KEEPING, age: 0, ended: 1000 * DAY, grants: 2 });
  }

  /** Some answers are cut, and some cursors never saved. */
  async read(index: number, cut: number | undefined, keep: boolean): Promise<void> {
    const reader = this.readers[index % READERS] as BulkReader;
    const response = await reader.raw();
    const text = await response.text();
    expect(response.status, text).toBe(200);
    const whole = linesOf(text);
    const lines = cut === undefined ? whole : whole.slice(0, cut);
    const cursor = reader.take(lines);
    if (keep) reader.cursor = cursor ?? reader.cursor;
    let grant = "";
    for (const line of whole) {
      if (line.type === "grant") grant = line.grant;
      const known = this.grants.find((each) => each.grant === grant);
      if (line.type === "record") {
        expect(known?.ended, "nothing of what has ended").toBe(false);
        expect(known?.paused, "nothing of what is paused").toBeUndefined();
        expect(
          known?.details[0]?.paths.some((wide) => line.path.startsWith(wide)),
          "nothing outside the consent",
        ).toBe(true);
      }
      if (line.type === "read") this.given.set(line.grant, (this.given.get(line.grant) ?? new Set()).add(line.read));
    }
  }

  /** What a full pull gives. */
  async pull(known: Known): Promise<Map<string, { version: number; body: string }>> {
    const { status, body } = await this.vendor.token({ grant_type: "refresh_token", refresh_token: known.refresh });
    expect(status).toBe(200);
    const page = await this.vendor.pull(body.access_token, known.grant);
    return new Map(page.records.map(({ path, version, body: sealed }) => [path, { version, body: sealed }]));
  }

  /** When all has come to rest, each reader has what a full pull gives, and no more. */
  async settle(): Promise<void> {
    for (const [index] of this.grants.entries()) await this.resume(index);
    for (let day = 0; day < 3; day++) {
      await this.pass(DAY);
      for (let index = 0; index < READERS; index++) await this.read(index, undefined, true);
    }
    for (const reader of this.readers) await reader.readAll();
    await this.pass(DAY);
    for (const known of this.grants) {
      if (known.ended) {
        for (const reader of this.readers) expect(reader.grants.get(known.grant)).toMatchObject({ state: "ended", records: new Map() });
        continue;
      }
      const whole = await this.pull(known);
      for (const [index, reader] of this.readers.entries())
        expect(reader.grants.get(known.grant), `reader ${index} of grant ${this.grants.indexOf(known)}`).toMatchObject({
          state: "active",
          records: whole,
        });
      const history = await this.system.storage.read(known.customer.account, (store) => store.list("history", { limit: 10_000 }));
      const reads = new Set(
        history.flatMap(([, row]) => ("like" in row || (row.type === "read" && row.grant === known.grant) ? [row.number] : [])),
      );
      for (const read of this.given.get(known.grant) ?? []) expect(reads.has(read), "each read is in the history").toBe(true);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vendor[Symbol.asyncDispose]();
  }
}

type Step = (world: World) => Promise<unknown>;
const named = (name: string, step: Step): Step => Object.assign(step, { [fc.toStringMethod]: () => name });
const grant = fc.nat({ max: GRANTS - 1 });
const path = fc.constantFrom("profile/emails/e0", "profile/emails/e1", "profile/emails/e2", "profile/name");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(grant, path).map(([g, p]) => named(`share ${g} ${p}`, (world) => world.share(g, p))) },
  { weight: 2, arbitrary: grant.map((g) => named(`pause ${g}`, (world) => world.pause(g))) },
  { weight: 2, arbitrary: grant.map((g) => named(`resume ${g}`, (world) => world.resume(g))) },
  { weight: 1, arbitrary: grant.map((g) => named(`narrow ${g}`, (world) => world.narrow(g))) },
  { weight: 1, arbitrary: grant.map((g) => named(`end ${g}`, (world) => world.end(g))) },
  { weight: 1, arbitrary: fc.constant(named("erase 2", (world) => world.erase(2))) },
  { weight: 2, arbitrary: fc.constantFrom(HOUR, 13 * HOUR).map((some) => named(`pass ${some / HOUR} h`, (world) => world.pass(some))) },
  { weight: 2, arbitrary: fc.constant(named("compact", (world) => world.compact())) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.nat({ max: READERS - 1 }), fc.option(fc.nat({ max: 12 }), { nil: undefined }), fc.boolean())
      .map(([r, cut, keep]) => named(`read ${r} cut ${cut} keep ${keep}`, (world) => world.read(r, cut, keep))),
  },
);

test("whatever happens in whatever order, readers end with what a full pull gives, and get nothing else on the way", {
  timeout: 600_000,
}, async () => {
  await using system = await startSystem();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      await using world = await World.make(system);
      for (const each of steps) await each(world);
      await world.settle();
    }),
    { numRuns: Number(process.env.MODEL_RUNS ?? 8) },
  );
});
