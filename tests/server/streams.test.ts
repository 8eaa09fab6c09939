import { describe, expect, test } from "vitest";
import { EVENT_TYPES, VERIFICATION } from "#protocol/events.ts";
import { POLL, PUSH, type StreamConfiguration } from "#protocol/streams.ts";
import { SECOND } from "../support/clock.ts";
import { TestVendor } from "../support/vendor.ts";
import { newGrant } from "./outbox-box.ts";
import { answer, eventually, Receiver } from "./receiver.ts";
import { connect, problemOf, type Scene, scene } from "./scene.ts";

const REVOKED = "https://w3id.org/counterfoil/event/grant-revoked";
const pushed = (url: string, authorization?: string) => ({
  method: PUSH,
  endpoint_url: url,
  ...(authorization === undefined ? {} : { authorization_header: authorization }),
});

test("the transmitter says what it is, and everything that it names is there", async () => {
  await using at = await scene();
  const { issuer } = at.system;
  const response = await fetch(`${issuer}/.well-known/ssf-configuration`);
  expect(response.headers.get("content-type")).toBe("application/json");
  const configuration = (await response.json()) as Record<string, string>;
  expect(configuration).toMatchObject({
    spec_version: "1_0",
    issuer,
    delivery_methods_supported: [PUSH, POLL],
    authorization_schemes: [{ spec_urn: "urn:ietf:rfc:6749" }],
    default_subjects: "ALL",
  });
  expect((await fetch(configuration.jwks_uri ?? "")).status).toBe(200);
  for (const [member, method] of [
    ["configuration_endpoint", "GET"],
    ["status_endpoint", "GET"],
    ["verification_endpoint", "POST"],
  ] as const)
    expect((await fetch(configuration[member] ?? "", { method })).status, member).toBe(401);
});

