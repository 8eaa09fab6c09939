import { describe, expect, it } from "vitest";
import { type Content, grantKeyContext, openShare } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import { softwareAuthenticator } from "./authenticator.ts";
import { type Device, details, type House, openHouse, type Shop, sharedWith, shop, thumbprintOf } from "./house.ts";

/** What a vendor would have after a pull: every share that is there, opened with its own key. */
async function pulled(house: House, device: Device, grant: string, vendor: Shop): Promise<Record<string, Content>> {
  return house.storage.read(accountOf(device), async (store) => {
    const row = await store.get("grants", grant);
    const key = await openSealed(vendor.privateKey, row?.grantKey ?? "", grantKeyContext(grant, vendor.clientId));
    const shares = await store.list("shares", { prefix: `${grant}/`, limit: 10_000 });
    return Object.fromEntries(
      await Promise.all(shares.map(async ([, { path, version, body }]) => [path, await openShare(key, { grant, path, version, body })])),
    );
  });
}

function accountOf({ sent }: Device): string {
  const commit = JSON.parse(sent.findLast((body) => body.startsWith('{"expectedSeq"')) ?? "") as { head: string };
  return JSON.parse(Buffer.from(commit.head.split(".")[1] ?? "", "base64url").toString()).account;
}

const emailOf = ({ view }: Device) => view.records.find((record) => record.kind === "profile/emails");
const saveEmail = (device: Device, address: string): Promise<void> =>
  device.core.save({ path: emailOf(device)?.path ?? "", value: { address } });

/** Makes and confirms a kit; answers its code. */
async function confirmedKit(device: Device, replacing?: string): Promise<string> {
  const { groups, ask } = await device.core.makeKit(replacing);
  await device.core.confirmKit([groups[ask[0]] ?? "", groups[ask[1]]?.toLowerCase() ?? ""]);
  return groups.join(" ");
}

