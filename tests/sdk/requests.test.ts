import { describe, expect, it } from "vitest";
import { ask } from "../../vendor-sdk/ask.ts";
import { createVendor } from "../../vendor-sdk/vendor.ts";
import { asking, CLIENT, RETURN, scene } from "./connected.ts";
import { makeCustomer, type Reply } from "./stand-in.ts";

const wish = { authorization_details: asking(), redirect_uri: RETURN };
const bodyOf = (reply: Reply) => reply.body as Record<string, unknown>;

describe("a request", () => {
  it("is pushed; the customer's URL holds nothing but where to find it, and the encryption key's name in the fragment", async () => {
    await using it = await scene();
    const { url, id, expiresAt } = await it.vendor.requests.create(wish);
    const to = new URL(url);
    expect([...to.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
    expect(to.hash).toBe(`#enc=${it.keys.find(({ use }) => use === "enc")?.kid}`);
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 250_000);
    const [par] = it.server.arrived.filter(({ path }) => path === "/oauth/par");
    expect(par?.form.get("state")).toBe(id);
    expect(par?.form.get("code_challenge_method")).toBe("S256");
    expect(JSON.parse(par?.form.get("authorization_details") ?? "")).toEqual(wish.authorization_details);
    expect(url).not.toContain(id);
  });

  it("has a state, a challenge and an assertion of its own each time", async () => {
    await using it = await scene();
    await it.vendor.requests.create(wish);
    await it.vendor.requests.create(wish);
    const pars = it.server.arrived.filter(({ path }) => path === "/oauth/par");
    for (const name of ["state", "code_challenge", "client_assertion"])
      expect(new Set(pars.map(({ form }) => form.get(name))).size).toBe(2);
  });

  it("goes nowhere if the metadata are another issuer's, or send it to plain http", async () => {
    await using it = await scene();
    it.server.twist.metadata = (reply) => ({ ...reply, body: { ...bodyOf(reply), issuer: "https://other.example" } });
    await expect(it.vendor.requests.create(wish)).rejects.toMatchObject({ code: "integrity", reason: "issuer" });
    it.server.twist.metadata = (reply) => ({ ...reply, body: { ...bodyOf(reply), token_endpoint: "http://other.example/token" } });
    await expect(it.vendor.requests.create(wish)).rejects.toMatchObject({ code: "integrity", reason: "endpoint" });
    expect(it.server.arrived.every(({ path }) => path.startsWith("/.well-known/"))).toBe(true);
  });

  it("that breaks a purpose's bounds is the programmer's fault, before anything is sent", () => {
    expect(() => ask({ purpose: "customer-management", paths: ["purchases"], days: 30 })).toThrow("/0/paths/0");
    expect(() => ask({ purpose: "customer-management", paths: ["profile/name"], days: 400 })).toThrow("/0/expires");
    expect(() => ask({ purpose: "world-domination", paths: ["profile/name"], days: 1 })).toThrow(TypeError);
  });

  it("refused by the server says so without repeating what the server wrote", async () => {
    await using it = await scene();
    it.server.twist.par = () => ({ status: 400, body: { error: "invalid_authorization_details", error_description: "evil\nlog line" } });
    const error: unknown = await it.vendor.requests.create(wish).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "purpose_mismatch", status: 400, retryable: false });
    expect(JSON.stringify(error) + String(error)).not.toContain("evil");
    it.server.twist.par = () => ({ status: 400, body: { error: "evil\nlog line" } });
    expect(String(await it.vendor.requests.create(wish).catch((thrown: unknown) => thrown))).not.toContain("evil");
  });
});

