import { describe, expect, it } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import type { GrantChange } from "../../vendor-sdk/changes/changes.ts";
import type { Vendor } from "../../vendor-sdk/vendor.ts";
import { brokenPart } from "./bulk-lines.ts";
import { asking, type Scene, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });

const all = async (vendor: Vendor, options?: Parameters<Vendor["changes"]>[0]): Promise<GrantChange[]> => {
  const items: GrantChange[] = [];
  for await (const item of vendor.changes(options)) items.push(item);
  return items;
};
/** Each item in one word, with its paths. */
const words = (items: GrantChange[]): string[] =>
  items.map((item) =>
    item.type === "read" ? `read ${item.changes.map(({ type, path }) => `${type} ${path}`).join(", ")}`.trim() : item.type,
  );
/** A reader that falls over whatever it gets of a grant. */
const falls = async (vendor: Vendor, options: Parameters<Vendor["changes"]>[0], at: GrantChange["type"] = "read"): Promise<void> => {
  for await (const item of vendor.changes(options)) if (item.type === at) throw new Error("the warehouse is full");
};
/** A grant with two values, which the reader has, and a change to come that fails once. */
async function missedOnce(
  it: Scene,
  change: (customer: Awaited<ReturnType<Scene["connect"]>>["customer"], details: AuthorizationDetails) => Promise<unknown>,
) {
  const offered = it.server.offerBulk();
  // Made once: a moment later they would end later.
  const details = asking();
  const { customer, grant } = await it.connect(details);
  await customer.put("profile/emails/e1", mail(ANNA));
  await customer.put("profile/name", { value: { given: "Anna" } });
  await all(it.vendor);
  await change(customer, details);
  offered.instead.set(grant.id, brokenPart(customer));
  expect(words(await all(it.vendor))).toEqual(["failed", "cursor"]);
  offered.instead.clear();
  return { customer, grant };
}

