import { describe, expect, it } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { readConsent } from "#protocol/consent-token.ts";
import { isNoWider } from "#protocol/narrow.ts";
import type { ConnectionView } from "../../../web/vault/vault.ts";
import { DAY, MINUTE } from "../../support/clock.ts";
import { type Device, details, type House, openHouse, shop } from "./house.ts";
import { bought, commitsOf, everShared, granted, pulled, valuesOf, versionsOf } from "./vendor-side.ts";

const ASKED = ["profile/emails", "profile/addresses", "preferences/contact"];
const ADDRESS = { street: "Via Roma 1", locality: "Turin", countryCode: "IT" };
const town = { locality: "Turin", countryCode: "IT" };

const pathTo = ({ view }: Device, holds: string): string =>
  view.records.find(({ value }) => JSON.stringify(value)?.includes(holds))?.path ?? "";
const connection = ({ view }: Device, grant: string): ConnectionView => {
  const found = view.connections.find((each) => each.grant === grant);
  if (found === undefined) throw new Error("no such connection");
  return found;
};
/** What is in force, with other paths. */
const only = (device: Device, grant: string, paths: readonly string[]): AuthorizationDetails =>
  connection(device, grant).details.map((detail) => ({ ...detail, paths: [...paths] }));
const addresses = (values: readonly unknown[]): string[] =>
  values.flatMap((value) => (typeof value === "object" && value !== null && "address" in value ? [String(value.address)] : [])).sort();

/** Two e-mails and an address, all of which one shop has. */
async function scene(house: House) {
  const device = house.device();
  await device.core.begin();
  await device.core.saveAll({
    edits: [
      { path: "profile/emails", value: { address: "one@example.org" } },
      { path: "profile/emails", value: { address: "two@example.org" } },
      { path: "profile/addresses", value: ADDRESS },
      { path: "preferences/contact", value: { channels: [{ channel: "email", allowed: true }] } },
    ],
  });
  const vendor = shop();
  const grant = await granted(device, house, vendor, ASKED);
  const less = only(device, grant, [pathTo(device, "two@"), `${pathTo(device, "Turin")}:town`]);
  return { device, vendor, grant, less };
}
const twin = async (house: House, { authenticator }: Device): Promise<Device> => {
  const other = house.device({ authenticator });
  await other.core.unlock();
  return other;
};

