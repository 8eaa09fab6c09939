import { expect, test } from "vitest";
import type { ChangeLine } from "#protocol/changes.ts";
import { RATES } from "../../server/configuration/config.ts";
import { bulkLines, PACE } from "../../server/endpoints/bulk-lines.ts";
import { StorageError } from "../../server/storage/storage.ts";
import { withReplaced } from "../../server/storage/with-replaced.ts";
import { BEGINNING, nextWindow } from "../../server/store/change-window.ts";
import { changesFeedOf } from "../../server/store/changes.ts";
import { Customer } from "../support/customer.ts";
import { type System, silentLog } from "../support/system.ts";
import type { TestVendor } from "../support/vendor.ts";
import { linesOf } from "./bulk-reader.ts";
import { moveOver, twoServers } from "./moving.ts";
import { connect, EMAIL, scene } from "./scene.ts";

/** One answer to a reader that has looked at its feed, and comes to its grants only after `meanwhile`. */
async function readLate(
  { storage, clock }: System,
  vendor: TestVendor,
  meanwhile: () => Promise<unknown>,
  rates = RATES,
  between: () => Promise<unknown> = async () => {},
): Promise<ChangeLine[]> {
  const feed = changesFeedOf(vendor.clientId);
  const pace = { ...PACE, window: 1 };
  const window = await nextWindow(storage, feed, BEGINNING, pace.window);
  await meanwhile();
  const bulk = {
    storage,
    log: silentLog,
    now: clock.now,
    rates,
    reader: { clientId: vendor.clientId, jkt: "key" },
    size: { shares: 10, characters: 10_000 },
    note: () => {},
    feed,
    life: "life",
    pace,
    faultOf: (error: unknown) => {
      throw error;
    },
    keep: async () => {
      await between();
    },
    isOver: () => false,
  };
  let text = "";
  for await (const piece of bulkLines(bulk, BEGINNING, window)) text += piece;
  return linesOf(text);
}

const saidOf = (lines: readonly ChangeLine[], grant: string) => lines.filter((line) => "grant" in line && line.grant === grant);

test("of a grant whose customer moves while a reader is on its way, nobody hears that it has ended", async () => {
  await using at = await twoServers();
  const { grant } = (await connect(at)).grant;
  const said = saidOf(await readLate(at.system, at.vendor, () => moveOver(at)), grant);
  expect(said.map(({ type }) => type)).not.toContain("ended");
  expect(said.at(-1)).toMatchObject({ type: "moved", to: at.there.issuer });
});

test("of a store that is erased while a reader is on its way, the last word says what is owed", async () => {
  await using at = await twoServers();
  const { grant, tokens } = await connect(at);
  await at.vendor.pull(tokens.access_token, grant.grant);
  const said = saidOf(await readLate(at.system, at.vendor, () => at.customer.erase("now", true)), grant.grant);
  expect(said.at(-1)).toMatchObject({ type: "ended", delete_by: expect.any(String) });
});

test("what a frequency lets through counts, also where something came while its pages were read", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const contents = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`profile/emails/m${index}`, EMAIL]));
  await customer.commit({ records: contents });
  const { grant } = await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"], frequency: { max: 1 } })]), {
    contents,
  });
  let pages = 0;
  const later = { grant, path: "profile/emails/m3", content: EMAIL };
  const lines = await readLate(
    at.system,
    vendor,
    async () => {},
    RATES,
    async () => {
      if (++pages === 1) await customer.commit({ shares: [later] });
    },
  );
  expect(lines.at(-2)).toEqual({ type: "held", grant, until: null });
  const begun = lines.findLastIndex(({ type }) => type === "grant");
  const part = lines.slice(begun, -2);
  expect(part[0]).toMatchObject({ since: true });
  const paths = part.flatMap((line) => (line.type === "record" ? [line.path] : []));
  expect(paths.sort(), "all but what came later").toEqual(
    Object.keys(contents)
      .filter((path) => path !== later.path)
      .sort(),
  );
  expect(part.at(-1)).toMatchObject({ type: "read", grant });
});

test("a grant that has more pages than a minute has reads comes to its end", async () => {
  await using at = await scene();
  const contents = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`profile/emails/m${index}`, EMAIL]));
  await at.customer.commit({ records: contents });
  await at.customer.approve(await at.vendor.request(), { contents });
  const types = (await readLate(at.system, at.vendor, async () => {}, { ...RATES, pulls: 2 })).map(({ type }) => type);
  expect(types).toEqual(["grant", ...Object.keys(contents).map(() => "record"), "read", "cursor"]);
});

test("a store that has no room for another line gives nothing, and holds up no other; a full medium stops the answer", async () => {
  await using at = await scene();
  const full = await connect(at);
  const { account } = at.customer;
  at.customer = await Customer.register(at.system.issuer, at.system.clock.now);
  await at.customer.commit({ records: { "profile/emails/e1": EMAIL } });
  await connect(at);
  const refuse = () => Promise.reject(new StorageError("full", "as the test says"));
  const read = (more: Partial<System["storage"]>) => {
    const { storage } = at.system;
    const change: typeof storage.change = (id, work) => (id === account ? refuse() : storage.change(id, work));
    return readLate({ ...at.system, storage: withReplaced(storage, { change, ...more }) }, at.vendor, async () => {});
  };
  const lines = await read({});
  expect(saidOf(lines, full.grant.grant)).toEqual([{ type: "held", grant: full.grant.grant, until: null }]);
  expect(lines.map(({ type }) => type)).toEqual(expect.arrayContaining(["held", "record", "read", "cursor"]));
  await expect(read({ check: refuse })).rejects.toMatchObject({ code: "full" });
});
