import { describe, expect, it } from "vitest";
import type { BodyOf } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { hashOfConsent, readConsent } from "#protocol/consent-token.ts";
import { grantKeyContext } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import type { Approval, ConnectionView, RequestViewModel } from "../../../web/vault/vault.ts";
import { DAY, MINUTE } from "../../support/clock.ts";
import { type Device, details, type House, openHouse, type Shop, shop, thumbprintOf } from "./house.ts";
import { accountOf, bought, confirmedKit, granted, pulled, valuesOf, versionsOf } from "./vendor-side.ts";

const EMAIL = { address: "ada@example.org" };
const ADDRESS = { street: "Via Roma 1", locality: "Turin", countryCode: "IT" };
const NAME = { given: "Ada", surname: "Byron" };

const pathTo = ({ view }: Device, kind: string): string => view.records.find((record) => record.kind === kind)?.path ?? "";
const connection = ({ view }: Device, grant: string): ConnectionView => {
  const found = view.connections.find((each) => each.grant === grant);
  if (found === undefined) throw new Error("no such connection");
  return found;
};
const lastConsent = ({ sent }: Device): BodyOf<"commit"> =>
  JSON.parse(sent.findLast((body) => body.startsWith('{"expectedSeq"') && body.includes('"consent":{')) ?? "");

/** One shop that has an e-mail and a town. */
async function scene(house: House) {
  const device = house.device();
  await device.core.begin();
  await device.core.saveAll({
    edits: [
      { path: "profile/emails", value: EMAIL },
      { path: "profile/addresses", value: ADDRESS },
      { path: "profile/name", value: NAME },
    ],
  });
  const vendor = shop();
  const grant = await granted(device, house, vendor, ["profile/emails", "profile/addresses:town"]);
  return { house, device, vendor, grant };
}

/** The shop asks for something else in place of what it has. Answers what the customer reads. */
async function asksAnew(
  { house, device, grant }: { house: House; device: Device; grant: string },
  vendor: Shop,
  paths: string[],
  more: Partial<AuthorizationDetails[number]> = {},
): Promise<{ request: RequestViewModel; approval: Approval }> {
  const id = await house.asks(vendor, details(paths, house.clock.now(), more), grant);
  const request = await device.core.request(id, await thumbprintOf(vendor));
  return { request, approval: { request: id, details: request.details, edits: [], notice: { text: "Changed", language: "en" } } };
}

