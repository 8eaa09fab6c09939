import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createGunzip } from "node:zlib";
import { expect, test } from "vitest";
import type { ChangeLine } from "#protocol/changes.ts";
import { consentObject } from "#protocol/consent-token.ts";
import type { Rows } from "../../server/rows.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { changesDocumentOf, changesFeedOf } from "../../server/store/changes.ts";
import { compact, hasGrown, KEEPING } from "../../server/store/compaction.ts";
import { keepFeeds } from "../../server/store/keep-feeds.ts";
import { DAY, HOUR } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { silentLog } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { BulkReader, linesOf } from "./bulk-reader.ts";
import { feedLength, fillStores } from "./filled-stores.ts";
import { connect, EMAIL, problemOf, refusal, scene } from "./scene.ts";

const types = (lines: ReadonlyArray<{ type: string }>): string => lines.map(({ type }) => type).join(" ");

/** The answer itself, whose bytes nobody takes until told. */
async function opened(vendor: TestVendor, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const token = await vendor.ownToken("changes");
  const url = `${vendor.issuer}/api/changes`;
  const proof = await vendor.proof("GET", url, token);
  const asked = request(url, { headers: { authorization: `DPoP ${token}`, dpop: proof, ...headers }, agent: false }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return answer;
}

test("a reader gets what there is, then what changes, then nothing", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { grant } = await connect(at);
  const reader = new BulkReader(vendor);
  const first = await reader.read();
  expect(types(first)).toBe("grant record read cursor");
  expect(first[0]).toMatchObject({ grant: grant.grant, consent: grant.token, complete: true, since: false });
  expect(first[1]).toMatchObject({ path: "profile/emails/e1", version: 1 });
  expect(first[3]).toMatchObject({ more: false, remaining: 0 });
  expect(types(await reader.read())).toBe("cursor");

  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e2", content: EMAIL }] });
  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e3", content: EMAIL }] });
  const second = await reader.read();
  expect(types(second)).toBe("grant record record read cursor");
  expect(second[0]).toMatchObject({ since: true });
  expect([...(reader.grants.get(grant.grant)?.records.keys() ?? [])].sort()).toEqual([
    "profile/emails/e1",
    "profile/emails/e2",
    "profile/emails/e3",
  ]);
  expect(types(await reader.read())).toBe("cursor");

  const reads = (await customer.read()).history.filter(({ type }) => type === "read");
  expect(reads.map(({ number, count }) => [number, count])).toEqual([
    [1, 1],
    [2, 2],
  ]);
  expect(second.find(({ type }) => type === "read")).toMatchObject({ read: 2 });
});

test("a pause, what was shared in it, its end, and the grant's end reach it", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { grant } = await connect(at);
  const reader = new BulkReader(vendor);
  await reader.read();
  const { position } = await customer.api.call("pause", { id: grant.grant });
  expect(types(await reader.read())).toBe("paused cursor");
  // A removal of what was shared before may come while it is paused.
  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: { value: null } }] });
  expect(types(await reader.read())).toBe("cursor");
  await customer.resume(grant.grant, position);
  const back = await reader.read();
  expect(types(back)).toBe("grant record read cursor");
  expect(back[1]).toMatchObject({ path: "profile/emails/e1", version: 2 });
  await customer.revoke(grant.grant, true);
  const [ended] = await reader.read();
  expect(ended).toMatchObject({ type: "ended", grant: grant.grant, state: "revoked", delete_by: expect.any(String) });
  expect(types(await reader.read())).toBe("cursor");
});

test("over its frequency a grant is held, and comes back by itself when its time has come", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const { grant } = await connect(at, { frequency: { max: 1, per: "P1D" } });
  const reader = new BulkReader(vendor);
  const began = system.clock.now();
  await reader.read();
  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e2", content: EMAIL }] });
  system.clock.pass(HOUR);
  const [held] = await reader.read();
  expect(held).toEqual({ type: "held", grant: grant.grant, until: new Date(began + DAY).toISOString() });
  await system.sweep();
  expect(types(await reader.read()), "not before").toBe("cursor");
  system.clock.pass(DAY - HOUR);
  await system.sweep();
  const back = await reader.read();
  expect(types(back)).toBe("grant record read cursor");
  expect(back[1]).toMatchObject({ path: "profile/emails/e2" });
  await system.sweep();
  expect(types(await reader.read()), "once").toBe("cursor");
});

