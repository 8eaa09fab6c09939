import { describe, expect, it } from "vitest";
import type { BodyOf, GrantView, ReplyOf } from "#protocol/api.ts";
import { CONSENT_TYP, type Consent, readConsent } from "#protocol/consent-token.ts";
import { HEAD_TYP, type Head, hashOfHead, readHead } from "#protocol/head.ts";
import { ed25519Thumbprint } from "#protocol/jws.ts";
import { makeAgreementPair, makeSigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { makeWayIn, newId, sealAccountKey } from "#protocol/sealing/way-in.ts";
import type { Way } from "#protocol/ways.ts";
import { type Device, details, type House, openHouse, type Shop, sharedWith, shop, type Tamper, thumbprintOf } from "./house.ts";

type Sync = ReplyOf<"store">;
type Session = ReplyOf<"login">;

/** Changes every reading of the store, and whatever else names what opens it. */
const inStore =
  (change: (page: Sync) => Sync): Tamper =>
  (name, answer: Sync) =>
    name === "store" ? change(answer) : answer;
const inRow = (change: (row: GrantView) => GrantView): Tamper => inStore((page) => ({ ...page, grants: page.grants.map(change) }));
const inDoor =
  (change: (door: Pick<Session, "ways" | "seals">) => Partial<Session>): Tamper =>
  (name, answer: Session) =>
    name === "login" || name === "session" || name === "store" ? { ...(answer as object), ...change(answer) } : answer;

interface Scene {
  house: House;
  device: Device;
  vendor: Shop;
  grant: string;
}

/** A store with one grant, open in a browser that has seen all of it. */
async function scene(house: House): Promise<Scene> {
  const device = house.device();
  await device.core.begin();
  const vendor = shop();
  return { house, device, vendor, grant: await sharedWith(device, house, vendor) };
}

/** The same browser after a reload: memory and passkey stay. */
const reopened = ({ house, device }: Pick<Scene, "house" | "device">): Device =>
  house.device({ authenticator: device.authenticator, memory: device.memory });
/** Another browser with the same passkey, which remembers nothing. */
const elsewhere = ({ house, device }: Pick<Scene, "house" | "device">): Device => house.device({ authenticator: device.authenticator });

const tampered = (saw: RegExp) => ({ code: "tampered", message: expect.stringMatching(saw) });
const emailOf = ({ view }: Device): string => view.records.find((record) => record.kind === "profile/emails")?.path ?? "";
const lastCommit = ({ sent }: Device): BodyOf<"commit"> => JSON.parse(sent.findLast((body) => body.startsWith('{"expectedSeq"')) ?? "");

/** Opens it under the lie: an alarm that says what was seen, values still readable, and nothing is shared. */
async function alarmed(at: Scene, lie: Tamper, saw: RegExp, device = reopened(at)): Promise<Device> {
  device.tamper = lie;
  await device.core.unlock();
  expect(device.view.alarms.map(({ message }) => message).join("\n")).toMatch(saw);
  await device.core.save({ path: emailOf(device), value: { address: "secret@example.org" } });
  expect(lastCommit(device).shares).toEqual([]);
  const request = await at.house.asks(at.vendor, details(["profile/emails"], at.house.clock.now()));
  await device.core.request(request, await thumbprintOf(at.vendor));
  const prompts = device.authenticator.shown.length;
  await expect(
    device.core.approve({
      request,
      details: details(["profile/emails"], at.house.clock.now()),
      edits: [],
      notice: { text: "", language: "en" },
    }),
  ).rejects.toMatchObject({ code: "tampered" });
  expect(device.authenticator.shown.length).toBe(prompts);
  return device;
}

/** Opens nothing under the lie, and says what was seen. */
async function refused(device: Device, lie: Tamper | undefined, saw: RegExp): Promise<void> {
  device.tamper = lie;
  await expect(device.core.unlock()).rejects.toMatchObject(tampered(saw));
  expect(device.state).not.toBe("unlocked");
  expect(device.view).toBeUndefined();
}

/** A consent like the one that was given, by a key of the server's own. */
async function forged(token: string, change: Partial<Consent>): Promise<string> {
  const pair = await makeSigningPair();
  const thumbprint = await ed25519Thumbprint(pair.x);
  return sign({ ...readConsent(token), iss: thumbprint, sub: thumbprint, ...change }, CONSENT_TYP, pair, true);
}

describe("a server that lies about a grant", () => {
  it("revives a stopped one", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    await at.device.core.stop(at.grant, { askDeletion: false });
    const device = await alarmed(
      at,
      inRow((row) => ({ ...row, ended: null, paused: null })),
      /going on, but you ended it/,
    );
    expect(device.view.connections).toMatchObject([{ grant: at.grant, state: "revoked" }]);
  });

  it("revives one that another browser has never seen stopped, after the head took note of it", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    await at.device.core.stop(at.grant, { askDeletion: false });
    await at.device.core.save({ path: "profile/name", value: { given: "Ada" } });
    await alarmed(
      at,
      inRow((row) => ({ ...row, ended: null, paused: null })),
      /going on, but you ended it/,
      elsewhere(at),
    );
    await refused(
      elsewhere(at),
      inStore((page) => ({ ...page, ends: [], grants: page.grants.map((row) => ({ ...row, ended: null })) })),
      /not what the store's head covers/,
    );
  });

  it("ends one without the customer", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const ended: GrantView["ended"] = {
      state: "revoked",
      at: new Date(house.clock.now()).toISOString(),
      actor: "customer",
      act: null,
      askDeletion: false,
    };
    await alarmed(
      at,
      inRow((row) => ({ ...row, ended })),
      /says that you ended the connection .* no act of yours/,
    );
  });

  it("ends one by the act that ended another", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device } = at;
    const { groups, ask } = await device.core.makeKit();
    await device.core.confirmKit([groups[ask[0]] ?? "", groups[ask[1]] ?? ""]);
    const second = await sharedWith(device, house, shop("Second shop", "https://second.example/client.json"));
    await device.core.stop(second, { askDeletion: false });
    let act: GrantView["ended"] = null;
    const lie = inStore((page) => {
      act = page.grants.find((row) => row.grant === second)?.ended ?? act;
      return { ...page, grants: page.grants.map((row) => ({ ...row, ended: act })) };
    });
    await alarmed(at, lie, /says that you ended the connection to Libreria Aldina: the act is about another grant/);
  });

  it("ends one by an erasure that was taken back before it was there", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, grant } = at;
    const { groups, ask } = await device.core.makeKit();
    await device.core.confirmKit([groups[ask[0]] ?? "", groups[ask[1]] ?? ""]);
    await device.core.erase({ when: "later", askDeletion: false });
    await device.core.keep();
    house.clock.pass(3_600_000);
    await sharedWith(device, house, shop("Second shop", "https://second.example/client.json"));
    let act: GrantView["ended"] = null;
    const lie = inStore((page) => {
      act = page.grants.find((row) => row.grant === grant)?.ended ?? act;
      return { ...page, grants: page.grants.map((row) => ({ ...row, ended: act })) };
    });
    await alarmed(at, lie, /says that you ended the connection to Second shop: what says so is older/);
  });

  it("widens its row", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const wide = await forged((await at.device.core.receipt(at.grant)).consent, {
      authorization_details: details(["profile", "preferences"], house.clock.now()),
    });
    const lie = inRow((row) => ({ ...row, consent: wide }));
    await refused(reopened(at), lie, /row of Libreria Aldina is not what you gave: the consent is signed by another key/);
    // Where the store is open already, it stays readable; what the server says is shared with nobody.
    at.device.tamper = lie;
    await at.device.core.pause(at.grant).catch((error: unknown) => expect(error).toMatchObject({ code: "tampered" }));
    expect(at.device.view.alarms).toHaveLength(1);
    at.device.tamper = undefined;
  });

  it("swaps the inbox in the consent", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const own = await makeAgreementPair();
    const swapped = await forged((await at.device.core.receipt(at.grant)).consent, { inbox: { kty: "OKP", crv: "X25519", x: own.x } });
    await refused(
      reopened(at),
      inRow((row) => ({ ...row, consent: swapped })),
      /row of Libreria Aldina is not what you gave: the consent is signed by another key/,
    );
  });

  it("puts the consent of one grant into the row of another", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { groups, ask } = await at.device.core.makeKit();
    await at.device.core.confirmKit([groups[ask[0]] ?? "", groups[ask[1]] ?? ""]);
    const second = await sharedWith(at.device, house, shop("Second shop", "https://second.example/client.json"));
    const { consent } = await at.device.core.receipt(second);
    await refused(
      reopened(at),
      inRow((row) => ({ ...row, consent })),
      /row of Libreria Aldina is not what you gave/,
    );
  });

  it("swaps the vendor's key in its row", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { key } = shop();
    await alarmed(
      at,
      inRow((row) => ({ ...row, client: { ...row.client, encryption_key: key } })),
      /another key of the vendor/,
    );
  });

  it("gives its row another vendor's name", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    await alarmed(
      at,
      inRow((row) => ({ ...row, client: { ...row.client, client_id: "https://other.example/client.json" } })),
      /another vendor/,
    );
  });

  it("goes back to a consent before the one in force, in its row or with its whole world", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, grant } = at;
    const wide = await device.core.receipt(grant);
    const old = await recordedWorld(at);
    const less = (device.view.connections[0]?.details ?? []).map((detail) => ({ ...detail, retention: "P7D" }));
    await device.core.narrow(grant, less);
    const lie = inRow((row) => ({ ...row, consent: wide.consent }));
    await refused(reopened(at), lie, /row of Libreria Aldina is not what you gave: consent 1 is older than consent 2/);
    await refused(elsewhere(at), lie, /not what the store's head covers.* consent 1 is older than consent 2/);
    await refused(reopened(at), old, /this device has seen head/);
    device.tamper = lie;
    await expect(device.core.pause(grant)).rejects.toMatchObject(tampered(/consent 1 is older/));
    expect(device.view.connections[0]?.details).toEqual(less);
    // Under the lie nothing is shared.
    await device.core.save({ path: emailOf(device), value: { address: "secret@example.org" } }).catch(() => undefined);
    expect(lastCommit(device).shares).toEqual([]);
  });

  it("says that a narrower consent was stored, and forgets it", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, grant } = at;
    const less = (device.view.connections[0]?.details ?? []).map((detail) => ({ ...detail, retention: "P7D" }));
    device.tamper = await recordedWorld(at);
    await expect(device.core.narrow(grant, less)).rejects.toMatchObject(tampered(/this device has seen head/));
    expect(device.view.alarms).toHaveLength(1);
  });

  it("forks one: a narrower consent for each device", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, grant } = at;
    const twin = elsewhere(at);
    await twin.core.unlock();
    const wish = (retention: string) => (device.view.connections[0]?.details ?? []).map((detail) => ({ ...detail, retention }));
    const split = await house.rewind(readAccount(device));
    await device.core.narrow(grant, wish("P7D"));
    await split();
    await twin.core.narrow(grant, wish("P9D"));
    const { consent } = await twin.core.receipt(grant);
    await refused(reopened(at), undefined, /Head 3 differs/);
    await refused(
      reopened(at),
      inRow((row) => ({ ...row, consent })),
      /Head 3 differs|consent 2 differs from the one seen before/,
    );
    expect(device.view.connections[0]?.details).toEqual(wish("P7D"));
  });

  it("shows another chain of permissions than the one that was given", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { device, grant } = at;
    const first = await device.core.receipt(grant);
    const wish = (retention: string) => (device.view.connections[0]?.details ?? []).map((detail) => ({ ...detail, retention }));
    for (const retention of ["P20D", "P10D", "P5D"]) await device.core.narrow(grant, wish(retention));
    const facts = await device.core.consentFacts(grant);
    expect(facts.consents.map((token) => readConsent(token).n)).toEqual([1, 2, 3, 4]);
    expect(facts).toMatchObject({ issuer: house.origin, state: "active", endedAt: null, endedBy: null });
    expect(JSON.stringify(facts)).not.toContain("ada@example.org");

    const [one = "", two = "", three = "", four = ""] = facts.consents;
    const strange = await forged(two, {});
    const chains = [
      [],
      [four],
      [one, two, four],
      [two, three, four],
      [one, three, two, four],
      [one, two, three],
      [one, strange, three, four],
      [first.consent],
    ];
    for (const consents of chains) {
      device.tamper = (name, answer) => (name === "consents" ? { consents } : answer);
      await expect(device.core.consentFacts(grant), String(consents.length)).rejects.toMatchObject({ code: "tampered" });
    }
    device.tamper = undefined;
    await device.core.stop(grant, { askDeletion: false });
    expect(await device.core.consentFacts(grant)).toMatchObject({
      consents: facts.consents,
      state: "revoked",
      endedAt: new Date(house.clock.now()).toISOString(),
      endedBy: "customer",
    });
  });

  it("leaves one out, or lists one that was never given", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const device = reopened(at);
    device.tamper = inStore((page) => ({ ...page, grants: [] }));
    await expect(device.core.unlock()).rejects.toMatchObject(tampered(/leaves out the connection to Libreria Aldina/));
    await refused(
      reopened(at),
      inStore((page) => ({ ...page, grants: page.grants.flatMap((row) => [row, { ...row, grant: newId() }]) })),
      /lists a connection that you did not make/,
    );
  });
});

