import { describe, expect, test } from "vitest";
import { ACT_TYP, type SignedAct } from "#protocol/api.ts";
import { hashOfJson } from "#protocol/canonical.ts";
import { hashOfHead } from "#protocol/head.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { type KitKeys, kitKeys, makeWayIn, newId } from "#protocol/sealing/way-in.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";
import { Customer, type Draft } from "../support/customer.ts";
import { SoftwarePasskey } from "../support/software-passkey.ts";
import { connect, NAME, refusal, scene } from "./scene.ts";

/** A second passkey, made but not yet committed. */
async function secondPasskey(customer: Customer) {
  const { id, options } = await customer.api.call("passkeyOptions");
  const { challenge, user, excludeCredentials } = options as {
    challenge: string;
    user: { id: string };
    excludeCredentials: Array<{ id: string }>;
  };
  const passkey = new SoftwarePasskey(user.id);
  const way: Way = { id: newId(), kind: "passkey", key: null, passkey: { id: passkey.id, publicKey: passkey.publicKey }, sign: null };
  const response = passkey.create({ challenge, origin: customer.api.issuer, rpId: customer.rpId });
  return { passkey, way, attestation: { registration: id, response }, excluded: excludeCredentials.map((each) => each.id) };
}

const ofKind = (customer: Customer, kind: Way["kind"]): Way => customer.ways.find((way) => way.kind === kind) as Way;

/** Drops ways in, with all that it takes. */
async function dropping(customer: Customer, gone: readonly string[]): Promise<Draft & { ways: Way[] }> {
  const ways = customer.ways.filter(({ id }) => !gone.includes(id));
  const key = randomBytes(32);
  return { ways, epoch: { key }, seals: await customer.resealed(ways, key) };
}

describe("a passkey is added", () => {
  test("by an act that names the new list, with its attestation; then it signs in and acts", async () => {
    await using at = await scene();
    const { customer } = at;
    const { passkey, way, attestation, excluded } = await secondPasskey(customer);
    expect(excluded).toEqual([customer.passkey.id]);
    const ways = [...customer.ways, way];
    const object = await hashOfWays(ways);
    await expect(customer.commit({ ways, attestation })).rejects.toMatchObject(refusal("act_required"));
    await expect(
      customer.commit({ ways, attestation, acts: [await customer.act({ action: "approve", grant: null, object })] }),
    ).rejects.toMatchObject(refusal("act_required"));
    await expect(
      customer.commit({ ways, attestation, acts: [await customer.act({ action: "add-way", grant: null, object: "A".repeat(43) })] }),
    ).rejects.toMatchObject(refusal("act_required"));
    await expect(customer.commit({ ways, acts: [await customer.act({ action: "add-way", grant: null, object })] })).rejects.toMatchObject(
      refusal("invalid_input", "/attestation"),
    );
    await expect(
      customer.commit({ ways, attestation, acts: [await customer.act({ action: "add-way", grant: null, object }, passkey)] }),
      "it can't admit itself",
    ).rejects.toMatchObject(refusal("invalid_act"));
    await customer.commit({ ways, attestation, acts: [await customer.act({ action: "add-way", grant: null, object })] });
    expect((await customer.login(passkey)).way).toBe(way.id);
    expect((await customer.read()).passkeys).toHaveLength(2);
  });

  test("only by the registration of its own store", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const other = await Customer.register(system.issuer, system.clock.now);
    const { way, attestation } = await secondPasskey(other);
    const ways = [...customer.ways, way];
    const act = await customer.act({ action: "add-way", grant: null, object: await hashOfWays(ways) });
    await expect(customer.commit({ ways, attestation, acts: [act] })).rejects.toMatchObject(refusal("invalid_passkey"));
  });

  test("as an opener only by an act that it signs itself", async () => {
    await using at = await scene();
    const { customer } = at;
    const second = await secondPasskey(customer);
    const withSecond = [...customer.ways, second.way];
    await customer.commit({
      ways: withSecond,
      attestation: second.attestation,
      acts: [await customer.act({ action: "add-way", grant: null, object: await hashOfWays(withSecond) })],
    });
    const made = await makeWayIn({
      id: customer.passkeyWay,
      account: customer.account,
      secret: randomBytes(32),
      identity: customer.identity.x,
      epoch: 1,
      accountKey: customer.accountKey,
    });
    const ways = customer.ways.map((way) => (way.id === customer.passkeyWay ? { ...way, key: made.key } : way));
    const about = { action: "export", grant: null, object: "A".repeat(43) } as const;
    await expect(customer.commit({ ways, seals: [made.seal] })).rejects.toMatchObject(refusal("act_required"));
    await expect(customer.commit({ ways, seals: [made.seal], acts: [await customer.act(about, second.passkey)] })).rejects.toMatchObject(
      refusal("act_required"),
    );
    await expect(customer.commit({ ways, acts: [await customer.act(about)] })).rejects.toMatchObject(refusal("invalid_input", "/seals"));
    await customer.commit({ ways, seals: [made.seal], acts: [await customer.act(about)] });
    const swapped = customer.ways.map((way) => (way.id === customer.passkeyWay ? { ...way, key: ofKind(customer, "device").key } : way));
    await expect(
      customer.commit({ ways: swapped, seals: [], acts: [await customer.act(about)] }),
      "a key never changes",
    ).rejects.toMatchObject(refusal("invalid_input", "/ways"));
  });
});

