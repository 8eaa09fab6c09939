import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API } from "#protocol/api.ts";
import { canonical, hashOf, utf8 } from "#protocol/canonical.ts";
import { openExport } from "#protocol/sealing/export.ts";
import { readKitCode } from "#protocol/sealing/kit-code.ts";
import { storeJson } from "../../../web/leaving/store-json.ts";
import { type PlainExport, type SealedExport, VaultError, type VaultErrorCode } from "../../../web/vault/vault.ts";
import { softwareAuthenticator } from "./authenticator.ts";
import { type Device, type House, openHouse, sharedWith, shop } from "./house.ts";

let house: House;
let elsewhere: House;
beforeAll(async () => {
  [house, elsewhere] = await Promise.all([openHouse(), openHouse()]);
});
afterAll(() => Promise.all([house[Symbol.asyncDispose](), elsewhere[Symbol.asyncDispose]()]));

const PURCHASES = 1_200;
const purchases = Array.from({ length: PURCHASES }, (_, at) => ({
  path: "purchases",
  value: {
    item: `Thing ${at}`,
    seller: at % 3 === 0 ? "Libreria Aldina" : "Velo Cluj",
    date: `2026-0${1 + (at % 9)}-1${at % 10}`,
    recipient: at % 5 === 0 ? "gift" : "self",
    ...(at % 2 === 0 ? { price: { amount: `${at}.50`, currency: "EUR" } } : {}),
  },
}));

/** A store with a shop that reads, two kinds typed by hand and one that was imported. */
async function furnished(authenticator = softwareAuthenticator(house.origin)): Promise<Device> {
  const device = house.device({ authenticator });
  await device.core.begin();
  await sharedWith(device, house, shop());
  await device.core.save({ path: "profile/name", value: { given: "Ottavia", surname: "Bellini ‮" } });
  await device.core.saveCard({ relationship: device.view.vendors[0]?.relationship ?? "" }, { view: "friend", notes: "They know me" });
  await device.core.bring({ file: "orders.csv", format: "csv", edits: purchases });
  return device;
}
const bytes = async (file: Blob): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer());
const refused = (work: Promise<unknown>): Promise<VaultErrorCode | "done"> =>
  work.then(
    () => "done",
    (error: { code: VaultErrorCode }) => error.code,
  );
