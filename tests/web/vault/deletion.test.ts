import { CompactSign, exportJWK, generateKeyPair, type JWK } from "jose";
import { describe, expect, it } from "vitest";
import type { Deletion, GrantView, ReplyOf } from "#protocol/api.ts";
import { canonical, utf8 } from "#protocol/canonical.ts";
import { ATTESTATION_TYP, type ErasureAttestation } from "#protocol/erasure-attestation.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { DAY, MINUTE } from "../../support/clock.ts";
import { type Device, type House, openHouse, type Shop, sharedWith, shop, type Tamper } from "./house.ts";

interface Signer {
  readonly key: JWK;
  attest(claims: Partial<ErasureAttestation>): Promise<string>;
}

/** One of the shop's signing keys. */
async function signer(house: House, vendor: Shop, grant: string, alg = "ES256"): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = "k1";
  return {
    key: { ...(await exportJWK(publicKey)), kid, alg },
    async attest(claims) {
      const whole: ErasureAttestation = {
        iss: vendor.clientId,
        aud: house.origin,
        jti: newId(),
        iat: Math.floor(house.clock.now() / 1000),
        grant_id: grant,
        n: 1,
        reason: "revoked",
        at: new Date(house.clock.now()).toISOString(),
        did: ["profile/emails"],
        remains: [],
        ...claims,
      };
      return new CompactSign(utf8(canonical(whole))).setProtectedHeader({ alg, kid, typ: ATTESTATION_TYP }).sign(privateKey);
    },
  };
}

interface Scene {
  readonly house: House;
  readonly device: Device;
  readonly grant: string;
  readonly by: Signer;
  readonly since: string;
  /** What the server shows of the deletion from now on. */
  show(tokens: readonly string[], more?: Partial<Deletion>, key?: JWK): Promise<Device>;
}

/** A grant that its customer has stopped, and of which the shop must delete what it read. */
async function stopped(house: House): Promise<Scene> {
  const device = house.device();
  await device.core.begin();
  const vendor = shop();
  const grant = await sharedWith(device, house, vendor);
  await device.core.stop(grant, { askDeletion: true });
  const by = await signer(house, vendor, grant);
  const since = new Date(house.clock.now()).toISOString();
  const show: Scene["show"] = async (tokens, more = {}, key = by.key) => {
    const received = new Date(house.clock.now()).toISOString();
    const deletion: Deletion = {
      reason: "revoked",
      since,
      n: 1,
      by: new Date(Date.parse(since) + 7 * DAY).toISOString(),
      told: null,
      attestations: tokens.map((token) => ({ token, key: { ...key }, received })),
      ...more,
    };
    const tamper: Tamper = (name, answer: ReplyOf<"store">) =>
      name === "store" ? { ...answer, grants: answer.grants.map((row): GrantView => ({ ...row, deletion, stream: "live" })) } : answer;
    const other = house.device({ authenticator: device.authenticator, memory: device.memory });
    other.tamper = tamper;
    await other.core.unlock();
    return other;
  };
  return { house, device, grant, by, since, show };
}
const shown = ({ view }: Device) => view.connections[0]?.deletion;