test("a grant whose first values are on their way is held until they are there", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const request = await customer.api.call("request", { id: await vendor.request([vendor.ask({ paths: ["profile/emails"] })]) });
  const { given, consent, commit } = await customer.prepareGrant(request, request.authorization_details);
  customer.grants.set(consent.grant_id, { ...given, redirect: "" });
  const act = await customer.act({ action: "approve", grant: consent.grant_id, object: await consentObject(consent) });
  await customer.commit({ consent: { ...commit, complete: false }, acts: [act] });
  const reader = new BulkReader(vendor);
  expect(await reader.read()).toMatchObject([{ type: "held", until: null }, { type: "cursor" }]);
  await customer.commit({ shares: [{ grant: consent.grant_id, path: "profile/emails/e1", content: EMAIL }] });
  await reader.read();
  await customer.commit({ complete: [consent.grant_id] });
  const lines = await reader.read();
  expect(types(lines)).toBe("grant record read cursor");
  expect(lines[0]).toMatchObject({ complete: true });
});

test("expiry, and the end of a store that is erased at once, reach it; and no other vendor's grants", async () => {
  await using at = await scene();
  await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
  const { customer, vendor, system } = at;
  const end = `${new Date(system.clock.now() + DAY).toISOString().slice(0, 19)}Z`;
  const { grant: short } = await connect(at, { expires: end });
  const someone = await Customer.register(system.issuer, system.clock.now);
  const { grant: gone } = await connect({ ...at, customer: someone });
  await customer.addKit();
  const theirs = await customer.approve(await other.request([other.ask({ paths: ["profile/emails"] })]), { contents: {} });
  const reader = new BulkReader(vendor);
  expect(types(await reader.read())).toBe("grant record read grant record read cursor");
  await someone.erase("now", true);
  system.clock.pass(DAY);
  await system.sweep();
  const lines = await reader.read();
  expect(lines.slice(0, -1).sort((a, b) => ("state" in a && a.state < ("state" in b ? b.state : "") ? -1 : 1))).toMatchObject([
    { type: "ended", grant: short.grant, state: "expired" },
    { type: "ended", grant: gone.grant, state: "revoked", delete_by: expect.any(String) },
  ]);
  const others = new BulkReader(other);
  await others.read();
  expect([...others.grants.keys()]).toEqual([theirs.grant]);
  // Whatever stands in a feed, the grant itself says whose it is.
  await system.storage.append(changesFeedOf(vendor.clientId), [{ grant: theirs.grant, at: 0, from: 0, to: 1 }]);
  expect(types(await reader.read())).toBe("ended cursor");
});

test("an answer that is cut goes on from its last cursor: what was whole is not read again, what was not is", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const { grant } = await connect(at);
  const filled = await fillStores(
    system.storage,
    { account: customer.account, grant: grant.grant },
    { stores: 60, records: 5, bytes: 2_000 },
  );
  const reader = new BulkReader(vendor);
  const lines = linesOf(await (await reader.raw()).text());
  const at2 = lines.findIndex(({ type }) => type === "cursor");
  expect(at2, "a cursor on the way").toBeLessThan(lines.length - 1);
  const before = lines.slice(0, at2 + 3);
  reader.cursor = reader.take(before);
  const done = new Set(before.flatMap((line) => (line.type === "read" ? [line.grant] : [])));
  const rest = await reader.read();
  const begun = rest.flatMap((line) => (line.type === "grant" ? [line.grant] : []));
  expect(begun.filter((each) => done.has(each))).toEqual([]);
  expect(new Set([...done, ...begun])).toEqual(new Set([grant.grant, ...filled]));
  expect(reader.grants.size).toBe(61);
});

