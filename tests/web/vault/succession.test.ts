import { describe, expect, it } from "vitest";
import type { BodyOf, ReplyOf } from "#protocol/api.ts";
import { type Head, hashOfHead, readHead } from "#protocol/head.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { makeEpoch, openEpoch } from "#protocol/sealing/epoch.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { readKitCode } from "#protocol/sealing/kit-code.ts";
import { makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { signSuccession } from "#protocol/sealing/succession.ts";
import { type KitKeys, kitKeys, newId, openWayIn } from "#protocol/sealing/way-in.ts";
import type { SuccessionEvidence } from "#protocol/succession.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";
import { softwareAuthenticator } from "./authenticator.ts";
import { type Device, type House, openHouse, sharedWith, shop, type Tamper } from "./house.ts";

type Sync = ReplyOf<"store">;

const tampered = (saw: RegExp) => ({ code: "tampered", message: expect.stringMatching(saw) });
const nameOf = ({ view }: Device): unknown => view.records.find((record) => record.path === "profile/name")?.value;
const rename = (device: Device, given: string): Promise<void> => device.core.save({ path: "profile/name", value: { given } });
const inDoors =
  (change: (door: Sync) => Partial<Sync>): Tamper =>
  (name, answer: Sync) =>
    name === "login" || name === "session" || name === "store" ? { ...(answer as object), ...change(answer) } : answer;

interface Scene {
  house: House;
  /** The customer's browser, opened by its passkey. */
  kept: Device;
  code: string;
  kit: KitKeys;
}

/** A store with a grant and a kit, open in a browser whose passkey opens it. */
async function scene(house: House): Promise<Scene> {
  const first = house.device();
  await first.core.begin();
  await sharedWith(first, house, shop());
  const { groups, ask } = await first.core.makeKit();
  await first.core.confirmKit([groups[ask[0]] ?? "", groups[ask[1]] ?? ""]);
  const kept = house.device({ authenticator: first.authenticator });
  await kept.core.unlock();
  const code = groups.join("-");
  return { house, kept, code, kit: await keysOf(code) };
}

const keysOf = async (code: string): Promise<KitKeys> => kitKeys((await readKitCode(code)) ?? new Uint8Array());

const reopened = ({ house, kept }: Scene): Device => house.device({ authenticator: kept.authenticator, memory: kept.memory });

/** Recovers in a new browser and drops ways in of a kind: none but the kit, if it is not said. */
async function recovered({ house, code }: Scene, kind?: "device"): Promise<Device> {
  const rescuer = house.device();
  const { ways } = await rescuer.core.recover(code);
  await rescuer.core.finishRecovery({ drop: ways.filter((way) => way.kind === kind).map((way) => way.id) });
  return rescuer;
}

/** What the server shows a device now. */
async function shownTo(device: Device): Promise<Sync> {
  let seen: Sync | undefined;
  device.tamper = inDoors((page) => {
    seen = page;
    return {};
  });
  await device.core.refresh();
  device.tamper = undefined;
  return seen as Sync;
}

/** What everyone has who holds a way in of that time. */
async function stolen({ kept, kit }: Scene): Promise<{ thief: SigningPair; accountKey: Uint8Array }> {
  const { account, ways, seals, epochs } = await shownTo(kept);
  const seal = seals.find(({ id }) => ways.some((way) => way.id === id && way.kind === "kit"));
  if (seal === undefined) throw new Error("no kit");
  const { accountKey, identity } = await openWayIn(account, kit.secret, seal);
  const row = epochs.find(({ epoch }) => epoch === seal.epoch);
  if (row === undefined) throw new Error("no epoch");
  return { thief: (await openEpoch(account, accountKey, row, identity)).identity, accountKey };
}

/** The list with a kit of the thief's own in the place of the customer's. */
const withKit = (ways: readonly Way[], sign: string): Way[] =>
  ways.map((way) => (way.kind === "kit" ? { ...way, id: newId(), sign } : way));

describe("after a recovery", () => {
  it("a kept browser follows to the new identity key: open, opened again, and without its memory", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const before = readHead((await shownTo(at.kept)).head).identity;
    const rescuer = await recovered(at, "device");
    await rename(rescuer, "Ada");
    await at.kept.core.unlock();
    expect(nameOf(at.kept)).toEqual({ given: "Ada" });
    expect(readHead((await shownTo(at.kept)).head).identity).not.toBe(before);
    await rename(at.kept, "Mira");
    const again = reopened(at);
    await again.core.unlock();
    await rename(again, "Vera");
    const elsewhere = house.device({ authenticator: at.kept.authenticator });
    await elsewhere.core.unlock();
    await rescuer.core.refresh();
    for (const device of [rescuer, again, elsewhere]) {
      expect(nameOf(device)).toEqual({ given: "Vera" });
      expect(device.view.connections).toMatchObject([{ state: "active" }]);
      expect(device.view.alarms).toEqual([]);
    }
  });

  it("a browser that was away for a new kit and two recoveries still follows", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const away = reopened(at);
    const { groups, ask } = await away.core.unlock().then(() => away.core.makeKit(at.code));
    await away.core.confirmKit([groups[ask[0]] ?? "", groups[ask[1]] ?? ""]);
    const sleeping = house.device({ authenticator: at.kept.authenticator });
    await sleeping.core.unlock();
    let code = groups.join("");
    for (let time = 0; time < 2; time++) {
      const rescuer = house.device();
      await rescuer.core.recover(code);
      code = (await rescuer.core.finishRecovery({ drop: [] })).groups.join("");
      await rename(rescuer, `name ${time}`);
    }
    for (const device of [at.kept, sleeping]) {
      await device.core.refresh();
      expect(nameOf(device)).toEqual({ given: "name 1" });
      expect(device.view.alarms).toEqual([]);
    }
    const last = house.device({ memory: at.kept.memory });
    await last.core.recover(code);
    expect(nameOf(last)).toEqual({ given: "name 1" });
  });

  it("a head by the old identity key is refused by every device that knows the new one, and by the server", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const { thief } = await stolen(at);
    await recovered(at);
    await at.kept.core.refresh();
    const { head: token, account } = await shownTo(at.kept);
    const head = readHead(token);
    const forged = await signHead({ ...head, identity: thief.x, seq: head.seq + 1 }, thief);
    for (const successions of [undefined, []]) {
      const lied = inDoors((door) => ({ head: forged, heads: [...(door.heads ?? []), forged], ...(successions && { successions }) }));
      const device = reopened(at);
      device.tamper = lied;
      await expect(device.core.unlock()).rejects.toMatchObject(tampered(/names another identity key|not signed by the expected key/));
      expect(device.state).not.toBe("unlocked");
    }
    const open = at.kept;
    open.tamper = inDoors(() => ({ head: forged }));
    await expect(open.core.refresh()).rejects.toMatchObject(tampered(/names another identity key/));
    open.tamper = undefined;
    await open.core.refresh();

    const body = lastCommit(await renamed(at));
    const late: Head = { ...readHead(body.head), account, identity: thief.x };
    const { head: now } = await shownTo(at.kept);
    const next = { ...late, seq: readHead(now).seq + 1, prev: late.prev };
    const answer = await fetch(`${house.origin}/api/store/commits`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "sec-fetch-site": "same-origin",
        origin: house.origin,
        cookie: at.kept.cookie ?? "",
      },
      body: JSON.stringify({ ...body, expectedSeq: readHead(now).seq, head: await signHead(next, thief) }),
    });
    expect(await answer.json()).toMatchObject({ code: "invalid_head" });
  });
});