describe("a shop that asks to change what it has", () => {
  it("gets exactly that by one prompt, under the same keys and names", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, vendor, grant } = at;
    const before = await pulled(house, device, grant, vendor);
    const first = await device.core.receipt(grant);
    house.clock.pass(DAY);
    const { request, approval } = await asksAnew(at, vendor, ["profile/emails", "profile/name"]);
    expect(request).toMatchObject({ existing: grant, replaces: { grant, details: connection(device, grant).details } });
    const prompts = device.authenticator.shown.length;

    const { redirect, ...answer } = await device.core.approve(approval);
    expect(answer.grant).toBe(grant);
    expect(redirect).toMatch(/^https:\/\/aldina\.example\/back\?code=/);
    expect(device.authenticator.shown).toHaveLength(prompts + 1);
    const after = await pulled(house, device, grant, vendor);
    expect(valuesOf(after)).toEqual(expect.arrayContaining([EMAIL, NAME]));
    expect(Object.keys(after)).toHaveLength(2);
    const [alias = ""] = Object.keys(before).filter((path) => path.startsWith("profile/emails/"));
    expect(after[alias]).toEqual({ value: EMAIL });

    const now = await device.core.receipt(grant);
    const [one, two] = [readConsent(first.consent), readConsent(now.consent)];
    expect(two).toMatchObject({ n: 2, prev: await hashOfConsent(first.consent) });
    for (const member of ["iss", "aud", "grant_id", "grant_key", "inbox", "cnf"] as const) expect(two[member]).toEqual(one[member]);
    expect(connection(device, grant)).toMatchObject({
      state: "active",
      number: 1,
      consents: [{ n: 1 }, { n: 2 }],
      details: [{ paths: ["profile/emails", "profile/name"] }],
    });
    expect(device.view.connections).toHaveLength(1);
    expect(device.view.alarms).toEqual([]);
    const other = house.device({ authenticator: device.authenticator });
    await other.core.unlock();
    expect(other.view.alarms).toEqual([]);
    expect(connection(other, grant).shared).toHaveLength(2);
  });

  it("gives back what was taken away, in versions that its vendor has not seen", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, vendor, grant } = at;
    const first = await versionsOf(house, device, grant, vendor);
    const less = connection(device, grant).details.map((detail) => ({ ...detail, paths: [`${pathTo(device, "profile/addresses")}:town`] }));
    await device.core.narrow(grant, less);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([{ locality: "Turin", countryCode: "IT" }]);
    const { approval } = await asksAnew(at, vendor, ["profile/emails", "profile/addresses"]);
    await device.core.approve(approval);
    const again = await versionsOf(house, device, grant, vendor);
    expect([...again.values()].map(({ content }) => content)).toEqual(expect.arrayContaining([{ value: EMAIL }, { value: ADDRESS }]));
    const [alias = ""] = [...first.keys()].filter((path) => path.startsWith("profile/emails/"));
    expect(again.get(alias)?.version).toBeGreaterThan(first.get(alias)?.version ?? Number.POSITIVE_INFINITY);
    expect([...again].filter(([path]) => path.endsWith(":town")).map(([, { content }]) => content)).toEqual([{ removed: true }]);
    await device.core.save({ path: pathTo(device, "profile/emails"), value: { address: "new@example.org" } });
    expect(valuesOf(await pulled(house, device, grant, vendor))).toContainEqual({ address: "new@example.org" });
  });

  it("gives back a contact card, a digest and what a filter had kept", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const contact = { channels: [{ channel: "email", allowed: true }] };
    await device.core.saveAll({
      edits: [
        { path: "preferences/contact", value: contact },
        ...[bought("Dune"), bought("Drill", { category: "tools" })].map((value) => ({ path: "purchases", value })),
      ],
    });
    const vendor = shop();
    const paths = ["preferences/contact", "purchases", "purchases:tastes"];
    const grant = await granted(device, house, vendor, paths);
    const first = valuesOf(await pulled(house, device, grant, vendor));
    expect(first).toHaveLength(4);
    await device.core.narrow(grant, details(["purchases"], house.clock.now(), { filter: { categories: ["books"] } }));
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([bought("Dune")]);
    await device.core.narrow(grant, details(["purchases"], house.clock.now(), { filter: { categories: ["books"] }, retention: "P7D" }));
    const { approval } = await asksAnew({ house, device, grant }, vendor, paths);
    await device.core.approve(approval);
    const again = valuesOf(await pulled(house, device, grant, vendor));
    expect(again).toHaveLength(4);
    expect(again).toEqual(expect.arrayContaining(first));
  });

  it("gives anew what a purpose had that has only just ended, of which the server has let go", async () => {
    await using house = await openHouse();
    const { device, vendor, grant: first } = await scene(house);
    await device.core.stop(first, { askDeletion: false });
    await confirmedKit(device);
    const short = { expires: new Date(house.clock.now() + DAY).toISOString().replace(".000", "") };
    const [long] = details(["profile/name"], house.clock.now());
    const both = [...details(["profile/emails"], house.clock.now(), short), ...(long === undefined ? [] : [long])];
    const grant = await granted(device, house, vendor, both);
    house.clock.pass(DAY + MINUTE);
    await device.core.narrow(
      grant,
      connection(device, grant).details.map((detail) => ({ ...detail, retention: "P7D" })),
    );
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([NAME]);
    const { approval } = await asksAnew({ house, device, grant }, vendor, ["profile/emails", "profile/name"]);
    await device.core.approve(approval);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual(expect.arrayContaining([EMAIL, NAME]));
  });

  it("names records as it knows them; the customer reads their own", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, vendor, grant } = at;
    const [alias = ""] = Object.keys(await pulled(house, device, grant, vendor)).filter((path) => path.startsWith("profile/emails/"));
    const { request, approval } = await asksAnew(at, vendor, [alias, "profile/name:given"]);
    expect(request.details[0]?.paths).toEqual([pathTo(device, "profile/emails"), "profile/name:given"]);
    await device.core.approve(approval);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual(expect.arrayContaining([EMAIL, { given: "Ada" }]));
  });

  it("with another key that its link names, has the grant's key under that", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, vendor, grant } = at;
    const rotated = { ...shop(), clientId: vendor.clientId };
    const { request, approval } = await asksAnew(at, rotated, ["profile/emails"]);
    expect(request.keyMatches).toBe("yes");
    await device.core.approve(approval);
    const row = await house.storage.read(accountOf(device), (store) => store.get("grants", grant));
    const key = await openSealed(rotated.privateKey, row?.grantKey ?? "", grantKeyContext(grant, vendor.clientId));
    expect(Buffer.from(key)).toHaveLength(32);
    expect(valuesOf(await pulled(house, device, grant, rotated))).toEqual([EMAIL]);
    await expect(pulled(house, device, grant, vendor)).rejects.toThrow();
    expect(connection(device, grant).keyChangedAt).not.toBeNull();
    expect(device.view.alarms).toEqual([]);
    // Still narrows, under the key in force.
    await device.core.narrow(
      grant,
      connection(device, grant).details.map((detail) => ({ ...detail, retention: "P7D" })),
    );
    expect(valuesOf(await pulled(house, device, grant, rotated))).toEqual([EMAIL]);
  });

  it("of one that is paused leaves it so, and all of it comes with the resume", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, vendor, grant } = at;
    await device.core.pause(grant);
    const { approval } = await asksAnew(at, vendor, ["profile/emails", "profile/name"]);
    await device.core.approve(approval);
    expect(connection(device, grant).state).toBe("paused");
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([EMAIL]);
    const standing = () => house.storage.read(accountOf(device), (store) => store.get("standings", grant));
    expect(await standing()).toMatchObject({ complete: false });
    await device.core.resume(grant);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual(expect.arrayContaining([EMAIL, NAME]));
    expect(await standing()).toMatchObject({ complete: true, paused: null });
  });

  it("saves what is typed with it, and says that the browser sends Global Privacy Control", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { approval } = await asksAnew(at, at.vendor, ["profile/emails", "profile/phones"]);
    const edits = [
      { path: "profile/phones", value: { number: "+39 011 555" } },
      { path: pathTo(at.device, "profile/emails"), value: { address: "new@example.org" } },
    ];
    await at.device.core.approve({ ...approval, gpc: true, edits });
    expect(valuesOf(await pulled(house, at.device, at.grant, at.vendor))).toEqual(
      expect.arrayContaining([{ number: "+39 011 555" }, { address: "new@example.org" }]),
    );
    expect(readConsent((await at.device.core.receipt(at.grant)).consent).gpc).toBe(true);
    // What was said once stays said.
    const less = connection(at.device, at.grant).details.map((detail) => ({ ...detail, paths: ["profile/emails"] }));
    await at.device.core.narrow(at.grant, less);
    expect(readConsent((await at.device.core.receipt(at.grant)).consent).gpc).toBe(true);
  });

  it("whose answer is lost on the way is given once", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, grant } = at;
    const { approval } = await asksAnew(at, at.vendor, ["profile/emails", "profile/name"]);
    let lost = 0;
    device.tamper = (name, answer) => {
      if (name === "commit" && lost++ === 0) throw new Error("the connection broke");
      return answer;
    };
    const prompts = device.authenticator.shown.length;
    expect((await device.core.approve(approval)).redirect).toContain("code=");
    expect(device.authenticator.shown).toHaveLength(prompts + 1);
    expect(connection(device, grant).consents).toHaveLength(2);
    expect(device.view.alarms).toEqual([]);
  });

  it("is not given where another device changed it after it was read, and gives nothing back", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, vendor, grant } = at;
    const { approval } = await asksAnew(at, vendor, ["profile/emails", "profile/name"]);
    const other = house.device({ authenticator: device.authenticator });
    await other.core.unlock();
    const less = connection(other, grant).details.map((detail) => ({ ...detail, paths: ["profile/addresses:town"] }));
    await other.core.narrow(grant, less);
    await expect(device.core.approve(approval)).rejects.toMatchObject({ code: "stale" });
    expect(connection(device, grant).details[0]?.paths).toEqual(["profile/addresses:town"]);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([{ locality: "Turin", countryCode: "IT" }]);
    // Asked again, with what is there now, it can be.
    await device.core.approve(approval);
    expect(connection(device, grant).consents).toHaveLength(3);
  });
});