describe("a stream", () => {
  test("is made, read, changed, replaced and deleted", async () => {
    await using at = await scene();
    await using receiver = await Receiver.start();
    const { vendor, system } = at;
    expect(await vendor.call("streams")).toEqual([]);
    const response = await vendor.callRaw("createStream", {
      body: {
        delivery: pushed(receiver.url, "Bearer x"),
        events_requested: [REVOKED, "https://other.example/unknown"],
        description: "The shop's",
      },
    });
    expect(response.status).toBe(201);
    const made = (await response.json()) as StreamConfiguration;
    expect(made).toEqual({
      stream_id: expect.stringMatching(/^[\w-]{22}$/),
      iss: system.issuer,
      aud: vendor.clientId,
      delivery: pushed(receiver.url, "Bearer x"),
      events_supported: EVENT_TYPES,
      events_requested: [REVOKED, "https://other.example/unknown"],
      events_delivered: [REVOKED],
      description: "The shop's",
      min_verification_interval: 60,
    });
    const query = { stream_id: made.stream_id };
    expect(await vendor.call("streams", { query })).toEqual(made);
    expect(await vendor.call("streams")).toEqual([made]);
    expect(await problemOf(await vendor.callRaw("createStream", { body: {} }))).toMatchObject({ status: 409, code: "stream_exists" });

    const patched = await vendor.call("changeStream", { body: { ...query, description: "Ours" } });
    expect(patched).toEqual({ ...made, description: "Ours" });
    expect(await vendor.call("replaceStream", { body: patched }), "what was read may be put back whole").toEqual(patched);
    const replaced = await vendor.call("replaceStream", { body: { ...query, delivery: pushed(receiver.url) } });
    expect(replaced).toEqual({
      stream_id: made.stream_id,
      iss: system.issuer,
      aud: vendor.clientId,
      delivery: pushed(receiver.url),
      events_supported: EVENT_TYPES,
      events_requested: EVENT_TYPES,
      events_delivered: EVENT_TYPES,
      min_verification_interval: 60,
    });
    const polled = (await vendor.call("replaceStream", { body: query })) as StreamConfiguration;
    expect(polled.delivery).toEqual({ method: POLL, endpoint_url: `${system.issuer}/ssf/poll/${made.stream_id}` });
    expect(await vendor.call("replaceStream", { body: polled })).toEqual(polled);

    expect((await vendor.callRaw("deleteStream", { query })).status).toBe(204);
    expect(await vendor.call("streams")).toEqual([]);
    expect(await problemOf(await vendor.callRaw("deleteStream", { query }))).toMatchObject({ status: 404 });
    const next = (await vendor.call("createStream", { body: {} })) as StreamConfiguration;
    expect(next.stream_id).not.toBe(made.stream_id);
  });

  test("that is changed is told of by its new address, with what waits", async () => {
    await using at = await scene();
    await using old = await Receiver.start();
    await using receiver = await Receiver.start();
    old.respond = answer(500);
    const { vendor, customer } = at;
    const { stream_id } = (await vendor.call("createStream", { body: { delivery: pushed(old.url) } })) as StreamConfiguration;
    const { grant } = await connect(at);
    await customer.revoke(grant.grant);
    await old.until(1);
    await eventually(async () => expect((await at.system.outbox.stream(vendor.clientId))?.failing).not.toBeNull());
    await vendor.call("changeStream", { body: { stream_id, delivery: pushed(receiver.url), events_requested: [REVOKED] } });
    await receiver.until(1);
    await eventually(async () => expect(await at.system.storage.listFeeds("events", { limit: 10 })).toEqual([]));
    expect(receiver.names(), "but for what it no longer asks for").toEqual(["grant-revoked"]);
    expect((await at.system.outbox.stream(vendor.clientId))?.failing).toBeNull();
  });

  test("is its vendor's alone", async () => {
    await using at = await scene();
    await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
    const { stream_id } = (await at.vendor.call("createStream", { body: {} })) as StreamConfiguration;
    const query = { stream_id };
    for (const response of [
      await other.callRaw("streams", { query }),
      await other.callRaw("changeStream", { body: { stream_id, description: "mine" } }),
      await other.callRaw("replaceStream", { body: { stream_id } }),
      await other.callRaw("deleteStream", { query }),
      await other.callRaw("streamStatus", { query }),
      await other.callRaw("setStreamStatus", { body: { stream_id, status: "disabled" } }),
      await other.callRaw("verifyStream", { body: { stream_id } }),
    ])
      expect(await problemOf(response)).toMatchObject({ status: 404, code: "not_found" });
    expect(await other.call("streams")).toEqual([]);
    expect(await at.vendor.call("streamStatus", { query })).toEqual({ stream_id, status: "enabled" });
  });

  test("takes a token that is good for it", async () => {
    await using at = await scene();
    const { vendor } = at;
    const reading = await vendor.ownToken("ssf.read");
    expect(await problemOf(await vendor.callRaw("createStream", { body: {}, token: reading }))).toMatchObject({
      status: 403,
      code: "insufficient_scope",
    });
    const { tokens } = await connect(at);
    expect(await problemOf(await vendor.callRaw("streams", { token: tokens.access_token }))).toMatchObject({
      status: 401,
      code: "invalid_token",
    });
    expect(await vendor.call("streams", { token: reading })).toEqual([]);
  });

  const wrong = async ({ vendor }: Scene, body: object, pointer: string): Promise<void> =>
    expect(await problemOf(await vendor.callRaw("createStream", { body })), JSON.stringify(body)).toMatchObject({
      status: 400,
      code: "invalid_input",
      pointer,
    });

  test("goes to no address that it must not go to, and says nothing that could be another header", async () => {
    await using at = await scene();
    for (const url of [
      "http://shop.example/events",
      "https://10.1.2.3/events",
      "https://169.254.169.254/latest/meta-data",
      "https://[fd00::1]/events",
      "https://[::ffff:10.0.0.1]/events",
      "https://user:secret@shop.example/events",
      "https://shop.example/events#x",
      "ftp://shop.example/events",
      "https://no-such-name.invalid/events",
    ])
      await wrong(at, { delivery: pushed(url) }, "/delivery/endpoint_url");
    for (const header of ["a\r\nX: y", "a\nb", "ä", " a", "a\u0000"])
      await wrong(at, { delivery: pushed("https://93.184.215.14/e", header) }, "/delivery/authorization_header");
    await wrong(at, { delivery: { method: POLL, endpoint_url: "https://shop.example/" } }, "/delivery/endpoint_url");
    expect(await at.vendor.call("streams"), "nothing half-made").toEqual([]);
  });

  test("is told what of it is not its vendor's to say", async () => {
    await using at = await scene();
    const { vendor } = at;
    for (const [body, pointer] of [
      [{ iss: "https://other.example" }, "/iss"],
      [{ stream_id: newGrant() }, "/stream_id"],
      [{ events_requested: "all" }, "/events_requested"],
      [{ events_requested: Array.from({ length: 51 }, () => "x") }, "/events_requested"],
      [{ description: "" }, "/description"],
      [{ delivery: { method: "urn:other" } }, "/delivery/method"],
    ] as const)
      await wrong(at, body, pointer);
    const { stream_id } = (await vendor.call("createStream", { body: { events_requested: [REVOKED] } })) as StreamConfiguration;
    for (const change of [
      { iss: "https://other.example" },
      { aud: "https://other.example/client.json" },
      { aud: ["https://other.example/client.json"] },
      { events_supported: [REVOKED] },
      { events_delivered: EVENT_TYPES },
      { min_verification_interval: 1 },
    ])
      for (const name of ["changeStream", "replaceStream"] as const)
        expect(await problemOf(await vendor.callRaw(name, { body: { stream_id, description: "x", ...change } }))).toMatchObject({
          status: 400,
          pointer: `/${Object.keys(change)[0]}`,
        });
    expect(await vendor.call("streams", { query: { stream_id } }), "nothing of it was done").not.toHaveProperty("description");
    const same = { iss: at.system.issuer, aud: [vendor.clientId], events_delivered: [REVOKED] };
    expect(await vendor.call("changeStream", { body: { stream_id, description: "x", ...same } })).toMatchObject({ description: "x" });
    expect(await problemOf(await vendor.callRaw("deleteStream"))).toMatchObject({ status: 400, pointer: "/stream_id" });
    expect(await problemOf(await vendor.callRaw("streamStatus"))).toMatchObject({ status: 400, pointer: "/stream_id" });
    expect(await problemOf(await vendor.callRaw("setStreamStatus", { body: { stream_id, status: "off" } }))).toMatchObject({
      status: 400,
      pointer: "/status",
    });
  });

  test("made twice at once is one", async () => {
    await using at = await scene();
    await at.vendor.ownToken("ssf.manage");
    const all = await Promise.all(Array.from({ length: 8 }, () => at.vendor.callRaw("createStream", { body: {} })));
    expect(all.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 409)]);
  });
});