test("a grant of several pages is one part, each page a line in the history", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const { grant } = await connect(at);
  const [large] = await fillStores(
    system.storage,
    { account: customer.account, grant: grant.grant },
    { stores: 1, records: 2_500, bytes: 100 },
  );
  const reader = new BulkReader(vendor);
  const lines = await reader.readAll();
  const parts = lines.filter((line) => line.type === "grant" && line.grant === large);
  expect(parts).toHaveLength(1);
  expect(reader.grants.get(large ?? "")?.records.size).toBe(2_500);
  expect(lines.find((line) => line.type === "read" && line.grant === large)).toMatchObject({ read: 3 });
});

test("a reader that takes nothing holds the server up, not the other way round; one that goes frees its place", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const { grant } = await connect(at);
  const like = { account: customer.account, grant: grant.grant };
  const filled = await fillStores(system.storage, like, { stores: 80, records: 50, bytes: 4_000 });
  const read = async (): Promise<number> => {
    const accounts = await Promise.all(filled.map((each) => system.storage.find("grant", each)));
    const rows = await Promise.all(
      accounts.map((account, index) => system.storage.read(account ?? "", (store) => store.get("standings", filled[index] ?? ""))),
    );
    return rows.filter((row) => (row?.reads ?? 0) > 0).length;
  };
  const slow = await opened(vendor);
  const reads: number[] = [];
  const rests = async (): Promise<boolean> => {
    reads.push(await read());
    return reads.length > 1 && reads.at(-1) === reads.at(-2);
  };
  await expect.poll(rests, { interval: 300, timeout: 20_000 }).toBe(true);
  expect(reads.at(-1), "grants read for a reader that took nothing").toBeLessThan(70);

  const second = await opened(vendor);
  expect(await problemOf(await new BulkReader(vendor).raw())).toMatchObject({ status: 429, code: "rate_limited" });
  slow.destroy();
  second.destroy();
  await expect
    .poll(async () => await new BulkReader(vendor).raw().then((answer) => answer.body?.cancel().then(() => answer.status)), {
      timeout: 10_000,
    })
    .toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await read(), "nobody reads on for one that has gone").toBeLessThan(80);
});

test("compressed where it is asked for, each piece whole as it comes", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const { grant } = await connect(at);
  await fillStores(system.storage, { account: customer.account, grant: grant.grant }, { stores: 20, records: 20, bytes: 1_000 });
  const plain = await opened(vendor, { "accept-encoding": "gzip;q=0, br" });
  expect(plain.headers).toMatchObject({ vary: "Accept-Encoding", "content-type": "application/x-ndjson" });
  expect(plain.headers["content-encoding"]).toBeUndefined();
  const whole = linesOf(await textOf(plain));
  const zipped = await opened(vendor, { "accept-encoding": "br, gzip" });
  expect(zipped.headers["content-encoding"]).toBe("gzip");
  const lines = linesOf(await textOf(zipped.pipe(createGunzip())));
  const records = (of: readonly ChangeLine[]): number => of.filter(({ type }) => type === "record").length;
  expect(records(lines)).toBe(401);
  expect(records(whole)).toBe(401);
});

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

test("a cursor of another life, of nobody, or older than what the feed still knows is gone", async () => {
  await using at = await scene();
  const { vendor, system, customer } = at;
  const { grant } = await connect(at);
  const reader = new BulkReader(vendor);
  await reader.read();
  const good = Buffer.from(reader.cursor ?? "", "base64url").toString();
  for (const wrong of ["x", "", `${"A".repeat(22)}.1.0`, `${good}.5`, good.replace(".", "..")]) {
    reader.cursor = Buffer.from(wrong).toString("base64url");
    await expect(reader.read(), wrong).rejects.toMatchObject(refusal("cursor_expired"));
  }
  reader.cursor = Buffer.from(good).toString("base64url");
  await customer.revoke(grant.grant);
  const feed = changesFeedOf(vendor.clientId);
  expect(await compact(system.storage, feed, system.clock.now() + 399 * DAY, KEEPING), "what it superseded").toBe(1);
  expect(types(await reader.read({ keep: false }))).toBe("ended cursor");
  expect(await compact(system.storage, feed, system.clock.now() + 401 * DAY, KEEPING), "its last word").toBe(1);
  await expect(reader.read()).rejects.toMatchObject(refusal("cursor_expired"));
  reader.cursor = undefined;
  expect(types(await reader.read()), "whoever begins has nothing of it").toBe("cursor");
});