describe("a server that names its own key for a vendor that asks", () => {
  it("is found out by the key that the vendor's own link names", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { key } = shop();
    at.device.tamper = (name, answer: ReplyOf<"request">) =>
      name === "request" ? { ...answer, client: { ...answer.client, encryption_key: key } } : answer;
    const request = await house.asks(at.vendor, details(["profile/emails"], house.clock.now()));
    expect(await at.device.core.request(request, await thumbprintOf(at.vendor))).toMatchObject({ keyMatches: "no" });
    const approval = { request, details: details(["profile/emails"], house.clock.now()), edits: [], notice: { text: "", language: "en" } };
    await expect(at.device.core.approve(approval)).rejects.toMatchObject({ code: "key_mismatch" });
    // Without the link's word, by the key that this vendor had before.
    expect(await at.device.core.request(request)).toMatchObject({ keyMatches: "no" });
    await expect(at.device.core.approve(approval)).rejects.toMatchObject({ code: "key_mismatch" });
  });
});

describe("a server that lies about the ways into a store", () => {
  it("adds its own", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const pair = await makeAgreementPair();
    const own: Way = { id: newId(), kind: "device", key: pair.x, passkey: null, sign: null };
    const lie = inDoor(({ ways }) => ({ ways: [...ways, own] }));
    await refused(reopened(at), lie, /list of ways into this store is not the one that its head covers/);
    at.device.tamper = lie;
    await expect(at.device.core.refresh()).rejects.toMatchObject(tampered(/list of ways/));
    expect(at.device.view.alarms).toMatchObject([{ code: "ways" }]);
  });

  it("swaps the key of one, so that the next epoch would be sealed to it", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const pair = await makeAgreementPair();
    await refused(
      reopened(at),
      inDoor(({ ways }) => ({ ways: ways.map((way) => (way.key === null ? way : { ...way, key: pair.x })) })),
      /list of ways/,
    );
  });

  it("seals an account key of its own to one", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const account = readAccount(at.device);
    const key = crypto.getRandomValues(new Uint8Array(32));
    const device = reopened(at);
    const seals: Session["seals"] = [];
    await inStoreOf(at, async (session) => {
      for (const seal of session.seals) {
        const wayKey = session.ways.find((way) => way.id === seal.id)?.key ?? "";
        seals.push({ ...seal, envelope: await sealAccountKey(account, seal.id, wayKey, seal.epoch, key) });
      }
    });
    device.tamper = inDoor(() => ({ seals }));
    await expect(device.core.unlock()).rejects.toBeDefined();
    expect(device.state).not.toBe("unlocked");
    expect(device.sent.filter((body) => body.startsWith('{"expectedSeq"'))).toEqual([]);
  });

  it("replaces a way in by one that it can open itself", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const account = readAccount(at.device);
    const identity = await makeSigningPair();
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const device = reopened(at);
    const made = new Map<string, Awaited<ReturnType<typeof makeWayIn>>>();
    await inStoreOf(at, async (session) => {
      for (const { id } of session.seals)
        made.set(id, await makeWayIn({ id, account, secret, identity: identity.x, epoch: 1, accountKey: secret }));
    });
    device.tamper = inDoor(({ ways, seals }) => ({
      ways: ways.map((way) => ({ ...way, key: made.get(way.id)?.key ?? way.key })),
      seals: seals.map((seal) => made.get(seal.id)?.seal ?? seal),
    }));
    await expect(device.core.unlock()).rejects.toMatchObject({ code: "kit_needed" });
  });
});

