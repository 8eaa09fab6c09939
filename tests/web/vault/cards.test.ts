import { describe, expect, it } from "vitest";
import type { Contact } from "#protocol/data/contact.ts";
import { openHouse, shop, thumbprintOf } from "./house.ts";
import { commitsOf, confirmedKit, granted, pulled, versionsOf } from "./vendor-side.ts";

const GENERAL: Contact = { channels: [{ channel: "email", allowed: true }], timeZone: "Europe/Rome" };
const OWN: Contact = { channels: [{ channel: "email", allowed: false }] };

describe("a vendor's card", () => {
  it("stands over the general contact card for that vendor alone", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await device.core.save({ path: "preferences/contact", value: GENERAL });
    const one = shop();
    const first = await granted(device, house, one, ["preferences/contact"]);
    await confirmedKit(device);
    const two = shop("Two", "https://two.example/client.json");
    const second = await granted(device, house, two, ["preferences"]);
    const at = device.view.vendors.find(({ name }) => name === one.name)?.relationship ?? "";
    const others = await versionsOf(house, device, second, two);

    await device.core.saveCard({ relationship: at }, { view: "regular", notes: "A secret", contact: OWN });
    expect(await pulled(house, device, first, one)).toEqual({ "preferences/contact": { value: { ...GENERAL, ...OWN } } });
    expect(await versionsOf(house, device, second, two)).toEqual(others);
    expect(device.view.vendors.find(({ relationship }) => relationship === at)?.card.notes).toBe("A secret");
    expect(device.view.connections.find(({ grant }) => grant === first)?.shared).toEqual([
      { path: "preferences/contact", value: { ...GENERAL, ...OWN } },
    ]);
    expect(JSON.stringify(await pulled(house, device, first, one))).not.toContain("secret");

    // Words that are the customer's alone change nothing for anyone.
    const own = await versionsOf(house, device, first, one);
    await device.core.saveCard({ relationship: at }, { view: "friend", customerNumber: "LA-1", contact: OWN });
    expect(await versionsOf(house, device, first, one)).toEqual(own);
    // Neither does a general rule that this vendor's own card overrules.
    await device.core.save({
      path: "preferences/contact",
      value: { ...GENERAL, channels: [{ channel: "email", allowed: true, pref: 1 }] },
    });
    expect(await versionsOf(house, device, first, one)).toEqual(own);
    expect((await pulled(house, device, second, two))["preferences/contact"]).toMatchObject({ value: { channels: [{ pref: 1 }] } });

    await device.core.saveCard({ relationship: at }, { view: "friend" });
    expect(await pulled(house, device, first, one)).toMatchObject({ "preferences/contact": { value: { channels: [{ allowed: true }] } } });
    await device.core.remove("preferences/contact");
    expect(await pulled(house, device, first, one)).toEqual({ "preferences/contact": { removed: true } });
  });

  it("names an address as its vendor knows it, and one that it hasn't got not at all", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    await device.core.save({ path: "profile/emails", value: { address: "ada@example.org" } });
    await device.core.save({ path: "profile/phones", value: { number: "+39 011 123456" } });
    const pathOf = (kind: string): string => device.view.records.find((each) => each.kind === kind)?.path ?? "";
    const email = pathOf("profile/emails");
    const channels = [
      { channel: "email" as const, allowed: true, target: email },
      { channel: "phone" as const, allowed: true, target: pathOf("profile/phones") },
    ];
    await device.core.save({ path: "preferences/contact", value: { channels } });
    const vendor = shop();
    const grant = await granted(device, house, vendor, ["profile/emails", "preferences/contact"]);
    const { "preferences/contact": contact, ...rest } = await pulled(house, device, grant, vendor);
    expect(contact).toEqual({
      value: {
        channels: [
          { channel: "email", allowed: true, target: Object.keys(rest)[0] },
          { channel: "phone", allowed: true },
        ],
      },
    });
    expect(device.view.connections[0]?.shared.find(({ path }) => path === "preferences/contact")?.value).toMatchObject({
      channels: [{ target: email }, {}],
    });
    await device.core.remove(email);
    expect((await pulled(house, device, grant, vendor))["preferences/contact"]).toEqual({
      value: {
        channels: [
          { channel: "email", allowed: true },
          { channel: "phone", allowed: true },
        ],
      },
    });
  });

  it("that is blocked lets its vendor ask nothing, met before or not", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const vendor = shop();
    const asked = await house.asks(vendor, [
      {
        type: "https://w3id.org/counterfoil/consent/1",
        actions: ["read"],
        paths: ["profile/name"],
        purpose: "https://w3id.org/dpv#CustomerRelationshipManagement",
        necessity: "optional",
        legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
        retention: "P30D",
        expires: "2026-12-21T10:00:00Z",
        if_refused: "nothing",
      },
    ]);
    const { client, details, blocked } = await device.core.request(asked, await thumbprintOf(vendor));
    expect(blocked).toBe(false);
    await device.core.saveCard({ client }, { view: "blocked" });
    await device.core.saveCard({ client }, { view: "blocked", notes: "Again" });
    expect(device.view.vendors).toMatchObject([{ client_id: vendor.clientId, card: { view: "blocked" }, grants: [] }]);
    expect((await device.core.request(asked, await thumbprintOf(vendor))).blocked).toBe(true);
    const approval = { request: asked, details, edits: [], notice: { text: "", language: "en" } };
    await expect(device.core.preview(details, [])).rejects.toMatchObject({ code: "blocked" });
    await expect(device.core.approve(approval)).rejects.toMatchObject({ code: "blocked" });
    expect(device.authenticator.shown).toEqual(["create"]);
    const at = device.view.vendors[0]?.relationship ?? "";
    await device.core.saveCard({ relationship: at }, { view: "occasional" });
    await device.core.approve(approval);
    expect(device.view.vendors).toMatchObject([{ relationship: at, grants: [device.view.connections[0]?.grant] }]);
    expect(device.view.connections[0]?.relationship).toBe(at);
    await expect(device.core.saveCard({ relationship: at }, { view: "enemy" } as never)).rejects.toMatchObject({ code: "invalid" });
    await expect(device.core.saveCard({ relationship: "relationships/none" }, {})).rejects.toMatchObject({ code: "invalid" });
    expect(commitsOf(device)).not.toHaveLength(0);
  });
});
