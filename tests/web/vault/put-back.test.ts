import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ReplyOf } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { consentRecord } from "#protocol/consent-record.ts";
import { readConsent } from "#protocol/consent-token.ts";
import { HEAD_TYP, type Head, hashOfHead, RESTORED_STEP, readHead } from "#protocol/head.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import type { VaultEvent } from "../../../web/vault/context.ts";
import { type Device, type Shop, sharedWith, shop } from "./house.ts";
import { openRestorable, type RestoredHouse } from "./putting-back.ts";
import { accountOf, confirmedKit, granted, pulled, versionsOf } from "./vendor-side.ts";

type Sync = ReplyOf<"store">;

const DAY = 86_400_000;
let house: RestoredHouse;
let device: Device;
let vendor: Shop;
let grant: string;

beforeEach(async () => {
  house = await openRestorable();
  device = house.device();
  await device.core.begin();
  vendor = shop();
  grant = await sharedWith(device, house, vendor);
});
afterEach(() => house[Symbol.asyncDispose]());

const reopened = (from = device): Device => house.device({ authenticator: from.authenticator, memory: from.memory });
const elsewhere = (): Device => house.device({ authenticator: device.authenticator });
const emailOf = ({ view }: Device): string => view.records.find(({ kind }) => kind === "profile/emails")?.path ?? "";
const addressOf = ({ view }: Device): unknown => view.records.find(({ kind }) => kind === "profile/emails")?.value;
const saves = (at: Device, address: string): Promise<void> => at.core.save({ path: emailOf(at), value: { address } });
const connection = (at: Device, id = grant) => at.view.connections.find((each) => each.grant === id);
/** What is in force, with other paths. */
const only = (at: Device, id: string, paths: readonly string[]): AuthorizationDetails =>
  connection(at, id)?.details.map((detail) => ({ ...detail, paths: [...paths] })) ?? [];
const sooner = (at: Device): AuthorizationDetails =>
  connection(at)?.details.map((detail) => ({
    ...detail,
    expires: `${new Date(Date.parse(detail.expires) - DAY).toISOString().slice(0, 19)}Z`,
  })) ?? [];
const headAt = async (): Promise<Head> =>
  readHead((await house.storage.read(accountOf(device), (store) => store.get("store", "store")))?.head ?? "");

async function isOpen(at: Device): Promise<Device> {
  await at.core.unlock();
  expect(at.view.alarms).toEqual([]);
  return at;
}

describe("a device that has seen nothing of what was lost", () => {
  it("says when the server was put back, and shows its shops as held; each reads again once it is resumed, by one prompt for all", async () => {
    const other = shop("Velo Cluj", "https://velo.example/client.json");
    await confirmedKit(device);
    const second = await granted(device, house, other, ["profile/name"]);
    await device.core.pause(second);
    await device.core.resume(second);
    const third = await granted(device, house, shop("Fornaio", "https://fornaio.example/client.json"), ["profile/name"]);
    await device.core.pause(third);
    const putBack = await house.copy();
    const from = house.clock.now();
    house.clock.pass(DAY);
    await putBack();

    const again = await isOpen(reopened());
    expect(again.view.restored).toEqual({
      at: new Date(house.clock.now() - 60_000).toISOString(),
      from: new Date(from).toISOString(),
      behind: null,
    });
    expect(again.view.connections.map((each) => [each.grant, each.state, each.putBack])).toEqual([
      [third, "paused", false],
      [second, "paused", true],
      [grant, "paused", true],
    ]);
    const prompts = again.authenticator.shown.length;
    await again.core.resume(second, grant);
    expect(again.authenticator.shown.length).toBe(prompts + 1);
    expect(again.view.connections.map((each) => [each.grant, each.state, each.putBack])).toEqual([
      [third, "paused", false],
      [second, "active", false],
      [grant, "active", false],
    ]);
  });

  it("shares above every version that a shop may have of what was lost, and below none that comes", async () => {
    const putBack = await house.copy();
    for (const address of ["b@example.org", "c@example.org", "d@example.org"]) await saves(device, address);
    const lost = [...(await versionsOf(house, device, grant, vendor))].map(([path, { version }]) => [path, version] as const);
    house.clock.pass(DAY);
    await putBack();
    const fresh = await isOpen(elsewhere());
    await fresh.core.resume(grant);
    const now = await versionsOf(house, fresh, grant, vendor);
    expect(lost.length).toBeGreaterThan(0);
    for (const [path, version] of lost) expect(now.get(path)?.version).toBeGreaterThan(version);
    expect(Object.values(await pulled(house, fresh, grant, vendor))).toEqual([{ value: { address: "ada@example.org" } }]);
    const [before] = [...now.values()];
    await saves(fresh, "e@example.org");
    const [after] = [...(await versionsOf(house, fresh, grant, vendor)).values()];
    expect(after?.content).toEqual({ value: { address: "e@example.org" } });
    expect(after?.version).toBeGreaterThan(before?.version ?? 0);
  });

  it("takes an import back as ever", async () => {
    const putBack = await house.copy();
    await putBack();
    const again = await isOpen(reopened());
    const id = await again.core.bring({
      file: "a.csv",
      format: "csv",
      edits: [
        { path: "profile/emails", value: { address: "brought@example.org" } },
        { path: "profile/name", value: { given: "Ada", surname: "Brought" } },
      ],
    });
    expect(await again.core.takeBack(id)).toEqual({ removed: 2, changed: 0 });
  });
});