describe("a store in this browser", () => {
  it("begins with one prompt, shares with one, and keeps what is shared up to date", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    expect(device.state).toBe("unlocked");
    expect(device.authenticator.shown).toEqual(["create"]);
    expect(device.view.records.find((record) => record.path === "profile/name")?.value).toBeNull();

    const vendor = shop();
    const grant = await sharedWith(device, house, vendor);
    expect(device.authenticator.shown).toEqual(["create", "get"]);
    const path = emailOf(device)?.path ?? "";
    expect(emailOf(device)?.sharedWith).toEqual([{ grant, name: vendor.name, path, until: "2027-02-19T10:00:00.000Z" }]);
    const [alias = ""] = Object.keys(await pulled(house, device, grant, vendor));
    expect(alias).not.toBe(path);
    expect(await pulled(house, device, grant, vendor)).toEqual({ [alias]: { value: { address: "ada@example.org" } } });

    await saveEmail(device, "ada@new.example");
    expect(await pulled(house, device, grant, vendor)).toEqual({ [alias]: { value: { address: "ada@new.example" } } });
    await device.core.remove(path);
    expect(await pulled(house, device, grant, vendor)).toEqual({ [alias]: { removed: true } });
    expect(device.view.alarms).toEqual([]);
  });

  it("shares one of two new e-mails and the town of an address, and previews exactly that", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const vendor = shop();
    const request = await house.asks(vendor, details(["profile/emails", "profile/addresses", "profile/name"], house.clock.now()));
    expect(await device.core.request(request, await thumbprintOf(vendor))).toMatchObject({
      keyMatches: "yes",
      existing: null,
      state: "open",
    });
    const given = details(["profile/emails/b", "profile/addresses/home:town"], house.clock.now());
    const edits = [
      { path: "profile/emails", key: "a", value: { address: "private@example.org" } },
      { path: "profile/emails", key: "b", value: { address: "shop@example.org" } },
      { path: "profile/addresses", key: "home", value: { street: "Via Roma 1", locality: "Turin", countryCode: "IT" } },
    ];
    const preview = await device.core.preview(given, edits);
    expect(preview).toEqual([
      { path: "profile/emails/b", value: { address: "shop@example.org" } },
      { path: "profile/addresses/home:town", value: { locality: "Turin", countryCode: "IT" } },
    ]);
    const { redirect, grant } = await device.core.approve({ request, details: given, edits, notice: { text: "Shown", language: "en" } });
    expect(redirect).toMatch(/^https:\/\/aldina\.example\/back\?code=/);
    const values = Object.values(await pulled(house, device, grant, vendor));
    expect(values).toHaveLength(2);
    expect(values).toEqual(expect.arrayContaining(preview.map(({ value }) => ({ value }))));
    expect(device.view.records.filter((record) => record.kind === "profile/emails")).toHaveLength(2);
  });

  it("refuses to share more than was asked, a value that has not its kind's form, and with a key that the shop's link does not name", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const vendor = shop();
    const request = await house.asks(vendor, details(["profile/emails"], house.clock.now()));
    const approval = { request, details: details(["profile/emails"], house.clock.now()), edits: [], notice: { text: "", language: "en" } };
    await device.core.request(request, await thumbprintOf(vendor));
    await expect(
      device.core.approve({ ...approval, details: details(["profile/emails", "profile/phones"], house.clock.now()) }),
    ).rejects.toMatchObject({ code: "invalid" });
    await expect(
      device.core.approve({ ...approval, edits: [{ path: "profile/emails", value: { address: "no address" } }] }),
    ).rejects.toMatchObject({ code: "invalid" });
    expect(await device.core.request(request, await thumbprintOf(shop("Another")))).toMatchObject({ keyMatches: "no" });
    await expect(device.core.approve(approval)).rejects.toMatchObject({ code: "key_mismatch" });
    expect(device.authenticator.shown).toEqual(["create"]);
    expect(device.view.connections).toEqual([]);
  });

  it("refuses to sign when the server's clock is wrong", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    device.tamper = (name, answer: { at: string }) =>
      name === "act" ? { ...answer, at: new Date(house.clock.now() + 301_000).toISOString() } : answer;
    await expect(sharedWith(device, house, shop())).rejects.toMatchObject({ code: "failed" });
    expect(device.authenticator.shown).toEqual(["create"]);
  });

  it("never sends a passkey's secret", async () => {
    await using house = await openHouse();
    const secrets: string[] = [];
    const inner = softwareAuthenticator(house.origin);
    const noting = <T extends { prf: Uint8Array | undefined }>(answer: T): T => {
      secrets.push(Buffer.from(answer.prf ?? []).toString("base64url"));
      return answer;
    };
    const prompts = {
      get: async (asked: Parameters<typeof inner.prompts.get>[0]) => noting(await inner.prompts.get(asked)),
      create: async (making: Parameters<typeof inner.prompts.create>[0]) => noting(await inner.prompts.create(making)),
    };
    const device = house.device({ authenticator: { ...inner, prompts } });
    await device.core.begin();
    await sharedWith(device, house, shop());
    expect(secrets.filter((secret) => secret.length === 43)).toHaveLength(2);
    for (const secret of secrets) expect(device.sent.join("\n")).not.toContain(secret);
  });
});

describe("an approval whose answer is lost on the way", () => {
  /** Loses the next `count` answers to a commit that the server has made. */
  const losing = (device: Device, count: number): void => {
    let left = count;
    device.tamper = (name, answer) => {
      if (name === "commit" && left-- > 0) throw new Error("the connection broke");
      return answer;
    };
  };

  it("goes on all the same: one grant, one prompt, a code that works once", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    losing(device, 1);
    const vendor = shop();
    const grant = await sharedWith(device, house, vendor);
    expect(device.authenticator.shown).toEqual(["create", "get"]);
    expect(device.view.connections).toMatchObject([{ grant, state: "active" }]);
    expect(Object.values(await pulled(house, device, grant, vendor))).toEqual([{ value: { address: "ada@example.org" } }]);
    await saveEmail(device, "ada@new.example");
    expect(device.view.alarms).toEqual([]);
  });

  it("is not tried for ever", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    losing(device, 2);
    await expect(sharedWith(device, house, shop())).rejects.toMatchObject({ code: "offline" });
    const commits = device.sent.filter((body) => body.startsWith('{"expectedSeq"') && body.includes('"consent":{'));
    expect(commits).toHaveLength(2);
    expect(commits[0]).toBe(commits[1]);
  });
});

