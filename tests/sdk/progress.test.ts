import { expect, it } from "vitest";
import { progressOn, wordsOf } from "../../vendor-sdk/cli/progress.ts";

const at = (ms: number, done: number) => ({ done, remaining: 10_000 - done, records: done * 8, ms });

it("progress says what is done, what is left, how fast, and how long", () => {
  expect(wordsOf(at(2000, 1200))).toBe("1200 of 10000 grants, 9600 records, 4800 a second, 15 s left");
  expect(wordsOf(at(60_000, 100))).toBe("100 of 10000 grants, 800 records, 13 a second, 1.6 h left");
  expect(wordsOf(at(2000, 10_000))).toBe("10000 of 10000 grants, 80000 records, 40000 a second");
  expect(wordsOf(at(0, 0))).toBe("0 of 10000 grants, 0 records, 0 a second");
});

it("is drawn over in a terminal and wiped at the end; elsewhere it is a line now and then, and none for what is quick", () => {
  const shown = (isTTY: boolean) => {
    const texts: string[] = [];
    const { tell, end } = progressOn({ isTTY, write: (text) => texts.push(text) });
    for (let ms = 0; ms <= 25_000; ms += 50) tell(at(ms, ms / 50));
    end();
    return texts;
  };
  const drawn = shown(true);
  expect(drawn.length).toBeGreaterThan(200);
  expect([drawn.every((text) => text.startsWith("\r\x1b[K") && !text.includes("\n")), drawn.at(-1)]).toEqual([true, "\r\x1b[K"]);
  const written = shown(false);
  expect(written).toHaveLength(2);
  expect(written.every((text) => /^\d+ of 10000 grants, .*left\n$/.test(text))).toBe(true);
});
