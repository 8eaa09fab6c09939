import { describe, expect, test } from "vitest";
import { SINGLE_PATHS } from "#protocol/categories.ts";
import { readHead } from "#protocol/head.ts";
import { Customer, rootOfLeaves } from "../support/customer.ts";
import { connect, EMAIL, NAME, refusal, scene } from "./scene.ts";

describe("another device", () => {
  test("reads the whole store in pages, and finds the root that the head names", async () => {
    await using at = await scene();
    const { customer } = at;
    const big = { value: { address: `${"x".repeat(30_000)}@example.org` } };
    for (let part = 0; part < 3; part++)
      await customer.commit({
        records: Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`profile/emails/p${part}-${index}`, big])),
      });
    const { grant } = await connect(at);
    const first = await customer.api.call("store");
    expect(first.more).not.toBeNull();
    const whole = await customer.read();
    expect(whole.records.map(({ path }) => path).sort()).toEqual(
      [
        ...SINGLE_PATHS,
        "profile/emails/e1",
        ...Array.from({ length: 45 }, (_, index) => `profile/emails/p${Math.floor(index / 15)}-${index % 15}`),
      ].sort(),
    );
    expect(whole.shares).toMatchObject([{ grant: grant.grant, path: "profile/emails/e1", version: 1 }]);
    expect(whole.grants).toHaveLength(1);
    expect(whole.heads.map((head) => readHead(head).seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await rootOfLeaves([...customer.leaves.values()])).toBe(readHead(whole.head).root);
  });

  test("reads what changed since, and no more", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const { grant, tokens } = await connect(at);
    const { position } = await customer.read();
    const since = String(position);
    expect(await customer.api.call("store", { query: { since } })).toMatchObject({
      records: [],
      shares: [],
      grants: [],
      history: [],
      position,
      more: null,
    });
    await customer.commit({ records: { "profile/name": NAME } });
    await customer.commit({ records: { "profile/name": NAME, "profile/emails/e2": EMAIL } });
    await vendor.pull(tokens.access_token, grant.grant);
    const changed = await customer.api.call("store", { query: { since, seq: String(customer.seq - 2) } });
    expect(changed.records.map(({ path, version }) => [path, version])).toEqual([
      ["profile/emails/e2", 1],
      ["profile/name", 4],
    ]);
    expect(changed.grants.map((view) => [view.grant, view.reads.count])).toEqual([[grant.grant, 1]]);
    expect(changed.history.map(({ type }) => type)).toEqual(["commit", "commit", "read"]);
    expect(changed.heads).toHaveLength(2);
    const later = await customer.api.call("store", { query: { since: String(changed.position) } });
    expect(later).toMatchObject({ records: [], history: [], more: null });
  });

  test("reads a long absence in pages that join without a gap", async () => {
    await using at = await scene();
    const { customer } = at;
    const { position } = await customer.read();
    const big = { value: { address: `${"x".repeat(40_000)}@example.org` } };
    for (let part = 0; part < 4; part++)
      await customer.commit({
        records: Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`profile/emails/q${part}-${index}`, big])),
      });
    const paths: string[] = [];
    const lines: number[] = [];
    let pages = 0;
    for (let since: string | null = String(position); since !== null; pages++) {
      const page: Awaited<ReturnType<Customer["read"]>> = await customer.api.call("store", { query: { since } });
      paths.push(...page.records.map(({ path }) => path));
      lines.push(...page.history.map((line) => line.position));
      since = page.more;
    }
    expect(pages).toBeGreaterThan(1);
    expect(paths).toHaveLength(32);
    expect(new Set(paths).size).toBe(32);
    expect(lines).toEqual(Array.from({ length: 4 }, (_, index) => position + 1 + index));
  });

  test("is told when its cursor is of another life of the store, or none", async () => {
    await using at = await scene();
    const { api } = at.customer;
    await expect(api.call("store", { query: { since: "999999" } })).rejects.toMatchObject(refusal("cursor_expired"));
    for (const query of [{ since: "x" }, { seq: "-1" }, { after: "1.sessions.a" }, { since: "1", after: "1.records.a" }])
      await expect(api.call("store", { query })).rejects.toMatchObject(refusal("invalid_input"));
  });
});

test("nobody reads another's store", async () => {
  await using at = await scene();
  const other = await Customer.register(at.system.issuer, at.system.clock.now);
  const { account, records } = await other.read();
  expect(account).toBe(other.account);
  expect(records.map(({ path }) => path).sort()).toEqual([...SINGLE_PATHS].sort());
  const { grant } = await connect(at);
  await expect(other.api.call("pause", { id: grant.grant })).rejects.toMatchObject(refusal("not_found"));
  await expect(other.revoke(grant.grant)).rejects.toMatchObject(refusal("not_found"));
});
