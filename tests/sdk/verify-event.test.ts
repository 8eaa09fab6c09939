import fc from "fast-check";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { EVENT_BASE, EVENT_NAMES, STREAM_UPDATED, VERIFICATION } from "#protocol/events.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { CounterfoilError } from "../../vendor-sdk/error.ts";
import { type EventExpectation, memoryReplay, verifyEvent } from "../../vendor-sdk/events/verify-event.ts";
import { scene } from "./connected.ts";
import { type EventChange, transmitter } from "./transmitter.ts";

const ISSUER = "https://store.example";
const CLIENT = "https://shop.example/client.json";
const GRANT = newId();
const DAY = 86_400;
const now = () => Math.floor(Date.now() / 1000);

async function scenery(alg?: string) {
  const server = await transmitter(ISSUER, CLIENT, alg);
  const expected: EventExpectation = {
    issuer: ISSUER,
    audience: CLIENT,
    keys: async (kid) => server.jwks.keys.find((each) => each.kid === kid),
  };
  return { server, expected };
}

describe("verifyEvent", () => {
  it.each(["Ed25519", "ES256", "PS256"])("takes a good event of each type, signed by %s", async (alg) => {
    const { server, expected } = await scenery(alg);
    for (const name of EVENT_NAMES) {
      const event = await verifyEvent(await server.event(name, GRANT), expected);
      expect(event).toMatchObject({ name, grant: GRANT, type: EVENT_BASE + name, payload: { grant_id: GRANT } });
      expect(event.at.getTime()).toBeLessThanOrEqual(Date.now());
    }
  });

  it("takes what tells of the stream, and what it doesn't know, without a grant", async () => {
    const { server, expected } = await scenery();
    const about = (type: string) =>
      server.event("grant-paused", GRANT, { claims: { sub_id: { format: "opaque", id: "stream-1" } }, events: { [type]: { state: "s" } } });
    expect(await verifyEvent(await about(VERIFICATION), expected)).toMatchObject({ name: "verification", payload: { state: "s" } });
    expect(await verifyEvent(await about(STREAM_UPDATED), expected)).toMatchObject({ name: "stream-updated" });
    expect(await verifyEvent(await about("https://else.example/event"), expected)).toMatchObject({ name: "unknown", grant: undefined });
    expect(await verifyEvent(await about(`${EVENT_BASE}toString`), expected)).toMatchObject({ name: "unknown" });
  });

  it("leaves members alone that it doesn't know (SSF 1.0)", async () => {
    const { server, expected } = await scenery();
    const token = await server.event("grant-revoked", GRANT, { payload: { reason_user: { en: "x" } }, claims: { toe: 1 } });
    expect(await verifyEvent(token, expected)).toMatchObject({ name: "grant-revoked" });
  });

  const paused = `${EVENT_BASE}grant-paused`;
  const body = { grant_id: GRANT, event_timestamp: 1, initiating_entity: "user" };
  it.each<[string, string, EventChange]>([
    ["of another typ", "invalid_request", { header: { typ: "JWT" } }],
    ["of no typ", "invalid_request", { header: { typ: undefined } }],
    ["of another issuer", "invalid_issuer", { claims: { iss: "https://other.example" } }],
    ["for another receiver", "invalid_audience", { claims: { aud: "https://other.example/client.json" } }],
    ["for several receivers", "invalid_request", { claims: { aud: [CLIENT, "https://other.example/client.json"] } }],
    ["under a name that the issuer has no key of", "invalid_key", { header: { kid: "another" } }],
    ["with sub", "invalid_request", { claims: { sub: "someone" } }],
    ["with exp", "invalid_request", { claims: { exp: now() + 60 } }],
    ["without jti", "invalid_request", { claims: { jti: undefined } }],
    ["without sub_id", "invalid_request", { claims: { sub_id: undefined } }],
    ["of a month ago", "invalid_request", { claims: { iat: now() - 31 * DAY } }],
    ["without an event", "invalid_request", { events: {} }],
    ["with two events", "invalid_request", { events: { [paused]: body, [`${EVENT_BASE}grant-resumed`]: body } }],
    ["whose payload is no object", "invalid_request", { events: { [paused]: "yes" as never } }],
    ["whose payload lacks its grant", "invalid_request", { payload: { grant_id: undefined } }],
    ["whose subject is another grant", "invalid_request", { payload: { grant_id: newId() } }],
    ["whose deadline is no time", "invalid_request", { payload: { delete_by: "soon" } }],
  ])("refuses one %s", async (_, reason, change) => {
    const { server, expected } = await scenery();
    await expect(verifyEvent(await server.event("grant-revoked", GRANT, change), expected)).rejects.toMatchObject({
      code: "integrity",
      reason,
    });
  });

  it("can't take one from the future yet, for it may be this clock that is behind", async () => {
    const { server, expected } = await scenery();
    const token = await server.event("grant-revoked", GRANT, { claims: { iat: now() + 120 } });
    await expect(verifyEvent(token, expected)).rejects.toMatchObject({ code: "unavailable", reason: "clock" });
  });

  it("refuses one that another key signed under a name of the issuer's", async () => {
    const { server, expected } = await scenery();
    const { privateKey } = await generateKeyPair("Ed25519");
    const forged = await server.event("grant-revoked", GRANT, { key: privateKey });
    await expect(verifyEvent(forged, expected)).rejects.toMatchObject({ reason: "invalid_key" });
  });

  it("refuses one that was changed, unsigned, or signed by the public key as a secret", async () => {
    const { server, expected } = await scenery();
    const [header = "", payload = "", signature = ""] = (await server.event("grant-revoked", GRANT)).split(".");
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
    const other = encode({ ...claims, jti: "another" });
    const none = encode({ alg: "none", typ: "secevent+jwt", kid: "events-1" });
    const secret = Buffer.from(server.jwks.keys[0]?.x ?? "", "base64url");
    const hmac = await new SignJWT({ ...claims }).setProtectedHeader({ alg: "HS256", typ: "secevent+jwt", kid: "events-1" }).sign(secret);
    for (const token of [`${header}.${other}.${signature}`, `${none}.${payload}.`, `${header}.${payload}.`, hmac])
      await expect(verifyEvent(token, expected)).rejects.toMatchObject({ code: "integrity" });
  });

  it("refuses any text at all with a code, and never repeats it", async () => {
    const { expected } = await scenery();
    const part = fc.oneof(
      fc.base64String(),
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ maxLength: 200 }),
          fc.tuple(part, part, part).map((parts) => parts.join(".")),
        ),
        async (text) => {
          const error = (await verifyEvent(text, expected).catch((thrown: unknown) => thrown)) as CounterfoilError;
          expect(error).toBeInstanceOf(CounterfoilError);
          expect(error.code).toBe("integrity");
          if (text.length > 8) expect(error.message).not.toContain(text);
        },
      ),
      { numRuns: 300 },
    );
    await expect(verifyEvent("x".repeat(70_000), expected)).rejects.toMatchObject({ reason: "invalid_request" });
  });

  it("tells a replay, by a memory that stays bounded", async () => {
    const { server, expected } = await scenery();
    const replay = memoryReplay(2);
    const [one, two, three] = await Promise.all([1, 2, 3].map(() => server.event("grant-paused", GRANT)));
    if (one === undefined || two === undefined || three === undefined) throw new Error("three events");
    await verifyEvent(one, { ...expected, replay });
    await expect(verifyEvent(one, { ...expected, replay })).rejects.toMatchObject({ code: "conflict", reason: "replayed" });
    for (const token of [two, three, one]) await verifyEvent(token, { ...expected, replay });
  });
});