describe("sharing less", () => {
  it("takes back what is outside at once, without a prompt, and keeps keys, names and the pause link", async () => {
    await using house = await openHouse();
    const { device, vendor, grant, less } = await scene(house);
    const before = await versionsOf(house, device, grant, vendor);
    const receipt = await device.core.receipt(grant);
    const prompts = device.authenticator.shown.length;
    house.clock.pass(DAY);

    await device.core.narrow(grant, less);
    expect(device.authenticator.shown).toHaveLength(prompts);
    const after = await versionsOf(house, device, grant, vendor);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual(expect.arrayContaining([{ address: "two@example.org" }, town]));
    expect(after.size).toBe(2);
    // The shop knows what it keeps by the name that it had.
    const [kept] = [...before].find(([, { content }]) => JSON.stringify(content).includes("two@")) ?? [];
    expect(after.get(kept ?? "")).toEqual(before.get(kept ?? ""));

    expect(connection(device, grant)).toMatchObject({
      state: "active",
      details: less,
      consents: [
        { n: 1, at: "2026-11-21T10:00:00.000Z" },
        { n: 2, at: "2026-11-22T10:00:00.000Z" },
      ],
    });
    expect(
      connection(device, grant)
        .shared.map(({ path }) => path)
        .sort(),
    ).toEqual(less[0]?.paths.toSorted());
    const [first, second] = [receipt, await device.core.receipt(grant)].map(({ consent }) => readConsent(consent));
    for (const member of ["iss", "aud", "grant_id", "grant_key", "inbox", "cnf", "notice"] as const)
      expect(second?.[member]).toEqual(first?.[member]);
    expect((await device.core.receipt(grant)).pauseLink).toBe(receipt.pauseLink);
    // Nothing was read of what is outside, so nothing has to be deleted.
    expect(connection(device, grant).deletion).toMatchObject({
      reason: "narrowed",
      state: "nothing-read",
      since: "2026-11-22T10:00:00.000Z",
    });
    expect(device.view.alarms).toEqual([]);

    const other = await twin(house, device);
    expect(other.view.alarms).toEqual([]);
    const sorted = ({ shared, ...rest }: ConnectionView) => ({ ...rest, shared: shared.toSorted((a, b) => (a.path < b.path ? -1 : 1)) });
    expect(sorted(connection(other, grant))).toEqual(sorted(connection(device, grant)));
    expect(commitsOf(other)).toEqual([]);
  });

  it("shares no edit of what was taken back, and every edit of what was not", async () => {
    await using house = await openHouse();
    const { device, vendor, grant, less } = await scene(house);
    await device.core.narrow(grant, less);
    await device.core.save({ path: pathTo(device, "one@"), value: { address: "secret@example.org" } });
    await device.core.save({ path: "profile/emails", value: { address: "new-secret@example.org" } });
    await device.core.save({ path: pathTo(device, "two@"), value: { address: "second@example.org" } });
    expect(addresses(valuesOf(await pulled(house, device, grant, vendor)))).toEqual(["second@example.org"]);
    expect(JSON.stringify(await everShared(house, device, grant, vendor))).not.toContain("secret");
  });

  it("by a filter removes what no longer passes, and makes digests anew", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const edits = [bought("Dune"), bought("Drill", { category: "tools" })].map((value) => ({ path: "purchases", value }));
    await device.core.saveAll({ edits });
    const vendor = shop();
    const wide = details(["purchases"], house.clock.now(), { purpose: "https://w3id.org/dpv#ProvideProductRecommendations" });
    const digest = details(["purchases:tastes"], house.clock.now());
    const grant = await granted(device, house, vendor, [...wide, ...digest]);
    await device.core.narrow(
      grant,
      [...wide, ...digest].map((detail) => ({ ...detail, filter: { categories: ["books"] } })),
    );
    const has = await pulled(house, device, grant, vendor);
    expect(JSON.stringify(has)).toContain("Dune");
    expect(JSON.stringify(has)).not.toMatch(/Drill|tools/);
    expect(Object.values(has).filter((content) => "removed" in content)).toHaveLength(1);
    // And the digest with its purpose.
    await device.core.narrow(grant, [{ ...(wide[0] as AuthorizationDetails[number]), filter: { categories: ["books"] } }]);
    const digested = Object.keys(await pulled(house, device, grant, vendor)).filter((path) => path.includes(":"));
    // The whole collection covers its digest, so the server keeps what the app has taken back.
    expect(digested.map((path) => path)).toEqual(["purchases:tastes"]);
    expect((await pulled(house, device, grant, vendor))["purchases:tastes"]).toEqual({ removed: true });
  });

  it("until earlier, while it is paused too, which it stays", async () => {
    await using house = await openHouse();
    const { device, vendor, grant, less } = await scene(house);
    await device.core.pause(grant);
    const earlier = less.map((detail) => ({ ...detail, expires: "2026-12-01T10:00:00Z" }));
    await device.core.narrow(grant, earlier);
    expect(connection(device, grant)).toMatchObject({ state: "paused", expires: "2026-12-01T10:00:00.000Z" });
    expect(addresses(valuesOf(await pulled(house, device, grant, vendor)))).toEqual(["two@example.org"]);
    await device.core.resume(grant);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual(expect.arrayContaining([{ address: "two@example.org" }, town]));
    house.clock.pass(10 * DAY);
    await device.core.refresh();
    expect(connection(device, grant).state).toBe("expired");
    house.clock.pass(11 * MINUTE);
    await device.core.save({ path: "profile/name", value: { given: "Ada" } });
    expect(device.view.alarms).toEqual([]);
    const other = await twin(house, device);
    expect(connection(other, grant)).toMatchObject({ state: "expired", shared: [] });
  });

  it("refuses what is wider, the same, over or ended, and sends nothing", async () => {
    await using house = await openHouse();
    const { device, grant, less } = await scene(house);
    const now = connection(device, grant).details;
    const sent = device.sent.length;
    const refused = [
      now,
      [],
      only(device, grant, [...ASKED, "profile/phones"]),
      now.map((detail) => ({ ...detail, retention: "P31D" })),
      less.map((detail) => ({ ...detail, expires: "2026-11-21T09:00:00Z" })),
      less.map((detail) => ({ ...detail, if_refused: "less-fitting" })),
    ];
    for (const each of refused) await expect(device.core.narrow(grant, each)).rejects.toMatchObject({ code: "invalid" });
    await expect(device.core.narrow("A".repeat(22), less)).rejects.toMatchObject({ code: "invalid" });
    expect(device.sent).toHaveLength(sent);
    await device.core.stop(grant, { askDeletion: false });
    await expect(device.core.narrow(grant, less)).rejects.toMatchObject({ code: "invalid" });
  });

  it("whose answer is lost on the way is done all the same, once", async () => {
    await using house = await openHouse();
    const { device, vendor, grant, less } = await scene(house);
    let lost = 0;
    device.tamper = (name, answer) => {
      if (name === "commit" && lost++ < 1) throw new Error("the connection broke");
      return answer;
    };
    await device.core.narrow(grant, less);
    expect(lost).toBeGreaterThan(0);
    expect(connection(device, grant)).toMatchObject({ details: less, consents: [{ n: 1 }, { n: 2 }] });
    expect((await pulled(house, device, grant, vendor))["preferences/contact"]).toBeUndefined();

    // Both attempts in a row: the customer is told, and may try again.
    const least = less.map((detail) => ({ ...detail, paths: detail.paths.slice(0, 1) }));
    device.tamper = (name, answer) => {
      if (name !== "commit") return answer;
      device.instead = () => {
        throw new TypeError("no network");
      };
      throw new Error("the connection broke");
    };
    await expect(device.core.narrow(grant, least)).rejects.toMatchObject({ code: "offline" });
    device.tamper = undefined;
    device.instead = undefined;
    await device.core.narrow(grant, least);
    expect(connection(device, grant)).toMatchObject({ details: least, consents: [{ n: 1 }, { n: 2 }, { n: 3 }] });
  });
});

