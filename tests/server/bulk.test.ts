import { expect, test } from "vitest";
import { DAY } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { TestVendor } from "../support/vendor.ts";
import { EMAIL, scene } from "./scene.ts";

const STORES = 120;
/** Grants of each of them. */
const EACH = 2;
const MANY = STORES * EACH;
/** Grants of one more store: half of them are more than one change of the sweep takes. */
const IN_ONE = 120;
/** Customers that are made side by side. */
const LANES = 60;

test("a vendor's hundreds of grants, many of them in one store, are asked for, reminded of and ended each for its own cost", {
  timeout: 300_000,
}, async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  await vendor.listen();
  const now = system.clock.now();
  const end = `${new Date(now + DAY).toISOString().slice(0, 19)}Z`;
  const later = `${new Date(now + 3 * DAY).toISOString().slice(0, 19)}Z`;
  const give = async (who: Customer, expires: string): Promise<string> => {
    const id = await vendor.request([vendor.ask({ paths: ["profile/emails"], expires })]);
    return (await who.approve(id, { contents: { "profile/emails/e1": EMAIL } })).grant;
  };
  const grants: string[] = [];
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let count = 0; count < STORES / LANES; count++) {
        const who = await Customer.register(system.issuer, system.clock.now);
        await who.addKit();
        for (let n = 0; n < EACH; n++) grants.push(await give(who, end));
      }
    }),
  );
  await customer.addKit();
  for (let count = 0; count < IN_ONE; count++) grants.push(await give(customer, count < IN_ONE / 2 ? end : later));
  expect(new Set(grants).size).toBe(MANY + IN_ONE);

  // Another vendor and another store, whose cost must not grow.
  await using other = await TestVendor.start(system.issuer, system.clock.now);
  const someone = await Customer.register(system.issuer, system.clock.now);
  const one = await someone.approve(await other.request([other.ask({ paths: ["profile/emails"] })]), { contents: {} });

  expect((await vendor.heard()).filter(({ event }) => event === "grant-created")).toHaveLength(MANY + IN_ONE);
  const states = await inLanes(grants, async (grant) => (await vendor.query(grant)).state);
  expect(new Set(states)).toEqual(new Set(["active"]));

  let begun = performance.now();
  await system.sweep();
  expect(performance.now() - begun, "nothing is due").toBeLessThan(500);
  system.clock.pass(DAY);
  expect(await system.storage.findDue(system.clock.now(), 10_000)).toHaveLength(STORES + 1);
  begun = performance.now();
  await system.sweep();
  const each = (performance.now() - begun) / (MANY + IN_ONE / 2);
  expect(each, "milliseconds for a grant").toBeLessThan(100);
  expect(await system.storage.findDue(system.clock.now(), 10)).toEqual([]);
  const heard = await vendor.heard();
  expect(heard.filter(({ event }) => event === "grant-expired")).toHaveLength(MANY + IN_ONE / 2);
  const after = await inLanes(grants, async (grant) => (await vendor.query(grant)).state);
  expect(after.filter((state) => state === "expired")).toHaveLength(MANY + IN_ONE / 2);
  expect(await other.query(one.grant)).toMatchObject({ state: "active" });

  await inLanes(grants.slice(0, 20), (grant) => vendor.attest(grant, { reason: "expired" }));
  await inLanes(grants.slice(MANY + IN_ONE / 2), (grant) => vendor.release(grant));
  const whole = await customer.read();
  expect(whole.history.filter(({ type }) => type === "expire")).toHaveLength(IN_ONE / 2);
  expect(whole.history.filter(({ type }) => type === "end")).toHaveLength(IN_ONE / 2);
});

/** A few at a time, in order. */
async function inLanes<In, Out>(all: readonly In[], work: (one: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (let from = 0; from < all.length; from += 20) results.push(...(await Promise.all(all.slice(from, from + 20).map(work))));
  return results;
}
