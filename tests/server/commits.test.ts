import { CompactSign, exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import type { Commit } from "#protocol/api.ts";
import { hashOf, hashOfJson } from "#protocol/canonical.ts";
import { CONSENT_TYP, consentObject } from "#protocol/consent-token.ts";
import { DAY, HOUR } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { connect, EMAIL, NAME, refusal, scene } from "./scene.ts";

describe("a commit is refused, and nothing of it is stored,", () => {
  test("if its head is not the next one of this store", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const other = await Customer.register(system.issuer, system.clock.now);
    const body = await customer.draft({ records: { "profile/name": NAME } });
    const send = (commit: Commit) => customer.api.call("commit", { body: commit });
    const wrong: Array<[string, Commit, string]> = [
      ["another root", await customer.withHead(body, { root: "A".repeat(43) }), "invalid_head"],
      ["another chain", await customer.withHead(body, { prev: "A".repeat(43) }), "invalid_head"],
      ["a step left out", await customer.withHead(body, { seq: customer.seq + 2 }), "invalid_head"],
      ["another store", await customer.withHead(body, { account: other.account }), "invalid_head"],
      ["another identity key", await customer.withHead(body, { identity: other.identity.x }), "invalid_head"],
      ["another list of ways in", await customer.withHead(body, { ways: "A".repeat(43) }), "invalid_input"],
      ["another epoch", await customer.withHead(body, { epoch: 2 }), "invalid_input"],
      ["a restored store", await customer.withHead(body, { restored: true }), "invalid_head"],
      [
        "a record that the head doesn't cover",
        { ...body, records: (await customer.draft({ records: { "profile/name": NAME } })).records },
        "invalid_head",
      ],
      ["a head that is none", { ...body, head: "a.b.c" }, "invalid_head"],
    ];
    for (const [name, commit, code] of wrong) await expect(send(commit), name).rejects.toMatchObject({ problem: { code } });
    expect((await customer.api.call("session")).head).toBe(customer.head);
    await customer.send(body);
  });

  test("if another device was first: with the head that there is now", async () => {
    await using at = await scene();
    const { customer } = at;
    const mine = await customer.draft({ records: { "profile/name": NAME } });
    await customer.commit({ records: { "profile/emails/e2": EMAIL } });
    await expect(customer.api.call("commit", { body: mine })).rejects.toMatchObject({
      problem: { code: "stale_head", status: 409, head: customer.head },
    });
    const { records } = await customer.read();
    expect(records.find(({ path }) => path === "profile/name")?.version).toBe(2);
  });

  test("if a record is of no kind, of another epoch, or not newer", async () => {
    await using at = await scene();
    const { customer } = at;
    const again = async (change: Partial<Commit["records"][number]>): Promise<Commit> => {
      const body = await customer.draft({ records: { "profile/name": NAME } });
      return customer.withHead({ ...body, records: body.records.map((record) => ({ ...record, ...change })) });
    };
    const send = async (commit: Promise<Commit>) => customer.api.call("commit", { body: await commit });
    await expect(send(again({ version: 2 }))).rejects.toMatchObject(refusal("version_not_newer", "/records/0/version"));
    await expect(send(again({ version: 1 }))).rejects.toMatchObject(refusal("version_not_newer"));
    await expect(send(again({ epoch: 2 }))).rejects.toMatchObject(refusal("invalid_input", "/records/0/epoch"));
    for (const path of ["profile/emails", "profile/name/x", "profile/name:given", "secrets/a", "profile/emails/a:b"])
      await expect(send(again({ path, version: 1 })), path).rejects.toMatchObject(refusal("invalid_input", "/records/0/path"));
    const twice = await customer.draft({ records: { "profile/name": NAME } });
    await expect(send(customer.withHead({ ...twice, records: [...twice.records, ...twice.records] }))).rejects.toMatchObject(
      refusal("version_not_newer", "/records/1/version"),
    );
  });

  test("without a session", async () => {
    await using at = await scene();
    const body = await at.customer.draft({ records: { "profile/name": NAME } });
    at.customer.api.cookie = undefined;
    await expect(at.customer.api.call("commit", { body })).rejects.toMatchObject(refusal("unauthenticated"));
  });
});