describe("opening it again", () => {
  it("opens by the passkey alone once its secret was read twice, also in a browser that has no memory", async () => {
    await using house = await openHouse();
    const first = house.device();
    await first.core.begin();
    expect(first.view.ways.find((way) => way.kind === "passkey")?.opens).toBe(false);
    await sharedWith(first, house, shop());
    expect(first.view.ways.find((way) => way.kind === "passkey")?.opens).toBe(true);

    const again = house.device({ authenticator: first.authenticator });
    await again.core.unlock();
    expect(again.state).toBe("unlocked");
    expect(emailOf(again)?.value).toEqual({ address: "ada@example.org" });
  });

  it("makes a passkey a way in only once two readings were the same", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const opens = () => device.view.ways.find((way) => way.kind === "passkey")?.opens;
    device.authenticator.changePrf();
    const grant = await sharedWith(device, house, shop());
    expect(opens()).toBe(false);
    await device.core.pause(grant);
    await device.core.resume(grant);
    expect(opens()).toBe(true);
    expect(device.view.ways.map((way) => [way.kind, way.here])).toEqual(expect.arrayContaining([["device", true]]));
  });

  it("without PRF opens by this browser's own key, and elsewhere asks for the kit", async () => {
    await using house = await openHouse();
    const first = house.device({ authenticator: softwareAuthenticator(house.origin, false) });
    await first.core.begin();
    await sharedWith(first, house, shop());
    expect(first.view.ways.map((way) => [way.kind, way.opens])).toEqual(
      expect.arrayContaining([
        ["passkey", false],
        ["device", true],
      ]),
    );
    const tab = house.device({ authenticator: first.authenticator, memory: first.memory });
    await tab.core.unlock();
    expect(emailOf(tab)?.value).toEqual({ address: "ada@example.org" });
    const elsewhere = house.device({ authenticator: first.authenticator });
    await expect(elsewhere.core.unlock()).rejects.toMatchObject({ code: "kit_needed" });
    expect(elsewhere.state).not.toBe("unlocked");
  });

  it("falls back to this browser's key when the passkey gives another secret, and says so elsewhere", async () => {
    await using house = await openHouse();
    const first = house.device();
    await first.core.begin();
    await sharedWith(first, house, shop());
    first.authenticator.changePrf();
    const tab = house.device({ authenticator: first.authenticator, memory: first.memory });
    await tab.core.unlock();
    expect(tab.state).toBe("unlocked");
    await expect(house.device({ authenticator: first.authenticator }).core.unlock()).rejects.toMatchObject({
      code: "kit_needed",
      message: expect.stringContaining("another secret"),
    });
  });

  it("knows a passkey of no store here", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await using other = await openHouse();
    await expect(other.device({ authenticator: device.authenticator }).core.unlock()).rejects.toMatchObject({ code: "no_passkey" });
  });

  it("opens the store that it is signed in to, also with a passkey of another one beside its own", async () => {
    await using house = await openHouse();
    const first = house.device();
    await first.core.begin();
    const other = house.device({ authenticator: first.authenticator });
    await other.core.begin();
    const tab = house.device({ authenticator: first.authenticator, memory: first.memory, session: first });
    await tab.core.start();
    await tab.core.unlock();
    await tab.core.save({ path: "profile/emails", value: { address: "ada@example.org" } });
    expect(accountOf(tab)).toBe(accountOf(first));
    expect(accountOf(tab)).not.toBe(accountOf(other));
  });

  it("sees that it is signed in but locked, and signs out", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.start();
    expect(device.state).toBe("signed-out");
    await device.core.begin();
    const account = accountOf(device);
    await device.core.signOut();
    expect(device.state).toBe("signed-out");
    expect(await device.memory.read(account)).toBeUndefined();
  });
});

