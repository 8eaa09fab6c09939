import { describe, expect, it } from "vitest";
import { ask } from "../../vendor-sdk/ask.ts";
import type { Sink, SubjectRecord } from "../../vendor-sdk/crm/sink.ts";
import { CounterfoilError } from "../../vendor-sdk/error.ts";
import { makeKeys } from "../../vendor-sdk/make-keys.ts";
import { asking, NO_CONTACT, PATHS, RETURN, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });
const once = { frequency: { max: 1 } };

describe("a grant that can't be read now", () => {
  it("is narrowed all the same: the query's consent blanks columns and is attested, without a read", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const details = asking(once);
    const { customer, grant } = await it.connect(details, asking());
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    await it.vendor.sync(sink);
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/name"] })));
    const reads = () => it.server.arrived.filter(({ path }) => path.endsWith("/records")).length;
    const before = reads();
    expect(await it.vendor.sync(sink)).toMatchObject({ held: 1, updated: 1, failed: [], attestations: { sent: 1 } });
    expect(reads()).toBe(before);
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/name.given": "Anna" });
    expect(await it.state.get(`shares/${grant.id}`)).not.toContain('profile/emails/e1":{"version');
    expect(it.server.attestations).toMatchObject([{ claims: { n: 2, reason: "narrowed", did: ["blanked: profile/emails.1.address"] } }]);
  });

  it("loses what a tighter filter keeps back, as far as its own values say, and the rest until the next read", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const wish = (categories: string[]) => [
      ask({ purpose: "recommendations", paths: ["purchases"], filter: { categories }, days: 90, frequency: { max: 1 } }),
    ];
    const details = wish(["books", "music"]);
    const { customer, grant } = await it.connect(details);
    const bought = (item: string, category: string) => ({ value: { item, seller: "S", date: "2026-01-01", category, recipient: "self" } });
    await customer.put("purchases/p1", bought("A book", "books"));
    await customer.put("purchases/p2", bought("A record", "music"));
    await customer.put("purchases:tastes", { value: { tastes: [{ category: "music", count: 1 }] } });
    await it.vendor.sync(sink);
    expect(Object.values(rows.get(grant.key) ?? {})).toContain("A record");
    await customer.consent(details.map((each) => ({ ...each, filter: { categories: ["books"] } })));
    expect(await it.vendor.sync(sink)).toMatchObject({ held: 1, updated: 1, failed: [] });
    const left = Object.values(rows.get(grant.key) ?? {});
    expect(left).toContain("A book");
    expect(left).not.toContain("A record");
    expect(left).not.toContain("music");
  });

  it("tells of its end and of a pause", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect(asking(once), asking());
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "paused";
    expect(await it.vendor.sync(sink)).toMatchObject({ held: 1, paused: 1, failed: [] });
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("paused");
    customer.state = "revoked";
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 1, failed: [] });
    expect(rows.size).toBe(0);
  });
});

describe("grants.query", () => {
  it("applies a narrowing to what is remembered; enforce blanks it without the server", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const token = await customer.consent(details.map((each) => ({ ...each, paths: ["profile/name"] })));
    const answer = await it.vendor.grants.query(grant.id);
    expect(answer).toMatchObject({ grant: { state: "active" }, consent: { token, claims: { n: 2 } }, deleteBy: undefined });
    expect(answer.grant.details[0]?.paths).toEqual(["profile/name"]);
    for (const down of ["token", "records", "grant", "attest"] as const) it.server.twist[down] = () => undefined;
    expect(await it.vendor.enforce(sink)).toMatchObject({ updated: 1, failed: [], attestations: { waiting: 1 } });
    expect(rows.get(grant.key)).toEqual(NO_CONTACT);
  });

  it.each([
    ["signed by another key", "pin"],
    ["wider than what was asked", "wider"],
    ["older than one seen before", "older"],
  ])("accepts no consent that is %s", async (_, reason) => {
    await using it = await scene();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await customer.put("profile/emails/e1", mail(ANNA));
    const first = customer.token;
    await it.vendor.pull(grant.id);
    if (reason === "pin") await customer.consent(details, {}, (await it.connect(details)).customer.relationship);
    if (reason === "wider") await customer.consent(details.map((each) => ({ ...each, paths: [...each.paths, "profile/birthday"] })));
    if (reason === "older") {
      await customer.consent(details);
      await it.vendor.grants.query(grant.id);
      customer.token = first;
    }
    const before = await it.state.get(`grant/${grant.id}`);
    await expect(it.vendor.grants.query(grant.id)).rejects.toMatchObject({ code: "integrity", reason });
    expect(await it.state.get(`grant/${grant.id}`)).toBe(before);
  });

  it("of an ended grant says so, and of one that it doesn't know", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    customer.state = "revoked";
    expect(await it.vendor.grants.query(grant.id)).toMatchObject({ grant: { state: "revoked" }, consent: undefined });
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("revoked");
    await expect(it.vendor.grants.query("nobody")).rejects.toMatchObject({ code: "invalid", reason: "grant" });
  });

  it("asks with a token of its own, once for many, and anew when that is refused", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    const tokens = () => it.server.arrived.filter(({ form }) => form.get("grant_type") === "client_credentials").length;
    await Promise.all([1, 2, 3].map(() => it.vendor.grants.query(grant.id)));
    expect(tokens()).toBe(1);
    let refusals = 0;
    it.server.twist.grant = (reply) => (refusals++ === 0 ? { status: 401, body: { code: "invalid_token" } } : reply);
    await it.vendor.grants.query(grant.id);
    expect(tokens()).toBe(2);
    it.server.nonces = true;
    await it.restart().grants.query(grant.id);
  });
});

