import { decodeProtectedHeader } from "jose";
import { describe, expect, test } from "vitest";
import { STREAM_UPDATED } from "#protocol/events.ts";
import { feedOf } from "../../server/outbox/stream.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../support/clock.ts";
import { type Box, clientOf, grantOf, newGrant, openBox } from "./outbox-box.ts";
import { accept, answer, eventually, Receiver } from "./receiver.ts";

const SCHEDULE = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

const settled = (box: Box, vendor: string): Promise<void> => eventually(async () => expect(await box.waiting(vendor)).toEqual([]));
const failing = (box: Box, vendor: string, tries: number): Promise<void> =>
  eventually(async () => expect((await box.outbox.stream(clientOf(vendor)))?.failing?.tries).toBe(tries));

describe("order", () => {
  test("a thousand grants of one vendor are told side by side, each in its order, over few connections", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url);
    let most = 0;
    let open = 0;
    receiver.respond = (_delivered, response) => {
      open++;
      most = Math.max(most, open);
      setTimeout(() => {
        open--;
        response.writeHead(202).end();
      }, 20);
    };
    const grants = Array.from({ length: 1000 }, newGrant);
    await Promise.all(
      grants.map(async (grant) => {
        await box.tell("shop", grant, "grant-paused");
        await box.tell("shop", grant, "grant-revoked", { delete_by: null });
      }),
    );
    await receiver.until(2000, 50_000);
    const byGrant = new Map<string | undefined, string[]>();
    for (const { grant, name } of receiver.got) byGrant.set(grant, [...(byGrant.get(grant) ?? []), name]);
    expect(byGrant.size).toBe(1000);
    for (const names of byGrant.values()) expect(names).toEqual(["grant-paused", "grant-revoked"]);
    expect(most, "one after the other this takes 40 seconds at least").toBeGreaterThan(4);
    expect(receiver.connections).toBeLessThanOrEqual(16);
    await settled(box, "shop");
    expect(box.said).toEqual([]);
  });

  test("of one grant holds however answers are delayed and lost", async () => {
    await using box = await openBox({ timeout: 200 });
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url);
    let count = 0;
    receiver.respond = (delivered, response) => {
      count++;
      if (count % 5 === 0) response.writeHead(503).end();
      else if (count % 7 === 0) response.destroy();
      else setTimeout(() => accept(delivered, response, count), (count % 3) * 10);
    };
    const grants = ["a", "b", "c"].map(grantOf);
    for (let n = 0; n < 8; n++) for (const grant of grants) await box.tell("shop", grant, n % 2 === 0 ? "grant-paused" : "grant-resumed");
    await eventually(async () => {
      box.clock.pass(DAY);
      box.outbox.wake();
      expect(await box.waiting("shop")).toEqual([]);
    }, 20_000);
    for (const grant of grants) {
      const seen = new Set<string>();
      const first = receiver.got.filter((each) => each.grant === grant && !seen.has(each.claims.jti) && seen.add(each.claims.jti));
      expect(first.map(({ name }) => name)).toEqual(Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? "grant-paused" : "grant-resumed")));
    }
  });

  test("changes of records that wait become one event, which tells all of it", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url, { status: "paused" });
    const grant = newGrant();
    for (const path of ["a", "b", "a", "c"]) await box.tell("shop", grant, "records-changed", { paths: [path], count: 1 });
    await box.tell("shop", grant, "grant-paused");
    await box.tell("shop", grant, "records-changed", { paths: ["d"], count: 200 });
    await box.tell("shop", grant, "records-changed", { paths: Array.from({ length: 100 }, (_, n) => `p${n}`), count: 150 });
    await box.outbox.changeStream(clientOf("shop"), (stream) => ({ ...(stream as NonNullable<typeof stream>), status: "enabled" }));
    await receiver.until(3);
    await settled(box, "shop");
    expect(receiver.names()).toEqual(["records-changed", "grant-paused", "records-changed"]);
    expect(receiver.got[0]?.payload).toMatchObject({ paths: ["a", "b", "c"], count: 3 });
    const last = receiver.got[2]?.payload as { paths: string[]; count: number };
    expect(last.paths).toHaveLength(100);
    expect(last.count).toBeGreaterThanOrEqual(200);
  });
});

