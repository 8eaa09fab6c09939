import { describe, expect, it } from "vitest";
import { ed25519Thumbprint } from "#protocol/jws.ts";
import { MOVE_TYP, type MoveStatement } from "#protocol/move.ts";
import { makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import type { VendorOptions } from "../../vendor-sdk/vendor.ts";
import { CLIENT, type Scene, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";
import { type Arrived, type Customer, type Reply, type StandIn, standIn } from "./stand-in.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });

async function wordOf(
  customer: Customer,
  from: string,
  to: string,
  change: Partial<MoveStatement> = {},
  by: SigningPair = customer.relationship,
) {
  const claims: MoveStatement = {
    iss: await ed25519Thumbprint(by.x),
    aud: CLIENT,
    jti: newId(),
    iat: Math.floor(Date.now() / 1000),
    grant_id: customer.grant,
    from,
    to,
    ...change,
  };
  return sign(claims, MOVE_TYP, by, true);
}

interface Moved extends AsyncDisposable {
  it: Scene;
  there: StandIn;
  customer: Customer;
  grant: string;
  key: string;
  /** The old server says from now on that the grant is at `to`. */
  leave(statement?: string, to?: string): Promise<string>;
}

/** A customer whose store is at another server now. `read`: the vendor has read it before. */
async function moving(change: Partial<VendorOptions> = {}, { read = true, bulk = false } = {}): Promise<Moved> {
  const it = await scene(change);
  const there = await standIn({ clientId: CLIENT, keys: it.keys });
  if (bulk) for (const server of [it.server, there]) server.offerBulk();
  const { customer, grant } = await it.connect();
  await customer.put("profile/emails/e1", mail(ANNA));
  if (read) await it.vendor.sync(crm().sink);
  const { refresh } = JSON.parse((await it.state.get(`grant/${grant.id}`)) ?? "{}") as { refresh: string };
  there.adopt(customer, refresh);
  return {
    it,
    there,
    customer,
    grant: grant.id,
    key: grant.key,
    async leave(statement, to = there.url) {
      const word = statement ?? (await wordOf(customer, it.server.url, there.url));
      const gone: Reply = { status: 403, body: { code: "grant_moved", to, statement: word } };
      const about = (reply: Reply, { path }: Arrived) => (path.includes(grant.id) ? gone : reply);
      it.server.twist.records = about;
      it.server.twist.grant = about;
      it.server.twist.attest = about;
      it.server.twist.token = (reply, { form }) => (form.get("grant_type") === "refresh_token" ? gone : reply);
      it.server.bulk?.instead.set(grant.id, [{ type: "moved", grant: grant.id, to, statement: word }]);
      await customer.put("profile/emails/e1", mail("there@mail.example"));
      return word;
    },
    async [Symbol.asyncDispose]() {
      await there[Symbol.asyncDispose]();
      await it[Symbol.asyncDispose]();
    },
  };
}

describe("a customer who has moved to another server", () => {
  it.each([
    ["a pull's refusal", false],
    ["a line of the bulk read", true],
  ])("is followed by %s: the row stays the same, and nothing goes to the old server any more", async (_, bulk) => {
    await using moved = await moving({}, { bulk });
    const { it, there, key } = moved;
    const { sink, rows } = crm();
    await it.vendor.sync(sink);
    await moved.leave();
    expect(await it.vendor.sync(sink)).toMatchObject({ created: 0, updated: 1, erased: 0, failed: [] });
    expect(rows.get(key)).toMatchObject({ "profile/emails.1.address": "there@mail.example" });
    expect(it.events).toContainEqual({ type: "moved", grant: moved.grant, to: there.url });

    it.server.arrived.length = 0;
    const again = it.restart();
    await moved.customer.put("profile/emails/e1", mail("later@mail.example"));
    expect(await again.sync(sink)).toMatchObject({ updated: 1, failed: [] });
    expect((await again.pull(moved.grant)).records).toEqual({ "profile/emails/e1": { address: "later@mail.example" } });
    expect((await again.grants.query(moved.grant)).grant.state).toBe("active");
    moved.customer.state = "revoked";
    expect(await again.sync(sink)).toMatchObject({ erased: 1, failed: [], attestations: { sent: 1, waiting: 0 } });
    // Signed for the server that gets it.
    expect(there.attestations).toMatchObject([{ claims: { aud: there.url, reason: "revoked" } }]);
    expect(it.server.arrived.filter(({ path }) => path.includes(moved.grant) || path === "/oauth/token")).toEqual([]);
  });

  it("is followed by an event, and is the new server's to speak about from then on", async () => {
    await using moved = await moving();
    const { it, there, grant } = moved;
    const { sink, rows } = crm();
    await it.vendor.sync(sink);
    const statement = await moved.leave();
    const receive = it.vendor.receiver({ sink });
    const push = async (server: StandIn, name: Parameters<StandIn["events"]["event"]>[0], payload = {}) => {
      const body = await server.events.event(name, grant, { payload });
      const request = new Request("http://localhost/events", {
        method: "POST",
        headers: { "content-type": "application/secevent+jwt" },
        body,
      });
      const { status } = await receive(request);
      await receive.idle();
      return status;
    };
    // Not before it is known that the customer is there.
    expect(await push(there, "grant-revoked")).toBe(400);
    expect(await push(it.server, "grant-moved", { to: there.url, statement })).toBe(202);
    expect([...rows.values()]).toMatchObject([{ "profile/emails.1.address": "there@mail.example" }]);
    expect(await push(it.server, "grant-revoked")).toBe(202);
    expect(rows.size).toBe(1);
    expect(await push(there, "grant-revoked")).toBe(202);
    expect(rows.size).toBe(0);
    await receive.close();
  });

  it("is followed by whoever never read the grant, and by whoever releases it or asks about it", async () => {
    for (const what of ["pull", "query", "release"] as const) {
      await using moved = await moving({}, { read: false });
      await moved.leave();
      if (what === "pull")
        expect((await moved.it.vendor.pull(moved.grant)).records).toEqual({ "profile/emails/e1": { address: "there@mail.example" } });
      else await moved.it.vendor.grants[what](moved.grant);
      if (what === "release") expect(moved.customer.state).toBe("revoked");
    }
  });

  it.each([
    [
      "signed by another key",
      async ({ customer, it, there }: Moved) => wordOf(customer, it.server.url, there.url, {}, await makeSigningPair()),
    ],
    [
      "whose issuer is claimed by another key",
      async ({ customer, it, there }: Moved) =>
        wordOf(customer, it.server.url, there.url, { iss: await ed25519Thumbprint(customer.relationship.x) }, await makeSigningPair()),
    ],
    [
      "for another vendor",
      ({ customer, it, there }: Moved) => wordOf(customer, it.server.url, there.url, { aud: "https://other.example/client.json" }),
    ],
    ["of another grant", ({ customer, it, there }: Moved) => wordOf(customer, it.server.url, there.url, { grant_id: newId() })],
    ["from another server", ({ customer, there }: Moved) => wordOf(customer, "https://elsewhere.example", there.url)],
    ["to another server than the refusal names", ({ customer, it }: Moved) => wordOf(customer, it.server.url, "https://elsewhere.example")],
    ["of another type", async ({ customer }: Moved) => customer.token],
    ["that is none", async () => "a.b.c"],
  ])("isn't followed by a word %s: a fault, and nothing changes", async (_, make) => {
    await using moved = await moving();
    const { it, there } = moved;
    const { sink, rows } = crm();
    await it.vendor.sync(sink);
    await moved.leave(await make(moved));
    expect(await it.vendor.sync(sink)).toMatchObject({
      erased: 0,
      failed: [{ grant: moved.grant, error: { code: "integrity", reason: "move" } }],
    });
    expect(rows.get(moved.key)).toMatchObject({ "profile/emails.1.address": ANNA });
    expect(there.arrived).toEqual([]);
    expect(JSON.parse((await it.state.get(`grant/${moved.grant}`)) ?? "")).toMatchObject({ server: null });
  });

  it.each(["http://shop.example", "https://shop.example/tenant", "ftp://127.0.0.1"])("isn't followed to %s", async (to) => {
    await using moved = await moving();
    const { it, customer } = moved;
    await moved.leave(await wordOf(customer, it.server.url, to), to);
    expect(await it.vendor.sync(crm().sink)).toMatchObject({ failed: [{ error: { code: "integrity", reason: "move" } }] });
  });

  it("isn't followed to a server that the vendor doesn't follow to, and is as soon as it does", async () => {
    const followed: string[] = [];
    await using moved = await moving({ followsTo: (issuer) => followed.includes(issuer) });
    const { sink } = crm();
    await moved.it.vendor.sync(sink);
    await moved.leave();
    expect(await moved.it.vendor.sync(sink)).toMatchObject({ failed: [{ error: { code: "conflict", reason: "server" } }] });
    expect(moved.there.arrived).toEqual([]);
    followed.push(moved.there.url);
    expect(await moved.it.vendor.sync(sink)).toMatchObject({ updated: 1, failed: [] });
  });

  it("has the vendor's stream at the new server too, set up as at the old one", async () => {
    await using moved = await moving();
    const { it, there } = moved;
    await it.vendor.stream.ensure({ endpoint: "https://shop.example/events", authorization: "Bearer for-a-gateway" });
    await moved.leave();
    await it.vendor.sync(crm().sink);
    await expect
      .poll(() => there.stream?.configuration.delivery)
      .toMatchObject({
        endpoint_url: "https://shop.example/events",
        authorization_header: "Bearer for-a-gateway",
      });
    await it.vendor.stream.remove();
    expect([it.server.stream, there.stream]).toEqual([undefined, undefined]);
    await it.restart().stream.ensure({ endpoint: "https://shop.example/events" });
    expect(there.stream).toBeDefined();
  });
});