test("of two commits on one head, one is made", async () => {
  await using at = await scene();
  const { customer } = at;
  const bodies = [
    await customer.draft({ records: { "profile/emails/a": EMAIL } }),
    await customer.draft({ records: { "profile/emails/b": EMAIL } }),
  ];
  const results = await Promise.allSettled(bodies.map((body) => customer.api.call("commit", { body })));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const lost = results.find((result) => result.status === "rejected");
  expect(lost?.reason).toMatchObject(refusal("stale_head"));
  const { records, heads } = await customer.read();
  expect(records.filter(({ path }) => path === "profile/emails/a" || path === "profile/emails/b")).toHaveLength(1);
  expect(heads).toHaveLength(3);
});

describe("a full disk", () => {
  test("says so in words, changes nothing, and all works again when there is room", async () => {
    await using at = await scene();
    const { customer, system, vendor } = at;
    const { grant, tokens } = await connect(at);
    const before = await customer.read();
    const body = await customer.draft({ records: { "profile/name": NAME } });
    system.failWith("full");
    await expect(customer.api.call("commit", { body })).rejects.toMatchObject({
      problem: { code: "storage_full", status: 507, detail: expect.stringContaining("Nothing was changed") },
    });
    await expect(vendor.pull(tokens.access_token, grant.grant), "what can't be logged doesn't leave").rejects.toMatchObject(
      refusal("storage_full"),
    );
    await expect(customer.api.call("pause", { id: grant.grant })).rejects.toMatchObject(refusal("storage_full"));
    expect(
      await vendor.token({ grant_type: "authorization_code", code: "x", redirect_uri: vendor.redirectUri, code_verifier: vendor.verifier }),
    ).toMatchObject({ body: { error: "invalid_grant" } });
    system.failWith("failed");
    await expect(customer.api.call("commit", { body })).rejects.toMatchObject({ problem: { code: "unavailable", status: 503 } });
    system.failWith(undefined);
    expect(await customer.read()).toEqual(before);
    await customer.send(body);
    expect((await vendor.pull(tokens.access_token, grant.grant)).records).toHaveLength(1);
  });

  test("leaves a request open that could not be answered", async () => {
    await using at = await scene();
    const { customer, system, vendor } = at;
    const id = await vendor.request();
    const request = await customer.api.call("request", { id });
    const { given, consent, commit } = await customer.prepareGrant(request, request.authorization_details);
    const act = await customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
    const body = await customer.draft({ consent: commit, acts: [act] });
    system.failWith("full");
    await expect(customer.api.call("commit", { body })).rejects.toMatchObject(refusal("storage_full"));
    system.failWith(undefined);
    expect(await customer.api.call("request", { id })).toMatchObject({ state: "open" });
    const { redirect } = await customer.send(body);
    expect((await vendor.redeem(redirect ?? "")).status).toBe(200);
  });
});

