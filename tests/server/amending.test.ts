import { describe, expect, test } from "vitest";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { type Consent, consentObject, hashOfConsent, verifyConsent } from "#protocol/consent-token.ts";
import { DELETION_TIME } from "#protocol/deletion.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import type { Rows } from "../../server/rows.ts";
import { DAY, HOUR } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { TestVendor } from "../support/vendor.ts";
import { connect, EMAIL, NAME, problemOf, refusal, type Scene, scene } from "./scene.ts";

const instant = (at: number): string => new Date(at).toISOString();

/** The e-mail address and the name granted, as one object each way that a test wants it. */
const both = async (at: Scene, change: Partial<AuthorizationDetail> = {}) => {
  const details = [at.vendor.ask({ paths: ["profile/emails", "profile/name"], ...change })];
  const contents = { "profile/emails/e1": EMAIL, "profile/name": NAME };
  const grant = await at.customer.approve(await at.vendor.request(details), { contents });
  const { body } = await at.vendor.redeem(grant.redirect);
  return { grant, tokens: body, details };
};

describe("a grant that is replaced", () => {
  test("says the new consent from the next read on; the one before stays as evidence", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, tokens } = await connect(at);
    const first = await vendor.pull(tokens.access_token, grant.grant);
    const wide = [vendor.ask({ paths: ["profile/emails", "profile/name"], retention: "P10D" })];
    const id = await vendor.amend(grant.grant, wide);
    expect(await customer.api.call("request", { id })).toMatchObject({ replaces: grant.grant, state: "open", refused: null });
    const amended = await customer.approve(id, { contents: { "profile/name": NAME } });
    expect(amended.grant).toBe(grant.grant);

    const { status, body } = await vendor.redeem(amended.redirect);
    expect(status).toBe(200);
    expect(body).toMatchObject({ grant_id: grant.grant, authorization_details: wide });
    const second = await vendor.pull(body.access_token, grant.grant, first.cursor);
    expect(second.records.map(({ path }) => path)).toEqual(["profile/name"]);
    const { consent } = await verifyConsent(second.consent, {
      grant: grant.grant,
      pinned: grant.consent.iss,
      seen: { n: 1, hash: await hashOfConsent(first.consent) },
    });
    expect(consent.n).toBe(2);
    expect(await vendor.open(grant.grant, second), "under the same grant key").toMatchObject({ "profile/name": NAME });

    const { consents } = await customer.api.call("consents", { id: grant.grant });
    expect(consents).toEqual([first.consent, second.consent]);
    const { history, grants } = await customer.read();
    expect(history.filter(({ type }) => type === "approve").map(({ grant: of, number }) => [of, number])).toEqual([
      [grant.grant, 1],
      [grant.grant, 2],
    ]);
    expect(grants).toHaveLength(1);
    expect(grants[0], "nothing was taken away").toMatchObject({ number: 1, deletion: null, consent: second.consent });
  });

  test("keeps its vendor as it was when this was asked", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant } = await connect(at);
    vendor.documents.metadata.client_name = "Aldina & Figli";
    system.clock.pass(2 * DAY);
    const amended = await customer.approve(await vendor.amend(grant.grant, [vendor.ask({ paths: ["profile/name"] })]), { contents: {} });
    expect((await customer.view(amended.grant)).client.client_name).toBe("Aldina & Figli");
  });

  test("gives back nothing that it no longer covers: bodies go at once, leaves can be dropped, and the vendor owes a deletion", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await both(at);
    await vendor.pull(tokens.access_token, grant.grant);
    system.clock.pass(HOUR);
    const now = system.clock.now();
    const amended = await customer.approve(await vendor.amend(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]), { contents: {} });
    const left = await system.storage.read(customer.account, (store) => store.list("shares", { limit: 10 }));
    expect(left.map(([, { path }]) => path)).toEqual(["profile/emails/e1"]);
    expect((await customer.view(grant.grant)).deletion).toEqual({
      reason: "narrowed",
      since: instant(now),
      by: instant(now + DELETION_TIME),
      told: null,
      n: 2,
      attestations: [],
    });
    const { body } = await vendor.redeem(amended.redirect);
    expect((await vendor.pull(body.access_token, grant.grant)).records.map(({ path }) => path)).toEqual(["profile/emails/e1"]);
    await customer.commit({ drop: [`${grant.grant}/profile/name`] });
    await expect(customer.commit({ drop: [`${grant.grant}/profile/emails/e1`] })).rejects.toMatchObject(refusal("invalid_input"));
  });

  test("stays paused, and its frequency goes on counting", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at, { frequency: { max: 1, per: "P1D" } });
    const { cursor } = await vendor.pull(tokens.access_token, grant.grant);
    await customer.api.call("pause", { id: grant.grant });
    const wide = [vendor.ask({ paths: ["profile/emails", "profile/name"], frequency: { max: 1, per: "P1D" } })];
    const amended = await customer.approve(await vendor.amend(grant.grant, wide), { contents: {} });
    const view = await customer.view(grant.grant);
    expect(view.paused).not.toBeNull();
    const { body } = await vendor.redeem(amended.redirect);
    expect(await problemOf(await vendor.pullRaw(body.access_token, grant.grant, { since: cursor }))).toMatchObject({
      code: "grant_paused",
    });
    await customer.resume(grant.grant, view.paused?.position ?? 0);
    await customer.commit({ shares: [{ grant: grant.grant, path: "profile/name", content: NAME }] });
    system.clock.pass(2 * HOUR);
    const again = (await vendor.token({ grant_type: "refresh_token", refresh_token: body.refresh_token })).body;
    expect(await problemOf(await vendor.pullRaw(again.access_token, grant.grant, { since: cursor }))).toMatchObject({
      code: "frequency_exceeded",
    });
    system.clock.pass(DAY);
    const later = (await vendor.token({ grant_type: "refresh_token", refresh_token: body.refresh_token })).body;
    const { records } = await vendor.pull(later.access_token, grant.grant, cursor);
    expect(records.map(({ path }) => path)).toEqual(["profile/name"]);
  });

  test("is no way to what a lost answer could be asked for again: only what was given then", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, tokens } = await connect(at, { frequency: { max: 1, per: "P1D" } });
    await vendor.pull(tokens.access_token, grant.grant);
    const wide = [
      vendor.ask({ paths: ["profile/emails"], frequency: { max: 1, per: "P1D" } }),
      vendor.ask({
        paths: ["profile/name"],
        purpose: "https://w3id.org/dpv#CustomerCare",
        frequency: { max: 1, per: "P1D" },
      }),
    ];
    const amended = await customer.approve(await vendor.amend(grant.grant, wide), { contents: { "profile/name": NAME } });
    const { body } = await vendor.redeem(amended.redirect);
    const again = await vendor.pull(body.access_token, grant.grant);
    expect(again.records.map(({ path }) => path)).toEqual(["profile/emails/e1"]);
  });

  test("gives nothing that a frequency held back, though the same read is asked for again", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const details = [
      vendor.ask({ paths: ["profile/emails"], frequency: { max: 1, per: "P1D" } }),
      vendor.ask({ paths: ["profile/name"], purpose: "https://w3id.org/dpv#CustomerCare", frequency: { max: 2, per: "P1D" } }),
    ];
    const contents = { "profile/emails/e1": EMAIL, "profile/name": NAME };
    const given = await customer.approve(await vendor.request(details), { contents });
    const { access_token: token } = (await vendor.redeem(given.redirect)).body;
    const { cursor } = await vendor.pull(token, given.grant);
    await customer.commit({ shares: Object.entries(contents).map(([path, content]) => ({ grant: given.grant, path, content })) });
    const paths = async () => (await vendor.pull(token, given.grant, cursor)).records.map(({ path }) => path);
    expect(await paths()).toEqual(["profile/name"]);
    await customer.narrow(
      given.grant,
      details.map((detail) => ({ ...detail, retention: "P1D" })),
    );
    expect(await paths()).toEqual(["profile/name"]);
  });

  test("goes on also without a kit in its first days, for it is no second grant", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant } = await connect(at);
    await customer.approve(await vendor.amend(grant.grant, [vendor.ask({ paths: ["profile/name"] })]), { contents: {} });
    const id = await vendor.amend(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    system.clock.pass(73 * HOUR);
    const late = await vendor.amend(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    await expect(customer.approve(late, { contents: {} })).rejects.toMatchObject(refusal("kit_required"));
    expect(id).not.toBe(late);
  });
});

