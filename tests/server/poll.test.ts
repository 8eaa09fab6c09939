import { expect, test } from "vitest";
import { VERIFICATION } from "#protocol/events.ts";
import { POLL, type StreamConfiguration } from "#protocol/streams.ts";
import { DAY } from "../support/clock.ts";
import { TestVendor } from "../support/vendor.ts";
import { grantOf, newGrant, openBox } from "./outbox-box.ts";
import { eventually, read, verified } from "./receiver.ts";
import { connect, EMAIL, problemOf, scene } from "./scene.ts";

const pollStream = (vendor: TestVendor): Promise<StreamConfiguration> => vendor.call("createStream", { body: {} });

test("a vendor polls, acknowledges, and gets each grant's events in order", async () => {
  await using at = await scene();
  const { vendor, customer, system } = at;
  const stream = await pollStream(vendor);
  expect(stream.delivery).toEqual({ method: POLL, endpoint_url: `${system.issuer}/ssf/poll/${stream.stream_id}` });
  const id = stream.stream_id;
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: EMAIL }] });
  await customer.revoke(grant.grant, true);
  const names: string[] = [];
  let ack: string[] = [];
  for (let n = 0; n < 3; n++) {
    const { sets, moreAvailable } = await vendor.call("poll", { id, body: { returnImmediately: true, ack } });
    expect(Object.keys(sets)).toHaveLength(1);
    const again = await vendor.call("poll", { id, body: { returnImmediately: true } });
    expect(Object.keys(again.sets), "until it is acknowledged").toEqual(Object.keys(sets));
    for (const [jti, token] of Object.entries(sets)) {
      const event = read(token);
      expect(event.claims.jti).toBe(jti);
      await verified(system.issuer, token);
      names.push(event.name);
    }
    expect(moreAvailable).toBe(n < 2 ? true : undefined);
    ack = Object.keys(sets);
  }
  expect(names).toEqual(["grant-created", "records-changed", "grant-revoked"]);
  expect((await customer.read()).grants[0]?.deletion?.told).toBeNull();
  expect(await vendor.call("poll", { id, body: { maxEvents: 0, ack } })).toEqual({ sets: {} });
  expect((await customer.read()).grants[0]).toMatchObject({ stream: "live", deletion: { told: expect.any(String) } });
  expect(await vendor.call("poll", { id, body: { returnImmediately: true, ack } })).toEqual({ sets: {} });
});