describe("grants.release", () => {
  it("ends the grant at the server, revokes its tokens, and erases and attests with the next enforce", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    expect(await it.vendor.grants.release(grant.id)).toMatchObject({ state: "revoked", endedBy: "vendor" });
    expect(customer.state).toBe("revoked");
    expect(it.server.revoked).toHaveLength(1);
    expect(JSON.parse((await it.state.get(`grant/${grant.id}`)) ?? "")).toMatchObject({
      refresh: null,
      grantKey: null,
      ended: { by: "vendor" },
    });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "grant_revoked" });
    expect(await it.vendor.enforce(sink)).toMatchObject({ erased: 1, attestations: { sent: 1 } });
    expect(rows.size).toBe(0);
    expect(await it.vendor.grants.release(grant.id)).toMatchObject({ state: "revoked" });
  });

  it("changes nothing where the server can't be told", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    it.server.twist.grant = () => undefined;
    await expect(it.vendor.grants.release(grant.id)).rejects.toMatchObject({ code: "unavailable" });
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("active");
  });

  it("ends here too what the server has forgotten", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    it.server.customers.delete(grant.id);
    expect(await it.vendor.grants.release(grant.id)).toMatchObject({ state: "revoked" });
  });
});

describe("a request that replaces", () => {
  it("asks by grant management, and widens the row only once the customer has signed", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const first = [ask({ purpose: "customer-management", paths: ["profile/emails"], days: 90 })];
    const { customer, grant } = await it.connect(first);
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const more = [ask({ purpose: "customer-management", paths: ["profile/emails", "profile/name"], days: 90 })];
    const { url, id } = await it.vendor.requests.create({ authorization_details: more, redirect_uri: RETURN, replaces: grant.id });
    const par = it.server.arrived.findLast(({ path }) => path === "/oauth/par");
    expect(Object.fromEntries(par?.form ?? [])).toMatchObject({ grant_management_action: "replace", grant_id: grant.id });
    expect(await it.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    await customer.consent(more);
    await customer.put("profile/name", { value: { given: "Anna" } });
    it.server.next = customer;
    expect(await it.vendor.requests.exchange(it.server.cameBack(url), { id })).toMatchObject({ id: grant.id, key: grant.key });
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA, "profile/name.given": "Anna" });
    expect(it.server.attestations).toEqual([]);
  });

  it("is followed also when nobody comes back, and no further than it was asked", async () => {
    await using it = await scene();
    const { sink } = crm();
    const first = [ask({ purpose: "customer-management", paths: ["profile/emails"], days: 90 })];
    const { customer, grant } = await it.connect(first);
    await it.vendor.sync(sink);
    const more = [ask({ purpose: "customer-management", paths: ["profile/emails", "profile/name"], days: 90 })];
    await it.vendor.requests.create({ authorization_details: more, redirect_uri: RETURN, replaces: grant.id });
    await customer.consent(more);
    await customer.put("profile/name", { value: { given: "Anna" } });
    expect(await it.restart().sync(sink)).toMatchObject({ updated: 1, failed: [] });
    await customer.consent(more.map((each) => ({ ...each, paths: PATHS })));
    expect((await it.vendor.sync(sink)).failed).toMatchObject([{ error: { code: "integrity", reason: "wider" } }]);
  });

  it("that takes something away besides is attested for it", async () => {
    await using it = await scene();
    const { sink } = crm();
    const first = [ask({ purpose: "customer-management", paths: ["profile/emails"], days: 90 })];
    const { customer, grant } = await it.connect(first);
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const other = [ask({ purpose: "customer-management", paths: ["profile/name"], days: 90 })];
    const { url, id } = await it.vendor.requests.create({ authorization_details: other, redirect_uri: RETURN, replaces: grant.id });
    await customer.consent(other);
    it.server.next = customer;
    await it.vendor.requests.exchange(it.server.cameBack(url), { id });
    await it.vendor.sync(sink);
    expect(it.server.attestations).toMatchObject([{ claims: { n: 2, reason: "narrowed", did: ["blanked: profile/emails.1.address"] } }]);
  });

  it("is worth nothing before the customer's signature, whatever the server's token says", async () => {
    await using it = await scene();
    const first = [ask({ purpose: "customer-management", paths: ["profile/emails"], days: 90 })];
    const { customer, grant } = await it.connect(first);
    await it.vendor.pull(grant.id);
    const more = [ask({ purpose: "customer-management", paths: ["profile/emails", "profile/name"], days: 90 })];
    const { url, id } = await it.vendor.requests.create({ authorization_details: more, redirect_uri: RETURN, replaces: grant.id });
    it.server.next = customer;
    it.server.twist.token = ({ status, body }) => ({ status, body: { ...(body as object), authorization_details: more } });
    const back = await it.vendor.requests.exchange(it.server.cameBack(url), { id });
    expect(back.details[0]?.paths).toEqual(["profile/emails"]);
    await customer.put("profile/name", { value: { given: "Anna" } });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "integrity", reason: "outside" });
  });

  it("takes no other grant's token, and asks about none that has ended", async () => {
    await using it = await scene();
    const { customer, grant } = await it.connect();
    const { url, id } = await it.vendor.requests.create({ authorization_details: asking(), redirect_uri: RETURN, replaces: grant.id });
    const stranger = (await it.connect()).customer;
    it.server.next = stranger;
    await expect(it.vendor.requests.exchange(it.server.cameBack(url), { id })).rejects.toMatchObject({
      code: "integrity",
      reason: "grant",
    });
    customer.state = "revoked";
    await it.vendor.grants.query(grant.id);
    const late = it.vendor.requests.create({ authorization_details: asking(), redirect_uri: RETURN, replaces: grant.id });
    await expect(late).rejects.toThrow(TypeError);
  });

  it("that a refusal forbids says access_denied", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    it.server.twist.par = () => ({ status: 400, body: { error: "access_denied" } });
    const again = it.vendor.requests.create({ authorization_details: asking(), redirect_uri: RETURN, replaces: grant.id });
    await expect(again).rejects.toMatchObject({ code: "access_denied" });
  });
});