describe("a device that is closed in the middle", () => {
  const COUNT = 2_100;
  /** Lets so many commits through from now on. */
  const closing = (device: Device, commits: number): void => {
    let left = commits;
    device.instead = (name) => {
      if (name === "commit" && left-- <= 0) throw new TypeError("no network");
      return undefined;
    };
  };

  it("of sharing less and then more leaves nothing that the next one doesn't finish", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const items = Array.from({ length: COUNT }, (_, at) => `Thing ${at}`);
    await device.core.saveAll({ edits: items.map((item) => ({ path: "purchases", value: bought(item) })) });
    const vendor = shop();
    const grant = await granted(device, house, vendor, ["purchases", "profile/emails"]);
    const leaves = async (): Promise<number> =>
      house.storage.read(accountOf(device), async (store) => {
        const all = await store.list("leaves", { limit: 100_000 });
        return all.filter(([key]) => key.includes(`/share/${grant}/`)).length;
      });
    expect(await leaves()).toBe(COUNT);

    closing(device, 1);
    await device.core.narrow(grant, details(["profile/emails"], house.clock.now()));
    // More than one commit can drop: what is left has no body any more, and no view shows it.
    expect(await leaves()).toBe(COUNT - 2_000);
    expect(await pulled(house, device, grant, vendor)).toEqual({});
    expect(connection(device, grant)).toMatchObject({ shared: [], details: [{ paths: ["profile/emails"] }] });
    expect(device.view.alarms).toEqual([]);

    const next = house.device({ authenticator: device.authenticator, memory: device.memory });
    await next.core.unlock();
    expect(connection(next, grant).shared).toEqual([]);
    const { approval } = await asksAnew({ house, device: next, grant }, vendor, ["purchases"]);
    // One that drops the rest, and the consent.
    closing(next, 2);
    await next.core.approve(approval);
    const standing = () => house.storage.read(accountOf(device), (store) => store.get("standings", grant));
    expect(await standing()).toMatchObject({ complete: false });

    const last = house.device({ authenticator: device.authenticator, memory: device.memory });
    await last.core.unlock();
    expect(await standing()).toMatchObject({ complete: true });
    const has = valuesOf(await pulled(house, last, grant, vendor)).map((value) => (value as { item: string }).item);
    expect(has.sort()).toEqual(items.sort());
    expect(last.view.alarms).toEqual([]);
  }, 120_000);
});

