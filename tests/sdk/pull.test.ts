import { describe, expect, it } from "vitest";
import type { Consent } from "#protocol/consent-token.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import { makeKeys } from "../../vendor-sdk/make-keys.ts";
import { asking, scene } from "./connected.ts";
import type { Reply } from "./stand-in.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });

describe("a pull", () => {
  it("gives what was granted, by path, with the signed consent", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: null });
    const snapshot = await it.vendor.pull(grant.id);
    expect(snapshot.records).toEqual({ "profile/emails/e1": { address: ANNA } });
    expect(snapshot.consent).toMatchObject({ token: customer.token, claims: { n: 1, grant_id: grant.id } });
    expect(snapshot.grant.state).toBe("active");
    expect(Date.parse(snapshot.grant.expires)).toBe((snapshot.consent.claims.exp as number) * 1000);
  });

  it("reads every page and tells removals first", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    for (let at = 1; at <= 5; at++) await customer.put(`profile/emails/e${at}`, mail(`e${at}@mail.example`));
    it.server.pageSize = 2;
    await it.vendor.pull(grant.id, { advance: true });
    await customer.put("profile/emails/e6", mail("e6@mail.example"));
    await customer.put("profile/emails/e2", { removed: true });
    const { changes, records } = await it.vendor.pull(grant.id);
    expect(changes.map(({ type, path }) => `${type} ${path}`)).toEqual(["remove profile/emails/e2", "put profile/emails/e6"]);
    expect(Object.keys(records)).toEqual(["e1", "e3", "e4", "e5", "e6"].map((id) => `profile/emails/${id}`));
  });

  it("tells what a narrower consent took away, though no record says so", async () => {
    await using it = await scene();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    await it.vendor.pull(grant.id, { advance: true });
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/emails"] })));
    const { changes, records } = await it.vendor.pull(grant.id);
    expect(changes).toEqual([{ type: "remove", path: "profile/name", version: 1, reason: "narrowed" }]);
    expect(Object.keys(records)).toEqual(["profile/emails/e1"]);
  });

  it("moves its cursor only when asked to", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.pull(grant.id);
    expect((await it.vendor.pull(grant.id)).changes).toHaveLength(1);
    expect(await it.state.get(`shares/${grant.id}`)).not.toContain('"body"');
    await it.vendor.pull(grant.id, { advance: true });
    const after = await it.restart().pull(grant.id);
    expect(after.changes).toEqual([]);
    expect(after.records).toEqual({ "profile/emails/e1": { address: ANNA } });
  });

  it("proves possession for each request, and answers a nonce", async () => {
    await using it = await scene();
    it.server.nonces = true;
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    expect((await it.vendor.pull(grant.id)).changes).toHaveLength(1);
    const proofs = it.server.arrived.map(({ headers }) => headers.dpop).filter((proof) => proof !== undefined);
    expect(new Set(proofs).size).toBe(proofs.length);
  });

  it("gets a new token when the one it has is refused", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    await it.vendor.pull(grant.id);
    let refusals = 0;
    it.server.twist.records = (reply) => (refusals++ === 0 ? { status: 401, body: { code: "invalid_token" } } : reply);
    expect((await it.vendor.pull(grant.id)).changes).toEqual([]);
  });

  it("keeps neither value nor key in its state", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.pull(grant.id, { advance: true });
    const texts = await Promise.all(
      [...(await it.state.list("grant/")), ...(await it.state.list("shares/")), "dpop/key"].map((key) => it.state.get(key)),
    );
    expect(texts.join("")).toContain(customer.token);
    for (const secret of [ANNA, Buffer.from(customer.grantKey).toString("base64url")]) expect(texts.join("")).not.toContain(secret);
  });

  it("says no value in events or errors", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.pull(grant.id);
    await customer.put("profile/birthday", { value: { date: "1970-01-02" } });
    const error: unknown = await it.vendor.pull(grant.id).catch((thrown: unknown) => thrown);
    const said = JSON.stringify([it.events, error, String(error), (error as Error).stack]);
    expect(it.events.some(({ type }) => type === "refused")).toBe(true);
    for (const secret of [ANNA, "1970-01-02", customer.token]) expect(said).not.toContain(secret);
  });
});