describe("a consent that follows another is refused, and nothing of it is stored,", () => {
  const wrong: Array<[string, Partial<Consent> | ((at: Scene) => Promise<Partial<Consent>>), string]> = [
    ["another number", { n: 3 }, "invalid_consent"],
    ["a first one again", { n: 1, prev: null }, "invalid_consent"],
    ["another predecessor", { prev: "A".repeat(43) }, "invalid_consent"],
    ["no predecessor", { prev: null }, "invalid_consent"],
    ["another grant key", { grant_key: "A".repeat(43) }, "invalid_consent"],
    ["another encryption key", { cnf: { jkt: "A".repeat(43) } }, "invalid_consent"],
    ["another vendor", { aud: "https://other.example/client.json" }, "invalid_consent"],
    ["another grant", { grant_id: "A".repeat(22) }, "invalid_consent"],
    ["of another time", { iat: 1_700_000_000 }, "invalid_consent"],
  ];

  test.each(wrong)("with %s", async (_name, change, code) => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, details } = await both(at);
    const before = await customer.read();
    const said = typeof change === "function" ? await change(at) : change;
    const request = await customer.api.call("request", { id: await vendor.amend(grant.grant, details) });
    const replacing = await customer.prepareGrant(request, details, said);
    const act = await customer.act({
      action: "approve",
      grant: replacing.consent.grant_id,
      object: await consentObject(replacing.consent),
    });
    const asked = await customer.draft({ consent: replacing.commit, acts: [act] });
    await expect(customer.api.call("commit", { body: asked })).rejects.toMatchObject({ problem: { code } });
    const narrowing = await customer.prepareNarrowing(grant.grant, [vendor.ask({ paths: ["profile/emails"] })], said);
    const alone = await customer.draft({ consent: narrowing.commit });
    const expected = said.grant_id === undefined ? code : "not_found";
    await expect(customer.api.call("commit", { body: alone })).rejects.toMatchObject({ problem: { code: expected } });
    expect(await customer.read()).toEqual(before);
    expect((await customer.api.call("request", { id: request.id })).state, "it can still be answered").toBe("open");
  });

  test("by another relationship key", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant } = await both(at);
    customer.grants.set(grant.grant, { ...grant, pair: await makeSigningPair() });
    await expect(customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/name"] })])).rejects.toMatchObject(refusal("invalid_consent"));
  });

  test("without a passkey's approval of exactly it", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, details } = await both(at);
    const request = await customer.api.call("request", { id: await vendor.amend(grant.grant, details) });
    const { consent, commit } = await customer.prepareGrant(request, details);
    const other = await customer.act({ action: "approve", grant: grant.grant, object: await consentObject({ ...consent, iat: 1 }) });
    for (const acts of [[], [other]]) {
      const body = await customer.draft({ consent: commit, acts });
      await expect(customer.api.call("commit", { body })).rejects.toMatchObject(refusal("act_required", "/acts"));
    }
  });

  test("wider than what was asked, or, alone, than what is in force", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, details } = await both(at);
    const id = await vendor.amend(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    await expect(customer.approve(id, { details, contents: {} })).rejects.toMatchObject(refusal("consent_too_wide"));
    const wider = [vendor.ask({ paths: ["profile/emails", "profile/name", "profile/birthday"] })];
    await expect(customer.narrow(grant.grant, wider)).rejects.toMatchObject(refusal("consent_too_wide"));
    await expect(customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"], retention: "P31D" })])).rejects.toMatchObject(
      refusal("consent_too_wide"),
    );
    await expect(customer.narrow(grant.grant, details), "the same again").rejects.toMatchObject(refusal("invalid_consent"));
    await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    await expect(customer.narrow(grant.grant, details), "nor back").rejects.toMatchObject(refusal("consent_too_wide"));
  });

  test("of a grant that has ended, of another customer's, or of none", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, details } = await both(at);
    const other = await Customer.register(system.issuer, system.clock.now);
    other.grants.set(grant.grant, grant);
    const id = await vendor.amend(grant.grant, details);
    await expect(other.approve(id, { contents: {} })).rejects.toMatchObject(refusal("not_found"));
    await expect(other.narrow(grant.grant, [vendor.ask({ paths: ["profile/name"] })])).rejects.toMatchObject(refusal("not_found"));
    await expect(other.api.call("consents", { id: grant.grant })).rejects.toMatchObject(refusal("not_found"));
    await customer.revoke(grant.grant);
    await expect(customer.approve(id, { contents: {} })).rejects.toMatchObject(refusal("grant_not_active"));
    await expect(customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/name"] })])).rejects.toMatchObject(
      refusal("grant_not_active"),
    );
    expect((await vendor.par(details, { grant_management_action: "replace", grant_id: grant.grant })).body.error).toBe("invalid_grant_id");
    await using stranger = await TestVendor.start(system.issuer, system.clock.now);
    expect((await stranger.par([stranger.ask()], { grant_management_action: "replace", grant_id: grant.grant })).body.error).toBe(
      "invalid_grant_id",
    );
  });

  test("where the request is for a new grant, or for another one", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    await customer.addKit();
    const first = await both(at);
    const second = await both(at);
    const fresh = await customer.api.call("request", { id: await vendor.request(first.details) });
    const next = await customer.prepareGrant({ ...fresh, replaces: first.grant.grant }, first.details);
    const amend = await customer.api.call("request", { id: await vendor.amend(second.grant.grant, first.details) });
    const crossed = await customer.prepareGrant({ ...amend, replaces: first.grant.grant }, first.details);
    const begun = await customer.prepareGrant({ ...amend, replaces: null }, first.details);
    for (const { consent, commit } of [next, crossed, begun]) {
      const act = await customer.act({ action: "approve", grant: consent.grant_id, object: await consentObject(consent) });
      const body = await customer.draft({ consent: commit, acts: [act] });
      await expect(customer.api.call("commit", { body })).rejects.toMatchObject(refusal("invalid_consent"));
    }
  });
});