describe("a receiver that fails", () => {
  test("is tried again by the schedule with the same token, then the stream is given up, and told when it is enabled", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    receiver.respond = answer(500);
    await box.stream("shop", receiver.url);
    const grant = newGrant();
    await box.tell("shop", grant, "grant-paused");
    await box.tell("shop", grant, "grant-revoked", { delete_by: null });
    await failing(box, "shop", 1);
    expect(await box.outbox.health(clientOf("shop"))).toBe("live");
    for (const [index, delay] of SCHEDULE.entries()) {
      box.clock.pass(delay - 1);
      box.outbox.wake();
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(receiver.got, "not before its time").toHaveLength(index + 1);
      box.clock.pass(1);
      box.outbox.wake();
      await receiver.until(index + 2);
      if (index < SCHEDULE.length - 1) {
        await failing(box, "shop", index + 2);
        expect(await box.outbox.health(clientOf("shop"))).toBe("failing");
      }
    }
    await eventually(async () => expect(await box.outbox.health(clientOf("shop"))).toBe("stopped"));
    expect(new Set(receiver.got.map(({ claims }) => claims.jti)).size).toBe(1);
    expect(await box.outbox.stream(clientOf("shop"))).toMatchObject({ status: "paused", reason: expect.stringContaining("500") });
    await eventually(() => expect(box.said).toEqual([expect.stringMatching(/^https:\/\/shop.example\/client.json stopped: .*500/)]));
    box.clock.pass(30 * DAY);
    await box.tell("shop", grant, "records-changed", { paths: [], count: 0 });
    expect(receiver.got, "nothing goes to a stream that was given up").toHaveLength(10);

    receiver.respond = accept;
    await box.outbox.changeStream(clientOf("shop"), (stream) => ({
      ...(stream as NonNullable<typeof stream>),
      status: "enabled",
      reason: null,
      stopped: false,
    }));
    await settled(box, "shop");
    const after = receiver.got.slice(10);
    expect(after.filter(({ grant: of }) => of === grant).map(({ name }) => name)).toEqual([
      "grant-paused",
      "grant-revoked",
      "records-changed",
    ]);
    expect(after[0]?.claims.jti).toBe(receiver.got[0]?.claims.jti);
    expect(after.find(({ name }) => name === STREAM_UPDATED)?.payload).toMatchObject({ status: "paused", reason: expect.any(String) });
    expect(await box.outbox.health(clientOf("shop"))).toBe("live");
  });

  test("holds up no other vendor, also when it answers nothing at all", async () => {
    await using box = await openBox({ timeout: 3_000 });
    await using dead = await Receiver.start();
    await using receiver = await Receiver.start();
    dead.respond = () => {};
    await box.stream("good", receiver.url);
    for (let n = 0; n < 40; n++) {
      await box.stream(`dead${n}`, dead.url);
      await box.tell(`dead${n}`, newGrant(), "grant-paused");
    }
    await dead.until(40);
    const began = performance.now();
    await box.tell("good", newGrant(), "grant-revoked", { delete_by: null });
    await receiver.until(1);
    expect(performance.now() - began).toBeLessThan(1_300);
  });

  test("is tried apart from those that work, however many there are", async () => {
    await using box = await openBox({ timeout: 4_000 });
    await using dead = await Receiver.start();
    await using receiver = await Receiver.start();
    dead.respond = () => {};
    await box.stream("good", receiver.url);
    const failing = { since: box.clock.now(), tries: 3, next: box.clock.now() };
    await Promise.all(
      Array.from({ length: 140 }, async (_, n) => {
        await box.stream(`dead${n}`, dead.url, { failing });
        await box.tell(`dead${n}`, newGrant(), "grant-paused");
      }),
    );
    await dead.until(20);
    await box.tell("good", newGrant(), "grant-revoked", { delete_by: null });
    await receiver.until(1, 3_000);
    expect(dead.got.length, "a bounded number at once").toBeLessThanOrEqual(64);
  });

  test("for one event only does not hold up other grants, and is not tried for ever", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url);
    const bad = grantOf("bad");
    receiver.respond = (delivered, response, count) => (delivered.grant === bad ? answer(500) : accept)(delivered, response, count);
    await box.tell("shop", bad, "grant-paused");
    await box.tell("shop", bad, "grant-resumed");
    await failing(box, "shop", 1);
    box.clock.pass(2 * SECOND);
    await box.tell("shop", newGrant(), "grant-revoked", { delete_by: null });
    await eventually(() => expect(receiver.names()).toContain("grant-revoked"));
    await eventually(async () => expect((await box.outbox.stream(clientOf("shop")))?.failing).toBeNull());
    for (const _ of [...SCHEDULE, ...SCHEDULE]) {
      box.clock.pass(25 * HOUR);
      box.outbox.wake();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    await settled(box, "shop");
    expect(receiver.got.filter(({ grant, name }) => grant === bad && name === "grant-paused")).toHaveLength(10);
    expect(box.said[0]).toContain("while others could");
  });

  test("may refuse one token, which is noted and not sent again; but not because of our keys or our authorization", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url);
    const grant = newGrant();
    receiver.respond = (delivered, response, count) =>
      (count === 1
        ? answer(400, { err: "invalid_request", description: "no" })
        : count === 2
          ? answer(400, { err: "authentication_failed" })
          : count === 3
            ? answer(400)
            : accept)(delivered, response, count);
    await box.tell("shop", grant, "grant-paused");
    await box.tell("shop", grant, "grant-resumed");
    await failing(box, "shop", 1);
    expect(box.said).toEqual([`${clientOf("shop")} refused: the receiver refused an event`]);
    box.clock.pass(6 * SECOND);
    box.outbox.wake();
    await failing(box, "shop", 2);
    box.clock.pass(6 * MINUTE);
    box.outbox.wake();
    await settled(box, "shop");
    expect(receiver.names()).toEqual(["grant-paused", "grant-resumed", "grant-resumed", "grant-resumed"]);
  });

  test("is asked no earlier than it asked for", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url);
    receiver.respond = (_delivered, response) => response.writeHead(429, { "retry-after": "600" }).end();
    await box.tell("shop", newGrant(), "grant-paused");
    await failing(box, "shop", 1);
    expect((await box.outbox.stream(clientOf("shop")))?.failing?.next).toBe(box.clock.now() + 10 * MINUTE);
  });

  test.each([
    ["a redirect", answer(307)],
    ["another success", answer(200)],
    ["a refusal without a reason", answer(400, { error: "x" })],
  ])("%s is no acknowledgement", async (_name, respond) => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await using elsewhere = await Receiver.start();
    receiver.respond = (delivered, response, count) => {
      response.setHeader("location", elsewhere.url);
      respond(delivered, response, count);
    };
    await box.stream("shop", receiver.url);
    await box.tell("shop", newGrant(), "grant-paused");
    await failing(box, "shop", 1);
    expect(await box.waiting("shop")).toHaveLength(1);
    expect(elsewhere.got).toEqual([]);
  });

  test("on this machine is not called by a server that is elsewhere", async () => {
    await using box = await openBox({ loopback: false });
    await using receiver = await Receiver.start();
    for (const [index, url] of [receiver.url, receiver.url.replace("http:", "https:"), "https://[::1]/", "https://10.0.0.1/"].entries()) {
      await box.stream(`shop${index}`, url);
      await box.tell(`shop${index}`, newGrant(), "grant-paused");
      await failing(box, `shop${index}`, 1);
    }
    expect(receiver.connections).toBe(0);
  });

  test("with a name that leads to another address by then is not called", async () => {
    let address = "127.0.0.1";
    await using box = await openBox({ resolve: async () => [address] });
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url.replace("127.0.0.1", "localhost"));
    await box.tell("shop", newGrant(), "grant-paused");
    await settled(box, "shop");
    for (const bad of ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"]) {
      address = bad;
      await box.tell("shop", newGrant(), "grant-resumed");
      await eventually(async () => expect((await box.outbox.stream(clientOf("shop")))?.failing).not.toBeNull());
      expect(receiver.got, "not even over a connection that is still open").toHaveLength(1);
      address = "127.0.0.1";
      await box.outbox.changeStream(clientOf("shop"), () => null);
      await box.stream("shop", receiver.url.replace("127.0.0.1", "localhost"));
      receiver.got.length = 1;
    }
  });
});