describe("a pull refuses, as integrity,", () => {
  const consentOf = (token: string): Consent => JSON.parse(Buffer.from(token.split(".")[1] as string, "base64url").toString()) as Consent;
  const withConsent = (token: string) => (reply: Reply) => ({ ...reply, body: { ...(reply.body as object), consent: token } });

  it("a consent whose bytes were changed", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    const [header, , signature] = customer.token.split(".");
    const forged = Buffer.from(JSON.stringify({ ...consentOf(customer.token), n: 2 })).toString("base64url");
    it.server.twist.records = withConsent([header, forged, signature].join("."));
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "signature" });
  });

  it("a consent by another key than the first one", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await it.vendor.pull(grant.id);
    await customer.consent(asking(), {}, await makeSigningPair());
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "pin" });
    await expect(it.restart().pull(grant.id)).rejects.toMatchObject({ reason: "pin" });
  });

  it("an older consent than one seen", async () => {
    await using it = await scene();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    const first = customer.token;
    await customer.consent([{ ...(details[0] as (typeof details)[0]), paths: ["profile/emails"] }]);
    await it.vendor.pull(grant.id);
    it.server.twist.records = withConsent(first);
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "older" });
  });

  it("a second consent of the same number, and one that doesn't follow", async () => {
    await using it = await scene();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await it.vendor.pull(grant.id);
    await customer.consent(details, { n: 1 });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "fork" });
    await customer.consent(details, { n: 2, prev: "A".repeat(43) });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "fork" });
  });

  it.each<[string, string, Partial<Consent>]>([
    ["for another vendor", "audience", { aud: "https://other.example/client.json" }],
    ["of another grant", "context", { grant_id: "A".repeat(22) }],
    ["for a key that is not its own", "confirmation", { cnf: { jkt: "A".repeat(43) } }],
    ["whose grant key is another", "grant_key", { grant_key: "A".repeat(43) }],
    ["whose end is not that of its details", "malformed", { exp: 4_000_000_000 }],
  ])("a consent %s", async (_, reason, change) => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.consent(asking(), { ...change, n: 1, prev: null });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason });
  });

  it("a consent wider than what was asked", async () => {
    await using it = await scene();
    const asked = asking();
    const { customer, grant } = await it.connect(asked);
    await customer.consent([{ ...(asked[0] as (typeof asked)[0]), paths: ["profile"] }]);
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "wider" });
  });

  it("a grant key sealed for another grant", async () => {
    await using it = await scene();
    const one = await it.connect();
    const two = await it.connect();
    one.customer.sealedGrantKey = two.customer.sealedGrantKey;
    await expect(it.vendor.pull(one.grant.id)).rejects.toMatchObject({ code: "integrity", reason: "context" });
  });

  it("another customer's consent and key in a grant's place", async () => {
    await using it = await scene();
    const one = await it.connect();
    const two = await it.connect();
    one.customer.token = two.customer.token;
    one.customer.sealedGrantKey = two.customer.sealedGrantKey;
    await expect(it.vendor.pull(one.grant.id)).rejects.toMatchObject({ code: "integrity", reason: "context" });
  });

  it("a record older than one seen, also after a restart and when the newer one was not kept", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail("old@mail.example"));
    const old = customer.rows;
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.pull(grant.id);
    customer.rows = old;
    await expect(it.restart().pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "older" });
  });

  it("a record outside its consent", async () => {
    await using it = await scene();
    const details = asking();
    const { customer, grant } = await it.connect([{ ...(details[0] as (typeof details)[0]), paths: ["profile/addresses:town"] }], details);
    await customer.put("profile/addresses/a1:town", { value: { locality: "Cluj", countryCode: "RO" } });
    await it.vendor.pull(grant.id);
    await customer.put("profile/addresses/a1", { value: { street: "Secret 1", locality: "Cluj", countryCode: "RO" } });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "outside" });
  });

  it("a record moved to another path, or of another person", async () => {
    await using it = await scene();
    const one = await it.connect();
    const two = await it.connect();
    await one.customer.put("profile/emails/e1", mail(ANNA));
    const [row] = one.customer.rows as [(typeof one.customer.rows)[0]];
    one.customer.rows = [{ ...row, path: "profile/emails/e2" }];
    await expect(it.vendor.pull(one.grant.id)).rejects.toMatchObject({ code: "integrity", reason: "context" });
    two.customer.rows = [row];
    await expect(it.vendor.pull(two.grant.id)).rejects.toMatchObject({ code: "integrity", reason: "commitment" });
  });

  it("an answer of an unknown shape, and pages without end", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    it.server.twist.records = (reply) => ({ ...reply, body: { ...(reply.body as object), extra: 1 } });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "malformed" });
    it.server.twist.records = (reply) => ({ ...reply, body: { ...(reply.body as object), more: true } });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "pages" });
  });

  it("and after a refusal nothing of it is kept", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/birthday", { value: { date: "1970-01-02" } });
    await expect(it.vendor.pull(grant.id, { advance: true })).rejects.toMatchObject({ reason: "outside" });
    customer.rows = customer.rows.filter(({ path }) => path !== "profile/birthday");
    expect((await it.vendor.pull(grant.id)).changes).toHaveLength(1);
  });
});

describe("a pull of a grant that is not active", () => {
  it("is paused, revoked or expired by name", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    customer.state = "paused";
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "grant_paused", retryable: false });
    customer.state = "revoked";
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "grant_revoked" });
    await expect(it.restart().pull(grant.id)).rejects.toMatchObject({ code: "grant_revoked" });
    it.clock.ahead = 91 * 86_400_000;
    const asked = it.server.arrived.length;
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "grant_expired" });
    expect(it.server.arrived).toHaveLength(asked);
  });

  it("ends with its latest consent, whatever the server still serves", async () => {
    await using it = await scene();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await it.vendor.pull(grant.id);
    const soon = `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 19)}Z`;
    await customer.consent(details.map((each) => ({ ...each, expires: soon })));
    it.clock.ahead = 2 * 86_400_000;
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "grant_expired" });
  });

  it("is not read more often than granted", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect(asking({ frequency: { max: 1 } }), asking());
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.pull(grant.id, { advance: true });
    const asked = it.server.arrived.length;
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "rate_limited", reason: "frequency", retryable: false });
    expect(it.server.arrived).toHaveLength(asked);
  });
});

describe("keys", () => {
  it("of a retired encryption key still open, one that was taken out no longer", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    const fresh = await makeKeys();
    const [signing, retired] = it.keys as [(typeof it.keys)[0], (typeof it.keys)[0]];
    const [, current] = fresh as [(typeof it.keys)[0], (typeof it.keys)[0]];
    expect((await it.restart({ keys: [signing, current, retired] }).pull(grant.id)).changes).toHaveLength(1);
    await expect(it.restart({ keys: [signing, current] }).pull(grant.id)).rejects.toMatchObject({
      code: "integrity",
      reason: "confirmation",
    });
  });
});