describe("two devices", () => {
  it("rebases on what another device committed first, and loses neither change", async () => {
    await using house = await openHouse();
    const one = house.device();
    await one.core.begin();
    const vendor = shop();
    const grant = await sharedWith(one, house, vendor);
    const two = house.device({ authenticator: one.authenticator });
    await two.core.unlock();
    await saveEmail(one, "one@example.org");
    await two.core.save({ path: "profile/name", value: { given: "Ada" } });
    await one.core.refresh();
    expect(one.view.records.find((record) => record.path === "profile/name")?.value).toEqual({ given: "Ada" });
    expect(emailOf(two)?.value).toEqual({ address: "one@example.org" });
    expect(one.view.head).toEqual(two.view.head);
    expect(Object.values(await pulled(house, one, grant, vendor))).toEqual([{ value: { address: "one@example.org" } }]);
  });

  it("approves with one prompt although another device commits while the prompt is open", async () => {
    await using house = await openHouse();
    const one = house.device();
    await one.core.begin();
    await sharedWith(one, house, shop());
    await confirmedKit(one);
    const two = house.device({ authenticator: one.authenticator });
    await two.core.unlock();
    const vendor = shop("Second shop", "https://second.example/client.json");
    const prompts = one.authenticator.shown.length;
    const request = await house.asks(vendor, details(["profile/emails"], house.clock.now()));
    await two.core.request(request, await thumbprintOf(vendor));
    await saveEmail(one, "meanwhile@example.org");
    const { grant } = await two.core.approve({
      request,
      details: details(["profile/emails"], house.clock.now()),
      edits: [],
      notice: { text: "", language: "en" },
    });
    expect(one.authenticator.shown.length - prompts).toBe(1);
    expect(Object.values(await pulled(house, two, grant, vendor))).toEqual([{ value: { address: "meanwhile@example.org" } }]);
  });

  it("opens by the kit in another browser, which gets its own passkey and a new kit; the old kit is void and dropped ways are gone", async () => {
    await using house = await openHouse();
    const one = house.device();
    await one.core.begin();
    const vendor = shop();
    const grant = await sharedWith(one, house, vendor);
    const kit = await one.core.makeKit();
    await expect(one.core.confirmKit(["AAAA", "AAAA"])).rejects.toMatchObject({ code: "wrong_groups" });
    await one.core.confirmKit([kit.groups[kit.ask[0]] ?? "", kit.groups[kit.ask[1]] ?? ""]);
    expect(one.view.kit.confirmed).toBe(true);
    const code = kit.groups.join("-");

    const two = house.device();
    await expect(two.core.recover(code.replace(/.$/, (last) => (last === "A" ? "B" : "A")))).rejects.toMatchObject({ code: "wrong_kit" });
    const { ways } = await two.core.recover(code);
    const drop = ways.filter((way) => way.kind === "device").map((way) => way.id);
    const next = await two.core.finishRecovery({ drop });
    expect(two.authenticator.shown).toEqual(["create"]);
    expect(two.view.ways.map((way) => way.kind).sort()).toEqual(["device", "kit", "passkey", "passkey"]);
    expect(two.view.ways.some((way) => drop.includes(way.id))).toBe(false);

    await saveEmail(two, "two@example.org");
    expect(Object.values(await pulled(house, two, grant, vendor))).toEqual([{ value: { address: "two@example.org" } }]);
    await expect(house.device().core.recover(code)).rejects.toMatchObject({ code: "wrong_kit" });
    const three = house.device();
    await three.core.recover(next.groups.join(""));
    expect(emailOf(three)?.value).toEqual({ address: "two@example.org" });

    // The first browser's passkey was kept: it opens the new epoch, sees the change, and its passkey's way in was sealed anew.
    const tab = house.device({ authenticator: one.authenticator, memory: one.memory });
    await tab.core.unlock();
    expect(emailOf(tab)?.value).toEqual({ address: "two@example.org" });
    expect(tab.view.head).toEqual(two.view.head);
  });

  it("replaces a kit only with the old one", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const first = await confirmedKit(device);
    await expect(device.core.makeKit()).rejects.toMatchObject({ code: "wrong_kit" });
    const second = await confirmedKit(device, first);
    await expect(house.device().core.recover(first)).rejects.toMatchObject({ code: "wrong_kit" });
    const other = house.device();
    await other.core.recover(second);
    expect(other.view.head).toEqual(device.view.head);
  });

  it("follows a rotation while it is open, and is shut out where its own way in was dropped", async () => {
    await using house = await openHouse();
    const one = house.device();
    await one.core.begin();
    await sharedWith(one, house, shop());
    const two = house.device({ authenticator: one.authenticator });
    await two.core.unlock();
    const device = one.view.ways.find((way) => way.kind === "device");
    await two.core.dropWay(device?.id ?? "");
    await saveEmail(two, "turned@example.org");
    await expect(one.core.refresh()).rejects.toMatchObject({ code: "signed_out" });
    expect(emailOf(one)?.value).toEqual({ address: "ada@example.org" });
    await expect(two.core.dropWay(two.view.ways.find((way) => way.kind === "passkey")?.id ?? "")).rejects.toMatchObject({
      code: "invalid",
    });
    const three = house.device({ authenticator: one.authenticator });
    await three.core.unlock();
    expect(emailOf(three)?.value).toEqual({ address: "turned@example.org" });
    await saveEmail(three, "three@example.org");
    await two.core.refresh();
    expect(emailOf(two)?.value).toEqual({ address: "three@example.org" });
  });

  it("adds a passkey for another authenticator: one prompt to make it, one to approve it", async () => {
    await using house = await openHouse();
    const key = softwareAuthenticator(house.origin);
    const laptop = softwareAuthenticator(house.origin);
    const device = house.device({
      authenticator: {
        ...laptop,
        prompts: { get: laptop.prompts.get, create: (making) => (laptop.shown.length === 0 ? laptop : key).prompts.create(making) },
      },
    });
    await device.core.begin();
    await device.core.addPasskey();
    expect(device.view.ways.filter((way) => way.kind === "passkey")).toHaveLength(2);
    const tab = house.device({ authenticator: key, memory: device.memory });
    await tab.core.unlock();
    expect(tab.view.ways.filter((way) => way.kind === "passkey")).toHaveLength(2);
    await sharedWith(tab, house, shop());
    expect(tab.view.ways.filter((way) => way.kind === "passkey" && way.opens)).toHaveLength(1);
    const elsewhere = house.device({ authenticator: key });
    await elsewhere.core.unlock();
    expect(elsewhere.state).toBe("unlocked");
  });
});

