import { describe, expect, it } from "vitest";
import type { GrantChange } from "../../vendor-sdk/changes/changes.ts";
import type { Vendor } from "../../vendor-sdk/vendor.ts";
import { asking, scene } from "./connected.ts";
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
