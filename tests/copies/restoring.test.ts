import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashOfConsent } from "#protocol/consent-token.ts";
import { hashOfHead, RESTORED_STEP, readHead, restoredObject } from "#protocol/head.ts";
import { markRestored } from "../../server/life.ts";
import { openStorage } from "../../server/storage/open.ts";
import type { StoragePlace } from "../../server/storage/place.ts";
import { EMAIL, NAME, problemOf, refusal } from "../server/scene.ts";
import { Clock, DAY, HOUR, MINUTE } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import type { System } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { run } from "./deployment.ts";
import { copyTo } from "./filled.ts";

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let clock: Clock;
let port: number;
let running: System | undefined;
let vendor: TestVendor;
let customer: Customer;

const place = (name: string): StoragePlace => ({ kind: "embedded", folder: join(folder.path, name) });
const start = async (name: string): Promise<System> => {
  running = await run(place(name), { port, clock });
  return running;
};
const stop = async (): Promise<void> => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
};

beforeEach(async () => {
  folder = await scratchFolder();
  clock = new Clock();
  port = await freePort();
  await start("first");
  const issuer = `http://localhost:${port}`;
  vendor = await TestVendor.start(issuer, clock.now);
  customer = await Customer.register(issuer, clock.now);
  await customer.commit({ records: { "profile/name": NAME, "profile/emails/e1": EMAIL } });
});