describe("what waits", () => {
  test("is signed by the key that is current when it is sent", async () => {
    let kid = "old";
    const key = {
      get kid() {
        return kid;
      },
      sign: (data: string) => Buffer.from(`${kid} ${data.length}`).toString("base64url"),
    };
    await using box = await openBox({ key });
    await using receiver = await Receiver.start();
    receiver.respond = answer(500);
    await box.stream("shop", receiver.url);
    await box.tell("shop", newGrant(), "grant-paused");
    await failing(box, "shop", 1);
    kid = "new";
    receiver.respond = accept;
    box.clock.pass(6 * SECOND);
    box.outbox.wake();
    await receiver.until(2);
    const [before, after] = receiver.got;
    expect([before, after].map((each) => decodeProtectedHeader(each?.token ?? "").kid)).toEqual(["old", "new"]);
    expect(after?.claims).toEqual(before?.claims);
  });

  test("outlives a crash and a restart, with the same tokens and in order", async () => {
    await using receiver = await Receiver.start();
    await using first = await openBox();
    receiver.respond = () => {};
    await first.stream("shop", receiver.url);
    const [one, two] = [grantOf("one"), grantOf("two")];
    await first.tell("shop", one, "grant-paused");
    await first.tell("shop", one, "grant-revoked", { delete_by: null });
    await first.tell("shop", two, "grant-paused");
    await receiver.until(1);
    const stop = performance.now();
    await first.close();
    expect(performance.now() - stop, "what is on its way is not waited for long").toBeLessThan(6_000);
    receiver.respond = accept;
    const before = receiver.got.length;
    await using second = await openBox({ folder: first.folder, clock: first.clock });
    await settled(second, "shop");
    const after = receiver.got.slice(before);
    expect(after.filter(({ grant }) => grant === one).map(({ name }) => name)).toEqual(["grant-paused", "grant-revoked"]);
    expect(after.find(({ grant, name }) => grant === one && name === "grant-paused")?.claims.jti).toBe(receiver.got[0]?.claims.jti);
    expect(after).toHaveLength(3);
    await second.close();
  });

  test("for a receiver that was failing waits for its time after a restart too, unless its vendor asks", async () => {
    await using receiver = await Receiver.start();
    receiver.respond = answer(500);
    await using first = await openBox();
    await first.stream("shop", receiver.url);
    await first.tell("shop", grantOf("a"), "grant-paused");
    await failing(first, "shop", 1);
    first.clock.pass(6 * SECOND);
    first.outbox.wake();
    await failing(first, "shop", 2);
    await first.close();
    await using second = await openBox({ folder: first.folder, clock: first.clock });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(receiver.got).toHaveLength(2);
    const stream = await second.outbox.changeStream(clientOf("shop"), (now) => now as NonNullable<typeof now>);
    await second.outbox.verify(stream, undefined);
    await receiver.until(3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await second.outbox.stream(clientOf("shop")))?.failing?.tries).toBe(2);
    receiver.respond = accept;
    second.clock.pass(6 * MINUTE);
    second.outbox.wake();
    await settled(second, "shop");
    await second.close();
  });

  test("of an earlier stream is not for the next one, also when it came late", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url, { status: "paused" });
    await box.tell("shop", grantOf("a"), "grant-paused");
    const late = (await box.waiting("shop")).map((each) => (each as [number, unknown])[1]);
    await box.outbox.changeStream(clientOf("shop"), () => null);
    await box.storage.append(feedOf(clientOf("shop")), late);
    await box.stream("shop", receiver.url);
    await box.tell("shop", grantOf("b"), "grant-created");
    await settled(box, "shop");
    expect(receiver.names()).toEqual(["grant-created"]);
    const stream = await box.stream("polled", null, { id: "AAAAAAAAAAAAAAAAAAAAAA" });
    await box.storage.append(feedOf(clientOf("polled")), late);
    expect(await box.outbox.poll(stream, { most: 10, patience: 0, taken: [], refused: [] })).toEqual({ sets: {}, more: false });
    expect(await box.waiting("polled")).toEqual([]);
  });

  test("and is on its way when a stream is paused and enabled again does not go twice", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    receiver.respond = (delivered, response, count) => setTimeout(() => accept(delivered, response, count), 200);
    const stream = await box.stream("shop", receiver.url);
    await box.tell("shop", grantOf("a"), "grant-paused");
    await box.tell("shop", grantOf("a"), "grant-resumed");
    await receiver.until(1);
    await box.outbox.changeStream(clientOf("shop"), () => ({ ...stream, status: "paused" }));
    await box.outbox.changeStream(clientOf("shop"), () => stream);
    await settled(box, "shop");
    expect(receiver.names()).toEqual(["grant-paused", "grant-resumed"]);
  });

  test("goes out though others were told before its change was durable", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url);
    await box.storage.create("AAAAAAAAAAAAAAAAAAAAAA", async (store) => {
      await box.outbox.tell(store, {
        clientId: clientOf("shop"),
        subject: "s",
        grant: newGrant(),
        event: "grant-paused",
        payload: { initiating_entity: "user" },
        at: box.clock.now(),
      });
      box.outbox.wake();
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    expect(receiver.got).toEqual([]);
    box.outbox.wake();
    await receiver.until(1, 2_000);
  });

  test("is kept while the receiver has paused its stream, and dropped with a stream that is disabled or deleted", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    const stream = await box.stream("shop", receiver.url, { status: "paused" });
    await box.tell("shop", grantOf("a"), "grant-paused");
    expect(await box.waiting("shop")).toHaveLength(1);
    await box.outbox.changeStream(clientOf("shop"), () => ({ ...stream, status: "disabled" }));
    expect(await box.waiting("shop")).toEqual([]);
    await box.tell("shop", grantOf("a"), "grant-resumed");
    expect(await box.waiting("shop")).toEqual([]);
    expect(await box.outbox.health(clientOf("shop"))).toBe("none");
    await box.outbox.changeStream(clientOf("shop"), () => ({ ...stream, status: "paused" }));
    await box.tell("shop", grantOf("a"), "grant-paused");
    await box.outbox.changeStream(clientOf("shop"), () => null);
    expect(await box.waiting("shop")).toEqual([]);
    expect(await box.outbox.health(clientOf("shop"))).toBe("none");
    await box.stream("shop", receiver.url);
    await box.tell("shop", grantOf("b"), "grant-created");
    await settled(box, "shop");
    expect(receiver.names()).toEqual(["grant-created"]);
  });

  test("for longer than there is room is dropped with its stream, and says so", async () => {
    await using box = await openBox({ most: 100 });
    await box.stream("shop", null);
    for (let n = 0; n < 1100; n += 100) await Promise.all(Array.from({ length: 100 }, () => box.tell("shop", newGrant(), "grant-paused")));
    await eventually(async () => expect(await box.outbox.health(clientOf("shop"))).toBe("stopped"));
    await eventually(async () => expect(await box.waiting("shop")).toEqual([]));
    expect(await box.outbox.stream(clientOf("shop"))).toMatchObject({ status: "disabled", reason: expect.stringContaining("100 events") });
    expect(box.said).toEqual([expect.stringContaining("dropped: More than 100 events")]);
  });

  test("is nothing of a change that was not made, nor of a type that nobody asked for", async () => {
    await using box = await openBox();
    await using receiver = await Receiver.start();
    await box.stream("shop", receiver.url, { requested: ["https://w3id.org/counterfoil/event/grant-revoked", "https://other.example/x"] });
    await box.tell("shop", newGrant(), "grant-paused");
    await expect(
      box.storage.create("AAAAAAAAAAAAAAAAAAAAAA", async (store) => {
        await box.outbox.tell(store, {
          clientId: clientOf("shop"),
          subject: "s",
          grant: newGrant(),
          event: "grant-revoked",
          payload: { initiating_entity: "user", delete_by: null },
          at: box.clock.now(),
        });
        throw new Error("not made");
      }),
    ).rejects.toThrow("not made");
    await box.tell("shop", grantOf("real"), "grant-revoked", { delete_by: null });
    await box.tell("none", grantOf("real"), "grant-revoked", { delete_by: null });
    await settled(box, "shop");
    expect(receiver.got.map(({ grant, name }) => [grant, name])).toEqual([[grantOf("real"), "grant-revoked"]]);
    expect(await box.storage.listFeeds("events", { limit: 10 })).toEqual([]);
  });

  test("goes on when files could not be written for a while", async () => {
    let broken = false;
    await using box = await openBox();
    await using receiver = await Receiver.start();
    const remove = box.storage.removeFromFeed.bind(box.storage);
    box.storage.removeFromFeed = (feed, positions) => (broken ? Promise.reject(new Error("disk")) : remove(feed, positions));
    await box.stream("shop", receiver.url);
    broken = true;
    await box.tell("shop", newGrant(), "grant-paused");
    await receiver.until(1);
    await eventually(() => expect(box.said.join()).toContain("disk"));
    await box.tell("shop", newGrant(), "grant-paused");
    await receiver.until(2);
    broken = false;
    box.clock.pass(6 * SECOND);
    box.outbox.wake();
    await settled(box, "shop");
    expect(receiver.got, "none twice").toHaveLength(2);
  });
});