describe("signing keys", () => {
  it("can be several: the first one signs, all are served, and one of them alone is enough", async () => {
    await using it = await scene();
    const [next] = await makeKeys();
    if (next === undefined) throw new Error("no key");
    const [old, ...encryption] = it.keys;
    if (old === undefined) throw new Error("no key");
    it.keys.splice(0, it.keys.length, old, next, ...encryption);
    it.server.reloadKeys();
    const kids = () =>
      it.server.arrived
        .filter(({ form }) => form.has("client_assertion"))
        .map(
          ({ form }) => JSON.parse(Buffer.from(form.get("client_assertion")?.split(".")[0] ?? "", "base64url").toString()).kid as string,
        );
    await it.connect();
    expect(new Set(kids())).toEqual(new Set([old.kid]));
    it.server.arrived.length = 0;
    const { grant } = await it.connect();
    const turned = it.restart({ keys: [next, old, ...encryption] });
    it.server.arrived.length = 0;
    await turned.pull(grant.id);
    expect(new Set(kids())).toEqual(new Set([next.kid]));
    it.keys.splice(0, it.keys.length, next, ...encryption);
    it.server.reloadKeys();
    await it.restart({ keys: it.keys }).pull(grant.id);
    await expect(it.restart({ keys: [old, ...encryption] }).pull(grant.id)).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

describe("Global Privacy Control", () => {
  it("is in the record and its column, and takes back recipients that were granted", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const details = asking().map((each) => ({ ...each, recipients: ["Print House"] }));
    const { customer, grant } = await it.connect(details);
    await it.vendor.sync(sink);
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, sharing: "only with: Print House" });
    await customer.consent(details, { gpc: true });
    let seen: SubjectRecord["consent"] | undefined;
    const put: Sink["put"] = (record, options) => {
      seen = record.consent;
      return sink.put(record, options);
    };
    await it.vendor.sync({ ...sink, put });
    expect(seen).toMatchObject({ gpc: true, recipients: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, sharing: "no" });
  });
});

describe("the kept consents", () => {
  it("are each of those that were in force, by number, also after the end", async () => {
    await using it = await scene();
    const { sink } = crm();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    const tokens = [customer.token];
    await it.vendor.sync(sink);
    for (let at = 0; at < 2; at++) {
      tokens.push(await customer.consent(details));
      await it.vendor.sync(sink);
    }
    customer.state = "revoked";
    await it.restart().sync(sink);
    const kept = JSON.parse((await it.state.get(`consents/${grant.id}`)) ?? "[]") as { n: number; token: string }[];
    expect(kept).toEqual(tokens.map((token, at) => ({ n: at + 1, token })));
  });

  it("are needed for evidence", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    const none = it.vendor.evidence(grant.id);
    await expect(none).rejects.toBeInstanceOf(CounterfoilError);
    await expect(none).rejects.toMatchObject({ code: "invalid", reason: "consent" });
    await expect(it.vendor.evidence("nobody")).rejects.toMatchObject({ code: "invalid", reason: "grant" });
  });
});
