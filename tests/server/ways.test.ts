import { describe, expect, test } from "vitest";
import { ACT_TYP, type SignedAct } from "#protocol/api.ts";
import { hashOfJson } from "#protocol/canonical.ts";
import { hashOfHead } from "#protocol/head.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { signSuccession } from "#protocol/sealing/succession.ts";
import { type KitKeys, kitKeys, makeWayIn, newId } from "#protocol/sealing/way-in.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";
import { MINUTE } from "../support/clock.ts";
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

  test("a device, together with every session but the one that drops it: what it knows shares nothing more", async () => {
    await using at = await scene();
    const { customer } = at;
    const { grant } = await connect(at);
    await customer.addKit();
    const own = customer.api.cookie;
    await customer.login();
    const theirs = customer.api.cookie;
    customer.api.cookie = own;
    const drop = await dropping(customer, [ofKind(customer, "device").id]);
    const act = await customer.act({ action: "drop-way", grant: null, object: await hashOfWays(drop.ways) });
    await customer.commit({ ...drop, acts: [act] });
    const forged = await customer.draft({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: NAME }] });
    customer.api.cookie = theirs;
    await expect(customer.api.call("commit", { body: forged })).rejects.toMatchObject(refusal("unauthenticated"));
    await expect(customer.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
    customer.api.cookie = own;
    expect((await customer.api.call("session")).account).toBe(customer.account);
  });

  test("never the last that opens the store", async () => {
    await using at = await scene();
    const { customer } = at;
    const drop = await dropping(customer, [ofKind(customer, "device").id]);
    const act = await customer.act({ action: "drop-way", grant: null, object: await hashOfWays(drop.ways) });
    await expect(customer.commit({ ...drop, acts: [act] })).rejects.toMatchObject(refusal("invalid_input", "/ways"));
  });
});

