import { expect, test } from "vitest";
import { EVENT_TYPES, VERIFICATION } from "#protocol/events.ts";
import { PUSH, type StreamConfiguration } from "#protocol/streams.ts";
import { type Log, makeLog } from "../../server/log.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../support/clock.ts";
import { silentLog } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { accept, answer, eventually, Receiver, verified } from "./receiver.ts";
import { connect, EMAIL, type Scene, scene } from "./scene.ts";

const streamTo = (vendor: TestVendor, receiver: Receiver, authorization?: string): Promise<StreamConfiguration> =>
  vendor.call("createStream", {
    body: {
      delivery: {
        method: PUSH,
        endpoint_url: receiver.url,
        ...(authorization === undefined ? {} : { authorization_header: authorization }),
      },
    },
  });

const viewOf = async ({ customer }: Scene, grant: string) => (await customer.read()).grants.find((each) => each.grant === grant);

test("a grant's whole life is told in order, each by a token that the server's keys verify", async () => {
  await using at = await scene();
  await using receiver = await Receiver.start();
  const { vendor, customer, system } = at;
  const stream = await streamTo(vendor, receiver, "Bearer for-the-shop");
  expect(stream.events_delivered).toEqual(EVENT_TYPES);
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  await receiver.until(1);
  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: EMAIL }] });
  await receiver.until(2);
  await customer.api.call("pause", { id: grant.grant });
  await receiver.until(3);
  const sent = performance.now();
  await customer.revoke(grant.grant, true);
  await receiver.until(4);
  expect(performance.now() - sent).toBeLessThan(4_000);
  expect(receiver.names()).toEqual(["grant-created", "records-changed", "grant-paused", "grant-revoked"]);

  const [first, changed, , revoked] = receiver.got;
  expect(changed?.payload).toMatchObject({ grant_id: grant.grant, paths: ["profile/emails/e1"], count: 1 });
  expect(revoked?.payload).toMatchObject({ grant_id: grant.grant, initiating_entity: "user", delete_by: expect.stringMatching(/Z$/) });
  for (const { token, headers } of receiver.got) {
    expect(headers).toMatchObject({
      "content-type": "application/secevent+jwt",
      accept: "application/json",
      authorization: "Bearer for-the-shop",
    });
    const { header, claims } = await verified(system.issuer, token);
    expect(Object.keys(header).sort()).toEqual(["alg", "kid", "typ"]);
    expect(header).toMatchObject({ alg: "Ed25519", typ: "secevent+jwt" });
    expect(Object.keys(claims as object).sort()).toEqual(["aud", "events", "iat", "iss", "jti", "sub_id", "txn"]);
    expect(claims).toMatchObject({
      iss: system.issuer,
      aud: vendor.clientId,
      iat: Math.floor(system.clock.now() / 1000),
      sub_id: { format: "complex", user: { format: "iss_sub", iss: system.issuer, sub: grant.consent.iss }, grant: { id: grant.grant } },
    });
  }
  expect(new Set(receiver.got.map(({ claims }) => claims.jti)).size).toBe(4);
  expect(new Set(receiver.got.map(({ claims }) => claims.txn)).size).toBe(4);
  expect(JSON.stringify(receiver.got.map(({ claims }) => claims))).not.toContain("example.org");
  expect(first?.grant).toBe(grant.grant);
  expect(receiver.connections, "connections are kept").toBe(1);

  await eventually(async () =>
    expect(await viewOf(at, grant.grant)).toMatchObject({ stream: "live", deletion: { told: expect.any(String) } }),
  );
  expect((await customer.read()).history.filter(({ type }) => type === "told")).toMatchObject([{ grant: grant.grant }]);
  expect(await system.storage.listFeeds("events", { limit: 10 })).toEqual([]);
});

test("the events of a store that is erased at once still come, and nobody is told afterwards", async () => {
  const said: string[] = [];
  await using at = await scene({ log: { ...silentLog, fault: (place, error) => said.push(`${place} ${String(error)}`) } });
  await using receiver = await Receiver.start();
  const { vendor, customer } = at;
  await streamTo(vendor, receiver);
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  await receiver.until(1);
  let release = (): void => {};
  receiver.respond = (_delivered, response) => {
    release = () => response.writeHead(202).end();
  };
  await customer.erase("now");
  await receiver.until(2);
  expect(receiver.got[1]).toMatchObject({ name: "grant-revoked", grant: grant.grant });
  release();
  await eventually(async () => expect(await at.system.storage.listFeeds("events", { limit: 10 })).toEqual([]));
  expect(said).toEqual([]);
});

test("a narrowing or an end that was taken is evidence once; one that was not is none", async () => {
  await using at = await scene();
  await using receiver = await Receiver.start();
  const { vendor, customer, system } = at;
  await streamTo(vendor, receiver);
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  await receiver.until(1);
  receiver.respond = answer(503);
  await customer.revoke(grant.grant, true);
  await receiver.until(2);
  expect(await viewOf(at, grant.grant)).toMatchObject({ deletion: { told: null } });
  system.clock.pass(6 * SECOND);
  system.outbox.wake();
  await receiver.until(3);
  await eventually(async () => expect(await viewOf(at, grant.grant)).toMatchObject({ stream: "failing", deletion: { told: null } }));
  receiver.respond = accept;
  system.clock.pass(6 * MINUTE);
  // Any request wakes it.
  await vendor.call("streams");
  await receiver.until(4);
  await eventually(async () =>
    expect(await viewOf(at, grant.grant)).toMatchObject({ stream: "live", deletion: { told: new Date(system.clock.now()).toISOString() } }),
  );
  expect(new Set(receiver.got.slice(1).map(({ claims }) => claims.jti)).size).toBe(1);
});

