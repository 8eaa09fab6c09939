import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { csvSink } from "../../vendor-sdk/crm/csv-sink.ts";
import { fileState } from "../../vendor-sdk/file-state.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { asking, NO_CONTACT, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });
const DAY = 86_400_000;

describe("sync", () => {
  it("writes, repeats as unchanged, follows a change, erases what was stopped", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 1, failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA });
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 0, updated: 0, unchanged: 1 });
    expect(await it.restart().sync(sink)).toMatchObject({ created: 0, updated: 0, unchanged: 1 });
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, written: [{ key: grant.key, columns: ["profile/emails.1.address"] }] });
    customer.state = "revoked";
    expect(await it.vendor.sync(sink)).toMatchObject({
      erased: 1,
      erasures: [{ grant: grant.id, reason: "revoked", did: ["deleted"], remains: [] }],
    });
    expect(rows.size).toBe(0);
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 0, failed: [] });
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("revoked");
    const kept = await it.state.get(`grant/${grant.id}`);
    expect(kept).toContain(customer.token);
    expect(JSON.parse(kept ?? "")).toMatchObject({ refresh: null, grantKey: null });
    expect(JSON.parse((await it.state.get(`shares/${grant.id}`)) ?? "")).toMatchObject({ shares: {} });
  });

  it("blanks what a narrower consent no longer grants", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    await it.vendor.sync(sink);
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA, "profile/name.given": "Anna" });
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/emails"] })));
    customer.rows = customer.rows.filter(({ path }) => path !== "profile/name");
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1 });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA });
    expect(await it.state.get(`shares/${grant.id}`)).not.toContain('"profile/name":{"version"');
  });

  it("shows the form that says more where a value is there in two", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/addresses/a1:town", { value: { locality: "Cluj", countryCode: "RO" } });
    await customer.put("profile/addresses/a1", { value: { street: "Main 1", locality: "Cluj", countryCode: "RO" } });
    await it.vendor.sync(sink);
    expect(rows.get(grant.key)).toEqual({
      ...NO_CONTACT,
      "profile/addresses.1.street": "Main 1",
      "profile/addresses.1.locality": "Cluj",
      "profile/addresses.1.countryCode": "RO",
    });
  });

  it("removes before it puts", async () => {
    await using it = await scene();
    const { sink, log } = crm();
    const one = await it.connect();
    const two = await it.connect();
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    log.length = 0;
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail("new@mail.example"));
    const third = await it.connect();
    await third.customer.put("profile/emails/e1", mail(ANNA));
    two.customer.state = "revoked";
    await it.vendor.sync(sink);
    expect(log[0]).toBe("erase");
    expect(log.slice(1).sort()).toEqual(["create", "patch"]);
  });

  it("moves no cursor that its sink did not confirm", async () => {
    await using it = await scene();
    const { sink, rows, fail } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    for (const kind of ["create", "commit"] as const) {
      fail[kind] = true;
      expect((await it.vendor.sync(sink)).failed).toMatchObject([{ key: grant.key, error: { code: "unavailable" } }]);
      expect((await it.vendor.pull(grant.id)).changes).toHaveLength(1);
      fail[kind] = false;
    }
    expect((await it.vendor.sync(sink)).failed).toEqual([]);
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA });
    expect((await it.vendor.pull(grant.id)).changes).toEqual([]);
  });

  it("tries an erasure again that failed, without asking the server again", async () => {
    await using it = await scene();
    const { sink, rows, fail } = crm();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "revoked";
    fail.erase = true;
    expect((await it.vendor.sync(sink)).failed).toHaveLength(1);
    expect(rows.size).toBe(1);
    fail.erase = false;
    it.server.twist.records = () => undefined;
    it.server.twist.token = () => undefined;
    expect(await it.restart().sync(sink)).toMatchObject({ erased: 1, failed: [] });
    expect(rows.size).toBe(0);
  });

  it("leaves a paused grant as it is, and follows it when it goes on", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "paused";
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    expect(await it.vendor.sync(sink)).toMatchObject({ paused: 1, erased: 0, failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA });
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("paused");
    customer.state = "active";
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1 });
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("active");
  });

  it("writes nothing of a grant that lapsed between pull and write", async () => {
    await using it = await scene();
    const { sink, rows, log, fail } = crm();
    const one = await it.connect();
    await one.customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const two = await it.connect();
    await two.customer.put("profile/emails/e1", mail(ANNA));
    one.customer.state = "revoked";
    // Erasures come after all pulls and before all writes.
    fail.meanwhile = () => {
      it.clock.ahead = 91 * DAY;
    };
    const report = await it.vendor.sync(sink);
    expect(report).toMatchObject({ created: 0, erased: 1, failed: [] });
    expect(rows.size).toBe(0);
    expect(log).toEqual(["create", "erase"]);
    expect((await it.vendor.grants.get(two.grant.id))?.state).toBe("expired");
  });

  it("erases what has ended by its own clock when the server can't be reached", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    await it.server[Symbol.asyncDispose]();
    expect(await it.vendor.enforce(sink, { now: new Date(Date.now() + 89 * DAY) })).toMatchObject({ erased: 0 });
    it.clock.ahead = 91 * DAY;
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 1, erasures: [{ reason: "expired" }], failed: [] });
    expect(rows.size).toBe(0);
    it.server = { ...it.server, [Symbol.asyncDispose]: async () => undefined };
  });

  it("keeps nothing longer after the last read than its retention, and has it again with the next read", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect(asking({ retention: "P7D" }));
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const lie = it.server.twist;
    lie.records = () => ({ status: 503, body: {} });
    it.clock.ahead = 6 * DAY;
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 0, failed: [{ error: { code: "unavailable" } }] });
    it.clock.ahead = 8 * DAY;
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 1, erasures: [{ reason: "retention" }] });
    expect(rows.size).toBe(0);
    expect(await it.state.get(`shares/${grant.id}`)).not.toContain('"body"');
    delete lie.records;
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 1 });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": ANNA });
  });

  it("spends a read that is granted once, once, and still hears of the end", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer } = await it.connect(asking({ frequency: { max: 1 } }), asking());
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const reads = () => it.server.arrived.filter(({ path }) => path.endsWith("/records")).length;
    const before = reads();
    expect(await it.vendor.sync(sink)).toMatchObject({ held: 1, unchanged: 1, failed: [] });
    expect(reads()).toBe(before);
    customer.state = "revoked";
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 1 });
    expect(rows.size).toBe(0);
  });

  it("reads again when the window of its frequency has rolled on", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { customer } = await it.connect(asking({ frequency: { max: 1, per: "PT2H" } }), asking());
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    it.clock.ahead = 1.5 * 3_600_000;
    expect(await it.vendor.sync(sink)).toMatchObject({ held: 1 });
    it.clock.ahead = 2.1 * 3_600_000;
    expect(await it.vendor.sync(sink)).toMatchObject({ held: 0, updated: 1 });
  });

  it("starts over when its cursor is too old, and keeps what was not taken away", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    await customer.put("profile/emails/e1", { removed: true });
    await customer.put("profile/emails/e2", mail("two@mail.example"));
    it.server.twist.records = (reply, { query }) => (query.has("since") ? { status: 410, body: { code: "cursor_expired" } } : reply);
    expect(await it.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect(rows.get(grant.key)).toEqual({ ...NO_CONTACT, "profile/emails.1.address": "two@mail.example" });
  });

  it("says in a dry run what it would do, and does nothing", async () => {
    await using it = await scene();
    const { sink, rows, log } = crm();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    const report = await it.vendor.sync(sink, { dryRun: true });
    expect(report).toMatchObject({
      dryRun: true,
      created: 1,
      written: [{ outcome: "created", columns: ["profile/emails.1.address", ...Object.keys(NO_CONTACT)] }],
    });
    expect(JSON.stringify(report)).not.toContain(ANNA);
    await it.vendor.sync(sink);
    log.length = 0;
    customer.state = "revoked";
    expect(await it.vendor.sync(sink, { dryRun: true })).toMatchObject({ erased: 1 });
    expect(log).toEqual([]);
    expect(rows.size).toBe(1);
  });

  it("fails one grant whose evidence is bad, and serves the others", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const bad = await it.connect();
    const good = await it.connect();
    await bad.customer.put("profile/birthday", { value: { date: "1970-01-02" } });
    await good.customer.put("profile/emails/e1", mail(ANNA));
    expect((await it.vendor.sync(sink)).failed).toMatchObject([{ grant: bad.grant.id, error: { code: "integrity", reason: "outside" } }]);
    expect([...rows.keys()]).toEqual([good.grant.key]);
  });

  it("erases in each of two sinks, also when one comes later", async () => {
    await using it = await scene();
    const [one, two] = [crm("one"), crm("two")];
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    for (const { sink } of [one, two]) await it.vendor.sync(sink);
    expect([one.rows.size, two.rows.size]).toEqual([1, 1]);
    customer.state = "revoked";
    await it.vendor.sync(one.sink);
    expect(await it.restart().sync(two.sink)).toMatchObject({ erased: 1 });
    expect([one.rows.size, two.rows.size]).toEqual([0, 0]);
  });

  it("stops when aborted, and can go on afterwards", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await expect(it.vendor.sync(sink, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    expect(rows.size).toBe(0);
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 1 });
  });
});