test("a stream's status is read and set; paused it keeps what comes, disabled it doesn't", async () => {
  await using at = await scene();
  await using receiver = await Receiver.start();
  const { vendor, customer } = at;
  const { stream_id } = (await vendor.call("createStream", { body: { delivery: pushed(receiver.url) } })) as StreamConfiguration;
  const set = (status: string, reason?: string) =>
    vendor.call("setStreamStatus", { body: { stream_id, status, ...(reason === undefined ? {} : { reason }) } });
  expect(await set("paused", "moving house")).toEqual({ stream_id, status: "paused", reason: "moving house" });
  expect(await vendor.call("streamStatus", { query: { stream_id } })).toEqual({ stream_id, status: "paused", reason: "moving house" });
  const { grant } = await connect(at);
  await customer.api.call("pause", { id: grant.grant });
  expect(receiver.got).toEqual([]);
  expect(await set("enabled")).toEqual({ stream_id, status: "enabled" });
  await receiver.until(2);
  expect(receiver.names()).toEqual(["grant-created", "grant-paused"]);
  await set("disabled");
  await customer.revoke(grant.grant);
  await set("enabled");
  await vendor.call("verifyStream", { body: { stream_id, state: "s" } });
  await receiver.until(3);
  expect(receiver.names().slice(2)).toEqual([VERIFICATION]);
});

describe("a verification", () => {
  test("comes with its state, at most once a minute", async () => {
    await using at = await scene();
    await using receiver = await Receiver.start();
    const { vendor, system } = at;
    const { stream_id } = (await vendor.call("createStream", {
      body: { delivery: pushed(receiver.url), events_requested: [REVOKED] },
    })) as StreamConfiguration;
    expect((await vendor.callRaw("verifyStream", { body: { stream_id, state: "abc" } })).status).toBe(204);
    await receiver.until(1);
    expect(receiver.got[0]?.claims).toMatchObject({
      sub_id: { format: "opaque", id: stream_id },
      events: { [VERIFICATION]: { state: "abc" } },
    });
    const response = await vendor.callRaw("verifyStream", { body: { stream_id } });
    expect(response.headers.get("retry-after")).toBe("60");
    expect(await problemOf(response)).toMatchObject({ status: 429, code: "rate_limited" });
    system.clock.pass(60 * SECOND);
    await vendor.call("verifyStream", { body: { stream_id } });
    await receiver.until(2);
    expect(receiver.got[1]?.claims.events).toEqual({ [VERIFICATION]: {} });
  });

  test("tries an address at once that has failed, and what waited follows", async () => {
    await using at = await scene();
    await using receiver = await Receiver.start();
    receiver.respond = answer(503);
    const { vendor, system } = at;
    const { stream_id } = (await vendor.call("createStream", { body: { delivery: pushed(receiver.url) } })) as StreamConfiguration;
    await connect(at);
    for (let tries = 1; tries <= 3; tries++) {
      await eventually(async () => expect((await system.outbox.stream(vendor.clientId))?.failing?.tries).toBe(tries));
      if (tries < 3) system.clock.pass(3600 * SECOND);
      system.outbox.wake();
    }
    const tried = receiver.got.length;
    await vendor.call("verifyStream", { body: { stream_id } });
    await receiver.until(tried + 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await system.outbox.stream(vendor.clientId))?.failing?.tries, "that is no failed try more").toBe(3);
    system.clock.pass(3 * 3600 * SECOND);
    system.outbox.wake();
    await eventually(async () => expect((await system.outbox.stream(vendor.clientId))?.failing?.tries).toBe(4));
    receiver.got.length = 0;
    receiver.respond = (_delivered, response) => response.writeHead(202).end();
    system.clock.pass(61 * SECOND);
    await vendor.call("verifyStream", { body: { stream_id } });
    await eventually(() => expect(new Set(receiver.names())).toEqual(new Set(["grant-created", VERIFICATION])));
    await eventually(async () => expect((await system.outbox.stream(vendor.clientId))?.failing).toBeNull());
  });

  test("of a stream that is disabled is refused", async () => {
    await using at = await scene();
    const { vendor } = at;
    const { stream_id } = (await vendor.call("createStream", { body: {} })) as StreamConfiguration;
    await vendor.call("setStreamStatus", { body: { stream_id, status: "disabled" } });
    expect(await problemOf(await vendor.callRaw("verifyStream", { body: { stream_id } }))).toMatchObject({
      status: 400,
      pointer: "/stream_id",
    });
  });
});