describe("a server that goes back in time", () => {
  it("replays an old head with all that belonged to it", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const old = await recordedWorld(at);
    await at.device.core.save({ path: "profile/name", value: { given: "Ada" } });
    await refused(reopened(at), old, /The server sent head 2; this device has seen head 3/);
    at.device.tamper = old;
    await expect(at.device.core.refresh()).rejects.toMatchObject(tampered(/this device has seen head 3/));
    expect(at.device.view.records.find((record) => record.path === "profile/name")?.value).toEqual({ given: "Ada" });
  });

  it("says that a commit was stored and forgets it", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const old = await recordedWorld(at);
    at.device.tamper = old;
    await expect(at.device.core.save({ path: "profile/name", value: { given: "Ada" } })).rejects.toMatchObject(
      tampered(/this device has seen head 3/),
    );
  });

  it("forks the store: another history than the one that this browser has seen", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const twin = elsewhere(at);
    await twin.core.unlock();
    const split = await house.rewind(readAccount(at.device));
    await at.device.core.save({ path: "profile/name", value: { given: "Ada" } });
    await split();
    await twin.core.save({ path: "profile/name", value: { given: "Grace" } });
    await refused(reopened(at), undefined, /Head 3 differs from the one that this device has seen/);
    await expect(at.device.core.refresh()).rejects.toMatchObject(tampered(/Head 3 differs/));
    await twin.core.save({ path: "profile/name", value: { given: "Hedy" } });
    await refused(reopened(at), undefined, /head 4 does not follow the head 3 that this device has seen/);
  });

  it("signs a next head of its own, over everything that is there", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const own = await makeSigningPair();
    const lies = await Promise.all(
      [{}, { identity: own.x }].map(async (more) => {
        const claims = readHead(lastCommit(at.device).head);
        const next: Head = { ...claims, seq: claims.seq + 1, prev: await hashOfHead(lastCommit(at.device).head), ...more };
        return sign(next, HEAD_TYP, own);
      }),
    );
    for (const head of lies)
      await refused(
        reopened(at),
        inStore((page) => ({ ...page, head, heads: [head] })),
        /not signed by the expected key|names another identity key/,
      );
  });

  it("replays an old version of a record", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const path = emailOf(at.device);
    let before: Sync["records"] = [];
    at.device.tamper = inStore((page) => {
      before = [...before, ...page.records.filter((record) => record.path === path)];
      return page;
    });
    await at.device.core.save({ path, value: { address: "second@example.org" } });
    await at.device.core.save({ path, value: { address: "third@example.org" } });
    at.device.tamper = undefined;
    const old = before.find((record) => record.version === 2);
    const lie = inStore((page) => ({
      ...page,
      records: page.records.map((record) => (record.path === path && old !== undefined ? old : record)),
    }));
    await refused(reopened(at), lie, /version 2 of profile\/emails\/.*; this device has seen version 3/);
    await refused(elsewhere(at), lie, /not what the store's head covers/);
  });

  it("leaves a record out, puts one record's body in another's place, or changes a byte of one", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    await refused(
      elsewhere(at),
      inStore((page) => ({ ...page, records: page.records.slice(1) })),
      /not what the store's head covers/,
    );
    await refused(
      elsewhere(at),
      inStore((page) => ({ ...page, records: page.records.map((record) => ({ ...record, body: page.records[0]?.body ?? "" })) })),
      /not what the store's head covers/,
    );
    const flip = (body: string): string => body.slice(0, 60) + (body[60] === "A" ? "B" : "A") + body.slice(61);
    await refused(
      elsewhere(at),
      inStore((page) => ({ ...page, records: page.records.map((record) => ({ ...record, body: flip(record.body) })) })),
      /not what the store's head covers/,
    );
  });

  it("sends the store of somebody else", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const stranger = house.device();
    await stranger.core.begin();
    const other = await recordedWorld({ device: stranger });
    await refused(reopened(at), (name, answer) => (name === "store" ? other(name, answer) : answer), /another store/);
  });
});

