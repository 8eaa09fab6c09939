import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { hashOfHead, RESTORED_STEP, readHead, restoredObject } from "#protocol/head.ts";
import { markRestored } from "../../server/life.ts";
import { openStorage } from "../../server/storage/open.ts";
import type { StoragePlace } from "../../server/storage/place.ts";
import { appOf, goOnAt, offer, openByKit } from "../server/moving.ts";
import { connect, EMAIL, NAME, scene } from "../server/scene.ts";
import type { Clock } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { startSystem } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { run } from "./deployment.ts";

const place = (folder: string, name: string): StoragePlace => ({ kind: "embedded", folder: join(folder, name) });

async function putBack(at: StoragePlace, clock: Clock): Promise<void> {
  const storage = await openStorage(at, { now: clock.now });
  await markRestored(storage, { now: clock.now(), from: null });
  await storage[Symbol.asyncDispose]();
}

test("a copy on its way that a restore puts back to before the old server was told is not thrown away: it may be the only one", async () => {
  await using folder = await scratchFolder();
  await using at = await scene();
  const { customer, system } = at;
  const { clock } = system;
  const kit = await customer.addKit();
  const { grant } = (await connect(at)).grant;
  const port = await freePort();
  const first = await run(place(folder.path, "first"), { port, clock });
  const api = appOf(first);
  await api.call("arrive", { body: { from: system.issuer, code: await offer(customer, first.issuer) } });
  await first[Symbol.asyncDispose]();
  await cp(join(folder.path, "first"), join(folder.path, "restored"), { recursive: true });
  const again = await run(place(folder.path, "first"), { port, clock });
  await openByKit(api, kit);
  await api.call("settle");
  await again[Symbol.asyncDispose]();

  await putBack(place(folder.path, "restored"), clock);
  clock.pass(LIMITS.move + 1);
  await using restored = await run(place(folder.path, "restored"), { port, clock });
  await restored.sweep();
  await restored.sweep();
  expect(await restored.storage.find("grant", grant)).toBe(customer.account);
  await openByKit(api, kit);
  expect((await api.call("store")).arriving).toBeNull();
});

test("a store that went on after a restore, far above all that was seen, can move", async () => {
  await using folder = await scratchFolder();
  await using there = await startSystem();
  const { clock } = there;
  const port = await freePort();
  const first = await run(place(folder.path, "first"), { port, clock });
  const customer = await Customer.register(first.issuer, clock.now);
  await using vendor = await TestVendor.start(first.issuer, clock.now);
  const kit = await customer.addKit();
  const details = [vendor.ask({ paths: ["profile/emails", "profile/phones"] })];
  const { grant, redirect } = await customer.approve(await vendor.request(details), { contents: { "profile/emails/e1": EMAIL } });
  const { refresh_token } = (await vendor.redeem(redirect)).body;
  await first[Symbol.asyncDispose]();
  await putBack(place(folder.path, "first"), clock);
  await using again = await run(place(folder.path, "first"), { port, clock });

  await customer.login();
  const seq = customer.seq + RESTORED_STEP;
  const object = await restoredObject({ prev: await hashOfHead(customer.head), seq });
  const acts = [await customer.act({ action: "restore", grant: null, object })];
  const draft = await customer.draft({ records: { "profile/name": NAME } });
  await customer.send(await customer.withHead({ ...draft, acts }, { seq, restored: true }));
  customer.seq = seq;
  const narrower = customer.grants.get(grant)?.consent.authorization_details.map((each) => ({ ...each, paths: ["profile/emails"] })) ?? [];
  const { given, commit } = await customer.prepareNarrowing(grant, narrower, { n: 1 + RESTORED_STEP });
  await customer.commit({ consent: commit });
  customer.grants.set(grant, { ...given, redirect: "" });
  await customer.resume(grant, (await customer.view(grant)).paused?.position ?? 0);

  const api = appOf(there);
  await api.call("arrive", { body: { from: again.issuer, code: await offer(customer, there.issuer) } });
  await openByKit(api, kit);
  await api.call("settle");
  await goOnAt(customer, api, kit);
  expect(readHead((await customer.read()).head).seq).toBeGreaterThan(seq);
  vendor.goTo(there.issuer);
  const { access_token } = (await vendor.token({ grant_type: "refresh_token", refresh_token })).body;
  expect((await vendor.pull(access_token, grant)).records).toHaveLength(1);
});