describe("a way in is dropped", () => {
  test("with a new epoch: its sessions end, its half is gone, and it no longer acts", async () => {
    await using at = await scene();
    const { customer, system } = at;
    await customer.addKit();
    const second = await secondPasskey(customer);
    const added = [...customer.ways, second.way];
    await customer.commit({
      ways: added,
      attestation: second.attestation,
      acts: [await customer.act({ action: "add-way", grant: null, object: await hashOfWays(added) })],
    });
    const own = customer.api.cookie;
    await customer.login(second.passkey);
    const theirs = customer.api.cookie;
    customer.api.cookie = own;

    const device = ofKind(customer, "device").id;
    const drop = await dropping(customer, [second.way.id, device]);
    const about = { action: "drop-way", grant: null, object: await hashOfWays(drop.ways) } as const;
    await expect(customer.commit({ ...drop })).rejects.toMatchObject(refusal("act_required"));
    await expect(customer.commit({ ways: drop.ways, acts: [await customer.act(about)] }), "no new epoch").rejects.toMatchObject(
      refusal("invalid_input", "/epoch"),
    );
    await expect(customer.commit({ ...drop, seals: [], acts: [await customer.act(about)] }), "a seal lacks").rejects.toMatchObject(
      refusal("invalid_input", "/seals"),
    );
    await customer.commit({ ...drop, acts: [await customer.act(about)] });
    customer.accountKey = drop.epoch?.key as typeof customer.accountKey;

    expect((await customer.login()).halves).toEqual({});
    const mine = customer.api.cookie;
    customer.api.cookie = theirs;
    await expect(customer.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
    customer.api.cookie = mine;
    await expect(customer.login(second.passkey)).rejects.toMatchObject(refusal("unauthenticated"));
    await expect(
      customer.commit({ records: { "profile/name": NAME }, acts: [await customer.act(about, second.passkey)] }),
    ).rejects.toMatchObject(refusal("invalid_act"));
    await customer.commit({ records: { "profile/name": NAME } });
    expect(await system.storage.read(customer.account, (store) => store.list("halves", { limit: 1 }))).toEqual([]);
  });

  test("never the last that opens the store", async () => {
    await using at = await scene();
    const { customer } = at;
    const drop = await dropping(customer, [ofKind(customer, "device").id]);
    const act = await customer.act({ action: "drop-way", grant: null, object: await hashOfWays(drop.ways) });
    await expect(customer.commit({ ...drop, acts: [act] })).rejects.toMatchObject(refusal("invalid_input", "/ways"));
  });
});

const recoverBy = async (customer: Customer, kit: KitKeys, signer = kit.sign, change: Partial<SignedAct["act"]> = {}) => {
  const found = await customer.api.call("recovery", { body: { locator: kit.locator } });
  const act = {
    action: "recover" as const,
    account: found.account,
    grant: null,
    object: await hashOfHead(found.head),
    nonce: found.nonce,
    at: found.at,
    ...change,
  };
  return { found, body: { locator: kit.locator, act: { act, kit: await sign(act, ACT_TYP, signer) } } };
};

describe("the kit", () => {
  test("finds its store, signs in by its key, once for each nonce", async () => {
    await using at = await scene();
    const { customer } = at;
    const kit = await customer.addKit();
    const stranger = await Customer.make(at.system.issuer, at.system.clock.now);
    await expect(stranger.api.call("recovery", { body: { locator: "A".repeat(43) } })).rejects.toMatchObject(refusal("not_found"));
    const wrong = await recoverBy(stranger, kit, await makeSigningPair());
    await expect(stranger.api.call("recover", { body: wrong.body })).rejects.toMatchObject(refusal("invalid_act"));
    const other = await recoverBy(stranger, kit, kit.sign, { object: "A".repeat(43) });
    await expect(stranger.api.call("recover", { body: other.body })).rejects.toMatchObject(refusal("invalid_act"));
    const right = await recoverBy(stranger, kit);
    expect(right.found.seals.map(({ id }) => id)).toEqual([ofKind(customer, "kit").id]);
    expect(await stranger.api.call("recover", { body: right.body })).toMatchObject({ account: customer.account, way: null });
    expect((await stranger.api.call("session")).account).toBe(customer.account);
    await expect(stranger.api.call("recover", { body: right.body })).rejects.toMatchObject(refusal("invalid_act"));
  });

  test("is replaced only by its own signature, and is found no more then", async () => {
    await using at = await scene();
    const { customer } = at;
    const old = await customer.addKit();
    const kit = await kitKeys(randomBytes(16));
    const drop = await dropping(customer, [ofKind(customer, "kit").id]);
    const made = await customer.wayIn("kit", kit.secret, 2, drop.epoch?.key as typeof customer.accountKey, kit);
    const ways = [...drop.ways, made.way];
    const draft = { ...drop, ways, seals: [...(drop.seals ?? []), { ...made.seal, locator: kit.locator }] };
    const about = { action: "recover", grant: null, object: await hashOfWays(ways) } as const;
    await expect(customer.commit({ ...draft, acts: [await customer.act({ ...about, action: "add-way" })] })).rejects.toMatchObject(
      refusal("act_required"),
    );
    await expect(
      customer.commit({ ...draft, acts: [await customer.kitAct(about, kit)] }),
      "the new one can't admit itself",
    ).rejects.toMatchObject(refusal("invalid_act"));
    await customer.commit({ ...draft, acts: [await customer.kitAct(about, old)] });
    await expect(customer.api.call("recovery", { body: { locator: old.locator } })).rejects.toMatchObject(refusal("not_found"));
    expect((await customer.api.call("recovery", { body: { locator: kit.locator } })).account).toBe(customer.account);
  });

  test("alone does not share: that takes a passkey", async () => {
    await using at = await scene();
    const { customer } = at;
    const kit = await customer.addKit();
    const { grant } = await connect(at);
    const { position } = await customer.api.call("pause", { id: grant.grant });
    const resumes = [{ grant: grant.grant, pause: position }];
    const act = await customer.kitAct({ action: "resume", grant: grant.grant, object: await hashOfJson(resumes) }, kit);
    await expect(customer.commit({ resumes, acts: [act] })).rejects.toMatchObject(refusal("act_required"));
  });

  test("is looked for ten times a minute at most", async () => {
    await using at = await scene();
    const stranger = await Customer.make(at.system.issuer, at.system.clock.now);
    const look = () =>
      stranger.api.call("recovery", {
        body: {
          locator: randomBytes(32)
            .reduce((text, byte) => text + (byte % 10), "")
            .padEnd(43, "0"),
        },
      });
    for (let time = 0; time < 10; time++) await expect(look()).rejects.toMatchObject(refusal("not_found"));
    await expect(look()).rejects.toMatchObject(refusal("rate_limited"));
  });
});

test("another identity key without the kit's signature is refused", async () => {
  await using at = await scene();
  const { customer } = at;
  const other = await Customer.make(at.system.issuer, at.system.clock.now);
  const body = await customer.draft({ records: { "profile/name": NAME } });
  Object.assign(other, { account: customer.account, seq: customer.seq, head: customer.head, ways: customer.ways, epoch: customer.epoch });
  for (const [key, leaf] of customer.leaves) other.leaves.set(key, leaf);
  await expect(customer.api.call("commit", { body: await other.withHead(body) })).rejects.toMatchObject(refusal("invalid_head"));
});