describe("a return", () => {
  it("with a state that nobody waits for is refused, and a used one is", async () => {
    await using it = await scene();
    const { customer } = await it.connect(wish.authorization_details);
    it.server.next = customer;
    const { url } = await it.vendor.requests.create(wish);
    await expect(it.vendor.requests.exchange(it.server.cameBack(url, { state: "A".repeat(43) }))).rejects.toMatchObject({
      code: "invalid",
      reason: "state",
    });
    await expect(it.vendor.requests.exchange(it.server.cameBack(url, { state: "../grant/x" }))).rejects.toMatchObject({ reason: "state" });
    const back = it.server.cameBack(url);
    await it.vendor.requests.exchange(back);
    await expect(it.vendor.requests.exchange(back)).rejects.toMatchObject({ code: "invalid", reason: "state" });
  });

  it("in another customer's session is refused, and stays good for its own", async () => {
    await using it = await scene();
    const { customer } = await it.connect(wish.authorization_details);
    it.server.next = customer;
    const mine = await it.vendor.requests.create(wish);
    const other = await it.vendor.requests.create(wish);
    const back = it.server.cameBack(mine.url);
    await expect(it.vendor.requests.exchange(back, { id: other.id })).rejects.toMatchObject({ code: "invalid", reason: "session" });
    await expect(it.vendor.requests.exchange(back, { id: undefined })).rejects.toMatchObject({ code: "invalid", reason: "session" });
    expect((await it.vendor.requests.exchange(back, { id: mine.id })).id).toBe(customer.grant);
  });

  it.each([["https://other.example"], [""]])("from issuer %j is refused before the code is shown to anyone", async (iss) => {
    await using it = await scene();
    const { url } = await it.vendor.requests.create(wish);
    const before = it.server.arrived.length;
    await expect(it.vendor.requests.exchange(it.server.cameBack(url, { iss }))).rejects.toMatchObject({
      code: "integrity",
      reason: "issuer",
    });
    expect(it.server.arrived).toHaveLength(before);
  });

  it("of a customer who said no is access_denied, and nothing is remembered", async () => {
    await using it = await scene();
    const { url, id } = await it.vendor.requests.create(wish);
    const back = `${RETURN}?${new URLSearchParams({ error: "access_denied", state: id, iss: it.server.url })}`;
    await expect(it.vendor.requests.exchange(back)).rejects.toMatchObject({ code: "access_denied" });
    expect(await it.vendor.grants.list()).toEqual([]);
    expect(await it.state.list("request/")).toEqual([]);
    expect(url).toContain("request_uri");
  });

  it("that grants more than was asked is refused", async () => {
    await using it = await scene();
    const wide = [ask({ purpose: "customer-management", paths: ["profile/phones"], days: 90 })];
    await expect(it.connect(wide, asking())).rejects.toMatchObject({ code: "integrity", reason: "wider" });
    expect(await it.vendor.grants.list()).toEqual([]);
  });

  it("tells what was granted, until when", async () => {
    await using it = await scene();
    const [asked] = asking();
    if (asked === undefined) throw new Error("one object");
    const { grant } = await it.connect([{ ...asked, paths: ["profile/emails/e1"] }], [asked]);
    expect(grant).toMatchObject({
      state: "active",
      details: [{ paths: ["profile/emails/e1"] }],
      expires: new Date(asked.expires).toISOString(),
    });
    expect(grant.key).toMatch(/^c[A-Za-z0-9_-]{21}$/);
    expect(await it.vendor.grants.get(grant.id)).toEqual(grant);
  });
});

describe("a call that fails", () => {
  it("is sent again only where that is safe, with new proofs", async () => {
    await using it = await scene({ maxRetries: 2 });
    it.server.next = await makeCustomer({ clientId: CLIENT, keys: it.keys }, asking());
    let failures = 2;
    it.server.twist.par = (reply) => (failures-- > 0 ? { status: 503, body: {}, headers: { "retry-after": "0" } } : reply);
    const { url } = await it.vendor.requests.create(wish);
    const count = (path: string) => it.server.arrived.filter((each) => each.path === path).length;
    expect(count("/oauth/par")).toBe(3);
    it.server.twist.token = () => undefined;
    await expect(it.vendor.requests.exchange(it.server.cameBack(url))).rejects.toMatchObject({ code: "unavailable", retryable: true });
    expect(count("/oauth/token")).toBe(1);
  });

  it("waits as long as Retry-After says, and hands a long wait to the caller", async () => {
    await using it = await scene({ maxRetries: 2 });
    const { grant } = await it.connect();
    let failures = 1;
    it.server.twist.records = (reply) =>
      failures-- > 0 ? { status: 429, body: { code: "rate_limited" }, headers: { "retry-after": "1" } } : reply;
    const started = performance.now();
    await it.vendor.pull(grant.id);
    expect(performance.now() - started).toBeGreaterThan(950);
    it.server.twist.records = () => ({ status: 429, body: { code: "rate_limited" }, headers: { "retry-after": "3600" } });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "rate_limited", retryable: true, retryAfterMs: 3_600_000 });
  });

  it("ends at its time limit, or when it is aborted", async () => {
    await using it = await scene({ timeoutMs: 200 });
    const { grant } = await it.connect();
    const vendor = it.restart({
      fetch: (_, init) => new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason))),
    });
    await expect(vendor.pull(grant.id)).rejects.toMatchObject({ code: "unavailable", reason: "network" });
    await expect(vendor.pull(grant.id, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: "TimeoutError" });
  });

  it("never follows a redirect", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    it.server.twist.records = () => ({ status: 307, body: {}, headers: { location: `${it.server.url}/elsewhere` } });
    await expect(it.vendor.pull(grant.id)).rejects.toMatchObject({ code: "unavailable" });
    expect(it.server.arrived.some(({ path }) => path === "/elsewhere")).toBe(false);
  });
});

it("a vendor can't be made without its keys, or toward plain http", async () => {
  await using it = await scene();
  expect(() => it.restart({ keys: [] })).toThrow(TypeError);
  expect(() => it.restart({ server: "http://counterfoil.example" })).toThrow(TypeError);
  const publicOnly = it.keys.map(({ d: _, ...rest }) => rest);
  expect(() => createVendor({ clientId: CLIENT, server: it.server.url, keys: publicOnly })).toThrow(TypeError);
});