describe("the server's keys", () => {
  const fetches = (it: Awaited<ReturnType<typeof scene>>) => it.server.arrived.filter(({ path }) => path === "/jwks.json").length;

  it("are fetched once, again after a rotation, and not for each forged name", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    for (let at = 0; at < 3; at++) await it.vendor.verifyEvent(await it.server.events.event("grant-paused", grant.id));
    expect(fetches(it)).toBe(1);
    await it.server.events.rotate("events-2");
    it.clock.ahead = 11_000;
    await it.vendor.verifyEvent(await it.server.events.event("grant-paused", grant.id));
    expect(fetches(it)).toBe(2);
    for (let at = 0; at < 5; at++) {
      const forged = await it.server.events.event("grant-paused", grant.id, { header: { kid: `forged-${at}` } });
      await expect(it.vendor.verifyEvent(forged)).rejects.toMatchObject({ reason: "invalid_key" });
    }
    expect(fetches(it)).toBe(2);
  });

  it("that are gone from the key set are forgotten in ten minutes", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    const token = await it.server.events.event("grant-paused", grant.id);
    await it.vendor.verifyEvent(token);
    it.server.events.jwks.keys.length = 0;
    await it.server.events.rotate("events-2");
    it.clock.ahead = 601_000;
    await expect(it.vendor.verifyEvent(token)).rejects.toMatchObject({ reason: "invalid_key" });
  });

  it.each<[string, Record<string, unknown>]>([
    ["another issuer's configuration", { issuer: "https://other.example" }],
    ["a key set over plain http elsewhere", { jwks_uri: "http://other.example/jwks.json" }],
  ])("are not taken from %s", async (_, change) => {
    await using it = await scene();
    const { grant } = await it.connect();
    it.server.twist.ssf = ({ body }) => ({ status: 200, body: { ...(body as object), ...change } });
    const token = await it.server.events.event("grant-paused", grant.id);
    await expect(it.vendor.verifyEvent(token)).rejects.toMatchObject({ code: "integrity" });
  });

  it("of another shape are refused, whatever they are", async () => {
    await using it = await scene();
    const { grant } = await it.connect();
    const { publicKey } = await generateKeyPair("ES256");
    const odd: JWK = { ...(await exportJWK(publicKey)), kid: "events-1", kty: "oct", k: "c2VjcmV0" };
    it.server.events.jwks.keys.splice(0, 1, odd);
    await expect(it.vendor.verifyEvent(await it.server.events.event("grant-paused", grant.id))).rejects.toMatchObject({
      reason: "invalid_key",
    });
    it.server.twist.jwks = () => ({ status: 503, body: {} });
    await expect(it.restart().verifyEvent(await it.server.events.event("grant-paused", grant.id))).rejects.toMatchObject({
      code: "unavailable",
    });
  });
});
