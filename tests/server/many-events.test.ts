import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { VERIFICATION } from "#protocol/events.ts";
import { PUSH, type StreamConfiguration } from "#protocol/streams.ts";
import { feedOf } from "../../server/outbox/stream.ts";
import { SECOND } from "../support/clock.ts";
import { freezable, type House, type Member, manyHouse, newDatabase, openDatabase, RunningClock } from "./many-house.ts";
import { type Box, newGrant, openBox } from "./outbox-box.ts";
import { accept, answer, type Delivered, eventually, Receiver } from "./receiver.ts";
import { connect, EMAIL } from "./scene.ts";

const A = 0;
const B = 1;

const pushTo = (at: House, url: string): Promise<StreamConfiguration> =>
  at.vendor.call("createStream", { body: { delivery: { method: PUSH, endpoint_url: url } } }) as Promise<StreamConfiguration>;
const setStatus = (at: House, stream_id: string, status: string) => at.vendor.call("setStreamStatus", { body: { stream_id, status } });

/** A change of the customer's store at one server, of which the vendor is told; `number` tells it from the others of its grant. */
async function tell({ vendor, customer }: House, { storage, outbox }: Member, grant: string, number: number): Promise<void> {
  await storage.change(customer.account, (store) =>
    outbox.tell(store, {
      clientId: vendor.clientId,
      subject: "somebody",
      grant,
      event: "grant-paused",
      payload: { initiating_entity: "user" },
      at: number * SECOND,
    }),
  );
  outbox.wake();
}

const LEASE = 2_000;

/** Two outboxes over one database with leases that end soon. */
async function openPair() {
  const clock = new RunningClock();
  const url = await newDatabase();
  const boxes = await Promise.all(
    [A, B].map(async () => {
      const ice = freezable();
      return { ...(await openBox({ clock, lease: LEASE, storage: ice.wrap(await openDatabase(url, clock.now)) })), freeze: ice.freeze };
    }),
  );
  return {
    boxes: boxes as [(typeof boxes)[number], (typeof boxes)[number]],
    async [Symbol.asyncDispose]() {
      for (const box of boxes) box.freeze(false);
      for (const box of boxes) await box[Symbol.asyncDispose]();
    },
  };
}

const numbersOf = (got: readonly Delivered[], grant: string): unknown[] =>
  got.filter((each) => each.grant === grant).map(({ payload }) => payload.n ?? payload.event_timestamp);
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
const member = ({ members }: House, index: number): Member => members[index % members.length] as Member;
const waiting = (at: House): Promise<unknown[]> => at.system.storage.readFeed(feedOf(at.vendor.clientId), { limit: 10_000 });

/** Has this one push the vendor's events from now on. */
async function pushAt(at: House, receiver: Receiver, index: number): Promise<void> {
  for (const [each, other] of at.members.entries()) other.freeze(each !== index);
  await tell(at, member(at, index), newGrant(), 1);
  await receiver.until(1);
  for (const each of at.members) each.freeze(false);
  receiver.got.length = 0;
}

test("events told at two servers are pushed once, each grant's in their order", async () => {
  await using at = await manyHouse();
  await using receiver = await Receiver.start();
  await pushTo(at, receiver.url);
  receiver.respond = (delivered, response, count) => void setTimeout(() => accept(delivered, response, count), count % 4);
  const grants = [newGrant(), newGrant(), newGrant()];
  await Promise.all(
    grants.map(async (grant, turn) => {
      for (const number of upTo(20)) await tell(at, member(at, number + turn), grant, number);
    }),
  );
  await receiver.until(60);
  await eventually(async () => expect(await waiting(at)).toEqual([]));
  for (const grant of grants) expect(numbersOf(receiver.got, grant)).toEqual(upTo(20));
});