async function renamed({ kept }: Scene): Promise<Device> {
  await rename(kept, "Later");
  return kept;
}
const lastCommit = ({ sent }: Device): BodyOf<"commit"> => JSON.parse(sent.findLast((body) => body.startsWith('{"expectedSeq"')) ?? "");

describe("a server with an identity key that was stolen", () => {
  /** What a thief of the identity key would need: the server's door, remade by `make`. */
  async function lie(
    at: Scene,
    make: (known: { door: Sync; thief: SigningPair; own: SigningPair; ownKit: KitKeys }) => Promise<Partial<Sync>>,
  ): Promise<Tamper> {
    const { thief, accountKey } = await stolen(at);
    const own = await makeSigningPair();
    const door = await shownTo(at.kept);
    const changed = await make({ door, thief, own, ownKit: await kitKeys(randomBytes(16)) });
    const signer = readHead(changed.head ?? "").identity === own.x ? own : thief;
    const epochs = [await makeEpoch(door.account, 1, accountKey, signer, undefined)];
    return inDoors(() => ({ ...changed, epochs }));
  }

  async function refused(at: Scene, tamper: Tamper, saw: RegExp): Promise<void> {
    // Nor does it help to say that the server was put back.
    const restored = { at: new Date(at.house.clock.now()).toISOString(), from: null };
    const excused: Tamper = (name, answer) => (name === "store" ? { ...(tamper(name, answer) as Sync), restored } : tamper(name, answer));
    for (const lie of [tamper, excused]) {
      const device = reopened(at);
      device.tamper = lie;
      await expect(device.core.unlock()).rejects.toMatchObject(tampered(saw));
      expect(device.state).not.toBe("unlocked");
      expect(device.view).toBeUndefined();
    }
    at.kept.tamper = tamper;
    await expect(at.kept.core.refresh()).rejects.toMatchObject(tampered(saw));
    expect(at.kept.view.alarms.map(({ message }) => message).join()).toMatch(saw);
  }

  const signed = async (door: Sync, by: SigningPair, ways = door.ways): Promise<string> =>
    signHead({ ...readHead(door.head), identity: by.x, ways: await hashOfWays(ways) }, by);
  const at = "2026-11-21T10:00:00.000Z";

  it("shows a succession that another kit signed", async () => {
    await using house = await openHouse();
    const scened = await scene(house);
    const tamper = await lie(scened, async ({ door, thief, own, ownKit }) => {
      const ways = withKit(door.ways, ownKit.sign.x);
      const succession = { account: door.account, from: thief.x, to: own.x, kit: ownKit.sign.x, at };
      const evidence: SuccessionEvidence = {
        token: await signSuccession(succession, ownKit.sign),
        head: await signed(door, thief, ways),
        ways,
      };
      return { head: await signed(door, own, ways), ways, successions: [evidence] };
    });
    await refused(scened, tamper, /kit that signed the new identity key is not the one this device knows/);
  });

  it("shows the real list, and a succession that its kit has not signed", async () => {
    await using house = await openHouse();
    const scened = await scene(house);
    const tamper = await lie(scened, async ({ door, thief, own, ownKit }) => {
      const succession = { account: door.account, from: thief.x, to: own.x, kit: ownKit.sign.x, at };
      const evidence = { token: await signSuccession(succession, thief), head: door.head, ways: door.ways };
      return { head: await signed(door, own), successions: [evidence] };
    });
    await refused(scened, tamper, /succession\+jwt is not signed by the expected key/);
  });

  it("shows a succession of another store", async () => {
    await using house = await openHouse();
    const scened = await scene(house);
    const tamper = await lie(scened, async ({ door, own, ownKit }) => {
      const succession = { account: newId(), from: readHead(door.head).identity, to: own.x, kit: ownKit.sign.x, at };
      const evidence = { token: await signSuccession(succession, scened.kit.sign), head: door.head, ways: door.ways };
      return { head: await signed(door, own), successions: [evidence] };
    });
    await refused(scened, tamper, /of another store/);
  });

  it("shows a head by a new identity key, and no succession", async () => {
    await using house = await openHouse();
    const scened = await scene(house);
    const tamper = await lie(scened, async ({ door, own }) => ({ head: await signed(door, own), successions: [] }));
    await refused(scened, tamper, /names another identity key .* no kit that it knows has signed/);
  });

  it("hides the real succession after a recovery", async () => {
    await using house = await openHouse();
    const scened = await scene(house);
    await recovered(scened);
    await refused(
      scened,
      inDoors(() => ({ successions: [] })),
      /names another identity key .* no kit that it knows has signed/,
    );
  });

  it("puts another kit into the list that the stolen key signs", async () => {
    await using house = await openHouse();
    const scened = await scene(house);
    const tamper = await lie(scened, async ({ door, thief, ownKit }) => {
      const ways = withKit(door.ways, ownKit.sign.x);
      return { ways, head: await signed(door, thief, ways) };
    });
    await refused(scened, tamper, /names another kit than the one that this device knows/);
  });
});

