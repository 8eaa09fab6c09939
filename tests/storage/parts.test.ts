import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DataFolder } from "../../server/storage/file/data-folder.ts";
import { Expiring } from "../../server/storage/file/expiring.ts";
import { Feed } from "../../server/storage/file/feed.ts";
import { FeedLate } from "../../server/storage/file/feed-late.ts";
import { FeedNames } from "../../server/storage/file/feed-names.ts";
import { FeedPages } from "../../server/storage/file/feed-pages.ts";
import { decodeFrames, encodeFrame } from "../../server/storage/file/frames.ts";
import { Gate } from "../../server/storage/file/gate.ts";
import { Entry } from "../../server/storage/file/table.ts";
import { range } from "./contract.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

describe("frames", () => {
  const line = fc.jsonValue().map((value) => JSON.stringify(value));
  const frames = fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 4 }).map((all) => {
    let first = 1;
    return all.map((lines) => {
      const frame = { first, lines };
      first += lines.length;
      return frame;
    });
  });

  test("come back as they were, and a torn one is no frame", () => {
    fc.assert(
      fc.property(frames, fc.nat(), (all, cut) => {
        const encoded = all.map(encodeFrame);
        const bytes = Buffer.concat(encoded);
        expect(decodeFrames(bytes)).toEqual({ frames: all, end: bytes.length, goodAfter: false });
        const length = cut % (bytes.length + 1);
        const left = decodeFrames(bytes.subarray(0, length));
        expect(left.frames).toEqual(all.slice(0, left.frames.length));
        expect(left.end).toBe(encoded.slice(0, left.frames.length).reduce((sum, each) => sum + each.length, 0));
        expect(left.end + (encoded[left.frames.length]?.length ?? 1)).toBeGreaterThan(length);
        expect(left.goodAfter).toBe(false);
      }),
    );
  });

  test("any changed byte is noticed, and what comes after is seen", () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.integer({ min: 1, max: 255 }), (all, at, flip) => {
        fc.pre(all.length > 1);
        const encoded = all.map(encodeFrame);
        const bytes = Buffer.concat(encoded);
        const place = at % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(place) ^ flip, place);
        let hit = 0;
        for (let end = encoded[0]?.length ?? 0; end <= place; end += encoded[hit]?.length ?? 0) hit++;
        const found = decodeFrames(bytes);
        expect(found.frames).toEqual(all.slice(0, hit));
        expect(found.goodAfter).toBe(hit < all.length - 1);
      }),
    );
  });
});

describe("what expires", () => {
  test("is let go by time, whatever was read, and only then", () => {
    let now = 1_000_000;
    const values = new Expiring<number>(() => now);
    for (const n of range(1000)) values.set(`k${n}`, n, now + 1 + n * 1000);
    for (let passed = 0; passed < 1_200_000; passed += 10_000) {
      const alive = range(1000).filter((n) => 1_000_001 + n * 1000 > now);
      expect(range(1000).filter((n) => values.get(`k${n}`) === n)).toEqual(alive);
      // At most those of two minutes more, and a list for each minute.
      expect(values.size - alive.length).toBeLessThan(121 + 18);
      now += 10_000;
    }
    expect(values.size).toBe(0);
    values.set("again", 1, now + 30_000);
    values.set("again", 2, now + 300_000);
    now += 200_000;
    expect(values.get("again")).toBe(2);
  });
});

describe("a feed", () => {
  const entries = (count: number) => ({ appended: range(count).map((n) => Entry.written(String(n))) });
  /** One with two entries in its files. `onRead` comes between the reading of a page and its answer. */
  const start = async (onRead: (feed: Feed) => void | Promise<void>) => {
    const disk = new SimulatedDisk();
    const folder = new DataFolder(disk, "/disk/data");
    await folder.make();
    await folder.open();
    const place = folder.path("feeds", "ab", "cd");
    const make = () => {
      const files = { pages: new FeedPages(folder, "events/x", place), late: new FeedLate(folder, "events/x", place) };
      return new Feed(files, 3, () => 9, false);
    };
    const before = make();
    before.apply(1, entries(2));
    await before.write();
    const feed = make();
    const read = disk.read.bind(disk);
    let wasRead = false;
    disk.read = async (path) => {
      const bytes = await read(path);
      if (!path.endsWith("0000000000.json") || wasRead) return bytes;
      wasRead = true;
      await onRead(feed);
      return bytes;
    };
    return { disk, feed, positions: async () => (await feed.read(0, 99)).map(([position]) => position) };
  };

  test("what comes while it is read, at whatever moment, leaves no gap in what is answered", async () => {
    for (const hops of range(40)) {
      const { positions } = await start((feed) => {
        void (async () => {
          for (const _ of range(hops)) await undefined;
          feed.apply(2, entries(5));
        })();
      });
      const found = await positions();
      expect(found.length).toBeGreaterThan(1);
      expect([hops, found]).toEqual([hops, range(found.length).map((n) => n + 1)]);
    }
  });

  test("a page that is replaced, or removed, while it is read is read again", async () => {
    const replaced = await start(async (feed) => void (await feed.write()));
    replaced.feed.apply(2, entries(1));
    replaced.feed.apply(3, { removed: [1] });
    expect(await replaced.positions()).toEqual([2, 3]);
    const removed = await start(async (feed) => {
      feed.apply(2, { removed: [1, 2] });
      await feed.write();
    });
    const { disk } = removed;
    const read = disk.read.bind(disk);
    // Looked for when it is gone.
    disk.read = async (path) => ((await read(path)) === undefined ? undefined : read(path));
    expect(await removed.positions()).toEqual([]);
    expect(await disk.list("/disk/data/feeds/ab/cd")).toEqual(["head.json"]);
  });

  test("what changes while it is written stays changed", async () => {
    const { disk, feed, positions } = await start(() => {});
    feed.apply(2, entries(1));
    disk.beforeSync = async (site) => {
      if (site !== "feed's page: file") return;
      disk.beforeSync = undefined;
      feed.apply(3, { removed: [1, 3] });
      feed.apply(4, entries(1));
    };
    await feed.write();
    expect(feed.pinned).toBe(3);
    expect(await positions()).toEqual([2, 4]);
    await feed.write();
    expect(feed.pinned).toBeUndefined();
    expect(await positions()).toEqual([2, 4]);
  });

  test("the name of one that gets an entry while it is found empty stays", async () => {
    const names = new FeedNames(async () => ["events/a"]);
    const none = await names.list("events", "", 9, async () => {
      names.add("events/a");
      return false;
    });
    expect(none).toEqual([]);
    expect(await names.list("events", "", 9, async () => true)).toEqual(["events/a"]);
    expect(await names.list("events", "", 9, async () => false)).toEqual([]);
    expect(await names.list("events", "", 9, async () => true), "and only then").toEqual([]);
  });
});

describe("the gate", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("who waits too long is refused, and does not hold up those behind", async () => {
    const gate = new Gate();
    expect(gate.enter(false)).toBeUndefined();
    const writer = gate.enter(true);
    const reader = gate.enter(false);
    const refused = expect(writer).rejects.toMatchObject({ code: "failed" });
    await vi.advanceTimersByTimeAsync(29_000);
    let inside = false;
    void reader?.then(() => {
      inside = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(inside).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    await refused;
    await reader;
    gate.leave();
    gate.leave();
    expect(gate.enter(true)).toBeUndefined();
  });
});