describe("a customer who narrows alone", () => {
  test("needs no passkey; the very next read is narrower, by the token that the vendor has", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await both(at);
    await vendor.pull(tokens.access_token, grant.grant);
    const narrow = [vendor.ask({ paths: ["profile/emails"], retention: "P7D", frequency: { max: 1, per: "PT1H" } })];
    const narrowed = await customer.narrow(grant.grant, narrow, ["profile/name"]);
    const page = await vendor.pull(tokens.access_token, grant.grant);
    expect(page.consent).toBe(narrowed.token);
    expect(page.records.map(({ path }) => path)).toEqual(["profile/emails/e1"]);
    const { history } = await customer.read();
    expect(history.find(({ type }) => type === "narrow")).toMatchObject({ grant: grant.grant, number: 2, paths: ["profile/emails"] });
    expect((await customer.view(grant.grant)).deletion).toMatchObject({
      reason: "narrowed",
      by: instant(system.clock.now() + DELETION_TIME),
    });
    expect((await customer.api.call("consents", { id: grant.grant })).consents).toEqual([grant.token, narrowed.token]);
    await expect(
      customer.commit({ shares: [{ grant: grant.grant, path: "profile/name", content: NAME, version: 2 }] }),
      "what was shared before may be removed, and is never given",
    ).resolves.toBeDefined();
    expect((await vendor.pull(tokens.access_token, grant.grant)).records.map(({ path }) => path)).toEqual(["profile/emails/e1"]);
  });

  test("leaves nothing to delete where nothing was read, or where only the time is shorter", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await both(at);
    const sooner = `${instant(system.clock.now() + 10 * DAY).slice(0, 19)}Z`;
    const details = [vendor.ask({ paths: ["profile/emails", "profile/name"], expires: sooner, retention: "P7D" })];
    await customer.narrow(grant.grant, details);
    expect((await customer.view(grant.grant)).deletion).toBeNull();
    await customer.narrow(grant.grant, [{ ...(details[0] as AuthorizationDetail), paths: ["profile/emails"] }]);
    expect((await customer.view(grant.grant)).deletion).toMatchObject({ reason: "narrowed", by: null });
    await vendor.pull(tokens.access_token, grant.grant);
    system.clock.pass(10 * DAY);
    expect(await problemOf(await vendor.pullRaw(tokens.access_token, grant.grant))).toMatchObject({ status: 401 });
    expect(await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).toMatchObject({ status: 400 });
  });

  test("works while it is paused, and keeps the pause", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant } = await both(at);
    await customer.api.call("pause", { id: grant.grant });
    await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    expect(await customer.view(grant.grant)).toMatchObject({ paused: expect.anything() });
  });

  test("works in a store from before, whose first consent stands in its grant alone", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant } = await both(at);
    await asBefore(at);
    expect((await customer.api.call("consents", { id: grant.grant })).consents).toEqual([grant.token]);
    const narrowed = await customer.narrow(grant.grant, [vendor.ask({ paths: ["profile/emails"] })]);
    expect((await customer.api.call("consents", { id: grant.grant })).consents).toEqual([grant.token, narrowed.token]);
    system.clock.pass(91 * DAY);
    await system.sweep();
    await customer.login();
    expect((await customer.read()).history.find(({ type }) => type === "expire")).toMatchObject({ type: "expire", grant: grant.grant });
  });

  test("does so 199 times at most, and can still stop", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant } = await connect(at);
    await system.storage.change(customer.account, async (store) => {
      const row = await store.get("grants", grant.grant);
      if (row !== undefined) store.put("grants", grant.grant, { ...row, n: 200 });
    });
    customer.grants.set(grant.grant, { ...grant, consent: { ...grant.consent, n: 200 } });
    const less = [vendor.ask({ paths: ["profile/emails"], retention: "P1D" })];
    await expect(customer.narrow(grant.grant, less)).rejects.toMatchObject(refusal("invalid_consent"));
    await customer.revoke(grant.grant);
  });
});