describe("a stop that was made after the copy", () => {
  it("is sent again as it was signed, at the opening, and can't be resumed", async () => {
    const putBack = await house.copy();
    await device.core.stop(grant, { askDeletion: true });
    house.clock.pass(DAY);
    await putBack();
    const again = await isOpen(reopened());
    expect(connection(again)).toMatchObject({ state: "revoked", putBack: false, askedDeletion: true, endedBy: "customer" });
    const row = await house.storage.read(accountOf(device), (store) => store.get("standings", grant));
    expect(row?.ended).toMatchObject({ state: "revoked", actor: "customer" });
    const prompts = again.authenticator.shown.length;
    await expect(again.core.resume(grant)).rejects.toMatchObject({ code: "invalid" });
    expect(again.authenticator.shown.length).toBe(prompts);
    await saves(again, "after@example.org");
    expect((await isOpen(elsewhere())).view.connections[0]?.state).toBe("revoked");
  });

  it("holds here even where the server can't take it: the consent that it ends is lost", async () => {
    await device.core.save({ path: "profile/name", value: { given: "Ada", surname: "Byron" } });
    const paths = ["profile/emails", "profile/name"];
    await confirmedKit(device);
    const wide = await granted(device, house, shop("Velo Cluj", "https://velo.example/client.json"), paths);
    const putBack = await house.copy();
    await device.core.narrow(wide, only(device, wide, ["profile/emails", "profile/name:given"]));
    await device.core.narrow(wide, only(device, wide, ["profile/name:given"]));
    await device.core.stop(wide, { askDeletion: false });
    await putBack();
    const again = await isOpen(reopened());
    expect(connection(again, wide)?.state).toBe("revoked");
    await again.core.goOn();
    expect(connection(again, wide)?.state).toBe("revoked");
    await expect(again.core.resume(wide)).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("a device that has seen more than there is", () => {
  it("shows what there is, saves and gives nothing before its customer says so, and goes on far above, by one prompt", async () => {
    const putBack = await house.copy();
    await saves(device, "lost@example.org");
    const seen = await headAt();
    await putBack();
    const base = await headAt();

    const again = await isOpen(reopened());
    expect(again.view.restored?.behind).toEqual({ held: false });
    expect(addressOf(again)).toEqual({ address: "ada@example.org" });
    const prompts = again.authenticator.shown.length;
    await expect(saves(again, "too.early@example.org")).rejects.toMatchObject({ code: "put_back" });
    await expect(again.core.resume(grant)).rejects.toMatchObject({ code: "put_back" });
    expect(again.authenticator.shown.length).toBe(prompts);
    expect((await headAt()).seq).toBe(base.seq);

    await again.core.goOn();
    expect(again.authenticator.shown.length).toBe(prompts + 1);
    expect(await headAt()).toMatchObject({ restored: true, seq: seen.seq + RESTORED_STEP });
    expect(again.view.restored?.behind).toBeNull();
    await again.core.resume(grant);
    await saves(again, "new@example.org");
    expect(Object.values(await pulled(house, again, grant, vendor))).toEqual([{ value: { address: "new@example.org" } }]);
    expect((await isOpen(reopened())).view.restored?.behind).toBeNull();
  });

  it("saves again what is open in the tab: what was written, added and removed, and a shop's card; what is narrower stays so", async () => {
    await confirmedKit(device);
    const wide = await granted(device, house, shop("Velo Cluj", "https://velo.example/client.json"), ["profile/emails", "profile/name"]);
    const putBack = await house.copy();
    await saves(device, "kept@example.org");
    await device.core.save({ path: "profile/emails", value: { address: "added@example.org" } });
    const { relationship = "" } = connection(device) ?? {};
    await device.core.saveCard({ relationship }, { notes: "The bookshop" });
    await device.core.narrow(wide, only(device, wide, ["profile/name"]));
    house.clock.pass(DAY);
    await putBack();
    const events: VaultEvent[] = [];
    device.heard = (event) => events.push(event);
    await expect(device.core.refresh()).rejects.toMatchObject({ code: "signed_out" });
    expect(events).toEqual([{ away: true }]);
    await isOpen(device);
    expect(device.view.restored?.behind).toEqual({ held: true });
    await device.core.refresh();
    expect(device.view.restored?.behind).toEqual({ held: true });
    await device.core.goOn();
    expect(device.view.records.filter(({ kind }) => kind === "profile/emails").map(({ value }) => value)).toEqual(
      expect.arrayContaining([{ address: "kept@example.org" }, { address: "added@example.org" }]),
    );
    expect(device.view.vendors.find((each) => each.relationship === relationship)?.card).toEqual({ notes: "The bookshop" });
    expect(connection(device, wide)).toMatchObject({ state: "paused", putBack: true });
    expect(connection(device, wide)?.details.flatMap(({ paths }) => paths)).toEqual(["profile/name"]);
    const row = await house.storage.read(accountOf(device), (store) => store.get("grants", wide));
    expect((readConsent(row?.consent ?? "") as { n: number }).n).toBeGreaterThan(RESTORED_STEP);
    // Its record is whole over the leap.
    const facts = await device.core.consentFacts(wide);
    expect(facts.consents).toHaveLength(2);
    expect(() => consentRecord(facts)).not.toThrow();
    await device.core.resume(grant, wide);
    await device.core.narrow(grant, sooner(device));
    expect((await isOpen(reopened())).view.alarms).toEqual([]);
  });

  it("without the tab, says of which shop a later change is lost", async () => {
    const putBack = await house.copy();
    await device.core.narrow(grant, sooner(device));
    await putBack();
    const again = await isOpen(reopened());
    await again.core.goOn();
    expect(connection(again)).toMatchObject({ state: "paused", changeLost: true });
    expect(connection(await isOpen(reopened()))?.changeLost).toBe(true);
    await again.core.resume(grant);
    await again.core.narrow(grant, sooner(again));
    expect((await isOpen(reopened())).view.alarms).toEqual([]);
  });

  it("goes on where the first kit came after the copy, and makes one again", async () => {
    const putBack = await house.copy();
    await confirmedKit(device);
    await putBack();
    const again = await isOpen(reopened());
    expect(again.view.kit.confirmed).toBe(false);
    await again.core.goOn();
    await confirmedKit(again);
    expect((await isOpen(reopened())).view.kit.confirmed).toBe(true);
  });

  it("goes on after another that knew nothing of it has gone on as usual", async () => {
    const putBack = await house.copy();
    for (const address of ["b@example.org", "c@example.org"]) await saves(device, address);
    await putBack();
    const fresh = await isOpen(elsewhere());
    for (const address of ["x@example.org", "y@example.org", "z@example.org"]) await saves(fresh, address);
    const again = await isOpen(reopened());
    expect(again.view.restored?.behind).not.toBeNull();
    expect(addressOf(again)).toEqual({ address: "z@example.org" });
    await again.core.goOn();
    await fresh.core.refresh();
    expect(fresh.view.alarms).toEqual([]);
    await saves(fresh, "both@example.org");
    await again.core.refresh();
    expect(addressOf(again)).toEqual({ address: "both@example.org" });
  });

  it("is asked again only where the server is put back again; and goes on from there too", async () => {
    const putBack = await house.copy();
    await saves(device, "lost@example.org");
    await putBack();
    const again = await isOpen(reopened());
    await again.core.goOn();
    await again.core.resume(grant);
    const first = [...(await versionsOf(house, again, grant, vendor)).values()][0]?.version ?? 0;
    await saves(again, "lost.too@example.org");
    house.clock.pass(DAY);
    await putBack();
    const third = await isOpen(reopened());
    expect(third.view.restored?.behind).toEqual({ held: false });
    await third.core.goOn();
    await third.core.resume(grant);
    expect([...(await versionsOf(house, third, grant, vendor)).values()][0]?.version).toBeGreaterThan(first);
    // Silently, it is the alarm that it always was, though the server was put back once.
    const rewind = await house.rewind(accountOf(device));
    await saves(third, "silently.lost@example.org");
    await rewind();
    const lied = reopened();
    await expect(lied.core.unlock()).rejects.toMatchObject({ code: "tampered" });
    expect(lied.view).toBeUndefined();
  });
});

describe("a second device", () => {
  it("follows the head from before what was lost, from within it, and open or newly opened", async () => {
    const from = await isOpen(elsewhere());
    const putBack = await house.copy();
    await saves(device, "b@example.org");
    const within = await isOpen(elsewhere());
    await saves(device, "c@example.org");
    await putBack();
    const again = await isOpen(reopened());
    await again.core.goOn();
    await saves(again, "after@example.org");
    for (const other of [reopened(from), reopened(within), from, within]) {
      await isOpen(other);
      expect(other.view.restored?.behind).toBeNull();
      expect(addressOf(other)).toEqual({ address: "after@example.org" });
    }
    await saves(within, "together@example.org");
    await again.core.refresh();
    expect(addressOf(again)).toEqual({ address: "together@example.org" });
  });
});

describe("a server that lies about it", () => {
  const saysRestored = (answer: Sync): Sync => ({ ...answer, restored: { at: new Date(house.clock.now()).toISOString(), from: null } });
  const refused = async (at: Device, saw: RegExp): Promise<void> => {
    await expect(at.core.unlock()).rejects.toMatchObject({ code: "tampered", message: expect.stringMatching(saw) });
    expect(at.view).toBeUndefined();
  };

  it("puts a store back and says nothing", async () => {
    const putBack = await house.copy();
    await saves(device, "lost@example.org");
    await putBack({ silently: true });
    await refused(reopened(), /this device has seen head/);
  });

  it("says so, and shows a head that the store's key has not signed", async () => {
    const seq = device.view.head.seq + RESTORED_STEP;
    const other = await makeSigningPair();
    const forged = async (key: Parameters<typeof sign>[2], token: string): Promise<string> =>
      sign({ ...readHead(token), seq, restored: true, prev: await hashOfHead(token) }, HEAD_TYP, key);
    const lie = reopened();
    let token = "";
    lie.tamper = (name, answer: Sync) => {
      if (name === "store") token = answer.head;
      return name === "store" && made !== "" ? { ...saysRestored(answer), head: made, heads: [made] } : answer;
    };
    let made = "";
    await lie.core.unlock();
    made = await forged(other, token);
    await expect(lie.core.refresh()).rejects.toMatchObject({ code: "tampered" });
    expect(lie.view.alarms).toHaveLength(1);
    await refused(Object.assign(reopened(), { tamper: lie.tamper }), /not signed by/);
  });

  it("hides heads before one that is really `restored`, or shows others: it goes on from the one that it names", async () => {
    const putBack = await house.copy();
    await saves(device, "lost@example.org");
    await putBack();
    const before = await isOpen(elsewhere());
    await saves(before, "b@example.org");
    const again = await isOpen(reopened());
    await again.core.goOn();
    const liar = reopened(before);
    liar.tamper = (name, answer: Sync) => {
      if (name !== "store") return answer;
      const heads = answer.heads.filter((token) => readHead(token).restored);
      // A head that was signed for another place in the chain, in front of it.
      return { ...answer, heads: [lostHead, ...heads] };
    };
    const lostHead = (JSON.parse(device.sent.findLast((body) => body.startsWith('{"expectedSeq"')) ?? "") as { head: string }).head;
    await refused(liar, /does not go on from|differs|does not follow/);
  });

  it("says so to show one device less than there is, under a head that is not above what was seen", async () => {
    const putBack = await house.copy();
    await saves(device, "lost@example.org");
    await putBack();
    const again = await isOpen(reopened());
    await again.core.goOn();
    const old = await house.rewind(accountOf(device));
    await saves(again, "newer@example.org");
    await old();
    // The same restore as this device went along with: nothing new can explain it.
    await refused(reopened(again), /this device has seen head/);
  });
});