describe("fewer rights", () => {
  it("pauses, holds back what changes, and resumes with what is now", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const vendor = shop();
    const grant = await sharedWith(device, house, vendor);
    await device.core.pause(grant);
    expect(device.view.connections[0]?.state).toBe("paused");
    await saveEmail(device, "later@example.org");
    expect(Object.values(await pulled(house, device, grant, vendor))).toEqual([{ value: { address: "ada@example.org" } }]);
    await device.core.resume(grant);
    expect(device.view.connections[0]?.state).toBe("active");
    expect(Object.values(await pulled(house, device, grant, vendor))).toEqual([{ value: { address: "later@example.org" } }]);
    expect(await device.core.pauseAll()).toEqual({ paused: 1 });
  });

  it("stops with one prompt, also while locked; every device knows, and the next commit takes it into the head", async () => {
    await using house = await openHouse();
    const one = house.device();
    await one.core.begin();
    const vendor = shop();
    const grant = await sharedWith(one, house, vendor);
    const two = house.device({ authenticator: one.authenticator });
    await two.core.unlock();
    const locked = await lockedTab(house, two);
    expect(locked.outline).toMatchObject([{ grant, state: "active", number: 1 }]);
    await locked.core.stop(grant, { askDeletion: true });
    expect(locked.outline).toMatchObject([{ grant, state: "revoked" }]);
    await one.core.refresh();
    expect(one.view.connections).toMatchObject([{ grant, state: "revoked", askedDeletion: true, shared: [] }]);
    expect(one.view.alarms).toEqual([]);
    await saveEmail(one, "after@example.org");
    expect(await pulled(house, one, grant, vendor)).toEqual({});
    const leaves = await house.storage.read(accountOf(one), (store) => store.list("leaves", { limit: 1000 }));
    const kinds = leaves.map(([key]) => key.split("/")[1]);
    expect(kinds).toContain("end");
    expect(kinds).not.toContain("share");
    expect(emailOf(one)?.sharedWith).toEqual([]);
  });

  it("gives a receipt whose link pauses once, for anyone", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const vendor = shop();
    const grant = await sharedWith(device, house, vendor);
    const receipt = await device.core.receipt(grant);
    const fragment = receipt.pauseLink?.split("#")[1] ?? "";
    expect(await house.device().core.pauseByLink(fragment)).toEqual({ name: vendor.name });
    await device.core.refresh();
    expect(device.view.connections[0]?.state).toBe("paused");
    await expect(house.device().core.pauseByLink(fragment)).rejects.toMatchObject({ code: "expired_link" });
  });

  it("shares more than one commit holds, and says when it is whole", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const long = "x".repeat(180);
    for (const [batch, count] of [900, 300].entries()) {
      const edits = Array.from({ length: count }, (_, at) => ({
        path: "profile/online",
        value: { service: `service ${batch}`, user: `${at} ${long}` },
      }));
      const vendor = shop(`Shop ${batch}`, `https://shop-${batch}.example/client.json`);
      const request = await house.asks(vendor, details(["profile/online"], house.clock.now()));
      await device.core.request(request, await thumbprintOf(vendor));
      const { grant } = await device.core.approve({
        request,
        details: details(["profile/online"], house.clock.now()),
        edits,
        notice: { text: "", language: "en" },
      });
      expect(Object.keys(await pulled(house, device, grant, vendor))).toHaveLength(batch === 0 ? 900 : 1200);
      const standing = await house.storage.read(accountOf(device), (store) => store.get("standings", grant));
      expect(standing?.complete).toBe(true);
      if (batch === 0) await confirmedKit(device);
    }
    const commits = device.sent
      .filter((body) => body.startsWith('{"expectedSeq"'))
      .map((body) => JSON.parse(body) as { consent: { complete: boolean } | null });
    expect(commits.filter(({ consent }) => consent?.complete === false)).toHaveLength(2);
    for (const body of device.sent) expect(Buffer.byteLength(body)).toBeLessThan(1_048_576);
    // A device that was never told finds the same, over several pages.
    const again = house.device({ authenticator: device.authenticator });
    await again.core.unlock();
    expect(again.view.records.filter((record) => record.sharedWith.length > 0)).toHaveLength(1200);
    expect(again.view.head).toEqual(device.view.head);
  });

  it("wants the kit before a second grant", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await sharedWith(device, house, shop());
    const second = shop("Second shop", "https://second.example/client.json");
    await expect(sharedWith(device, house, second)).rejects.toMatchObject({ code: "kit_first" });
    await confirmedKit(device);
    await sharedWith(device, house, second);
    expect(device.view.connections.map(({ client }) => client.client_name)).toEqual(["Second shop", "Libreria Aldina"]);
  });
});

/** A tab with a session and no key, as after a reload. */
async function lockedTab(house: House, device: Device): Promise<Device> {
  const tab = house.device({ authenticator: device.authenticator, memory: device.memory, session: device });
  await tab.core.start();
  expect(tab.state).toBe("locked");
  return tab;
}
