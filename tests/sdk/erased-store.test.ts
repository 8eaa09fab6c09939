import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { jsonlSink } from "../../vendor-sdk/crm/jsonl-sink.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { asking, scene } from "./connected.ts";
import type { Reply } from "./stand-in.ts";

const ANNA = { value: { address: "anna.unmistakable@mail.example" } };
const unknown: Reply = { status: 404, body: { code: "not_found" } };

describe("a customer who erased the whole store", () => {
  it.each<[string, Reply]>([
    ["that there is no such grant", unknown],
    ["that the grant has ended", { status: 403, body: { code: "grant_ended", state: "revoked" } }],
    ["that the token is good for nothing", { status: 401, body: { code: "invalid_token" } }],
  ])("is gone from the CRM at the next sync, where the server says %s", async (_, answer) => {
    await using folder = await scratchFolder();
    await using it = await scene();
    const people = join(folder.path, "people.jsonl");
    const sink = jsonlSink(people);
    const { customer, grant } = await it.connect();
    const other = await it.connect();
    for (const each of [customer, other.customer]) await each.put("profile/emails/e1", ANNA);
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 2 });
    it.server.twist.records = (reply, { path }) => (path.includes(grant.id) ? answer : reply);
    // The server has forgotten the grant, its refresh token included.
    it.server.customers.delete(grant.id);
    expect(await it.vendor.sync(sink)).toMatchObject({
      erased: 1,
      erasures: [{ key: grant.key, reason: "revoked" }],
      failed: [],
      unchanged: 1,
    });
    const left = await readFile(people, "utf8");
    expect([left.includes(grant.key), left.includes(other.grant.key)]).toEqual([false, true]);
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("revoked");
    // As proof of what was allowed, the consent stays; nothing that opens anything does.
    expect(await it.state.get(`grant/${grant.id}`)).toContain(customer.token);
    expect(await it.state.get(`shares/${grant.id}`)).not.toContain('"body"');
    expect(await it.vendor.sync(sink)).toMatchObject({ erased: 0, failed: [] });
  });

  it("is gone also where the frequency allows no read, and from a process that starts anew", async () => {
    await using folder = await scratchFolder();
    await using it = await scene();
    const people = join(folder.path, "people.jsonl");
    const { customer, grant } = await it.connect(asking({ frequency: { max: 1 } }), asking());
    await customer.put("profile/emails/e1", ANNA);
    await it.vendor.sync(jsonlSink(people));
    it.server.customers.delete(grant.id);
    expect(await it.restart().sync(jsonlSink(people))).toMatchObject({ erased: 1, erasures: [{ reason: "revoked" }] });
    expect(await readFile(people, "utf8")).not.toContain("anna");
  });
});

describe("a customer who erased nothing", () => {
  const refusals: [string, "token" | "records", Reply | undefined][] = [
    ["a token endpoint in trouble, whatever it says", "token", { status: 500, body: { error: "invalid_grant" } }],
    ["a token endpoint that isn't there", "token", undefined],
    ["a token endpoint that doesn't know this vendor now", "token", { status: 401, body: { error: "invalid_client" } }],
    ["the same as 400", "token", { status: 400, body: { error: "invalid_client" } }],
    ["a proof that was refused", "token", { status: 400, body: { error: "invalid_dpop_proof" } }],
    ["a page of a proxy", "token", { status: 404, body: "<html>" }],
    ["too many requests", "token", { status: 429, body: { code: "rate_limited" } }],
    ["no such grant, though its refresh token is good", "records", unknown],
    ["no such page", "records", { status: 404, body: {} }],
    ["a server in trouble that speaks of an end", "records", { status: 503, body: { code: "grant_ended" } }],
    ["no answer", "records", undefined],
    ["a gateway that gave up", "records", { status: 504, body: {} }],
  ];
  it.each(refusals)("stays in the CRM in spite of %s", async (_, where, answer) => {
    await using folder = await scratchFolder();
    await using it = await scene();
    const people = join(folder.path, "people.jsonl");
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", ANNA);
    await it.vendor.sync(jsonlSink(people));
    // The vendor's own token is another matter: without one, all of a sync fails.
    it.server.twist[where] = (reply, { form }) => (where === "token" && form.get("grant_type") !== "refresh_token" ? reply : answer);
    // A new process has no access token.
    const report = await it.restart().sync(jsonlSink(people));
    expect(report).toMatchObject({ erased: 0, failed: [{ grant: grant.id }] });
    expect(await readFile(people, "utf8")).toContain("anna.unmistakable");
    it.server.twist = {};
    expect(await it.restart().sync(jsonlSink(people))).toMatchObject({ erased: 0, failed: [], unchanged: 1 });
  });
});
