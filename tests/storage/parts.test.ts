import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Expiring } from "../../server/storage/file/expiring.ts";
import { decodeFrames, encodeFrame } from "../../server/storage/file/frames.ts";
import { Gate } from "../../server/storage/file/gate.ts";
import { range } from "./contract.ts";

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