describe("changes", () => {
  it("come once each, values opened and removals first, with ends, pauses and what is held", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const [one, two, three] = [await it.connect(), await it.connect(), await it.connect()];
    for (const { customer } of [one, two, three]) await customer.put("profile/emails/e1", mail(ANNA));
    await one.customer.put("profile/name", { value: { given: "Anna" } });
    const first = await all(it.vendor);
    expect(words(first)).toEqual([
      "read put profile/emails/e1, put profile/name",
      "cursor",
      "read put profile/emails/e1",
      "cursor",
      "read put profile/emails/e1",
      "cursor",
    ]);
    expect(first[0]).toMatchObject({
      grant: { id: one.grant.id, key: one.grant.key, state: "active" },
      complete: true,
      consent: { token: one.customer.token, claims: { n: 1 } },
      changes: [{ value: { address: ANNA } }, { value: { given: "Anna" } }],
    });
    expect(first.at(-1)).toMatchObject({ server: it.server.url, more: false, remaining: 0 });
    expect(words(await all(it.restart()))).toEqual(["cursor"]);

    await one.customer.put("profile/name", { removed: true });
    await one.customer.put("profile/emails/e1", mail("new@mail.example"));
    two.customer.state = "revoked";
    offered.held.add(three.grant.id);
    const next = (await all(it.vendor)).filter(({ type }) => type !== "cursor");
    expect(words(next)).toEqual(["read remove profile/name, put profile/emails/e1", "ended", "held"]);
    expect(next[1]).toMatchObject({ grant: { id: two.grant.id, state: "revoked" }, reason: "revoked", deleteBy: undefined });
    three.customer.state = "paused";
    expect((await all(it.vendor)).filter(({ type }) => type !== "cursor")).toMatchObject([
      { type: "paused", grant: { id: three.grant.id, state: "paused" } },
    ]);
  });

  it("come again where the loop threw before it came for the next cursor, removals too", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    await all(it.vendor);
    await customer.put("profile/name", { removed: true });
    const fail = async () => {
      for await (const item of it.vendor.changes()) if (item.type === "read") throw new Error("the warehouse is full");
    };
    await expect(fail()).rejects.toThrow("full");
    expect(words(await all(it.restart()))).toEqual(["read remove profile/name", "cursor"]);
    expect(words(await all(it.restart()))).toEqual(["cursor"]);
  });

  it("and sync have cursors of their own: neither takes anything from the other", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { sink, rows } = crm();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await customer.put("profile/emails/e1", mail(ANNA));
    await customer.put("profile/name", { value: { given: "Anna" } });
    await it.vendor.sync(sink);
    expect(words(await all(it.vendor))[0]).toBe("read put profile/emails/e1, put profile/name");
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/emails"] })));
    customer.rows = customer.rows.filter(({ path }) => path !== "profile/name");
    await customer.put("profile/emails/e1", { removed: true });
    await it.vendor.sync(sink);
    const [item] = await all(it.vendor);
    expect(item).toMatchObject({
      type: "read",
      changes: [
        { type: "remove", path: "profile/emails/e1", reason: "removed" },
        { type: "remove", path: "profile/name", reason: "narrowed" },
      ],
    });
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    await all(it.vendor);
    expect(await it.vendor.sync(sink)).toMatchObject({ failed: [] });
    expect(rows.get(grant.key)).toMatchObject({ "profile/emails.1.address": "new@mail.example" });
  });

  it("go by a cursor of one's own, and save none then", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    const first = await all(it.vendor, { since: null });
    const cursor = first.findLast((item) => item.type === "cursor")?.cursor ?? null;
    expect(words(first)).toEqual(["read put profile/emails/e1", "cursor"]);
    expect(words(await all(it.vendor, { since: cursor }))).toEqual(["cursor"]);
    expect(words(await all(it.vendor, { since: null }))).toEqual(words(first));
    offered.restart();
    await expect(all(it.vendor, { since: cursor })).rejects.toMatchObject({ code: "conflict", reason: "cursor_expired" });
  });

  it("say what could not be taken, and bring it with the next call", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { customer, grant } = await it.connect();
    await customer.put("profile/birthday", { value: { date: "1970-01-02" } });
    const [bad] = await all(it.vendor);
    expect(bad).toMatchObject({ type: "failed", grant: { id: grant.id }, error: { code: "integrity", reason: "outside" } });
    customer.rows = [];
    await customer.put("profile/emails/e1", mail(ANNA));
    const items = await all(it.restart());
    expect(words(items)[0]).toBe("read put profile/emails/e1");
    expect(words(await all(it.restart()))).toEqual(["cursor"]);
  });

  it("come again, a removal too, where the loop threw at what was read by itself", async () => {
    await using it = await scene();
    await missedOnce(it, (customer) => customer.put("profile/name", { removed: true }));
    for (const vendor of [it.vendor, it.restart()]) await expect(falls(vendor, {})).rejects.toThrow("full");
    expect(words(await all(it.restart()))).toEqual(["read remove profile/name, put profile/emails/e1", "cursor"]);
    expect(words(await all(it.restart()))).toEqual(["cursor"]);
  });

  it("say again that a grant has ended, where the loop threw", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await all(it.vendor);
    customer.state = "revoked";
    await expect(falls(it.vendor, {}, "ended")).rejects.toThrow("full");
    expect(await all(it.restart())).toMatchObject([{ type: "ended", grant: { id: grant.id }, reason: "revoked" }, { type: "cursor" }]);
    expect(words(await all(it.restart()))).toEqual(["cursor"]);
  });

  it("say that a grant has ended, where sync heard of it first", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await all(it.vendor);
    customer.state = "revoked";
    const { sink } = crm();
    await it.vendor.sync(sink);
    expect(words(await all(it.vendor))).toEqual(["ended", "cursor"]);
    expect(words(await all(it.vendor))).toEqual(["cursor"]);
    expect(await it.restart().sync(sink)).toMatchObject({ erased: 0, failed: [] });
  });

  it("say again that a grant has ended, where it was read by itself", async () => {
    await using it = await scene();
    const { customer } = await missedOnce(it, ({ put }) => put("profile/emails/e1", mail("new@mail.example")));
    it.server.bulk?.forgotten.add(customer.grant);
    customer.state = "revoked";
    await expect(falls(it.vendor, {}, "ended")).rejects.toThrow("full");
    expect(words(await all(it.restart()))).toEqual(["ended", "cursor"]);
    expect(words(await all(it.restart()))).toEqual(["cursor"]);
  });

  it("say again that a grant has ended, where a feed of another life doesn't name it any more", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await all(it.vendor);
    it.clock.ahead = 1000;
    offered.restart();
    offered.forgotten.add(customer.grant);
    customer.state = "revoked";
    await expect(falls(it.vendor, {}, "ended")).rejects.toThrow("full");
    expect(words(await all(it.restart()))).toEqual(["cursor", "ended"]);
    expect(words(await all(it.restart()))).toEqual(["cursor"]);
  });

  it("say again what was narrowed, where the loop threw at what was read by itself", async () => {
    await using it = await scene();
    await missedOnce(it, async (customer, details) => {
      await customer.consent(details.map((each) => ({ ...each, paths: ["profile/emails"] })));
      customer.rows = customer.rows.filter(({ path }) => path !== "profile/name");
    });
    await expect(falls(it.vendor, {})).rejects.toThrow("full");
    expect(words(await all(it.restart()))).toEqual(["read remove profile/name, put profile/emails/e1", "cursor"]);
  });

  it("miss nothing that sync has read meanwhile", async () => {
    await using it = await scene();
    await missedOnce(it, (customer) => customer.put("profile/name", { removed: true }));
    expect(await it.vendor.sync(crm().sink)).toMatchObject({ created: 1, failed: [] });
    expect(words(await all(it.vendor))).toEqual(["read remove profile/name, put profile/emails/e1", "cursor"]);
  });

  it.each([false, true])("come whole again, by a cursor of one's own: %s, where too little of a grant is known here", async (own) => {
    await using it = await scene();
    it.server.offerBulk();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    const cursor = (await all(it.vendor)).findLast((item) => item.type === "cursor")?.cursor ?? null;
    const options = own ? { since: cursor } : {};
    // As after a crash between a grant's two texts.
    const head = JSON.parse((await it.state.get(`grant/${grant.id}`)) ?? "{}");
    await it.state.set(`grant/${grant.id}`, JSON.stringify({ ...head, cursor: null }));
    await customer.put("profile/name", { value: { given: "Anna" } });
    const whole = "read put profile/emails/e1, put profile/name";
    await expect(falls(it.vendor, options)).rejects.toThrow("full");
    expect(words(await all(it.restart(), options))).toEqual([whole, "cursor"]);
    // Once it was taken, what changes is enough.
    await customer.put("profile/name", { value: { given: "Anne" } });
    const pulls = it.server.arrived.filter(({ path }) => path.endsWith("/records")).length;
    expect(words(await all(it.restart()))).toContain("read put profile/name");
    expect(it.server.arrived.filter(({ path }) => path.endsWith("/records"))).toHaveLength(pulls);
  });

  it("are in the state as soon as one sees them, also what was read by itself", async () => {
    await using it = await scene();
    const { customer, grant } = await missedOnce(it, (each) => each.put("profile/name", { value: { given: "Anne" } }));
    for await (const item of it.vendor.changes())
      if (item.type === "read") {
        expect((await it.vendor.grants.query(item.grant.id)).grant.id).toBe(grant.id);
        expect((await it.vendor.pull(grant.id)).records).toMatchObject({ "profile/name": { given: "Anne" } });
      }
    // What one asked in the loop takes nothing from it: the grant goes on by bulk.
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    expect(words(await all(it.vendor))).toEqual(["read put profile/emails/e1", "cursor"]);
  });

  it("begin anew where the feed has another life, and end what was not named any more", async () => {
    await using it = await scene();
    const offered = it.server.offerBulk();
    const [one, two] = [await it.connect(), await it.connect()];
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail(ANNA));
    await all(it.vendor);
    offered.restart();
    two.customer.state = "revoked";
    offered.forgotten.add(two.grant.id);
    const items = (await all(it.vendor)).filter(({ type }) => type !== "cursor");
    expect(items).toMatchObject([{ type: "read" }, { type: "ended", grant: { id: two.grant.id } }]);
  });

  it("let one ask for the very grant that they tell of", async () => {
    await using it = await scene();
    it.server.offerBulk();
    const { customer } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    for await (const item of it.vendor.changes())
      if (item.type === "read") expect((await it.vendor.grants.query(item.grant.id)).grant.id).toBe(item.grant.id);
  });

  it("are refused in clear words where the server has none", async () => {
    await using it = await scene();
    await it.connect();
    await expect(all(it.vendor)).rejects.toMatchObject({ code: "invalid", reason: "no_bulk", status: 404 });
  });
});