/** What of store.json must be the same in a store that came of an export. */
const kept = (plain: PlainExport): string => {
  const { records, vendors } = JSON.parse([...storeJson(plain)].join(""));
  return JSON.stringify({ records, vendors });
};
/** As the acts name it that this device has sent. */
function accountOf(device: Device): string {
  const [, account] =
    device.sent.map((body) => /"act":\{[^{}]*"account":"([A-Za-z0-9_-]{22})"/.exec(body)).find((found) => found !== null) ?? [];
  if (account === undefined) throw new Error("no act was sent");
  return account;
}

describe("taking everything along", () => {
  test("a sealed file restores into a new store on another server, byte for byte", async () => {
    const device = await furnished();
    const { file, groups } = await device.core.exportSealed();
    const plain = await device.core.exportPlain();
    expect(plain.records.filter(({ path }) => path.startsWith("purchases/"))).toHaveLength(PURCHASES);
    expect(plain.vendors).toHaveLength(1);
    expect(plain.connections).toHaveLength(1);

    const other = elsewhere.device();
    const summary = await other.core.openExport(await bytes(file), groups.join(" ").toLowerCase());
    expect(summary.count).toBe(plain.records.length);
    expect(summary.kinds).toEqual({ "profile/emails": 1, "profile/name": 1, purchases: PURCHASES, imports: 1 });
    await other.core.begin();
    const progress: number[] = [];
    await other.core.restore({ onProgress: ({ done }) => progress.push(done) });
    const after = await other.core.exportPlain();
    expect(kept(after)).toBe(kept(plain));
    expect(after.connections).toEqual([]);
    expect(progress.length).toBeGreaterThan(1);
    expect(progress.at(-1)).toBe(PURCHASES + 4);
    expect(other.view.alarms).toEqual([]);
    expect(other.view.vendors[0]?.grants).toEqual([]);

    // And on: what it now holds is as good an export as the first.
    const again = await other.core.exportSealed();
    await other.core.openExport(await bytes(again.file), groups.join("")).then(
      () => expect.unreachable(),
      (error: { code: string }) => expect(error.code).toBe("wrong_code"),
    );
    expect((await other.core.openExport(await bytes(again.file), again.groups.join(""))).count).toBe(summary.count);
  });

  test("two exports of the same contents hold the same, in the same order, under another id and code", async () => {
    const device = await furnished();
    const read = async ({ file, groups }: SealedExport): Promise<string> => {
      const all: string[] = [];
      for await (const entry of openExport((await readKitCode(groups.join(""))) ?? new Uint8Array(), await bytes(file)))
        all.push(canonical(entry));
      return all.join("\n");
    };
    const one = await device.core.exportSealed();
    const two = await device.core.exportSealed();
    expect(two.groups).not.toEqual(one.groups);
    expect((await bytes(one.file)).length).toBe((await bytes(two.file)).length);
    expect(await read(two)).toBe(await read(one));
    const paths = [...(await read(one)).matchAll(/"record":\{"path":"([^"]+)"/g)].map(([, path]) => path);
    expect(paths.length).toBeGreaterThan(PURCHASES);
    expect(paths).toEqual([...paths].sort());
  });

  test("nothing leaves before the passkey has said so, and the server is told that it did", async () => {
    const { prompts, ...rest } = softwareAuthenticator(house.origin);
    let closed = false;
    const get: typeof prompts.get = (asked) => (closed ? Promise.reject(new VaultError("cancelled", "closed")) : prompts.get(asked));
    const device = await furnished({ ...rest, prompts: { ...prompts, get } });
    device.sent.length = 0;
    closed = true;
    expect(await refused(device.core.exportSealed())).toBe("cancelled");
    expect(await refused(device.core.exportPlain())).toBe("cancelled");
    expect(device.sent.filter((body) => body.includes('"what"'))).toEqual([]);
    closed = false;
    const { groups } = await device.core.exportSealed();
    const told = device.sent.filter((body) => body.includes('"what"')).map((body) => JSON.parse(body));
    expect(told.map(({ what, act }) => [what, act.act.action, act.act.object])).toEqual([["sealed", "export", await hashOf("sealed")]]);
    // The code is no one's but the customer's.
    for (const body of device.sent) expect(body.replaceAll("-", "")).not.toContain(groups.join(""));
  });

  test("holds no key, no way in, and not the account", async () => {
    const device = await furnished();
    const text = JSON.stringify(await device.core.exportPlain());
    expect(text).not.toContain(accountOf(device));
    for (const name of ['"d":', '"keys"', '"pauseSecret"', '"grant_key":', '"pins"']) expect(text).not.toContain(name);
    for (const { id } of device.view.ways) expect(text).not.toContain(id);
  });
});

describe("what isn't restored", () => {
  let file: Uint8Array;
  let code: string;
  beforeAll(async () => {
    const device = await furnished();
    const made = await device.core.exportSealed();
    file = await bytes(made.file);
    code = made.groups.join("");
  });

  test.each([
    ["a wrong code", () => [file, code.replace(/^./, (letter) => (letter === "A" ? "B" : "A"))], "wrong_code"],
    ["half a code", () => [file, code.slice(0, 16)], "wrong_code"],
    ["a cut file", () => [file.slice(0, -50_000), code], "invalid"],
    ["another kind of file", () => [utf8("BEGIN:VCARD\r\n"), code], "invalid"],
    ["a picture", () => [Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0xff, 0xfe]), code], "invalid"],
    ["sixty megabytes of something", () => [new Uint8Array(60_000_000), code], "invalid"],
    ["a later version", () => [utf8(new TextDecoder().decode(file).replace("export/1", "export/2")), code], "invalid"],
  ] as Array<[string, () => [Uint8Array, string], VaultErrorCode]>)("%s", async (_, given, expected) => {
    const device = elsewhere.device();
    expect(await refused(device.core.openExport(...given()))).toBe(expected);
    await device.core.begin();
    expect(await refused(device.core.restore())).toBe("invalid");
  });

  test("a store that holds something else in the place keeps it, and gets nothing", async () => {
    const device = elsewhere.device();
    await device.core.begin();
    await device.core.save({ path: "profile/name", value: { given: "Someone else" } });
    await device.core.openExport(file, code);
    expect(await refused(device.core.restore())).toBe("not_empty");
    expect(device.view.records.filter(({ value }) => value !== null)).toHaveLength(1);
  });

  test("a fault on the way takes back what came; then it works, into the same places", async () => {
    const device = elsewhere.device();
    await device.core.begin();
    await device.core.openExport(file, code);
    let commits = 0;
    device.tamper = (name, answer) => {
      if (name === "commit") {
        commits += 1;
        if (commits === 2) throw new Error("the line is cut");
      }
      return answer;
    };
    expect(await refused(device.core.restore())).toBe("offline");
    device.tamper = undefined;
    await device.core.refresh();
    expect(device.view.records.filter(({ value }) => value !== null)).toEqual([]);
    expect(device.view.vendors).toEqual([]);
    await device.core.restore();
    expect(device.view.records.filter(({ value }) => value !== null).length).toBeGreaterThan(PURCHASES);
    expect(device.view.alarms).toEqual([]);
  });

  test("stopped on the way, nothing stays", async () => {
    const device = elsewhere.device();
    await device.core.begin();
    await device.core.openExport(file, code);
    const stop = new AbortController();
    expect(await refused(device.core.restore({ signal: stop.signal, onProgress: () => stop.abort() }))).toBe("cancelled");
    expect(device.view.records.filter(({ value }) => value !== null)).toEqual([]);
  });
});

describe("erasing", () => {
  test("now: the server knows nothing of it, and neither does this browser", async () => {
    const device = await furnished();
    const account = accountOf(device);
    const before = device.cookie ?? "";
    expect(await device.memory.read(account)).toBeDefined();
    await device.core.erase({ when: "now", askDeletion: true });
    expect(device.state).toBe("signed-out");
    expect(await refused(device.core.unlock())).toBe("no_passkey");
    expect(await device.memory.read(account)).toBeUndefined();
    expect(
      (await fetch(`${house.origin}${API.session.path}`, { headers: { cookie: before, "sec-fetch-site": "same-origin" } })).status,
    ).toBe(401);
  });

  test("later: every shop stops at once, the store stays until then, and can be kept", async () => {
    const device = await furnished();
    const { at } = await device.core.erase({ when: "later", askDeletion: false });
    expect(Date.parse(at) - house.clock.now()).toBe(7 * 86_400_000);
    expect(device.view.erasing).toBe(at);
    expect(device.view.connections.map(({ state }) => state)).toEqual(["revoked"]);
    expect(device.view.alarms).toEqual([]);
    expect(device.view.records.length).toBeGreaterThan(PURCHASES);
    await device.core.keep();
    expect(device.view.erasing).toBeNull();
    expect(device.view.connections.map(({ state }) => state)).toEqual(["revoked"]);
    // Another device of the same store believes it too.
    const second = house.device({ authenticator: device.authenticator, memory: device.memory });
    await second.core.unlock();
    expect(second.view.alarms).toEqual([]);
    expect(second.view.erasing).toBeNull();
  });
});
