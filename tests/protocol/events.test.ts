import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { EVENT_BASE, EVENT_NAMES, EVENT_TYPES, EVENTS, EventToken } from "#protocol/events.ts";

const GRANT = "AAECAwQFBgcICQoLDA0ODw";
const common = { event_timestamp: 1_795_256_100, initiating_entity: "user", grant_id: GRANT };
const due = { ...common, delete_by: "2026-11-28T10:15:00.000Z" };

const payloads = {
  "grant-created": common,
  "grant-changed": { ...due, n: 2 },
  "grant-paused": common,
  "grant-resumed": common,
  "grant-revoked": due,
  "grant-expired": { ...due, initiating_entity: "policy" },
  "grant-moved": { ...common, to: "https://other.example", statement: "e30.e30.e30" },
  "erasure-due": { ...due, initiating_entity: "system" },
  "records-changed": { ...common, paths: ["profile/emails/e1"], count: 1 },
} as const;

test("every type is a URI of ours, and there is an example of each", () => {
  expect(Object.keys(payloads).sort()).toEqual([...EVENT_NAMES].sort());
  for (const type of EVENT_TYPES) expect(new URL(type).href).toBe(type);
  expect(EVENT_TYPES).toContain(`${EVENT_BASE}grant-revoked`);
});

describe.each(EVENT_NAMES)("%s", (name) => {
  const payload = payloads[name];

  test("is read, and what a later version adds is no matter", () => {
    expect(v.parse(EVENTS[name], { ...payload, later: true })).toEqual(payload);
  });

  test("has no member that can be left out", () => {
    for (const member of Object.keys(payload))
      expect(v.is(EVENTS[name], Object.fromEntries(Object.entries(payload).filter(([each]) => each !== member))), member).toBe(false);
    expect(v.is(EVENTS[name], { ...payload, initiating_entity: "somebody" })).toBe(false);
    expect(v.is(EVENTS[name], { ...payload, grant_id: "short" })).toBe(false);
  });
});

test("only a deadline that is due has to be there: where nothing was read or taken away there is none", () => {
  for (const name of ["grant-changed", "grant-revoked", "grant-expired"] as const)
    expect(v.is(EVENTS[name], { ...payloads[name], delete_by: null }), name).toBe(true);
  expect(v.is(EVENTS["erasure-due"], { ...payloads["erasure-due"], delete_by: null })).toBe(false);
});

test("at most a hundred paths are named", () => {
  const paths = (count: number) => ({ ...payloads["records-changed"], paths: Array.from({ length: count }, (_, at) => `a/${at}`), count });
  expect(v.is(EVENTS["records-changed"], paths(100))).toBe(true);
  expect(v.is(EVENTS["records-changed"], paths(101))).toBe(false);
});

describe("a security event token", () => {
  const token = {
    iss: "https://counterfoil.example",
    aud: "https://shop.example/client.json",
    jti: "1",
    iat: 1_795_256_100,
    sub_id: {
      format: "complex",
      user: { format: "iss_sub", iss: "https://counterfoil.example", sub: "A".repeat(43) },
      grant: { format: "opaque", id: GRANT },
    },
    events: { [`${EVENT_BASE}grant-paused`]: common },
  };

  test("holds exactly one event, about a grant or a stream", () => {
    expect(v.is(EventToken, token)).toBe(true);
    expect(v.is(EventToken, { ...token, sub_id: { format: "opaque", id: "stream" } })).toBe(true);
    expect(v.is(EventToken, { ...token, events: {} })).toBe(false);
    expect(v.is(EventToken, { ...token, events: { ...token.events, [`${EVENT_BASE}grant-resumed`]: common } })).toBe(false);
    expect(v.is(EventToken, { ...token, sub_id: { format: "email", email: "a@b" } })).toBe(false);
    for (const member of ["iss", "aud", "jti", "iat", "sub_id", "events"] as const) {
      const { [member]: _, ...rest } = token;
      expect(v.is(EventToken, rest), member).toBe(false);
    }
  });
});
