import { setTimeout as sleep } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import { expect, test } from "vitest";
import { sent, takesGzip } from "../../server/lines.ts";

/** Pieces that come when they are let, and what became of them. */
function pieces(count: number) {
  const state = { made: 0, ended: 0, left: false };
  const lines = {
    pieces: (async function* () {
      try {
        for (; state.made < count; ) yield `${state.made++}\n`;
      } finally {
        state.left = true;
      }
    })(),
    end: async () => {
      state.ended++;
    },
    records: () => state.made,
  };
  return { state, lines };
}

test("what was made so far can be read while more is on its way, compressed or not", async () => {
  for (const gzip of [false, true]) {
    const { lines } = pieces(3);
    const { body, done } = sent(lines, { gzip });
    const reader = body.getReader();
    const gunzip = createGunzip();
    const texts: string[] = [];
    gunzip.on("data", (bytes: Buffer) => texts.push(bytes.toString()));
    for (let count = 1; count <= 3; count++) {
      const { value } = await reader.read();
      if (gzip) gunzip.write(value);
      else texts.push(Buffer.from(value ?? []).toString());
      await expect.poll(() => texts.join("")).toBe("0\n1\n2\n".slice(0, 2 * count));
    }
    for (let over = false; !over; ) {
      const { value, done: end } = await reader.read();
      over = end;
      if (value !== undefined) gunzip.write(value);
    }
    expect(await done).toBe(3);
  }
});

test("nothing is made that nobody takes; who goes, or takes nothing for long, ends it once", async () => {
  const gone = pieces(100);
  const first = sent(gone.lines, { gzip: false });
  await sleep(10);
  expect(gone.state.made, "nobody has asked yet").toBe(0);
  const reader = first.body.getReader();
  await reader.read();
  await sleep(10);
  expect(gone.state.made).toBe(1);
  await reader.cancel();
  expect(await first.done).toBe(1);
  expect(gone.state).toEqual({ made: 1, ended: 1, left: true });

  const stalled = pieces(100);
  const second = sent(stalled.lines, { gzip: true, stall: 20 });
  const slow = second.body.getReader();
  await slow.read();
  await second.done;
  expect(stalled.state).toEqual({ made: 1, ended: 1, left: true });
  await expect(slow.read()).rejects.toThrow("took nothing");
});

test("gzip where it is asked for", () => {
  for (const yes of ["gzip", "br, GZIP;q=0.5", "x-gzip", "*", "deflate, *;q=0.1"]) expect(takesGzip(yes), yes).toBe(true);
  for (const no of [undefined, "", "br", "gzip;q=0", "identity", "*;q=0", "gzip;q=0, *"]) expect(takesGzip(no), String(no)).toBe(false);
});
