import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bulkRead } from "../../vendor-sdk/changes/bulk-read.ts";
import { linesOf } from "../../vendor-sdk/changes/ndjson.ts";
import { memoryState, type StateStore } from "../../vendor-sdk/state.ts";
import { type Scene, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";
import type { StandIn } from "./stand-in.ts";

const mail = (address: string) => ({ value: { address } });

/** Some customers, of whom the second pauses, the third stops, and the first changes what it shares: after a first sync. */
async function busy(it: Scene, count: number): Promise<Map<string, string | undefined>> {
  const offered = it.server.offerBulk();
  offered.every = 2;
  const all = [];
  for (let at = 0; at < count; at++) all.push(await it.connect());
  for (const [at, { customer }] of all.entries()) await customer.put("profile/emails/e1", mail(`${at}@mail.example`));
  await it.vendor.sync(crm("before").sink);
  for (const [at, { customer }] of all.entries()) {
    if (at % 4 === 0) await customer.put("profile/emails/e1", mail(`new-${at}@mail.example`));
    if (at % 4 === 1) customer.state = "paused";
    if (at % 4 === 2) customer.state = "revoked";
    if (at % 4 === 3) await customer.put("profile/emails/e2", mail(`more-${at}@mail.example`));
  }
  return new Map(
    all.flatMap(({ customer, grant }, at) =>
      customer.state === "revoked" ? [] : [[grant.key, at % 4 === 0 ? `new-${at}@mail.example` : `${at}@mail.example`]],
    ),
  );
}

const addresses = (rows: ReturnType<typeof crm>["rows"]): Map<string, unknown> =>
  new Map([...rows].map(([key, row]) => [key, row["profile/emails.1.address"]]));

/** Cuts the connection of each bulk read after so many of its bytes, and in pieces of these sizes. */
const cutting = (server: StandIn, cuts: number[], pieces: number): void => {
  server.send = async (text, response) => {
    const bytes = Buffer.from(text);
    const upTo = cuts.length === 0 ? bytes.length : Math.floor((cuts.shift() as number) * bytes.length);
    for (let at = 0; at < upTo; at += pieces) {
      if (!response.write(bytes.subarray(at, Math.min(upTo, at + pieces)))) await once(response, "drain");
      // Each piece on its way by itself.
      await new Promise(setImmediate);
    }
    return upTo === bytes.length ? "ended" : "cut";
  };
};

describe("a bulk read that is cut anywhere", () => {
  it("loses nothing and writes nothing twice, wherever it is cut and however it comes in", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 3 }),
        fc.integer({ min: 1, max: 5000 }),
        async (cuts, pieces) => {
          await using it = await scene({ maxRetries: 4, timeoutMs: 5000 });
          const { sink, rows } = crm();
          const wanted = await busy(it, 5);
          cutting(it.server, [...cuts], Math.max(100, pieces));
          const report = await it.vendor.sync(sink);
          expect(report.failed).toEqual([]);
          expect(addresses(rows)).toEqual(wanted);
          expect(await it.vendor.sync(sink)).toMatchObject({ created: 0, updated: 0, erased: 0, failed: [] });
          expect(it.server.arrived.filter(({ path }) => path.endsWith("/records"))).toEqual([]);
        },
      ),
      { numRuns: 6 },
    );
  });

  it("goes on behind the last cursor, not from the beginning", async () => {
    await using it = await scene({ maxRetries: 1 });
    const { sink } = crm();
    await busy(it, 8);
    it.server.arrived.length = 0;
    it.server.send = async (text, response, { query }) => {
      const whole = it.server.arrived.length > 1;
      // Behind the first cursor, in the middle of a line.
      const first = text.indexOf('"type":"cursor"');
      if (query.has("since") && !whole) response.write(text.slice(0, text.indexOf("\n", first) + 30));
      else response.write(text);
      return whole ? "ended" : "cut";
    };
    expect(await it.vendor.sync(sink)).toMatchObject({ failed: [] });
    const cursors = it.server.arrived.filter(({ path }) => path === "/api/changes").map(({ query }) => query.get("since"));
    expect(cursors).toHaveLength(2);
    expect(cursors[0]).not.toBe(cursors[1]);
  });

  it("says so where it is cut again and again, and has what came before", async () => {
    await using it = await scene({ maxRetries: 1 });
    const { sink, rows } = crm();
    for (let at = 0; at < 3; at++) await (await it.connect()).customer.put("profile/emails/e1", mail(`${at}@mail.example`));
    it.server.offerBulk();
    it.server.send = async (text, response) => {
      response.write(text.slice(0, text.length / 2));
      return "cut";
    };
    expect(await it.vendor.sync(sink)).toMatchObject({ failed: [{ key: "*", error: { code: "unavailable" } }] });
    const before = rows.size;
    it.server.send = undefined;
    expect(await it.vendor.sync(sink)).toMatchObject({ failed: [] });
    expect([before > 0, rows.size]).toEqual([true, 3]);
  });

  it("waits no longer than its patience for a server that stops talking, and ends what is aborted", async () => {
    await using it = await scene({ timeoutMs: 200 });
    const { sink } = crm();
    await (await it.connect()).customer.put("profile/emails/e1", mail("a@mail.example"));
    it.server.offerBulk();
    let silent = true;
    it.server.send = async (text, response) => {
      response.write(text.slice(0, 50));
      if (silent) await once(response, "close");
      response.write(text.slice(50));
      return "ended";
    };
    const started = performance.now();
    expect(await it.vendor.sync(sink)).toMatchObject({ failed: [{ key: "*", error: { code: "unavailable" } }] });
    expect(performance.now() - started).toBeLessThan(3000);
    const patient = it.restart({ timeoutMs: 60_000 });
    const end = new AbortController();
    setTimeout(() => end.abort(), 100);
    await expect(patient.sync(sink, { signal: end.signal })).rejects.toMatchObject({ name: "AbortError" });
    silent = false;
    expect(await patient.sync(sink)).toMatchObject({ created: 1, failed: [] });
  });

  it("ignores lines of types that it doesn't know, and goes on after the server's own fault", async () => {
    await using it = await scene({ maxRetries: 1 });
    const { sink } = crm();
    await (await it.connect()).customer.put("profile/emails/e1", mail("a@mail.example"));
    it.server.offerBulk();
    let faults = 1;
    it.server.send = async (text, response) => {
      const strange = `${text.replaceAll("\n", '\n{"type":"weather","of":"tomorrow"}\n')}`;
      response.write(faults-- > 0 ? '{"type":"fault","code":"unavailable","detail":"Later."}\n' : strange);
      return "ended";
    };
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
  });

  it.each([
    ["no JSON", "{\n"],
    ["a line without end", `{"type":"weather","of":"${"x".repeat(300_000)}"}\n`],
    ["a cursor that never moves", '{"type":"cursor","cursor":"1.0","more":true,"remaining":0}\n'],
    ["cursors that bring nothing", undefined],
  ])("refuses %s", async (_, text) => {
    await using it = await scene();
    const { sink } = crm();
    await (await it.connect()).customer.put("profile/emails/e1", mail("a@mail.example"));
    it.server.offerBulk();
    await it.vendor.sync(sink);
    let count = 0;
    it.server.send = async (_text, response) => {
      response.write(
        text ?? Array.from({ length: 200 }, () => `{"type":"cursor","cursor":"1.x${count++}","more":true,"remaining":0}\n`).join(""),
      );
      return "ended";
    };
    if (it.server.bulk !== undefined) it.server.bulk.lines = () => [];
    expect(await it.vendor.sync(sink)).toMatchObject({ failed: [{ key: "*", error: { code: "integrity" } }] });
  });

  it("splits any bytes into the lines that they are, whatever the pieces", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 12 }).map((each) => each.replace(/\s/g, ""));
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (texts, sizes) => {
          const bytes = Buffer.from(texts.map((each) => `${each}\n`).join(""));
          async function* chunks() {
            for (let at = 0, turn = 0; at < bytes.length; turn++) {
              const size = sizes[turn % sizes.length] as number;
              yield bytes.subarray(at, at + size);
              at += size;
            }
          }
          const lines: string[] = [];
          for await (const some of linesOf(chunks(), 1000)) lines.push(...some);
          expect(lines).toEqual(texts.filter((each) => each !== ""));
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("a crash at any moment of a bulk read", () => {
  /** Throws at the nth call of what is counted. */
  class Bomb {
    count = 0;
    at = Number.POSITIVE_INFINITY;
    tick(): void {
      if (++this.count === this.at) throw new Error("the process died");
      if (this.count > this.at) throw new Error("a dead process does nothing");
    }
  }

  it("loses nothing: the next process brings the sink to what it should be", async () => {
    const run = async (at: number): Promise<{ calls: number; rows: Map<string, unknown>; wanted: Map<string, unknown>; left: number }> => {
      const bomb = new Bomb();
      const store = memoryState();
      const state: StateStore = {
        get: store.get,
        list: store.list,
        set: async (key, text) => {
          bomb.tick();
          await store.set(key, text);
        },
        delete: async (key) => {
          bomb.tick();
          await store.delete(key);
        },
      };
      await using it = await scene({ state });
      const { sink, rows } = crm();
      const wanted = await busy(it, 4);
      await it.vendor.sync(sink);
      const moved = it.server.customers.values().next().value;
      await moved?.put("profile/emails/e1", mail("last@mail.example"));
      for (const [key, address] of wanted) if (address === "new-0@mail.example") wanted.set(key, "last@mail.example");
      const exploding = {
        ...sink,
        put: async (...args: Parameters<typeof sink.put>) => {
          bomb.tick();
          const done = await sink.put(...args);
          bomb.tick();
          return done;
        },
        erase: async (...args: Parameters<typeof sink.erase>) => {
          bomb.tick();
          const done = await sink.erase(...args);
          bomb.tick();
          return done;
        },
        commit: async () => {
          bomb.tick();
          await sink.commit();
          bomb.tick();
        },
      };
      // Everything anew, into an empty sink.
      for (const key of await store.list("feed/")) await store.delete(key);
      rows.clear();
      bomb.count = 0;
      bomb.at = at;
      await it
        .restart()
        .sync(exploding)
        .catch(() => undefined);
      const calls = bomb.count;
      bomb.at = Number.POSITIVE_INFINITY;
      await it.restart().sync(sink);
      const again = await it.restart().sync(sink);
      expect(again).toMatchObject({ created: 0, updated: 0, erased: 0, failed: [] });
      return { calls, rows: addresses(rows), wanted, left: (await store.list("attestation/")).length };
    };
    const { calls } = await run(Number.POSITIVE_INFINITY);
    expect(calls).toBeGreaterThan(15);
    for (let at = 1; at <= calls; at++) {
      const { rows, wanted, left } = await run(at);
      expect([at, rows]).toEqual([at, wanted]);
      expect(left).toBe(0);
    }
  });
});

it("takes a stream of any length in the memory of one line, compressed as it asked, on one connection that is kept", async () => {
  const line = `${JSON.stringify({ type: "weather", of: "x".repeat(2000) })}\n`;
  const block = gzipSync(line.repeat(500));
  const headers: unknown[] = [];
  let connections = 0;
  const server = createServer(async (request, response) => {
    headers.push(request.headers["accept-encoding"]);
    response.writeHead(200, { "content-encoding": "gzip" });
    for (let at = 0; at < 100; at++) if (!response.write(block)) await once(response, "drain");
    response.end(gzipSync(`${JSON.stringify({ type: "cursor", cursor: `c${headers.length}`, more: headers.length < 2, remaining: 0 })}\n`));
  }).listen(0, "127.0.0.1");
  server.on("connection", () => connections++);
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const stream = async () => (await fetch(url, { headers: { "accept-encoding": "gzip" } })).body as unknown as AsyncIterable<Uint8Array>;
  let most = 0;
  const before = process.memoryUsage().rss;
  let cursors = 0;
  for await (const lines of bulkRead({ stream, on: () => undefined, maxRetries: 0 })(null)) {
    cursors += lines.length;
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  // 200 MB of text went by.
  expect([cursors, connections, headers]).toEqual([2, 1, ["gzip", "gzip"]]);
  expect(most).toBeLessThan(120_000_000);
  server.closeAllConnections();
  server.close();
});