test("a reminder is noted too, and leaves standing when the vendor first knew", async () => {
  await using at = await scene();
  await using receiver = await Receiver.start();
  const { vendor, customer, system } = at;
  await streamTo(vendor, receiver);
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  await customer.revoke(grant.grant, true);
  await receiver.until(2);
  const first = new Date(system.clock.now()).toISOString();
  await eventually(async () => expect(await viewOf(at, grant.grant)).toMatchObject({ deletion: { told: first } }));
  system.clock.pass(6 * DAY);
  await system.sweep();
  await receiver.until(3);
  expect(receiver.got[2]).toMatchObject({
    name: "erasure-due",
    payload: { initiating_entity: expect.any(String), delete_by: expect.any(String) },
  });
  await eventually(async () => expect(await system.storage.listFeeds("events", { limit: 10 })).toEqual([]));
  const { history, grants } = await customer.read();
  expect(history.filter(({ type }) => type === "told")).toHaveLength(2);
  expect(grants[0]?.deletion?.told).toBe(first);
});

test("evidence that can't be kept yet is kept later, and the event is not sent again for it", async () => {
  await using at = await scene();
  await using receiver = await Receiver.start();
  const { vendor, customer, system } = at;
  await streamTo(vendor, receiver);
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  await receiver.until(1);
  receiver.respond = (delivered, response, count) => {
    system.failWith("full");
    accept(delivered, response, count);
  };
  await customer.revoke(grant.grant, true);
  await receiver.until(2);
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    system.clock.pass(6 * SECOND);
    system.outbox.wake();
  }
  expect(receiver.got).toHaveLength(2);
  expect(await viewOf(at, grant.grant)).toMatchObject({ deletion: { told: null } });
  system.failWith(undefined);
  system.clock.pass(6 * SECOND);
  system.outbox.wake();
  await eventually(async () => expect(await viewOf(at, grant.grant)).toMatchObject({ deletion: { told: expect.any(String) } }));
  await eventually(async () => expect(await system.storage.listFeeds("events", { limit: 10 })).toEqual([]));
  expect(receiver.got).toHaveLength(2);
});

test("another vendor hears nothing of it", async () => {
  await using at = await scene();
  await using receiver = await Receiver.start();
  await using elsewhere = await Receiver.start();
  await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
  await streamTo(at.vendor, receiver);
  await streamTo(other, elsewhere);
  await connect(at);
  await receiver.until(1);
  await other.call("verifyStream", { body: { stream_id: ((await other.call("streams")) as StreamConfiguration[])[0]?.stream_id } });
  await elsewhere.until(1);
  expect(elsewhere.names()).toEqual([VERIFICATION]);
  expect(receiver.names()).toEqual(["grant-created"]);
});

test("an operator's log has no token, header or address of the receiver's in it", async () => {
  const lines: string[] = [];
  const log: Log = makeLog({ write: (text) => lines.push(text) }, Date.now);
  await using at = await scene({ log });
  await using receiver = await Receiver.start();
  const { vendor, customer, system } = at;
  await streamTo(vendor, receiver, "Bearer a-secret-of-the-shop");
  receiver.respond = answer(400, { err: "invalid_request", description: "a-secret-of-the-shop" });
  const { grant } = await connect(at);
  await receiver.until(1);
  receiver.respond = answer(500, { err: "a-secret-of-the-shop" });
  await customer.revoke(grant.grant);
  for (let tries = 2; tries <= 11; tries++) {
    await receiver.until(tries);
    await eventually(async () => {
      const stream = await system.outbox.stream(vendor.clientId);
      expect(stream?.failing?.tries ?? 10).toBe(tries - 1);
    });
    system.clock.pass(30 * HOUR);
    system.outbox.wake();
  }
  await eventually(() => {
    log.flush();
    expect(lines.join("")).toContain('"what":"stopped"');
  });
  const text = lines.join("");
  expect(text).toContain('"what":"refused"');
  expect(text).toContain(vendor.clientId);
  for (const secret of [
    "a-secret-of-the-shop",
    receiver.url,
    grant.grant,
    ...receiver.got.map(({ token }) => token),
    ...receiver.got.map(({ claims }) => claims.jti),
  ])
    expect(text).not.toContain(secret);
  expect(await viewOf(at, grant.grant)).toMatchObject({ stream: "stopped" });
  expect((await vendor.call("streams")) as unknown[]).toMatchObject([
    { delivery: { authorization_header: "Bearer a-secret-of-the-shop" } },
  ]);
});

test("an event of the stream itself is signed like any other", async () => {
  await using at = await scene();
  await using receiver = await Receiver.start();
  const { vendor, system } = at;
  const { stream_id } = await streamTo(vendor, receiver);
  await vendor.call("verifyStream", { body: { stream_id, state: "first" } });
  await receiver.until(1);
  const { header, claims } = await verified(system.issuer, receiver.got[0]?.token ?? "");
  expect(claims).toMatchObject({ sub_id: { format: "opaque", id: stream_id }, events: { [VERIFICATION]: { state: "first" } } });
  expect(header.kid).toBeTypeOf("string");
});
