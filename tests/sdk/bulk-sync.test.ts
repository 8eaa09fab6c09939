import { describe, expect, it } from "vitest";
import { brokenPart } from "./bulk-lines.ts";
import { asking, NO_CONTACT, type Scene, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });
const DAY = 86_400_000;
const asked = ({ server }: Scene, part: string): number => server.arrived.filter(({ path }) => path.includes(part)).length;

describe("sync by a bulk read", () => {
  it("writes, repeats as unchanged, follows a change and a removal, erases what was stopped: without one pull", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA, "profile/name.given": "Anna" });
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 0, updated: 0, unchanged: 1 });
    expect(await it.restart().sync(sink)).toMatchObject({ created: 0, updated: 0, unchanged: 1 });
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    await customer.put("profile/name", { removed: true });
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": "new@mail.example" });
    customer.state = "revoked";
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 1, erasures: [{ grant: grant.id, reason: "revoked" }], failed: [] });
    expect(rows.size).toBe(0);
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 0, unchanged: 0, failed: [] });
    expect(asked(it, "/records")).toBe(0);
  });

  it("costs, of 300 grants of which one changed, what one costs", async () => {
    await using it = await scene();
    it.server.offerBulk().every = 10;
    const { sink } = crm();
    const all = [];
    for (let at = 0; at < 300; at++) {
      const one = await it.connect();
      await one.customer.put("profile/emails/e1", mail(`${at}@mail.example`));
      all.push(one);
    }
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 300, failed: [] });
    await all[123]?.customer.put("profile/emails/e1", mail("new@mail.example"));
    it.server.arrived.length = 0;
    const opened = it.events.length;
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, unchanged: 299, failed: [] });
    expect(it.server.arrived.map(({ path }) => path)).toEqual(["/api/changes"]);
    expect(it.events.slice(opened).filter(({ type }) => type === "request")).toHaveLength(1);
    it.server.arrived.length = 0;
    expect(await it.restart().sync(sink)).toMatchObject({ updated: 0, unchanged: 300, failed: [] });
    expect(it.server.arrived.filter(({ path }) => path.startsWith("/api/")).map(({ path }) => path)).toEqual(["/api/changes"]);
  });

  it("leaves a paused grant and a held one as they are, and follows them when they go on", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { sink, rows } = crm();
    const one = await it.connect();
    const two = await it.connect();
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    one.customer.state = "paused";
    offered.held.add(two.grant.id);
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail("new@mail.example"));
    expect(await it.vendor.sync(sink)).toMatchObject({ paused: 1, held: 1, updated: 0, erased: 0, failed: [] });
    expect((await it.vendor.grants.get(one.grant.id))?.state).toBe("paused");
    expect(await it.vendor.sync(sink)).toMatchObject({ paused: 1, unchanged: 2, failed: [] });
    one.customer.state = "active";
    offered.held.clear();
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 2, failed: [] });
    expect([...rows.values()].map((row) => row["profile/emails.1.address"])).toEqual(["new@mail.example", "new@mail.example"]);
    expect((await it.vendor.grants.get(one.grant.id))?.state).toBe("active");
  });

  it("blanks what a narrower consent no longer grants, and says so", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink, rows } = crm();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    await it.vendor.sync(sink);
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/emails"] })));
    customer.rows = customer.rows.filter(({ path }) => path !== "profile/name");
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, erasures: [{ reason: "narrowed" }], failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA });
    expect(it.server.attestations).toMatchObject([{ claims: { reason: "narrowed" } }]);
  });

  it("removes before it puts", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink, log } = crm();
    const [one, two] = [await it.connect(), await it.connect()];
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    log.length = 0;
    const third = await it.connect();
    for (const { customer } of [one, third]) await customer.put("profile/emails/e1", mail("new@mail.example"));
    two.customer.state = "revoked";
    await it.vendor.sync(sink);
    expect(log[0]).toBe("erase");
    expect(log.slice(1).sort()).toEqual(["create", "patch"]);
  });

  it("fails one grant whose evidence is bad, serves the others, and doesn't forget the bad one", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink, rows } = crm();
    const [bad, good] = [await it.connect(), await it.connect()];
    for (const { customer } of [bad, good]) await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    await bad.customer.put("profile/birthday", { value: { date: "1970-01-02" } });
    await good.customer.put("profile/emails/e1", mail("new@mail.example"));
    const failed = [{ grant: bad.grant.id, error: { code: "integrity", reason: "outside" } }];
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, failed });
    // The cursor has gone on; the grant is asked for by itself, also by another process.
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 0, failed });
    expect(await it.restart().sync(sink)).toMatchObject({ updated: 0, failed });
    bad.customer.rows = bad.customer.rows.filter(({ path }) => path !== "profile/birthday");
    await bad.customer.put("profile/emails/e1", mail("third@mail.example"));
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(bad.grant.key)).toMatchObject({ "profile/emails.1.address": "third@mail.example" });
    const pulls = asked(it, "/records");
    expect(await it.vendor.sync(sink)).toMatchObject({ unchanged: 2, failed: [] });
    expect(asked(it, "/records")).toBe(pulls);
  });

  it("loses no removal of a part that failed, though the customer changes something else before the next run", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    await it.vendor.sync(sink);
    await customer.put("profile/emails/e1", { removed: true });
    offered.instead.set(grant.id, brokenPart(customer));
    expect(await it.vendor.sync(sink)).toMatchObject({ failed: [{ error: { reason: "malformed" } }] });
    offered.instead.clear();
    await customer.put("profile/name", { value: { given: "Anne" } });
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/name.given": "Anne" });
    expect(asked(it, "/records")).toBe(1);
    expect(await it.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    expect(asked(it, "/records")).toBe(1);
  });

  it.each(["the same process", "the next one"])("reads by itself again, in %s, what the sink did not confirm", async (which) => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { sink, rows, fail } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    offered.instead.set(grant.id, brokenPart(customer));
    await it.vendor.sync(sink);
    offered.instead.clear();
    fail.commit = true;
    expect(await it.vendor.sync(sink)).toMatchObject({ failed: [{ error: { code: "unavailable" } }] });
    fail.commit = false;
    // Not durable: it went with the power.
    rows.set(grant.key, { ...NO_CONTACT, "profile/emails.1.address": ANNA });
    const vendor = which === "the same process" ? it.vendor : it.restart();
    expect(await vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toMatchObject({ "profile/emails.1.address": "new@mail.example" });
    expect(await vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    expect(asked(it, "/records")).toBe(2);
  });

  it("doesn't forget a grant that was held and could not be asked for, such as one of a store that is mended later", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    offered.instead.set(grant.id, [{ type: "held", grant: grant.id, until: null }]);
    it.server.twist = {
      grant: () => ({ status: 503, body: {} }),
      token: (reply, { form }) => (form.get("grant_type") === "refresh_token" ? { status: 503, body: {} } : reply),
    };
    expect(await it.vendor.sync(sink)).toMatchObject({ held: 1, erased: 0, failed: [{ grant: grant.id, error: { code: "unavailable" } }] });
    offered.instead.clear();
    it.server.twist = {};
    expect(await it.restart().sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toMatchObject({ "profile/emails.1.address": "new@mail.example" });
  });

  it.each(["older", "forged", "malformed"] as const)("accepts nothing of a part with a record that is %s", async (lie) => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA), 6);
    await it.vendor.sync(sink);
    const old = customer.rows[0];
    await customer.put("profile/emails/e1", mail("new@mail.example"), 8);
    const lines = offered.lines("1.0") ?? [];
    const record = lines.find(({ type }) => type === "record");
    if (old === undefined || record?.type !== "record") throw new Error("no record");
    // A server that hides the newer one, changes it, or sends what is none.
    await customer.put("profile/emails/e1", mail(ANNA), 4);
    const older = customer.rows[0];
    const lies = {
      older: { ...record, version: 4, body: older?.body ?? "" },
      forged: { ...record, body: `${record.body.slice(0, -8)}AAAAAAAA` },
      malformed: { ...record, path: "no path at all!" },
    };
    offered.instead.set(
      grant.id,
      lines.filter(({ type }) => type !== "cursor").map((line) => (line === record ? lies[lie] : line)),
    );
    it.server.twist.records = () => ({ status: 503, body: {} });
    expect((await it.vendor.sync(sink)).failed[0]).toMatchObject({ grant: grant.id, error: { code: "integrity" } });
    expect(rows.get(grant.key)).toMatchObject({ "profile/emails.1.address": ANNA });
  });

  it("throws away a part that nothing closes, and one that another grant's line closes", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { sink, rows } = crm();
    const [one, two] = [await it.connect(), await it.connect()];
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail(ANNA));
    const lines = offered.lines(undefined) ?? [];
    const grantLine = lines.findIndex(({ type }) => type === "grant");
    const [head, record] = lines.slice(grantLine, grantLine + 2);
    const read = lines.find((line) => line.type === "read");
    if (head === undefined || record === undefined || read?.type !== "read") throw new Error("no part");
    it.server.twist.records = () => ({ status: 503, body: {} });
    offered.instead.set(one.grant.id, [head, record]);
    offered.instead.set(two.grant.id, [head, record, { ...read, grant: two.grant.id }]);
    const { created, failed } = await it.vendor.sync(sink);
    expect([created, rows.size]).toEqual([0, 0]);
    expect(failed[0]).toMatchObject({ grant: one.grant.id, error: { code: "integrity", reason: "malformed" } });
  });

  it("never counts less than the server: what a bulk read brought counts against the frequency of a pull", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink } = crm();
    const { customer, grant } = await it.connect(asking({ frequency: { max: 1, per: "P1D" } }), asking());
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "rate_limited", reason: "frequency" });
    expect(asked(it, "/records")).toBe(0);
    it.clock.ahead = 1.1 * DAY;
    expect((await it.vendor.pull(grant.id)).records).toEqual({ "profile/emails/e1": { address: ANNA } });
  });

  it("reads by itself what a few grants are about, and goes on by bulk afterwards", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    expect(await it.vendor.sync(sink, { grants: [grant.id] })).toMatchObject({ updated: 1 });
    expect(it.server.arrived.filter(({ path }) => path.endsWith("/records")).map(({ query }) => query.get("since"))).toEqual(["1"]);
    expect(await it.vendor.sync(sink)).toMatchObject({ unchanged: 1, updated: 0, failed: [] });
    expect(rows.get(grant.key)).toMatchObject({ "profile/emails.1.address": "new@mail.example" });
  });

  it("brings to a second sink, in the same process and after a restart, what the first one's run has read", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const [one, two] = [crm("one"), crm("two")];
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    for (const { sink } of [one, two]) expect(await it.vendor.sync(sink)).toMatchObject({ created: 1 });
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    expect(await it.vendor.sync(one.sink)).toMatchObject({ updated: 1 });
    expect(await it.vendor.sync(two.sink)).toMatchObject({ updated: 1 });
    await customer.put("profile/emails/e1", mail("third@mail.example"));
    expect(await it.vendor.sync(one.sink)).toMatchObject({ updated: 1 });
    expect(await it.restart().sync(two.sink)).toMatchObject({ updated: 1 });
    expect(two.rows.get(grant.key)).toMatchObject({ "profile/emails.1.address": "third@mail.example" });
    customer.state = "revoked";
    expect(await it.vendor.sync(one.sink)).toMatchObject({ erased: 1, attestations: { owed: [{ sinks: ["two"] }] } });
    expect(await it.vendor.sync(two.sink)).toMatchObject({ erased: 1, attestations: { sent: 1 } });
  });

  it("begins anew when its cursor is of another life, and asks for what was not named any more", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { sink, rows } = crm();
    const [one, two, lost] = [await it.connect(), await it.connect(), await it.connect()];
    for (const { customer } of [one, two, lost]) await customer.put("profile/emails/e1", mail(ANNA));
    await one.customer.put("profile/emails/e2", mail("second@mail.example"));
    await it.vendor.sync(sink);
    offered.restart();
    for (const { customer } of [two, lost]) customer.state = "revoked";
    offered.forgotten.add(two.grant.id);
    // What isn't among all there is, is gone.
    one.customer.rows = one.customer.rows.filter(({ path }) => path !== "profile/emails/e2");
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 2, updated: 1, failed: [] });
    expect([...rows.keys()]).toEqual([one.grant.key]);
    expect(rows.get(one.grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA });
    it.server.arrived.length = 0;
    expect(await it.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    expect(it.server.arrived.map(({ path }) => path)).toEqual(["/api/changes"]);
  });

  it.each([
    ["has no bulk reads", { status: 404, body: { code: "not_found" } }],
    ["gives this vendor none", { status: 403, body: { code: "insufficient_scope" } }],
  ])("reads grant by grant at a server that %s, and says so once", async (_, refusal) => {
    await using it = await scene();
    it.server.offerBulk();
    it.server.twist.changes = () => refusal;
    const { sink } = crm();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
    expect(await it.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    expect(it.events.filter(({ type }) => type === "no-bulk")).toEqual([
      { type: "no-bulk", server: it.server.url, reason: refusal.body.code },
    ]);
    expect(asked(it, "/api/changes")).toBe(1);
    delete it.server.twist.changes;
    it.clock.ahead = 2 * 3_600_000;
    expect(await it.vendor.sync(sink)).toMatchObject({ unchanged: 1, failed: [] });
    expect(asked(it, "/api/changes")).toBe(2);
  });

  it("reports a server that can't be reached, and writes what it knows", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const [one, two] = [crm("one"), crm("two")];
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(one.sink);
    it.server.twist.changes = () => ({ status: 503, body: {} });
    expect(await it.vendor.sync(two.sink)).toMatchObject({ created: 1, failed: [{ grant: "*", error: { code: "unavailable" } }] });
    expect(two.rows.size).toBe(1);
  });

  it("reads a value anew before its retention is over, so that its row never goes while the grant lives", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink, rows, log } = crm();
    const { customer } = await it.connect(asking({ retention: "P8D" }));
    await customer.put("profile/emails/e1", mail(ANNA));
    for (let day = 0; day < 40; day++) {
      it.clock.ahead = day * DAY;
      expect(await it.vendor.sync(sink)).toMatchObject({ erased: 0, failed: [] });
    }
    expect([rows.size, log]).toEqual([1, ["create"]]);
    // Half to three quarters of it, each time: not one a day.
    expect(asked(it, "/records")).toBeGreaterThan(5);
    expect(asked(it, "/records")).toBeLessThan(12);
  });

  it("shows how far it has come", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink } = crm();
    for (let at = 0; at < 3; at++) await (await it.connect()).customer.put("profile/emails/e1", mail(ANNA));
    const seen: { done: number; remaining: number; records: number }[] = [];
    await it.vendor.sync(sink, { progress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toMatchObject({ done: 3, remaining: 0, records: 3 });
    expect(seen.map(({ remaining }) => remaining)).toContain(1);
  });
});