test("when the process that pushes stands still, another goes on: nothing is lost, and the order is kept, also when it comes back", async () => {
  await using pair = await openPair();
  const [first, second] = pair.boxes;
  await using receiver = await Receiver.start();
  second.freeze(true);
  await first.stream("shop", receiver.url);
  await first.tell("shop", newGrant(), "grant-paused");
  await receiver.until(1);
  second.freeze(false);
  receiver.respond = (delivered, response, count) => void setTimeout(() => accept(delivered, response, count), 10);
  const grants = [newGrant(), newGrant(), newGrant()];
  const say = async (box: Box, grant: string, number: number): Promise<void> =>
    box.tell("shop", grant, "grant-changed", { n: number, delete_by: null });
  await Promise.all(
    grants.map(async (grant, turn) => {
      for (const number of upTo(20)) await say((number + turn) % 2 === A ? first : second, grant, number);
    }),
  );
  await receiver.until(10);
  first.freeze(true);
  const stood = performance.now();
  for (const number of [21, 22, 23, 24, 25]) for (const grant of grants) await say(second, grant, number);
  await eventually(() => expect(grants.some((grant) => numbersOf(receiver.got, grant).includes(21))).toBe(true));
  expect(performance.now() - stood, "a lease, and the time between two looks").toBeLessThan(LEASE * 1.5 + 1_000);
  await eventually(() => expect(grants.every((grant) => numbersOf(receiver.got, grant).includes(25))).toBe(true));
  first.freeze(false);
  for (const number of [26, 27, 28]) for (const grant of grants) await say(number % 2 === A ? first : second, grant, number);
  await eventually(async () => expect(await second.waiting("shop")).toEqual([]));
  for (const grant of grants) {
    const numbers = numbersOf(receiver.got, grant);
    expect([...new Set(numbers)]).toEqual(upTo(28));
    expect(
      numbers.filter((number) => Number(number) > 20),
      "by one of them alone",
    ).toEqual(upTo(28).slice(20));
  }
  expect(new Set(receiver.got.map(({ claims }) => claims.jti)).size, "again only under the same name").toBe(28 * 3 + 1);
});

test("what a vendor changes of its stream at one server, the one that pushes heeds", async () => {
  await using at = await manyHouse();
  await using receiver = await Receiver.start();
  const { stream_id: id } = await pushTo(at, receiver.url);
  await pushAt(at, receiver, A);
  const grant = newGrant();
  await at.at(B, () => setStatus(at, id, "paused"));
  await tell(at, member(at, B), grant, 1);
  await sleep(300);
  expect(receiver.got, "nothing comes while it is paused").toEqual([]);
  await at.at(B, () => setStatus(at, id, "enabled"));
  await receiver.until(1);

  await using elsewhere = await Receiver.start();
  await at.at(B, () =>
    at.vendor.call("changeStream", { body: { stream_id: id, delivery: { method: PUSH, endpoint_url: elsewhere.url } } }),
  );
  await tell(at, member(at, A), grant, 2);
  await tell(at, member(at, B), grant, 3);
  await elsewhere.until(2);
  expect(numbersOf(elsewhere.got, grant)).toEqual([2, 3]);
  expect(numbersOf(receiver.got, grant)).toEqual([1]);
});

test("a verification that is asked for at one server tries the address at once, though another has to wait with it", async () => {
  await using at = await manyHouse();
  await using receiver = await Receiver.start();
  const { stream_id: id } = await pushTo(at, receiver.url);
  await pushAt(at, receiver, A);
  receiver.respond = answer(500);
  const grant = newGrant();
  await tell(at, member(at, A), grant, 1);
  await eventually(async () => expect((await member(at, A).outbox.stream(at.vendor.clientId))?.failing?.tries).toBe(1));
  receiver.respond = accept;
  await at.at(B, () => at.vendor.call("verifyStream", { body: { stream_id: id } }));
  await eventually(() => expect(receiver.names()).toContain(VERIFICATION));
  await eventually(async () => expect(await waiting(at)).toEqual([]));
  expect(numbersOf(receiver.got, grant)).toEqual([1, 1]);
});

test("a poll that waits at one server is answered within a second of a change at the other", async () => {
  await using at = await manyHouse();
  const { vendor, customer } = at;
  const { grant } = await connect(at);
  const { stream_id: id } = await vendor.call("createStream", { body: {} });
  const commit = () => customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: EMAIL }] });
  let ack: string[] = [];
  for (const turn of [A, B, A]) {
    const poll = at.at(turn, () => vendor.call("poll", { id, body: { ack } }));
    await sleep(150);
    await at.at(1 - turn, commit);
    const began = performance.now();
    const { sets } = await poll;
    expect(performance.now() - began).toBeLessThan(1_000);
    ack = Object.keys(sets);
    expect(ack).toHaveLength(1);
  }
});