describe("what a shop has to delete", () => {
  it("waits until its time, then is overdue; and says whether anybody heard", async () => {
    await using house = await openHouse();
    const { show, since } = await stopped(house);
    const device = await show([], { told: since });
    const by = new Date(Date.parse(since) + 7 * DAY).toISOString();
    expect(shown(device)).toEqual({
      ...{ reason: "revoked", state: "waiting", since, by, told: since },
      ...{ at: null, did: [], remains: [], statement: null },
    });
    expect(device.view.connections[0]).toMatchObject({ stream: "live", endedBy: "customer", askedDeletion: true });
    house.clock.pass(7 * DAY);
    await device.core.refresh();
    expect(shown(device)?.state).toBe("overdue");
    expect(shown(await show([], { by: null }))?.state).toBe("nothing-read");
    expect(device.view.alarms).toEqual([]);
  });

  it("is confirmed by what the shop signed, or kept but for what it names", async () => {
    await using house = await openHouse();
    const { show, by } = await stopped(house);
    house.clock.pass(DAY);
    const at = new Date(house.clock.now()).toISOString();
    const done = await by.attest({ statement: "All of it, in every backup" });
    const device = await show([done]);
    expect(shown(device)).toMatchObject({ state: "confirmed", at, did: ["profile/emails"], statement: "All of it, in every backup" });
    expect(device.view.alarms).toEqual([]);

    const remains = [{ what: "Invoices", why: "legal-duty" as const, until: "2036-12-31", note: "Art. 2220" }];
    house.clock.pass(MINUTE);
    const kept = await show([done, await by.attest({ remains })]);
    expect(shown(kept)).toMatchObject({ state: "kept", remains, statement: null });
    // What is signed is the same with each reading, and isn't verified anew.
    expect(kept.view.alarms).toEqual([]);
  });

  it("isn't confirmed by what was signed before, of a narrowing, or of retention", async () => {
    await using house = await openHouse();
    const { show, by } = await stopped(house);
    house.clock.pass(DAY);
    const early = await by.attest({ at: new Date(house.clock.now() - 2 * DAY).toISOString() });
    const device = await show([early, await by.attest({ reason: "narrowed" }), await by.attest({ reason: "retention" })]);
    expect(shown(device)).toMatchObject({ state: "waiting", at: null, did: [] });
    expect(device.view.alarms).toEqual([]);
  });

  it("is confirmed by a shop whose clock is somewhat ahead: the server takes its word, so it is no alarm", async () => {
    await using house = await openHouse();
    const { show, by } = await stopped(house);
    const device = await show([await by.attest({ at: new Date(house.clock.now() + 9 * MINUTE).toISOString() })]);
    expect(shown(device)?.state).toBe("confirmed");
    expect(device.view.alarms).toEqual([]);
  });

  it("by Ed25519 and PS256 too", async () => {
    await using house = await openHouse();
    const { show, grant } = await stopped(house);
    for (const alg of ["Ed25519", "PS256"]) {
      const other = await signer(house, shop(), grant, alg);
      const device = await show([await other.attest({})], {}, other.key);
      expect(shown(device)?.state).toBe("confirmed");
      expect(device.view.alarms).toEqual([]);
    }
  });
});

describe("a server that lies about a deletion", () => {
  it("is found out: what the shop didn't sign so counts as nothing", async () => {
    await using house = await openHouse();
    const { show, by, grant } = await stopped(house);
    const stranger = await signer(house, shop("Other", "https://other.example/client.json"), grant);
    const right = await by.attest({});
    const [header = "", payload = "", signature = ""] = right.split(".");
    const changed = Buffer.from(Buffer.from(payload, "base64url").toString().replace('"revoked"', '"expired"')).toString("base64url");
    const lies: Array<[string, JWK]> = [
      [right, stranger.key],
      [`${header}.${changed}.${signature}`, by.key],
      [await by.attest({ grant_id: newId() }), by.key],
      [await by.attest({ aud: "https://elsewhere.example" }), by.key],
      [await by.attest({ n: 2 }), by.key],
      // It would confirm what is stopped only next year.
      [await by.attest({ at: new Date(house.clock.now() + DAY).toISOString() }), by.key],
      [await stranger.attest({}), stranger.key],
    ];
    for (const [token, key] of lies) {
      const device = await show([token], {}, key);
      expect(shown(device)).toMatchObject({ state: "waiting", at: null, did: [], remains: [] });
      expect(device.view.alarms).toMatchObject([{ code: "attestation", message: expect.stringContaining("has not signed so") }]);
    }
    // The one that holds counts beside one that doesn't.
    const device = await show([right, `${header}.${changed}.${signature}`]);
    expect(shown(device)?.state).toBe("confirmed");
    expect(device.view.alarms).toHaveLength(1);
    // And each reading says so again.
    await device.core.refresh();
    expect(device.view.alarms).toHaveLength(1);
  });
});

describe("a grant that its shop has ended", () => {
  it("needs no act, and can't be shared with any more", async () => {
    await using house = await openHouse();
    const device = house.device();
    await device.core.begin();
    const grant = await sharedWith(device, house, shop());
    const at = new Date(house.clock.now()).toISOString();
    const ended: GrantView["ended"] = { state: "revoked", at, actor: "vendor", act: null, askDeletion: false };
    device.tamper = (name, answer: ReplyOf<"store">) =>
      name === "store" ? { ...answer, grants: answer.grants.map((row) => ({ ...row, ended })) } : answer;
    await device.core.refresh();
    // A page without the row doesn't say it.
    const other = house.device({ authenticator: device.authenticator });
    other.tamper = device.tamper;
    await other.core.unlock();
    expect(other.view.connections).toMatchObject([{ grant, state: "revoked", endedBy: "vendor", endedAt: at }]);
    expect(other.view.alarms).toEqual([]);
    const path = other.view.records.find(({ kind }) => kind === "profile/emails")?.path ?? "";
    other.tamper = undefined;
    await other.core.save({ path, value: { address: "secret@example.org" } }).catch(() => undefined);
    const commits = other.sent.filter((body) => body.startsWith('{"expectedSeq"')).map((body) => JSON.parse(body));
    expect(commits.length).toBeGreaterThan(0);
    for (const { shares } of commits) expect(shares).toEqual([]);
  });
});
