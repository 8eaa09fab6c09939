import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { EVENT_TYPES } from "#protocol/events.ts";
import { POLL, PUSH } from "#protocol/streams.ts";
import type { Receiver } from "../../vendor-sdk/events/receiver.ts";
import { answerEvent } from "./answer-event.ts";
import { type Scene, scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";

const ANNA = "anna.unmistakable@mail.example";
const mail = (address: string) => ({ value: { address } });

async function mounted(receive: Receiver): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((incoming, outgoing) => void answerEvent(receive, incoming, outgoing)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const changes = (it: Scene) => it.server.arrived.filter(({ path, method }) => path.startsWith("/ssf/") && method !== "GET").length;

describe("vendor.stream", () => {
  it("makes a stream once, leaves it where it fits, and changes it where it doesn't", async () => {
    await using it = await scene();
    expect(await it.vendor.stream.status()).toBeUndefined();
    const wanted = { endpoint: "https://shop.example/events" };
    expect(await it.vendor.stream.ensure(wanted)).toMatchObject({
      delivery: { method: PUSH, endpoint_url: wanted.endpoint },
      events_requested: EVENT_TYPES,
    });
    expect(changes(it)).toBe(1);
    await it.restart().stream.ensure(wanted);
    expect(changes(it)).toBe(1);
    await it.vendor.stream.ensure({ endpoint: "https://shop.example/new" });
    expect(it.server.stream?.configuration.delivery).toMatchObject({ endpoint_url: "https://shop.example/new" });
    await it.vendor.stream.ensure({ poll: true }, { events: EVENT_TYPES.slice(0, 2) });
    expect(it.server.stream?.configuration).toMatchObject({ delivery: { method: POLL }, events_requested: EVENT_TYPES.slice(0, 2) });
    expect(await it.vendor.stream.remove()).toBe(true);
    expect(await it.vendor.stream.remove()).toBe(false);
  });

  it("enables again one that the server paused", async () => {
    await using it = await scene();
    const wanted = { endpoint: "https://shop.example/events" };
    await it.vendor.stream.ensure(wanted);
    if (it.server.stream !== undefined) it.server.stream.status = "paused";
    expect(await it.vendor.stream.status()).toMatchObject({ status: "paused" });
    await it.vendor.stream.ensure(wanted);
    expect(await it.vendor.stream.status()).toMatchObject({ status: "enabled" });
  });

  it("says its secret header to the server alone, again where that doesn't say it back, and takes it back", async () => {
    await using it = await scene();
    const endpoint = "https://shop.example/events";
    const wanted = { endpoint, authorization: "Bearer unmistakable-secret" };
    const answers = [await it.vendor.stream.ensure(wanted), await it.restart().stream.ensure(wanted)];
    expect(changes(it)).toBe(1);
    if (it.server.stream !== undefined) it.server.stream.configuration.delivery = { method: PUSH, endpoint_url: endpoint };
    answers.push(await it.restart().stream.ensure(wanted));
    expect(changes(it)).toBe(2);
    expect(it.server.arrived.findLast(({ method }) => method === "PATCH")?.text).toContain(wanted.authorization);
    answers.push(await it.restart().stream.ensure({ endpoint }));
    expect(changes(it)).toBe(3);
    expect(it.server.stream?.configuration.delivery).toEqual({ method: PUSH, endpoint_url: endpoint });
    expect(JSON.stringify([it.events, answers])).not.toContain("unmistakable-secret");
  });

  it("is verified over push, through the receiver", async () => {
    await using it = await scene();
    const { sink } = crm();
    await using at = await mounted(it.vendor.receiver({ sink }));
    await it.vendor.stream.ensure({ endpoint: at.url });
    expect((await it.vendor.stream.verify({ timeoutMs: 5000 })).ms).toBeGreaterThan(0);
  });

  it("says when nothing arrives, and when there is nothing to verify", async () => {
    await using it = await scene();
    await expect(it.vendor.stream.verify()).rejects.toMatchObject({ code: "conflict", reason: "stream" });
    await it.vendor.stream.ensure({ poll: true });
    await expect(it.vendor.stream.verify({ timeoutMs: 50 })).rejects.toMatchObject({ code: "unavailable", reason: "verification" });
  });
});

describe("vendor.listen", () => {
  it("fetches events by poll, acts, acknowledges, and goes on through the server's trouble until it is ended", async () => {
    await using it = await scene();
    const { sink, rows } = crm();
    const { customer, grant } = await it.connect();
    await customer.put("profile/emails/e1", mail(ANNA));
    await it.vendor.sync(sink);
    const end = new AbortController();
    const heard: string[] = [];
    const listening = it.vendor.listen({ sink, signal: end.signal, on: ({ name }) => void heard.push(name) });
    const wait = async (name: "grant-paused" | "grant-revoked", change = {}) => {
      const token = await it.server.events.event(name, grant.id, change);
      it.server.waiting.set(String(decodeJwt(token).jti), token);
    };
    await wait("grant-paused");
    await expect.poll(() => heard).toEqual(["grant-paused"]);
    await expect.poll(() => it.server.waiting.size).toBe(0);
    it.server.twist.poll = () => ({ status: 503, body: {} });
    await wait("grant-revoked", { claims: { iss: "https://other.example" } });
    await wait("grant-revoked");
    delete it.server.twist.poll;
    await expect.poll(() => rows.size, { timeout: 5000 }).toBe(0);
    // The forged one is answered by an error, not by an acknowledgement, and gone too.
    await expect.poll(() => it.server.waiting.size, { timeout: 5000 }).toBe(0);
    const refused = it.server.arrived.filter(({ path, text }) => path.startsWith("/ssf/poll") && text.includes("invalid_issuer"));
    expect(refused.length).toBeGreaterThan(0);
    await expect.poll(() => heard).toEqual(["grant-paused", "grant-revoked"]);
    expect((await it.vendor.stream.verify({ timeoutMs: 5000 })).ms).toBeGreaterThan(0);
    end.abort();
    await listening;
  });

  it("acknowledges nothing that it could not keep", async () => {
    await using it = await scene();
    const { sink } = crm();
    const { grant } = await it.connect();
    const set = it.state.set;
    it.state.set = (key, text) => (key.startsWith("event/") ? Promise.reject(new Error("the disk is full")) : set(key, text));
    const end = new AbortController();
    const listening = it.vendor.listen({ sink, signal: end.signal });
    const token = await it.server.events.event("grant-revoked", grant.id);
    it.server.waiting.set(String(decodeJwt(token).jti), token);
    await expect.poll(() => it.events.some((event) => event.type === "retry" && event.call === "poll")).toBe(true);
    expect(it.server.waiting.size).toBe(1);
    it.state.set = set;
    await expect.poll(() => it.server.waiting.size, { timeout: 8000 }).toBe(0);
    end.abort();
    await listening;
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("revoked");
  });
});