const readAccount = (device: Device): string => {
  const { head } = lastCommit(device);
  return JSON.parse(Buffer.from(head.split(".")[1] ?? "", "base64url").toString()).account;
};

/** Looks at what opens the store. */
async function inStoreOf({ device }: Scene, look: (session: Sync) => Promise<void>): Promise<void> {
  let seen: Sync | undefined;
  device.tamper = inStore((page) => {
    seen = page;
    return page;
  });
  await device.core.refresh();
  device.tamper = undefined;
  if (seen === undefined) throw new Error("the store was not read");
  await look(seen);
}

/** What the server says now, to be said again later: head, rows, ways and all. */
async function recordedWorld({ device }: Pick<Scene, "device">): Promise<Tamper> {
  let world: Sync | undefined;
  const watcher: Tamper = inStore((page) => {
    world = page;
    return page;
  });
  device.tamper = watcher;
  await device.core.refresh();
  device.tamper = undefined;
  const { head, ways, seals, epochs, account, passkeys, created, position } = world as unknown as Sync;
  return (name, answer: Sync) => {
    if (name === "store") return { ...answer, account, head, ways, seals, epochs, passkeys, created, position, heads: [] };
    return name === "login" || name === "session" ? { ...(answer as object), head, ways, seals, epochs } : answer;
  };
}