test("a feed is compacted when it has grown: what is left is one entry for each grant, and the newest as they came", async () => {
  await using at = await scene();
  const { vendor, system } = at;
  const feed = changesFeedOf(vendor.clientId);
  const keeping = { ...KEEPING, growth: 100, most: 50, grants: 4 };
  const entry = (n: number, days: number) => ({ grant: `grant-${n % 10}`, at: system.clock.now() - days * DAY, from: n, to: n + 1 });
  expect(await hasGrown(system.storage, feed, keeping)).toBe(false);
  await system.storage.append(
    feed,
    Array.from({ length: 100 }, (_, n) => entry(n, 8)),
  );
  expect(await hasGrown(system.storage, feed, keeping)).toBe(true);
  expect(await compact(system.storage, feed, system.clock.now(), keeping)).toBe(90);
  expect(await hasGrown(system.storage, feed, keeping)).toBe(false);
  expect(await system.storage.getDocument(changesDocumentOf(feed))).toEqual({
    compacted: 90,
    superseding: 100,
    dropped: 0,
    kept: 10,
    last: 100,
  });
  await system.storage.append(
    feed,
    Array.from({ length: 100 }, (_, n) => entry(n, 1)),
  );
  expect(await compact(system.storage, feed, system.clock.now(), keeping), "more than stay as they came").toBe(60);
  expect(await feedLength(system.storage, vendor.clientId)).toBe(50);
});

test("grants of stores that are older than the feeds get into them once", async () => {
  await using at = await scene();
  const { vendor, system, customer } = at;
  const { grant } = await connect(at);
  const feed = changesFeedOf(vendor.clientId);
  const old = await system.storage.readFeed(feed, { limit: 10 });
  await system.storage.removeFromFeed(
    feed,
    old.map(([position]) => position),
  );
  const reader = new BulkReader(vendor);
  expect(types(await reader.read())).toBe("cursor");
  for (let turn = 0; turn < 2; turn++) {
    await using _ = keepFeeds({ storage: system.storage, log: silentLog, now: system.clock.now });
    await expect.poll(() => feedLength(system.storage, vendor.clientId)).toBe(1);
  }
  expect(types(await reader.read())).toBe("grant record read cursor");
  expect([...reader.grants.keys()]).toEqual([grant.grant]);
  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: EMAIL }] });
  expect(types(await reader.read())).toBe("grant record read cursor");
});

test("what the medium fails in the middle ends the answer with the place to go on from, and a broken store holds up no other", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const { grant } = await connect(at);
  await fillStores(system.storage, { account: customer.account, grant: grant.grant }, { stores: 5, records: 2, bytes: 100 });
  const reader = new BulkReader(vendor);
  await reader.raw().then((answer) => answer.text());
  system.failWith("failed");
  const lines = await reader.read();
  expect(types(lines)).toBe("cursor fault");
  expect(lines[1]).toMatchObject({ code: "unavailable" });
  system.failWith(undefined);
  expect(types(await reader.read()).match(/grant record/g)).toHaveLength(6);
});

test("of many grants one has changed: nothing of the others is touched", async () => {
  await using folder = await scratchFolder();
  const touched: string[] = [];
  const counting = (storage: Storage<Rows>): Storage<Rows> =>
    new Proxy(storage, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (["change", "read", "find", "erase"].includes(String(name))) touched.push(String(name));
          return (member as (...all: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  const storage = {
    place: { kind: "embedded", folder: folder.path } as const,
    open: async (now: () => number) => counting(await openFileStorage<Rows>({ folder: folder.path, now })),
  };
  await using at = await scene({ storage });
  const { customer, vendor, system } = at;
  const { grant } = await connect(at);
  await fillStores(system.storage, { account: customer.account, grant: grant.grant }, { stores: 60, records: 1, bytes: 100 });
  const reader = new BulkReader(vendor);
  await reader.readAll();
  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e2", content: EMAIL }] });
  touched.length = 0;
  expect(types(await reader.read())).toBe("grant record read cursor");
  expect(touched).toEqual(["find", "change"]);
  touched.length = 0;
  expect(types(await reader.read())).toBe("cursor");
  expect(touched).toEqual([]);
});