describe("a request that would change what it can't", () => {
  it("names another shop's, one that has ended, or none of this store, and is refused without a prompt", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, vendor, grant } = at;
    await confirmedKit(device);
    const second = shop("Second", "https://second.example/client.json");
    const ended = await granted(device, house, vendor, ["profile/name"]);
    await device.core.stop(ended, { askDeletion: false });
    const prompts = device.authenticator.shown.length;
    for (const [who, replaced] of [
      [second, grant],
      [vendor, ended],
      [vendor, "A".repeat(22)],
    ] as const) {
      const { request, approval } = await asksAnew({ house, device, grant: replaced }, who, ["profile/emails"]);
      expect(request.replaces).toBeNull();
      await expect(device.core.approve(approval)).rejects.toMatchObject({ code: "invalid" });
    }
    expect(device.authenticator.shown).toHaveLength(prompts);
    expect(connection(device, grant).consents).toHaveLength(1);
  });

  it("is a new one where it names none; a closed store doesn't know which", async () => {
    await using house = await openHouse();
    const { device, vendor, grant } = await scene(house);
    const fresh = await house.asks(vendor, details(["profile/emails"], house.clock.now()));
    expect((await device.core.request(fresh)).replaces).toBeUndefined();
    const request = await house.asks(vendor, details(["profile/emails"], house.clock.now()), grant);
    expect(await house.device().core.request(request)).toMatchObject({ replaces: null, refusedUntil: null });
  });

  it("is not the one that was read, once the server shows it as another's", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { request } = await asksAnew(at, at.vendor, ["profile/emails"]);
    at.device.tamper = (name, answer: object) => (name === "request" ? { ...answer, replaces: null } : answer);
    await expect(at.device.core.request(request.id)).rejects.toMatchObject({ code: "tampered" });
    // A lying server can't make a customer change one thing while they read of another.
    await expect(
      at.device.core.approve({ request: request.id, details: request.details, edits: [], notice: { text: "", language: "en" } }),
    ).rejects.toMatchObject({ code: "expired_link" });
    expect(lastConsent(at.device).consent?.request).not.toBe(request.id);
  });
});

describe("a shop that was refused", () => {
  it("can't ask again for thirty days, unless its customer thinks better of it", async () => {
    await using house = await openHouse();
    const { device, vendor } = await scene(house);
    await confirmedKit(device);
    const ask = async (): Promise<Approval> => {
      const request = await house.asks(vendor, details(["profile/name"], house.clock.now()));
      return { request, details: details(["profile/name"], house.clock.now()), edits: [], notice: { text: "", language: "en" } };
    };
    await device.core.decline((await ask()).request);
    const approval = await ask();
    const until = new Date(house.clock.now() + 30 * DAY).toISOString();
    expect((await device.core.request(approval.request, await thumbprintOf(vendor))).refusedUntil).toBe(until);
    const prompts = device.authenticator.shown.length;
    await expect(device.core.approve(approval)).rejects.toMatchObject({ code: "refused_before" });
    expect(device.authenticator.shown).toHaveLength(prompts);
    // A server that hides it refuses all the same.
    device.tamper = (name, answer: object) => (name === "request" ? { ...answer, refused: null } : answer);
    await device.core.request(approval.request, await thumbprintOf(vendor));
    await expect(device.core.approve(approval)).rejects.toMatchObject({ code: "refused_before" });
    device.tamper = undefined;

    await device.core.request(approval.request, await thumbprintOf(vendor));
    await device.core.reopen(approval.request);
    expect((await device.core.approve(approval)).redirect).toContain("code=");
    expect((await device.core.request(approval.request, await thumbprintOf(vendor))).refusedUntil).toBeNull();
  });
});
