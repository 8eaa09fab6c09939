import { describe, expect, it } from "vitest";
import type { EventName } from "#protocol/events.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import type { Receiver } from "../../vendor-sdk/events/receiver.ts";
import type { VendorEvent } from "../../vendor-sdk/events/verify-event.ts";
import { memoryState } from "../../vendor-sdk/state.ts";
import { asking, NO_CONTACT, type Scene, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";
import type { EventChange } from "./transmitter.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });
const ENDPOINT = "http://127.0.0.1:4999/events";

const push = (body: string, change: RequestInit = {}): Request =>
  new Request(ENDPOINT, {
    method: "POST",
    headers: { "content-type": "application/secevent+jwt", accept: "application/json" },
    body,
    ...change,
  });

async function tell(it: Scene, to: Receiver, name: EventName, grant: string, change?: EventChange): Promise<Response> {
  const answer = await to(push(await it.server.events.event(name, grant, change)));
  await to.idle();
  return answer;
}

describe("the receiver", () => {
  it("erases at once what was stopped, by the event alone, and attests it", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const receive = it.vendor.receiver({ sink });
    for (const down of ["token", "records", "grant"] as const) it.server.twist[down] = () => undefined;
    const answer = await tell(it, receive, "grant-revoked", grant.id);
    expect([answer.status, await answer.text()]).toEqual([202, ""]);
    expect(rows.size).toBe(0);
    expect(await it.vendor.grants.get(grant.id)).toMatchObject({ state: "revoked", attested: { reason: "revoked", received: undefined } });
    for (const down of ["token", "records", "grant"] as const) delete it.server.twist[down];
    expect((await it.vendor.enforce(sink)).attestations.sent).toBe(1);
    expect(it.server.attestations).toHaveLength(1);
  });

  it.each<[EventName, string]>([
    ["grant-expired", "expired"],
    ["grant-revoked", "revoked"],
  ])("takes %s as the end that it tells of", async (name, state) => {
    await using it = await scene();
    const { sink } = crm();
    const { grant } = await it.connect();
    const receive = it.vendor.receiver({ sink });
    await tell(it, receive, name, grant.id);
    expect((await it.vendor.grants.get(grant.id))?.state).toBe(state);
  });

  it("syncs the grant that changed, and no other", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const one = await it.connect();
    const two = await it.connect();
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    for (const { customer } of [one, two]) await customer.put("profile/emails/e1", mail("new@mail.example"));
    const receive = it.vendor.receiver({ sink });
    it.server.arrived.length = 0;
    await tell(it, receive, "records-changed", one.grant.id);
    expect(rows.get(one.grant.key)).toMatchObject({ "profile/emails.1.address": "new@mail.example" });
    expect(rows.get(two.grant.key)).toMatchObject({ "profile/emails.1.address": ANNA });
    expect(it.server.arrived.filter(({ path }) => path.endsWith("/records")).every(({ path }) => path.includes(one.grant.id))).toBe(true);
  });

  it("follows a narrowing, a pause and a resume", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const details = asking();
    const { customer, grant } = await it.connect(details);
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const receive = it.vendor.receiver({ sink });
    await customer.consent(details.map((each) => ({ ...each, paths: ["profile/name"] })));
    await tell(it, receive, "grant-changed", grant.id);
    expect(rows.get(grant.key)).toEqual(NO_CONTACT);
    expect(it.server.attestations).toMatchObject([{ claims: { reason: "narrowed" } }]);
    customer.state = "paused";
    await tell(it, receive, "grant-paused", grant.id);
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("paused");
    customer.state = "active";
    await tell(it, receive, "grant-resumed", grant.id);
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("active");
  });

  it("posts the attestation that a reminder asks for, also before its time", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    customer.state = "revoked";
    it.server.twist.attest = () => ({ status: 400, body: { code: "invalid_attestation" } });
    await it.vendor.sync(sink);
    delete it.server.twist.attest;
    it.server.attestations.length = 0;
    await tell(it, it.vendor.receiver({ sink }), "erasure-due", grant.id);
    expect(it.server.attestations).toHaveLength(1);
  });

  it("acknowledges what came before without acting again, also after a restart", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { grant } = await it.connect();
    const heard: string[] = [];
    const on = ({ jti }: VendorEvent) => void heard.push(jti);
    const token = await it.server.events.event("grant-paused", grant.id);
    const receive = it.vendor.receiver({ sink, on });
    const answers = await Promise.all([1, 2, 3].map(() => receive(push(token))));
    await receive.idle();
    const again = it.restart().receiver({ sink, on });
    answers.push(await again(push(token)));
    await again.idle();
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(heard).toHaveLength(1);
    expect(await it.state.list("event/")).toEqual([]);
  });

  it("does nothing about a grant that isn't its own, and tells the listener", async () => {
    await using it = await scene();
    const { sink } = crm();
    const heard: VendorEvent[] = [];
    const receive = it.vendor.receiver({ sink, on: (event) => void heard.push(event) });
    const stranger = newId();
    it.server.arrived.length = 0;
    expect((await tell(it, receive, "grant-revoked", stranger)).status).toBe(202);
    expect(heard).toMatchObject([{ name: "grant-revoked", grant: stranger }]);
    expect(await it.vendor.grants.list()).toEqual([]);
    expect(it.server.arrived.filter(({ path }) => path.startsWith("/api"))).toEqual([]);
  });

  it("refuses what isn't an event, in RFC 8935's words, and repeats nothing of it", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { grant } = await it.connect();
    const receive = it.vendor.receiver({ sink, authorization: "Bearer agreed" });
    const agreed = { "content-type": "application/secevent+jwt", authorization: "Bearer agreed" };
    const good = await it.server.events.event("grant-revoked", grant.id);
    const forged = await it.server.events.event("grant-revoked", grant.id, { claims: { iss: "https://other.example" } });
    const foreign = await it.server.events.event("grant-revoked", grant.id, { claims: { aud: "https://other.example" } });
    const cases: [Request, number, string][] = [
      [new Request(ENDPOINT, { headers: agreed }), 405, "invalid_request"],
      [push(good, { headers: { ...agreed, "content-type": "application/json" } }), 415, "invalid_request"],
      [push(good), 400, "authentication_failed"],
      [push(good, { headers: { ...agreed, authorization: "Bearer guessed" } }), 400, "authentication_failed"],
      [push("x".repeat(70_000), { headers: agreed }), 413, "invalid_request"],
      [push("", { headers: agreed }), 400, "invalid_request"],
      [push("no.token.unmistakable", { headers: agreed }), 400, "invalid_request"],
      [push(forged, { headers: agreed }), 400, "invalid_issuer"],
      [push(foreign, { headers: agreed }), 400, "invalid_audience"],
      [push(`${good.slice(0, -4)}AAAA`, { headers: agreed }), 400, "invalid_key"],
    ];
    for (const [request, status, err] of cases) {
      const answer = await receive(request);
      const body = (await answer.json()) as { err: string; description: string };
      expect([answer.status, body.err]).toEqual([status, err]);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(Object.keys(body)).toEqual(["err", "description"]);
      expect(body.description).not.toMatch(/unmistakable|other\.example|guessed/);
    }
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("active");
    expect((await receive(push(good, { headers: agreed }))).status).toBe(202);
  });

  it("asks to come again where it can't check or keep an event, so that none is lost", async () => {
    const whole = memoryState();
    let full = false;
    const state = {
      ...whole,
      set: async (key: string, text: string) => {
        if (full && key.startsWith("event/")) throw new Error("the disk is full");
        await whole.set(key, text);
      },
    };
    await using it = await scene({ state });
    const { sink } = crm();
    const { grant } = await it.connect();
    const receive = it.vendor.receiver({ sink });
    it.server.twist.jwks = () => undefined;
    const token = await it.server.events.event("grant-revoked", grant.id);
    expect((await receive(push(token))).status).toBe(503);
    delete it.server.twist.jwks;
    const early = await it.server.events.event("grant-revoked", grant.id, { claims: { iat: Math.floor(Date.now() / 1000) + 120 } });
    expect((await receive(push(early))).status, "it comes again, when this clock has caught up").toBe(503);
    full = true;
    expect((await receive(push(token))).status).toBe(503);
    full = false;
    expect((await receive(push(token))).status).toBe(202);
    await receive.idle();
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("revoked");
  });

  it("loses no event that it took to a crash: the next process acts on it", async () => {
    await using it = await scene();
    const { sink, rows, fail } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    fail.erase = true;
    const receive = it.vendor.receiver({ sink });
    expect((await receive(push(await it.server.events.event("grant-revoked", grant.id)))).status).toBe(202);
    await receive.idle();
    await receive.close();
    expect(rows.size).toBe(1);
    expect(await it.state.list("event/")).toHaveLength(1);
    fail.erase = false;
    const again = it.restart().receiver({ sink });
    await again.idle();
    expect(rows.size).toBe(0);
    expect(await it.state.list("event/")).toEqual([]);
  });

  it("tries again by itself what failed for now, and tells its listener of each event in order", async () => {
    await using it = await scene();
    const { sink, rows, fail } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    fail.create = true;
    const heard: string[] = [];
    const receive = it.vendor.receiver({
      sink,
      on: async ({ name }) => {
        heard.push(name);
        if (heard.length === 1) throw new Error("the shop's own fault");
      },
    });
    await receive(push(await it.server.events.event("grant-created", grant.id)));
    await receive(push(await it.server.events.event("records-changed", grant.id)));
    await receive.idle();
    expect(heard).toEqual([]);
    fail.create = false;
    await expect.poll(() => heard.length, { timeout: 8000 }).toBe(3);
    expect(heard).toEqual(["grant-created", "grant-created", "records-changed"]);
    expect(rows.size).toBe(1);
    await receive.close();
  });

  it("acts on an end at once, also where what came before it waits to be tried again", async () => {
    await using it = await scene();
    const { sink, rows, fail } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const receive = it.vendor.receiver({ sink });
    await customer.put("profile/emails/e1", mail("new@mail.example"));
    fail.commit = true;
    await tell(it, receive, "records-changed", grant.id);
    fail.commit = false;
    await tell(it, receive, "grant-revoked", grant.id);
    // Without waiting for the second that the first one was put off by.
    expect(rows.size).toBe(0);
    await receive.close();
  });

  it("isn't held up by a sync of everybody else", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const stopped = await it.connect();
    await stopped.customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const slow = await it.connect();
    await slow.customer.put("profile/emails/e1", mail(ANNA));
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    const vendor = it.restart({
      fetch: async (input, init) => {
        if (String(input).includes(`${slow.grant.id}/records`)) await held;
        return fetch(input, init);
      },
    });
    const receive = vendor.receiver({ sink });
    const syncing = vendor.sync(sink, { grants: [slow.grant.id] });
    await receive(push(await it.server.events.event("grant-revoked", stopped.grant.id)));
    await receive.idle();
    expect([...rows.keys()]).toEqual([]);
    go();
    expect(await syncing).toMatchObject({ created: 1 });
  });

  it("says nothing of a value in what it tells or keeps", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    const receive = it.vendor.receiver({ sink });
    const token = await it.server.events.event("records-changed", grant.id);
    await receive(push(token));
    await receive.idle();
    expect(it.events).toContainEqual(expect.objectContaining({ type: "event", name: "records-changed", grant: grant.id }));
    for (const secret of [ANNA, token]) expect(JSON.stringify(it.events)).not.toContain(secret);
  });
});