/** A new kit in the place of the old one, and a new identity key that the old one has signed: all of the commit but its acts. */
async function replacement(customer: Customer, old: KitKeys, { gone = [], added = [] }: { gone?: string[]; added?: Way[] } = {}) {
  const kit = await kitKeys(randomBytes(16));
  const drop = await dropping(customer, [ofKind(customer, "kit").id, ...gone]);
  const made = await customer.wayIn("kit", kit.secret, customer.epoch + 1, drop.epoch?.key as typeof customer.accountKey, kit);
  const identity = await makeSigningPair();
  const signed = {
    account: customer.account,
    from: customer.identity.x,
    to: identity.x,
    kit: kit.sign.x,
    at: new Date(customer.now()).toISOString(),
  };
  const ways = [...drop.ways, made.way, ...added];
  const seals = [...(drop.seals ?? []), { ...made.seal, locator: kit.locator }];
  const draft: Draft = { ...drop, ways, seals, next: { identity, succession: await signSuccession(signed, old.sign) } };
  return { kit, identity, signed, draft, about: { action: "recover", grant: null, object: await hashOfWays(ways) } as const };
}

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

  test("is replaced only by its own signature, together with the identity key, and is found no more then", async () => {
    await using at = await scene();
    const { customer } = at;
    const old = await customer.addKit();
    const { kit, draft, about } = await replacement(customer, old);
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

describe("a new identity key", () => {
  test("signs from the recovery on, the old one never again; devices are shown why", async () => {
    await using at = await scene();
    const { customer } = at;
    const old = await customer.addKit();
    const { kit, identity, draft, about } = await replacement(customer, old);
    const before = { identity: customer.identity, head: customer.head, ways: customer.ways };
    await customer.commit({ ...draft, acts: [await customer.kitAct(about, old)] });
    customer.accountKey = draft.epoch?.key as typeof customer.accountKey;
    const stolen = await customer.draft({ records: { "profile/name": NAME } });
    await expect(
      customer.send(await customer.withHead(stolen, {}, before.identity)),
      "by the old identity key, which the head names",
    ).rejects.toMatchObject(refusal("invalid_head", "/head"));
    await expect(
      customer.send(await customer.withHead(stolen, { identity: identity.x }, before.identity)),
      "by the old identity key, which the head denies",
    ).rejects.toMatchObject(refusal("invalid_head", "/head"));
    await customer.send(stolen);

    const shown = { successions: [{ token: draft.next?.succession, head: before.head }] };
    const session = await customer.api.call("session");
    expect(session).toMatchObject(shown);
    expect(await hashOfWays(session.successions[0]?.ways ?? [])).toBe(await hashOfWays(before.ways));
    expect(await customer.read()).toMatchObject(shown);
    expect(await customer.login()).toMatchObject(shown);
    expect((await recoverBy(customer, kit)).found).toMatchObject(shown);

    const again = await replacement(customer, kit);
    await customer.commit({ ...again.draft, acts: [await customer.kitAct(again.about, kit)] });
    const tokens = (await customer.api.call("session")).successions.map(({ token }) => token);
    expect(tokens).toEqual([draft.next?.succession, again.draft.next?.succession]);
  });

  test("takes the listed kit's signature over exactly this store, the old key, the new key and the new kit, and its act", async () => {
    await using at = await scene();
    const { customer } = at;
    const old = await customer.addKit();
    const { kit, identity, signed, draft, about } = await replacement(customer, old);
    const stranger = await makeSigningPair();
    const by = async (change: Partial<typeof signed>, signer = old.sign): Promise<Draft> => ({
      ...draft,
      next: { identity, succession: await signSuccession({ ...signed, ...change }, signer) },
    });
    const sent = async (body: Draft): Promise<unknown> => customer.commit({ ...body, acts: [await customer.kitAct(about, old)] });
    for (const [name, body] of Object.entries({
      "signed by the new kit": await by({}, kit.sign),
      "signed by the identity key": await by({}, customer.identity),
      "of another store": await by({ account: newId() }),
      "from another key": await by({ from: stranger.x }),
      "to the same key": await by({ to: customer.identity.x }),
      "of another kit": await by({ kit: stranger.x }),
    }))
      await expect(sent(body), name).rejects.toMatchObject(refusal("invalid_head", "/succession"));
    await expect(sent(await by({ to: stranger.x })), "to another key than signs").rejects.toMatchObject(refusal("invalid_head", "/head"));
    const kept = await customer.draft({ ...draft, next: undefined as never, acts: [await customer.kitAct(about, old)] });
    await expect(customer.send(kept), "the old identity key goes on").rejects.toMatchObject(refusal("act_required", "/succession"));
    await expect(customer.commit(draft), "no act").rejects.toMatchObject(refusal("act_required", "/acts"));
    const passkey = await customer.act({ ...about, action: "drop-way" });
    await expect(customer.commit({ ...draft, acts: [passkey] }), "a passkey's act").rejects.toMatchObject(refusal("act_required", "/acts"));
    const other = await customer.kitAct({ ...about, action: "export" }, old);
    await expect(customer.commit({ ...draft, acts: [other] }), "another act").rejects.toMatchObject(refusal("act_required", "/acts"));
    const alone: Draft = { records: { "profile/name": NAME }, ...(draft.next === undefined ? {} : { next: draft.next }) };
    await expect(
      customer.commit({ ...alone, acts: [await customer.kitAct({ ...about, object: await hashOfWays(customer.ways) }, old)] }),
      "while the kit stays",
    ).rejects.toMatchObject(refusal("invalid_head", "/succession"));
    expect((await customer.api.call("session")).successions).toEqual([]);
    await sent(draft);
  });

  test("needs a kit: none can be dropped without another in its place, and a store that begins has none", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const old = await customer.addKit();
    const drop = await dropping(customer, [ofKind(customer, "kit").id]);
    const object = await hashOfWays(drop.ways);
    await expect(
      customer.commit({ ...drop, acts: [await customer.act({ action: "drop-way", grant: null, object })] }),
    ).rejects.toMatchObject(refusal("act_required"));
    await expect(
      customer.commit({ ...drop, acts: [await customer.kitAct({ action: "recover", grant: null, object }, old)] }),
    ).rejects.toMatchObject(refusal("act_required", "/succession"));

    const fresh = await Customer.make(system.issuer, system.clock.now);
    const first = await fresh.prepareFirst();
    const signed = {
      account: fresh.account,
      from: fresh.identity.x,
      to: old.sign.x,
      kit: old.sign.x,
      at: new Date(fresh.now()).toISOString(),
    };
    await expect(
      fresh.api.call("register", { body: { ...first, succession: await signSuccession(signed, old.sign) } }),
    ).rejects.toMatchObject(refusal("invalid_head", "/succession"));
  });

  test("ends every session that the old kit had opened, but the one that recovers", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const old = await customer.addKit();
    const thief = await Customer.make(system.issuer, system.clock.now);
    await thief.api.call("recover", { body: (await recoverBy(thief, old)).body });
    const own = customer.api.cookie;
    await customer.api.call("recover", { body: (await recoverBy(customer, old)).body });
    const { draft, about } = await replacement(customer, old);
    await customer.commit({ ...draft, acts: [await customer.kitAct(about, old)] });
    await expect(thief.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
    expect((await customer.api.call("session")).account).toBe(customer.account);
    customer.api.cookie = own;
    expect((await customer.api.call("session")).account, "a passkey's session goes on").toBe(customer.account);
  });

  test("can follow twenty times while a way in from the first time is left, and on where none is", async () => {
    await using at = await scene();
    const { customer } = at;
    let old = await customer.addKit();
    for (let time = 0; time < 20; time++) {
      const { kit, draft, about } = await replacement(customer, old);
      await customer.commit({ ...draft, acts: [await customer.kitAct(about, old)] });
      customer.accountKey = draft.epoch?.key as typeof customer.accountKey;
      old = kit;
      at.system.clock.pass(MINUTE);
    }
    const full = await replacement(customer, old);
    await expect(customer.commit({ ...full.draft, acts: [await customer.kitAct(full.about, old)] })).rejects.toMatchObject(
      refusal("store_full", "/succession"),
    );
    const before = (await customer.api.call("session")).successions;
    expect(before).toHaveLength(20);

    const { way, attestation } = await secondPasskey(customer);
    const gone = customer.ways.filter(({ kind }) => kind !== "kit").map(({ id }) => id);
    const last = await replacement(customer, old, { gone, added: [way] });
    await customer.commit({ ...last.draft, attestation, acts: [await customer.kitAct(last.about, old)] });
    const kept = await at.system.storage.read(customer.account, (store) => store.list("successions", { limit: 100 }));
    expect(kept.map(([, { token }]) => token)).toEqual([...before.slice(1).map(({ token }) => token), last.draft.next?.succession]);
  });
});
