import { type Config, readConfig } from "../../server/configuration/config.ts";
import type { Rows } from "../../server/rows.ts";
import { openStorage } from "../../server/storage/open.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { Clock } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { type HttpBalancer, httpBalancer } from "../support/http-balancer.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { type System, type SystemOptions, startSystem } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { EMAIL, NAME } from "./scene.ts";

/** A process as it looks to the others: it can stand still, as one that was stopped, or never go on, as one that was killed. */
export interface Member extends System {
  /** From now on nothing that it asks of the database comes back (true); it goes on where it was (false). */
  freeze(isFrozen: boolean): void;
}

/** Several whole servers over one PostgreSQL database, behind one address; a vendor and a customer with a name and an e-mail address. */
export interface House extends AsyncDisposable {
  readonly balancer: HttpBalancer;
  readonly members: readonly Member[];
  readonly clock: Clock;
  readonly vendor: TestVendor;
  readonly customer: Customer;
  readonly system: Member;
  /** Does something with one of them alone. */
  at<Result>(member: number, work: () => Promise<Result>): Promise<Result>;
}

/** Where a new, empty database is. */
export const newDatabase = async (): Promise<string> => (await sharedPostgres()).database();

const placeOf = (url: string): Config["storage"] => readConfig({ COUNTERFOIL_STORAGE: url }).storage;
export const openDatabase = (url: string, now: () => number): Promise<Storage<Rows>> => openStorage<Rows>(placeOf(url), { now });

/** For one whole server: its data in a new database. */
export async function overPostgres(): Promise<Pick<SystemOptions, "storage">> {
  const url = await newDatabase();
  return { storage: { place: placeOf(url), open: (now) => openDatabase(url, now) } };
}

/** The time of the day: for what has to end by itself. */
export class RunningClock extends Clock {
  override readonly now = Date.now;
}

export async function manyHouse({
  count = 2,
  clock = new Clock(),
  config = {},
  log,
}: { count?: number; clock?: Clock; config?: Partial<Config> } & Pick<SystemOptions, "log"> = {}): Promise<House> {
  const front = await httpBalancer();
  const url = await newDatabase();
  const place = placeOf(url);
  const members = await Promise.all(
    Array.from({ length: count }, async (): Promise<Member> => {
      const ice = freezable();
      const open = async (now: () => number) => ice.wrap(await openDatabase(url, now));
      const options = {
        clock,
        config: { issuer: front.issuer, ...config },
        storage: { place, open },
        ...(log === undefined ? {} : { log }),
      } satisfies SystemOptions;
      const system = await startSystem(options);
      return {
        ...system,
        freeze: ice.freeze,
        async [Symbol.asyncDispose]() {
          ice.freeze(false);
          await system[Symbol.asyncDispose]();
        },
      };
    }),
  );
  front.servers(...members.map(({ issuer }) => issuer));
  const vendor = await TestVendor.start(front.issuer, clock.now);
  const customer = await Customer.register(front.issuer, clock.now);
  await customer.commit({ records: { "profile/name": NAME, "profile/emails/e1": EMAIL } });
  return {
    balancer: front,
    members,
    clock,
    vendor,
    customer,
    system: members[0] as Member,
    async at(member, work) {
      front.to(member);
      try {
        return await work();
      } finally {
        front.to(undefined);
      }
    },
    async [Symbol.asyncDispose]() {
      await vendor[Symbol.asyncDispose]();
      await front[Symbol.asyncDispose]();
      for (const member of members) await member[Symbol.asyncDispose]();
    },
  };
}

/** A storage whose calls can be made to wait, also those that are on their way: their answers come when it goes on. */
export function freezable(): { wrap(storage: Storage<Rows>): Storage<Rows>; freeze(isFrozen: boolean): void } {
  let frozen = Promise.resolve();
  let thaw = (): void => {};
  let isFrozen = false;
  const waiting = <Result>(work: (...args: unknown[]) => Promise<Result>) => {
    return async (...args: unknown[]): Promise<Result> => {
      await frozen;
      try {
        return await work(...args);
      } finally {
        await frozen;
      }
    };
  };
  return {
    wrap: (storage) =>
      new Proxy(storage, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          const call = member.bind(target) as (...args: unknown[]) => Promise<unknown>;
          if (name === Symbol.asyncDispose) return call;
          if (name === "watchFeeds") return (look: (feed: string) => void) => call((feed: string) => (isFrozen ? undefined : look(feed)));
          return waiting(call);
        },
      }),
    freeze(next) {
      if (next === isFrozen) return;
      isFrozen = next;
      thaw();
      if (next)
        frozen = new Promise((resolve) => {
          thaw = resolve;
        });
    },
  };
}