/** Takes out of a store what servers before this kept not. */
const asBefore = ({ customer, system }: Scene): Promise<void> =>
  system.storage.change(customer.account, async (store) => {
    for (const table of ["consents", "calendar"] as const satisfies Array<keyof Rows>)
      for (const [key] of await store.list(table, { limit: 100 })) store.delete(table, key);
    store.due(null);
  });

test("a customer's no to selling and sharing (Global Privacy Control) outlives every narrowing", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const details = [vendor.ask({ paths: ["profile/emails", "profile/name"] })];
  const request = await customer.api.call("request", { id: await vendor.request(details) });
  const { given, consent, commit } = await customer.prepareGrant(request, details, { gpc: true });
  const act = await customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
  await customer.commit({ consent: commit, acts: [act] });
  customer.grants.set(given.grant, { ...given, redirect: "" });
  const less = details.map((each) => ({ ...each, paths: ["profile/emails"] }));
  const without = await customer.prepareNarrowing(given.grant, less);
  await expect(customer.commit({ consent: without.commit })).rejects.toMatchObject(refusal("consent_too_wide"));
  const { commit: narrower } = await customer.prepareNarrowing(given.grant, less, { gpc: true });
  await customer.commit({ consent: narrower });
  expect((await customer.view(given.grant)).consent).toBe(narrower.token);
});
