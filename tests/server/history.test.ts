import { expect, test } from "vitest";
import type { HistoryEntry } from "#protocol/api.ts";
import type { Rows } from "../../server/rows.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import { noteRead } from "../../server/store/history.ts";
import { historyEntry } from "../../server/store/views.ts";
import { SECOND } from "../support/clock.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { connect, EMAIL, scene } from "./scene.ts";

const GRANT = "G".repeat(22);
const OTHER = "H".repeat(22);
const KEY = "K".repeat(43);

const readsOf = (history: readonly HistoryEntry[]) =>
  history.filter(({ type }) => type === "read").map(({ number, paths, count }) => ({ number, paths, count }));

test("each read stands there with its own time, and with its paths, also where they are those of the read before", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const { grant, tokens } = await connect(at);
  const pull = async (since?: string) => {
    system.clock.pass(SECOND);
    return vendor.pull(tokens.access_token, grant.grant, since);
  };
  const pages = [await pull(), await pull(), await pull()];
  const { position } = await customer.read();
  await customer.commit({
    records: { "profile/emails/e2": EMAIL },
    shares: [{ grant: grant.grant, path: "profile/emails/e2", content: EMAIL }],
  });
  const newer = await pull(pages[2]?.cursor);
  const nothing = await pull(newer.cursor);
  pages.push(newer, nothing, await pull(nothing.cursor), await pull());
  const history = (await customer.read()).history.filter(({ type }) => type === "read");
  expect(history.map(({ at }) => at)).toEqual(pages.map(({ receipt }) => receipt.at));
  expect(readsOf(history)).toEqual(
    pages.map(({ records, receipt }) => ({ number: receipt.read, paths: records.map(({ path }) => path), count: records.length })),
  );
  expect(readsOf(history).map(({ count }) => count)).toEqual([1, 1, 1, 1, 0, 0, 2]);
  expect(new Set(history.map(({ by }) => by)).size).toBe(1);
  for (const line of history) expect(line).toMatchObject({ grant: grant.grant, by: expect.stringMatching(/^[\w-]{43}$/) });
  const since = await customer.api.call("store", { query: { since: String(position - 1) } });
  expect(since.history.filter(({ type }) => type === "read")).toEqual(history.slice(2));
});

test("a long history comes whole in every page, whichever line has the paths", async () => {
  await using at = await scene();
  const { customer, system } = at;
  const { grant } = await connect(at);
  const { position } = await customer.read();
  const paths = Array.from({ length: 150 }, (_, index) => `profile/emails/a-long-name-of-an-address-${index}`);
  await system.storage.change(customer.account, async (store) => {
    let line: number | undefined;
    for (let number = 1; number <= 1200; number++)
      line = await noteRead(store, { at: system.clock.now(), grant: grant.grant, number, paths, by: KEY }, line);
  });
  const expected = Array.from({ length: 1200 }, (_, index) => ({ number: index + 1, paths: paths.slice(0, 100), count: 150 }));
  expect(readsOf((await customer.read()).history)).toEqual(expected);
  const lines: HistoryEntry[] = [];
  let pages = 0;
  for (let since: string | null = String(position); since !== null; pages++) {
    const page: Awaited<ReturnType<typeof customer.read>> = await customer.api.call("store", { query: { since } });
    lines.push(...page.history);
    since = page.more;
  }
  expect(pages).toBeGreaterThan(1);
  expect(readsOf(lines)).toEqual(expected);
});

test("what one read says is never another's: of another grant, key, or paths", async () => {
  await using folder = await scratchFolder();
  const told = [
    { grant: GRANT, paths: ["profile/name", "profile/emails/e1"], by: KEY },
    { grant: GRANT, paths: ["profile/name", "profile/emails/e1"], by: KEY },
    { grant: GRANT, paths: ["profile/name", "profile/emails/e1"], by: "L".repeat(43) },
    { grant: GRANT, paths: ["profile/name", "profile/emails/e2"], by: KEY },
    { grant: GRANT, paths: ["profile/name"], by: KEY },
    { grant: GRANT, paths: [], by: KEY },
    { grant: GRANT, paths: [], by: KEY },
    { grant: OTHER, paths: [], by: KEY },
    { grant: GRANT, paths: Array.from({ length: 101 }, (_, index) => `profile/emails/${index}`), by: KEY },
    { grant: GRANT, paths: Array.from({ length: 102 }, (_, index) => `profile/emails/${index}`), by: KEY },
  ].map((line, index) => ({ ...line, at: 1000 + index, number: index + 1 }));
  {
    await using storage = await openFileStorage<Rows>({ folder: folder.path });
    await storage.create(GRANT, async (store) => {
      let line: number | undefined;
      for (const each of told) line = await noteRead(store, each, line);
    });
  }
  await using storage = await openFileStorage<Rows>({ folder: folder.path });
  const lines = await storage.read(GRANT, async (store) =>
    Promise.all((await store.list("history", { limit: 100 })).map(([key, row]) => historyEntry(store, key, row))),
  );
  expect(lines).toEqual(
    told.map(({ at, grant, number, paths, by }, index) => ({
      position: index + 1,
      at: new Date(at).toISOString(),
      type: "read",
      grant,
      number,
      paths: paths.slice(0, 100),
      count: paths.length,
      by,
    })),
  );
});

test("ten thousand reads of the same fill the data folder with less than a hundred bytes each", async () => {
  await using folder = await scratchFolder();
  await using storage = await openFileStorage<Rows>({ folder: folder.path });
  const paths = Array.from({ length: 100 }, (_, index) => `profile/emails/e${index}`);
  const size = await storage.create(GRANT, async (store) => {
    let line: number | undefined;
    for (let number = 1; number <= 10_000; number++)
      line = await noteRead(store, { at: 1_790_000_000_000 + number, grant: GRANT, number, paths, by: KEY }, line);
    return JSON.stringify(await store.list("history", { limit: 100_000 })).length;
  });
  expect(size / 10_000).toBeLessThan(100);
});