describe("a share", () => {
  test("outside its consent, of no grant, or not newer is refused", async () => {
    await using at = await scene();
    const { customer } = at;
    const { grant } = await connect(at, { paths: ["profile/emails/e1", "profile/addresses:town"] });
    const share = (path: string, more: { version?: number; grant?: string } = {}) =>
      customer
        .draft({ shares: [{ grant: grant.grant, path, content: EMAIL, ...more }] })
        .then((body) => customer.api.call("commit", { body }));
    for (const path of ["profile/emails/e2", "profile/name", "profile/addresses/a1", "profile/emails", "preferences/contact"])
      await expect(share(path), path).rejects.toMatchObject(refusal("outside_consent", "/shares/0/path"));
    await expect(share("profile/emails/e1", { grant: "A".repeat(22) })).rejects.toMatchObject(refusal("not_found"));
    await expect(share("profile/emails/e1", { version: 1 })).rejects.toMatchObject(refusal("version_not_newer"));
    await expect(share("profile/addresses/a1:town")).resolves.toBeDefined();
  });

  test("for a paused grant is refused, but for a path that was shared before: it may be a removal", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, tokens } = await connect(at);
    const { position } = await customer.api.call("pause", { id: grant.grant });
    await expect(customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e2", content: EMAIL }] })).rejects.toMatchObject(
      refusal("grant_not_active", "/shares/0/grant"),
    );
    await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: { removed: true } }] });
    await expect(vendor.pull(tokens.access_token, grant.grant)).rejects.toMatchObject(refusal("grant_paused"));
    await customer.resume(grant.grant, position);
    expect(await vendor.open(grant.grant, await vendor.pull(tokens.access_token, grant.grant))).toEqual({
      "profile/emails/e1": { removed: true },
    });
  });

  test("for an ended grant is refused; its bodies go at once, its leaves when the customer drops them, and never come back lower", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const { grant } = await connect(at);
    const leaf = `${grant.grant}/profile/emails/e1`;
    await expect(customer.commit({ drop: [leaf] }), "it is within its consent").rejects.toMatchObject(refusal("invalid_input", "/drop/0"));
    await customer.revoke(grant.grant);
    expect(await system.storage.read(customer.account, (store) => store.list("shares", { limit: 10 }))).toEqual([]);
    expect((await customer.read()).shares).toHaveLength(1);
    await expect(customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e1", content: EMAIL }] })).rejects.toMatchObject(
      refusal("grant_not_active"),
    );
    const since = String((await customer.read()).position);
    await customer.commit({ drop: [leaf], ends: [{ grant: grant.grant, hash: await hashOf("the act") }] });
    const after = await customer.api.call("store", { query: { since } });
    expect(after.dropped).toEqual([leaf]);
    expect(after.ends.map((end) => end.grant)).toEqual([grant.grant]);
    expect((await customer.read()).shares).toEqual([]);
  });

  test("an end is noted only where the server's half has ended the grant", async () => {
    await using at = await scene();
    const { customer, system } = at;
    const { grant } = await connect(at);
    const ends = [{ grant: grant.grant, hash: await hashOf("expired") }];
    await expect(customer.commit({ ends })).rejects.toMatchObject(refusal("invalid_input", "/ends/0"));
    system.clock.pass(91 * DAY);
    await customer.login();
    await customer.commit({ ends });
  });
});