describe("a state in files", () => {
  it("carries a vendor over a restart, readable by its owner alone", async () => {
    await using folder = await scratchFolder();
    await using it = await scene({ state: fileState(join(folder.path, "state")) });
    const people = join(folder.path, "people.csv");
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(csvSink(people));
    expect(await readFile(people, "utf8")).toContain(ANNA);
    const again = it.restart({ state: fileState(join(folder.path, "state")) });
    expect(await again.sync(csvSink(people))).toMatchObject({ unchanged: 1, created: 0 });
    customer.state = "revoked";
    await again.sync(csvSink(people));
    expect(await readFile(people, "utf8")).not.toContain(ANNA);
    for (const name of await readdir(join(folder.path, "state", "grant")))
      expect((await stat(join(folder.path, "state", "grant", name))).mode & 0o777).toBe(0o600);
    expect((await stat(people)).mode & 0o777).toBe(0o600);
    expect((await again.grants.list()).map(({ id, state }) => [id, state])).toEqual([[grant.id, "revoked"]]);
  });

  it("that was damaged is refused, not guessed at", async () => {
    await using folder = await scratchFolder();
    await using it = await scene({ state: fileState(folder.path) });
    const { grant } = await it.connect();
    await writeFile(join(folder.path, "grant", `${grant.id}.json`), '{"id":');
    await expect(it.vendor.pull(grant.id)).rejects.toThrow();
  });

  it("takes no key that leads out of its folder", async () => {
    await using folder = await scratchFolder();
    await expect(fileState(folder.path).get("../secret")).rejects.toThrow(TypeError);
  });
});