it("a head that says `restored` is far above the one before it, or nothing", async () => {
  await using house = await openHouse();
  const at = await scene(house);
  const { thief } = await stolen(at);
  const door = await shownTo(at.kept);
  const last = readHead(door.head);
  const head = await signHead({ ...last, seq: last.seq + 1, prev: await hashOfHead(door.head), restored: true }, thief);
  at.kept.tamper = inDoors(() => ({ head, heads: [head] }));
  await expect(at.kept.core.refresh()).rejects.toMatchObject(tampered(/does not go on from the head/));
});

describe("the number on the kit", () => {
  it("shows that the store was put back, which the code alone can't", async () => {
    await using house = await openHouse();
    const at = await scene(house);
    const back = await house.rewind((await shownTo(at.kept)).account);
    await rename(at.kept, "Ada");
    const noted = at.kept.view.head.seq;
    await house.device().core.recover(at.code, noted);
    await back();
    const rescuer = house.device();
    await expect(rescuer.core.recover(at.code, noted)).rejects.toMatchObject(
      tampered(new RegExp(`state number ${noted - 1} .* number ${noted}`)),
    );
    expect(rescuer.state).toBeUndefined();
    expect(rescuer.cookie).toBeUndefined();
    await rescuer.core.recover(at.code, noted - 1);
    expect(rescuer.state).toBe("unlocked");
  });
});