describe("a consent", () => {
  test("that is wider than what was asked is refused at the place where it is", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const request = await customer.api.call("request", {
      id: await vendor.request([vendor.ask({ paths: ["profile/emails"], frequency: { max: 1, per: "P1D" } })]),
    });
    const [asked] = request.authorization_details;
    if (asked === undefined) throw new Error("one purpose was asked");
    const wider: Array<[string, Partial<typeof asked>, string]> = [
      ["a path", { paths: ["profile/name"] }, "/0/paths/0"],
      ["an action", { actions: ["read", "message"] }, "/0/actions/1"],
      ["a retention", { retention: "P31D" }, "/0/retention"],
      ["an end", { expires: new Date(Date.parse(asked.expires) + 1000).toISOString() }, "/0/expires"],
      ["a frequency", { frequency: { max: 2, per: "P1D" } }, "/0/frequency"],
      ["a purpose", { purpose: "https://w3id.org/dpv#DirectMarketing" }, "/0/purpose"],
      ["a recipient", { recipients: ["Someone"] }, "/0/recipients"],
    ];
    for (const [name, change, within] of wider) {
      const { given, consent, commit } = await customer.prepareGrant(request, [{ ...asked, ...change }]);
      const act = await customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
      const body = await customer.draft({ consent: commit, acts: [act] });
      await expect(customer.api.call("commit", { body }), name).rejects.toMatchObject({
        problem: { code: "consent_too_wide", status: 403, within: `/authorization_details${within}` },
      });
    }
  });

  test("for another vendor, key, time or grant, or without an act for exactly this consent, is refused", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const request = await customer.api.call("request", { id: await vendor.request() });
    const now = Math.floor(system.clock.now() / 1000);
    const wrong: Array<[string, Parameters<Customer["prepareGrant"]>[2]]> = [
      ["another vendor", { aud: "https://other.example/client.json" }],
      ["another key of the vendor", { cnf: { jkt: "A".repeat(43) } }],
      ["a second consent", { n: 2, prev: "A".repeat(43) }],
      ["another issuer", { iss: "A".repeat(43) }],
      ["another end", { exp: now + 1 }],
      ["long ago", { iat: now - 3601 }],
    ];
    for (const [name, change] of wrong) {
      const { given, consent, commit } = await customer.prepareGrant(request, request.authorization_details, change);
      const act = await customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
      const body = await customer.draft({ consent: commit, acts: [act] });
      await expect(customer.api.call("commit", { body }), name).rejects.toMatchObject(refusal("invalid_consent"));
    }
    const { given, consent, commit } = await customer.prepareGrant(request, request.authorization_details);
    const pair = await generateKeyPair("Ed25519", { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    for (const payload of ["not JSON", "null", "[]", '"text"', "{}"]) {
      const token = await new CompactSign(new TextEncoder().encode(payload))
        .setProtectedHeader({ alg: "Ed25519", typ: CONSENT_TYP, jwk })
        .sign(pair.privateKey);
      const body = { ...(await customer.draft({})), consent: { ...commit, token } };
      await expect(customer.api.call("commit", { body }), payload).rejects.toMatchObject(refusal("invalid_consent"));
    }
    const object = await consentObject(consent);
    const acts = [
      [],
      [await customer.act({ action: "widen", grant: given.grant, object })],
      [await customer.act({ action: "approve", grant: null, object })],
      [await customer.act({ action: "approve", grant: given.grant, object: await hashOfJson(1) })],
    ];
    for (const each of acts)
      await expect(customer.commit({ consent: commit, acts: each })).rejects.toMatchObject(refusal("act_required", "/acts"));
    expect(await customer.api.call("request", { id: request.id })).toMatchObject({ state: "open" });
  });

  test("sent again gives another code for the same grant, while nobody has redeemed the one before, and to nobody else", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const request = await customer.api.call("request", { id: await vendor.request() });
    const { given, consent, commit } = await customer.prepareGrant(request, request.authorization_details);
    const act = await customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
    const body = await customer.draft({ consent: commit, acts: [act] });
    const first = await customer.send(body);
    const other = await Customer.register(system.issuer, system.clock.now);
    await expect(other.api.call("commit", { body }), "another customer").rejects.toMatchObject(refusal("already_answered"));
    const changed = await customer.prepareGrant(request, request.authorization_details);
    await expect(customer.api.call("commit", { body: { ...body, consent: changed.commit } }), "another consent").rejects.toMatchObject(
      refusal("already_answered"),
    );
    const second = await customer.api.call("commit", { body });
    expect(second).toEqual({ ...first, redirect: expect.stringContaining("code=") });
    expect(second.redirect).not.toBe(first.redirect);
    expect((await customer.read()).grants).toHaveLength(1);
    expect((await vendor.redeem(first.redirect ?? "")).body.error, "only the newest works").toBe("invalid_grant");
    expect((await vendor.redeem(second.redirect ?? "")).status).toBe(200);
    await expect(customer.api.call("commit", { body }), "redeemed").rejects.toMatchObject(refusal("already_answered"));
    const { cookie } = customer.api;
    customer.api.cookie = undefined;
    await expect(customer.api.call("commit", { body })).rejects.toMatchObject(refusal("unauthenticated"));
    customer.api.cookie = cookie;
  });

  test("answers its request once; of two customers who answer it at once, one does", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const other = await Customer.register(system.issuer, system.clock.now);
    const id = await vendor.request();
    const answers = await Promise.allSettled([customer.approve(id, { contents: {} }), other.approve(id, { contents: {} })]);
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await expect(customer.api.call("decline", { id })).rejects.toMatchObject(refusal("already_answered"));
    expect(await customer.api.call("request", { id })).toMatchObject({ state: "answered" });
  });

  test("may not use a grant's name that is taken", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const { grant } = await connect(at);
    const other = await Customer.register(system.issuer, system.clock.now);
    const request = await other.api.call("request", { id: await vendor.request() });
    const { given, consent, commit } = await other.prepareGrant(request, request.authorization_details, { grant_id: grant.grant });
    const act = await other.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
    await expect(other.commit({ consent: commit, acts: [act] })).rejects.toMatchObject(refusal("taken"));
  });

  test("the second one, and any after 72 hours, waits for the kit", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    await connect(at);
    await expect(customer.approve(await vendor.request(), { contents: {} })).rejects.toMatchObject(refusal("kit_required"));
    await customer.addKit();
    await customer.approve(await vendor.request(), { contents: {} });
    const late = await Customer.register(system.issuer, system.clock.now);
    system.clock.pass(72 * HOUR + 1);
    await expect(late.approve(await vendor.request(), { contents: {} })).rejects.toMatchObject(refusal("kit_required"));
  });
});