describe("two devices that share less", () => {
  it("follow each other while each still takes away, and say so where one would give back", async () => {
    await using house = await openHouse();
    const { device, vendor, grant, less } = await scene(house);
    const other = await twin(house, device);
    const least = less.map((detail) => ({ ...detail, paths: detail.paths.slice(0, 1) }));
    await other.core.narrow(grant, less);
    await device.core.narrow(grant, least);
    expect(connection(device, grant)).toMatchObject({ details: least, consents: [{ n: 1 }, { n: 2 }, { n: 3 }] });
    // The other has not seen it, and wishes what would give the town back.
    const back = less.map((detail) => ({ ...detail, retention: "P7D" }));
    await expect(other.core.narrow(grant, back)).rejects.toMatchObject({ code: "stale" });
    expect(connection(other, grant).details).toEqual(least);
    expect(valuesOf(await pulled(house, device, grant, vendor))).toEqual([{ address: "two@example.org" }]);
  });

  it("and wish the same, have it once", async () => {
    await using house = await openHouse();
    const { device, grant, less } = await scene(house);
    const other = await twin(house, device);
    await Promise.all([device.core.narrow(grant, less), other.core.narrow(grant, less)]);
    for (const each of [device, other]) {
      await each.core.refresh();
      expect(connection(each, grant)).toMatchObject({ details: less, consents: [{ n: 1 }, { n: 2 }] });
      expect(each.view.alarms).toEqual([]);
    }
  });

  it("find it stopped meanwhile", async () => {
    await using house = await openHouse();
    const { device, grant, less } = await scene(house);
    const other = await twin(house, device);
    await other.core.stop(grant, { askDeletion: true });
    await expect(device.core.narrow(grant, less)).rejects.toMatchObject({ code: "stale" });
    expect(connection(device, grant).state).toBe("revoked");
  });
});

it("fifty devices at once come to one outcome: one that was wished, within all that took hold before it", async () => {
  await using house = await openHouse();
  const first = house.device();
  await first.core.begin();
  const COUNT = 50;
  await first.core.saveAll({
    edits: Array.from({ length: COUNT }, (_, at) => ({ path: "profile/emails", value: { address: `a${at}@example.org` } })),
  });
  const vendor = shop();
  const paths = first.view.records.filter(({ kind }) => kind === "profile/emails").map(({ path }) => path);
  const grant = await granted(first, house, vendor, ["profile/emails"]);
  const devices: Device[] = [];
  for (let at = 0; at < COUNT; at++) devices.push(await twin(house, first));
  // A store has fewer sessions than this: they are tabs of one browser.
  for (const device of [first, ...devices]) device.cookie = devices.at(-1)?.cookie;
  house.clock.pass(MINUTE);
  // One after another is within the next, but every fifth also takes away what all others leave.
  const wishes = devices.map((device, at) => only(device, grant, at % 5 === 4 ? paths.slice(1, 40) : paths.slice(0, COUNT - at)));
  const outcomes = await Promise.allSettled(devices.map((device, at) => device.core.narrow(grant, wishes[at] as AuthorizationDetails)));

  const done = outcomes.flatMap(({ status }, at) => (status === "fulfilled" ? [wishes[at] as AuthorizationDetails] : []));
  expect(done.length).toBeGreaterThan(0);
  await first.core.refresh();
  const final = connection(first, grant).details;
  expect(done).toContainEqual(final);
  for (const each of done) expect(isNoWider(final, each)).toBe(true);
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled") continue;
    expect(outcome.reason).toMatchObject({ code: "stale" });
    expect(isNoWider(wishes[at] as AuthorizationDetails, final)).toBe(false);
  }
  const has = addresses(valuesOf(await pulled(house, first, grant, vendor)));
  const left = first.view.records.filter(({ path }) => final[0]?.paths.includes(path));
  expect(has).toEqual(addresses(left.map(({ value }) => value)));
  for (const device of devices) {
    await device.core.refresh();
    expect(connection(device, grant).details).toEqual(final);
    expect(device.view.alarms).toEqual([]);
  }
}, 240_000);