afterEach(async () => {
  await stop();
  await vendor[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function share(): Promise<{ grant: string; token: string; refresh: string }> {
  const details = [vendor.ask({ paths: ["profile/emails"] })];
  const { grant, redirect } = await customer.approve(await vendor.request(details), { contents: { "profile/emails/e1": EMAIL } });
  const { body } = await vendor.redeem(redirect);
  return { grant, token: body.access_token, refresh: body.refresh_token };
}

const refreshed = async (refresh: string): Promise<string> =>
  (await vendor.token({ grant_type: "refresh_token", refresh_token: refresh })).body.access_token;

/** What a disk's snapshot put back by hand comes to: a copy of the folder, and the operator's word. */
async function putBack(name: string, { from, pass = HOUR }: { from: number; pass?: number }): Promise<void> {
  await stop();
  await cp(join(folder.path, "snapshot"), join(folder.path, name), { recursive: true });
  const storage = await openStorage(place(name), { now: clock.now });
  await markRestored(storage, { now: clock.now(), from });
  await storage[Symbol.asyncDispose]();
  clock.pass(pass);
  await start(name);
}

async function snapshot(): Promise<number> {
  await stop();
  await cp(join(folder.path, "first"), join(folder.path, "snapshot"), { recursive: true });
  await start("first");
  return clock.now();
}

test("after a restore every grant is paused, the vendor hears of it, and each reads again once its customer resumes it", async () => {
  await customer.addKit();
  await vendor.listen();
  const one = await share();
  const other = await share();
  const page = await vendor.pull(one.token, one.grant);
  expect(page.records).toHaveLength(1);
  await vendor.heard();
  const from = await snapshot();
  clock.pass(DAY);
  await putBack("restored", { from });

  const token = await refreshed(one.refresh);
  expect(await problemOf(await vendor.pullRaw(token, one.grant))).toMatchObject({ status: 403, code: "grant_paused" });
  const told = (await vendor.heard()).filter(({ event }) => event === "grant-paused");
  expect(told.map(({ payload }) => payload.grant_id).sort()).toEqual([one.grant, other.grant].sort());
  expect(told[0]?.payload).toMatchObject({ initiating_entity: "system" });

  // Sessions of before are gone: the customer signs in again.
  await expect(customer.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
  await customer.login();
  const all = await customer.read();
  expect(all.restored).toEqual({ at: new Date(clock.now() - HOUR).toISOString(), from: new Date(from).toISOString() });
  expect(all.grants.every(({ paused, ended }) => paused !== null && ended === null)).toBe(true);
  expect(all.history.filter(({ type }) => type === "restored")).toHaveLength(1);
  expect(all.history.filter(({ type }) => type === "pause")).toHaveLength(2);

  await customer.resume(one.grant, all.grants.find(({ grant }) => grant === one.grant)?.paused?.position ?? 0);
  expect((await vendor.pull(token, one.grant)).records).toHaveLength(1);
  expect(await problemOf(await vendor.pullRaw(await refreshed(other.refresh), other.grant))).toMatchObject({ code: "grant_paused" });
  // It stays so over the next start.
  await stop();
  await start("restored");
  expect((await vendor.pull(await refreshed(one.refresh), one.grant)).records).toHaveLength(1);
});

test("what was revoked after the backup can't be read after the restore, by whatever token and whoever is first", async () => {
  const { grant, token, refresh } = await share();
  const from = await snapshot();
  await customer.revoke(grant);
  await putBack("restored", { from, pass: 0 });
  // Many at once: one of them is the first to touch the store.
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, async () => problemOf(await vendor.pullRaw(token, grant))),
    ...Array.from({ length: 5 }, async () => problemOf(await vendor.pullRaw(await refreshed(refresh), grant))),
  ]);
  for (const { code } of answers) expect(["grant_paused", "invalid_token"]).toContain(code);
  expect(answers.some(({ code }) => code === "grant_paused")).toBe(true);
});

test("an old access token that was revoked since does not come back with the backup", async () => {
  const { grant, token } = await share();
  const from = await snapshot();
  await vendor.form("/oauth/revoke", { token });
  await stop();
  await cp(join(folder.path, "snapshot"), join(folder.path, "restored"), { recursive: true });
  const storage = await openStorage(place("restored"), { now: clock.now });
  await markRestored(storage, { now: clock.now(), from });
  await storage[Symbol.asyncDispose]();
  await start("restored");
  await customer.login();
  const paused = (await customer.view(grant)).paused?.position ?? 0;
  await customer.resume(grant, paused);
  expect(await problemOf(await vendor.pullRaw(token, grant))).toMatchObject({ status: 401, code: "invalid_token" });
});

test("a cursor of the life that is lost is refused, however far the store has come since", async () => {
  const { grant, token, refresh } = await share();
  const first = await vendor.pull(token, grant);
  const from = await snapshot();
  const device = (await customer.read()).position;
  const before = { seq: customer.seq, head: customer.head, leaves: [...customer.leaves] };
  await customer.commit({ shares: [{ grant, path: "profile/emails/e1", content: EMAIL }] });
  const lost = await vendor.pull(token, grant, first.cursor);
  expect(lost.records).toHaveLength(1);
  const known = (await customer.read()).position;
  expect(known).toBeGreaterThan(device);
  await putBack("restored", { from });
  // The device of one who knows nothing of what was lost.
  Object.assign(customer, { seq: before.seq, head: before.head });
  for (const [key, leaf] of before.leaves) customer.leaves.set(key, leaf);
  await customer.login();
  await customer.resume(grant, (await customer.view(grant)).paused?.position ?? 0);
  // As many changes as were lost, and more.
  for (let at = 0; at < 4; at++) await customer.commit({ shares: [{ grant, path: "profile/emails/e1", content: EMAIL, version: 2 + at }] });
  const fresh = await refreshed(refresh);
  for (const cursor of [lost.cursor, first.cursor])
    expect(await problemOf(await vendor.pullRaw(fresh, grant, { since: cursor }))).toMatchObject({ status: 410, code: "cursor_expired" });
  const whole = await vendor.pull(fresh, grant);
  expect(whole.records.map(({ version }) => version)).toEqual([5]);
  expect((await vendor.pull(fresh, grant, whole.cursor)).records).toEqual([]);
  await expect(customer.api.call("store", { query: { since: String(known) } })).rejects.toMatchObject(refusal("cursor_expired"));
});

test("where counting goes on is the same for every store: two vendors of one customer can't tell by it", async () => {
  await customer.addKit();
  const mine = [await share(), await share()];
  const other = await Customer.register(customer.api.issuer, clock.now);
  const [me, details] = [customer, [vendor.ask({ paths: ["profile/emails"] })]];
  const { grant, redirect } = await other.approve(await vendor.request(details), { contents: { "profile/emails/e1": EMAIL } });
  const theirs = { grant, refresh: (await vendor.redeem(redirect)).body.refresh_token };
  await putBack("restored", { from: await snapshot() });
  const lives = new Set<number>();
  for (const [who, grants] of [
    [me, mine],
    [other, [theirs]],
  ] as const) {
    clock.pass(10 * MINUTE);
    await who.login();
    for (const { grant, refresh } of grants) {
      await who.resume(grant, (await who.view(grant)).paused?.position ?? 0);
      const { cursor } = await vendor.pull(await refreshed(refresh), grant);
      lives.add(Math.floor(Number(Buffer.from(cursor, "base64url").toString()) / 2 ** 24));
    }
  }
  expect(lives.size).toBe(1);
});

test("a device that knows a newer head goes on by an act, far above all that was seen; and not otherwise", async () => {
  const from = await snapshot();
  await customer.commit({ records: { "profile/name": { value: { given: "Ada", surname: "Lost" } } } });
  const seen = { seq: customer.seq, head: customer.head };
  await putBack("restored", { from });
  await customer.login();
  const { head } = await customer.read();
  const base = readHead(head).seq;
  expect(base).toBeLessThan(seen.seq);

  // It holds what it holds: the leaves are those of its own last commit, each record under a far higher version.
  const server = new Map(customer.leaves);
  const name = server.get("record profile/name");
  customer.leaves.set("record profile/name", { ...(name as NonNullable<typeof name>), version: RESTORED_STEP + 5 });
  customer.seq = base;
  customer.head = head;
  const draft = { records: { "profile/name": { value: { given: "Ada", surname: "Kept" } } } };
  const seq = seen.seq + RESTORED_STEP;
  const act = await customer.act({
    action: "restore",
    grant: null,
    object: await restoredObject({ prev: await hashOfHead(customer.head), seq }),
  });
  const body = async (change: object, acts = [act]) => customer.withHead({ ...(await customer.draft(draft)), acts }, change);

  await expect(customer.api.call("commit", { body: await body({ seq }) })).rejects.toMatchObject(refusal("invalid_head"));
  await expect(customer.api.call("commit", { body: await body({ seq, restored: true }, []) })).rejects.toMatchObject(
    refusal("act_required"),
  );
  await expect(customer.api.call("commit", { body: await body({ seq: base + 5, restored: true }) })).rejects.toMatchObject(
    refusal("invalid_head"),
  );
  await expect(customer.api.call("commit", { body: await body({ seq: seq + 1, restored: true }) })).rejects.toMatchObject(
    refusal("act_required"),
  );
  const reply = await customer.api.call("commit", { body: await body({ seq, restored: true }) });
  expect(reply.seq).toBe(seq);
  expect(readHead((await customer.read()).head)).toMatchObject({ seq, restored: true });
});

test("a server that was never put back takes no restored head", async () => {
  const seq = customer.seq + RESTORED_STEP;
  const act = await customer.act({
    action: "restore",
    grant: null,
    object: await restoredObject({ prev: await hashOfHead(customer.head), seq }),
  });
  const body = await customer.withHead({ ...(await customer.draft({})), acts: [act] }, { seq, restored: true });
  await expect(customer.api.call("commit", { body })).rejects.toMatchObject(refusal("invalid_head"));
  expect((await customer.read()).restored).toBeNull();
});

test("a revocation that the device remembers is sent again as it was signed, and ends the grant", async () => {
  const { grant } = await share();
  const from = await snapshot();
  const act = await customer.act({ action: "revoke", grant, object: await hashOfConsent(customer.grants.get(grant)?.token ?? "") });
  await customer.api.call("revoke", { id: grant, body: { act, askDeletion: false } });
  clock.pass(DAY);
  await putBack("restored", { from });
  await customer.login();
  expect((await customer.view(grant)).ended).toBeNull();
  const forged = { ...act, act: { ...act.act, at: new Date(clock.now() - 3 * DAY).toISOString() } };
  await expect(customer.api.call("revoke", { id: grant, body: { act: forged, askDeletion: false } })).rejects.toMatchObject(
    refusal("invalid_act"),
  );
  await customer.api.call("revoke", { id: grant, body: { act, askDeletion: false } });
  expect((await customer.view(grant)).ended).toMatchObject({ state: "revoked", actor: "customer" });
});

test("stores that begin after the restore, and what they grant, are as any other", async () => {
  await share();
  const from = await snapshot();
  await putBack("restored", { from });
  customer = await Customer.register(customer.api.issuer, clock.now);
  await customer.commit({ records: { "profile/emails/e1": EMAIL } });
  const { grant, token } = await share();
  clock.pass(MINUTE);
  await running?.sweep();
  expect((await vendor.pull(token, grant)).records).toHaveLength(1);
  expect((await customer.read()).restored).toBeNull();
});

test("the sweep is held to it too: what is due is done after the pause", async () => {
  const { grant } = await share();
  const from = await snapshot();
  await customer.erase("later");
  await putBack("restored", { from });
  clock.pass(100 * DAY);
  await running?.sweep();
  await customer.login();
  const { history } = await customer.read();
  const kinds = history.filter((line) => line.grant === grant || line.type === "restored").map(({ type }) => type);
  expect(kinds.slice(-2)).toEqual(["restored", "expire"]);
});

const fileOf = ({ account }: Customer): string =>
  join(folder.path, "first", "stores", account.slice(0, 2), account.slice(2, 4), `${account}.json`);

test.each([
  ["damaged", async (file: string) => writeFile(file, (await readFile(file, "latin1")).replace("tables", "tablez"))],
  ["lost", (file: string) => rm(file)],
])("the one file that is %s ends nothing; put back from a copy, it reads nothing until its customer says so", async (_, harm) => {
  const { grant, refresh } = await share();
  const hers = customer;
  customer = await Customer.register(vendor.issuer, clock.now);
  await customer.commit({ records: { "profile/emails/e1": EMAIL } });
  const other = await share();
  await stop();
  const copy = await readFile(fileOf(hers));
  await start("first");
  await hers.login();
  await hers.revoke(grant);
  await stop();
  await harm(fileOf(hers));
  await start("first");
  const answer = await vendor.token({ grant_type: "refresh_token", refresh_token: refresh });
  expect([answer.status, answer.body.error]).toEqual([503, "temporarily_unavailable"]);
  expect((await vendor.pull(await refreshed(other.refresh), other.grant)).records).toHaveLength(1);
  await writeFile(fileOf(hers), copy);
  const to = join(folder.path, "none.copy");
  await expect(copyTo(running?.storage as never, to), "nobody could tell from a copy").rejects.toMatchObject({ code: "corrupt" });
  for (let starts = 0; starts < 2; starts++) {
    expect(await problemOf(await vendor.pullRaw(await refreshed(refresh), grant))).toMatchObject({ code: "grant_paused" });
    await stop();
    await start("first");
  }
  expect((await vendor.pull(await refreshed(other.refresh), other.grant)).records).toHaveLength(1);
  await hers.login();
  const store = await hers.read();
  expect(store.restored).toEqual({ at: expect.any(String), from: null });
  const types = store.history.map(({ type }) => type).filter((type) => type === "restored" || type === "pause" || type === "revoke");
  expect(types).toEqual(["restored", "pause"]);
  // And what her device knows beyond it, it can bring back as after any restore.
  hers.head = store.head;
  hers.seq = readHead(store.head).seq;
  const seq = hers.seq + 2 * RESTORED_STEP;
  const act = await hers.act({ action: "restore", grant: null, object: await restoredObject({ prev: await hashOfHead(hers.head), seq }) });
  const body = await hers.withHead({ ...(await hers.draft({})), acts: [act] }, { seq, restored: true });
  expect((await hers.api.call("commit", { body })).seq).toBe(seq);
  expect((await hers.read()).restored, "the commit forgets nothing of it").not.toBeNull();
  const again = await customer.login().then(() => customer.read());
  expect(again.restored, "of another store, nothing was put back").toBeNull();
});