test("a poll that waits is answered as soon as something happens, and otherwise says that nothing did", async () => {
  await using at = await scene();
  const { vendor, customer } = at;
  const { grant } = await connect(at);
  const { stream_id: id } = await pollStream(vendor);
  const waiting = vendor.call("poll", { id, body: {} });
  let isAnswered = false;
  void waiting.then(() => {
    isAnswered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(isAnswered).toBe(false);
  const began = performance.now();
  await customer.revoke(grant.grant);
  const { sets } = await waiting;
  expect(performance.now() - began).toBeLessThan(15_000);
  expect(Object.values(sets).map((token) => read(token).name)).toEqual(["grant-revoked"]);
});

test("of many polls that wait only the last few do", async () => {
  await using at = await scene();
  const { vendor } = at;
  const { stream_id: id } = await pollStream(vendor);
  const all = Array.from({ length: 6 }, () => vendor.call("poll", { id, body: { returnImmediately: false } }));
  const answered = new Set<number>();
  for (const [index, one] of all.entries()) void one.then(() => answered.add(index));
  await eventually(() => expect(answered.size).toBe(2));
  await vendor.call("verifyStream", { body: { stream_id: id } });
  for (const { sets } of await Promise.all(all)) for (const token of Object.values(sets)) expect(read(token).name).toBe(VERIFICATION);
});

test("what a vendor refuses is not given again", async () => {
  await using at = await scene();
  const { vendor } = at;
  const { stream_id: id } = await pollStream(vendor);
  await connect(at);
  const { sets } = await vendor.call("poll", { id, body: { returnImmediately: true } });
  const [jti] = Object.keys(sets) as [string];
  const setErrs = { [jti]: { err: "invalid_request", description: "a sentence" } };
  expect(await vendor.call("poll", { id, body: { returnImmediately: true, setErrs } })).toEqual({ sets: {} });
});

test("nobody polls another's stream, nor one that is pushed or isn't there", async () => {
  await using at = await scene();
  const { vendor, system } = at;
  await using other = await TestVendor.start(system.issuer, system.clock.now);
  const { stream_id: id } = await pollStream(vendor);
  await pollStream(other);
  for (const problem of [
    await problemOf(await other.callRaw("poll", { id, body: { returnImmediately: true } })),
    await problemOf(await vendor.callRaw("poll", { id: newGrant(), body: { returnImmediately: true } })),
  ])
    expect(problem).toMatchObject({ status: 404, code: "not_found" });
  expect(await problemOf(await vendor.callRaw("poll", { id, body: { maxEvents: 1001 } }))).toMatchObject({
    status: 400,
    pointer: "/maxEvents",
  });
  await vendor.call("deleteStream", { query: { stream_id: id } });
  expect((await vendor.callRaw("poll", { id, body: { returnImmediately: true } })).status).toBe(404);
});

test("a paused stream gives nothing and loses nothing", async () => {
  await using at = await scene();
  const { vendor } = at;
  const { stream_id: id } = await pollStream(vendor);
  await vendor.call("setStreamStatus", { body: { stream_id: id, status: "paused", reason: "moving house" } });
  await connect(at);
  expect(await vendor.call("poll", { id, body: { returnImmediately: true } })).toEqual({ sets: {} });
  const waiting = vendor.call("poll", { id, body: {} });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await vendor.call("setStreamStatus", { body: { stream_id: id, status: "enabled" } });
  expect(Object.values((await waiting).sets).map((token) => read(token).name)).toEqual(["grant-created"]);
});

const shop = "https://shop.example/client.json";

test("a thousand grants come in as many answers as the vendor asks for, one event of each at a time", async () => {
  await using box = await openBox();
  const stream = await box.stream("shop", null);
  const grants = Array.from({ length: 1000 }, newGrant);
  await Promise.all(grants.map((grant) => box.tell("shop", grant, "grant-paused")));
  await Promise.all(grants.map((grant) => box.tell("shop", grant, "grant-revoked", { delete_by: null })));
  const seen = new Map<string | undefined, string[]>();
  let taken: string[] = [];
  let polls = 0;
  for (let more = true; more; polls++) {
    const answer = await box.outbox.poll(stream, { most: 300, patience: 0, taken, refused: [] });
    const events = Object.values(answer.sets).map((token) => read(token));
    expect(new Set(events.map(({ grant }) => grant)).size).toBe(events.length);
    for (const { grant, name } of events) seen.set(grant, [...(seen.get(grant) ?? []), name]);
    taken = Object.keys(answer.sets);
    more = answer.more;
    if (polls > 20) throw new Error("no end");
  }
  await box.outbox.poll(stream, { most: 0, patience: 0, taken, refused: [] });
  expect(await box.waiting("shop")).toEqual([]);
  expect(seen.size).toBe(1000);
  for (const names of seen.values()) expect(names).toEqual(["grant-paused", "grant-revoked"]);
});

test("records-changed that wait are one, and its acknowledgement is for all of them, over a restart too", async () => {
  await using box = await openBox();
  const stream = await box.stream("shop", null);
  const grant = grantOf("a");
  for (const path of ["a", "b"]) await box.tell("shop", grant, "records-changed", { paths: [path], count: 1 });
  const first = await box.outbox.poll(stream, { most: 100, patience: 0, taken: [], refused: [] });
  expect(Object.values(first.sets).map((token) => read(token).payload.paths)).toEqual([["a", "b"]]);
  await box.tell("shop", grant, "records-changed", { paths: ["c"], count: 1 });
  await box.close();
  await using again = await openBox({ folder: box.folder, clock: box.clock });
  const second = await again.outbox.poll(stream, { most: 100, patience: 0, taken: Object.keys(first.sets), refused: ["unknown"] });
  expect(Object.values(second.sets).map((token) => read(token).payload.paths)).toEqual([["c"]]);
  expect(await again.waiting("shop")).toHaveLength(1);
  expect(await again.outbox.health(shop)).toBe("live");
  again.clock.pass(2 * DAY);
  expect(await again.outbox.health(shop), "it has not come for two days").toBe("failing");
  await again.close();
});

test("an event between two changes of records keeps its place", async () => {
  await using box = await openBox();
  const stream = await box.stream("shop", null);
  const grant = grantOf("a");
  await box.tell("shop", grant, "records-changed", { paths: ["a"], count: 1 });
  await box.tell("shop", grant, "grant-paused");
  await box.tell("shop", grant, "records-changed", { paths: ["b"], count: 1 });
  const seen: unknown[] = [];
  let taken: string[] = [];
  for (let n = 0; n < 3; n++) {
    const { sets } = await box.outbox.poll(stream, { most: 100, patience: 0, taken, refused: [] });
    taken = Object.keys(sets);
    for (const token of Object.values(sets)) seen.push([read(token).name, read(token).payload.paths]);
  }
  expect(seen).toEqual([
    ["records-changed", ["a"]],
    ["grant-paused", undefined],
    ["records-changed", ["b"]],
  ]);
});