it("a kit is dropped only for another one", async () => {
  await using house = await openHouse();
  const { kept } = await scene(house);
  const prompts = kept.authenticator.shown.length;
  const kit = kept.view.ways.find((way) => way.kind === "kit");
  await expect(kept.core.dropWay(kit?.id ?? "")).rejects.toMatchObject({ code: "invalid" });
  expect(kept.authenticator.shown.length).toBe(prompts);
});

it("a browser that was dropped in a recovery is shut out", async () => {
  await using house = await openHouse();
  const at = await scene(house);
  const lost = house.device({ authenticator: softwareAuthenticator(house.origin) });
  await lost.core.recover(at.code);
  const kit = await lost.core.finishRecovery({ drop: [] });
  const rescuer = house.device();
  const { ways } = await rescuer.core.recover(kit.groups.join(""));
  const theirs = lost.view.ways.filter((way) => way.here || !at.kept.view.ways.some((each) => each.id === way.id)).map((way) => way.id);
  const drop = ways.filter((way) => theirs.includes(way.id) && way.kind !== "kit").map((way) => way.id);
  expect(drop.length).toBeGreaterThanOrEqual(2);
  await rescuer.core.finishRecovery({ drop });
  await expect(rename(lost, "Thief")).rejects.toMatchObject({ code: "signed_out" });
  await expect(lost.core.unlock()).rejects.toMatchObject({ code: "no_passkey" });
  await at.kept.core.unlock();
  expect(nameOf(at.kept)).toBeNull();
});
