import { describe, expect, test } from "vitest";
import { digest } from "../../server/digest.ts";
import { requireOwnOrigin } from "../../server/guards/origin.ts";
import { limitRate } from "../../server/guards/rate.ts";
import { callerOf, noCookie, openSession, requireSession, sessionCookie, unauthenticated } from "../../server/guards/session.ts";
import type { Rows, StoreRow } from "../../server/rows.ts";
import { ShortLived } from "../../server/storage/file/short-lived.ts";
import { Work } from "../../server/storage/file/work.ts";
import { Clock, DAY, MINUTE, SECOND } from "../support/clock.ts";

const ISSUER = "https://counterfoil.example";
const ACCOUNT = "A".repeat(22);
const SECRET = "S".repeat(43);
const NOW = new Clock().now();
const anew = () => new Work<Rows>(new Map(), async () => []);

describe("a session's cookie", () => {
  test("goes to this host alone, to no script, from no other site", () => {
    expect(sessionCookie(ISSUER, ACCOUNT, SECRET)).toBe(
      `__Host-counterfoil=${ACCOUNT}.${SECRET}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000; Secure`,
    );
    expect(sessionCookie("http://localhost:4000", ACCOUNT, SECRET)).toBe(
      `counterfoil=${ACCOUNT}.${SECRET}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000`,
    );
    expect(noCookie(ISSUER)).toBe("__Host-counterfoil=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0; Secure");
  });

  test("says whose it is, among others and by its whole name", () => {
    const caller = { account: ACCOUNT, session: digest(SECRET) };
    const value = `${ACCOUNT}.${SECRET}`;
    for (const cookies of [
      `__Host-counterfoil=${value}`,
      `a=b; __Host-counterfoil=${value}; c=d`,
      `a=b;__Host-counterfoil=${value}`,
      `a=b;   __Host-counterfoil=${value}`,
    ])
      expect(callerOf(cookies, ISSUER), cookies).toEqual(caller);
    expect(callerOf(`counterfoil=${value}`, "http://localhost:4000")).toEqual(caller);
    const wrong = [
      undefined,
      "",
      value,
      `counterfoil=${value}`,
      `x__Host-counterfoil=${value}`,
      "__Host-counterfoil=",
      `__Host-counterfoil=${value}x`,
      `__Host-counterfoil=x${value}`,
      `__Host-counterfoil=${ACCOUNT}${SECRET}`,
      `__Host-counterfoil=${ACCOUNT}.${SECRET.slice(1)}`,
      `__Host-counterfoil=${ACCOUNT.slice(1)}.${SECRET}`,
      `__Host-counterfoil=${ACCOUNT.slice(1)}/.${SECRET}`,
    ];
    for (const cookies of wrong) expect(callerOf(cookies, ISSUER), cookies ?? "none").toBeUndefined();
  });
});

describe("a session", () => {
  const erasing = (at: number): StoreRow => ({
    created: 0,
    identity: "",
    seq: 1,
    head: "",
    headHash: "",
    epoch: 1,
    waysHash: "",
    records: 0,
    grants: 0,
    erasing: at,
  });
  const refused = { code: "unauthenticated", message: "You are not signed in. Sign in with your passkey." };

  test("holds for thirty days since it was used, for its secret alone", async () => {
    const store = anew();
    const secret = await openSession(store, "phone", NOW);
    expect(secret).toMatch(/^[\w-]{43}$/);
    const caller = { account: ACCOUNT, session: digest(secret) };
    expect(await requireSession(store, caller, NOW + 30 * DAY)).toEqual({ way: "phone", created: NOW, used: NOW });
    await expect(requireSession(store, caller, NOW + 30 * DAY + 1)).rejects.toMatchObject(refused);
    await expect(requireSession(store, { ...caller, session: secret }, NOW)).rejects.toMatchObject(refused);
    expect(unauthenticated()).toMatchObject(refused);
  });

  test("lets nobody in where the store's time has come", async () => {
    const store = anew();
    const caller = { account: ACCOUNT, session: digest(await openSession(store, null, NOW)) };
    store.put("store", "store", erasing(NOW + 1));
    expect(await requireSession(store, caller, NOW)).toBeDefined();
    expect(await openSession(store, null, NOW)).toBeDefined();
    await expect(requireSession(store, caller, NOW + 1)).rejects.toMatchObject(refused);
    await expect(openSession(store, null, NOW + 1)).rejects.toMatchObject(refused);
  });

  test("makes room: of twenty, the one that was used least lately goes, and all that have ended", async () => {
    const store = anew();
    const kept = async () => (await store.list("sessions", { limit: 1000 })).map(([, row]) => NOW - row.used).sort((a, b) => b - a);
    // Their names are in no order of their times.
    for (let at = 0; at < 20; at++) store.put("sessions", digest(`${at}`), { way: null, created: NOW, used: NOW - (at + 1) * SECOND });
    await openSession(store, null, NOW);
    expect(await kept()).toEqual([...Array.from({ length: 19 }, (_, at) => (19 - at) * SECOND), 0]);
    const some = anew();
    for (const age of [30 * DAY, 30 * DAY + 1]) some.put("sessions", `${age}`, { way: null, created: 0, used: NOW - age });
    await openSession(some, null, NOW);
    expect((await some.list("sessions", { limit: 10 })).map(([, { used }]) => NOW - used).sort()).toEqual([0, 30 * DAY]);
  });
});

describe("what the app calls, only the app calls", () => {
  const call = (method: string, headers: Record<string, string>) => () => requireOwnOrigin((name) => headers[name], method, ISSUER);
  const own = { "sec-fetch-site": "same-origin" };

  test("from its own address", () => {
    expect(call("GET", own)).not.toThrow();
    expect(call("POST", { ...own, origin: ISSUER })).not.toThrow();
  });

  test.each<[string, string, Record<string, string>]>([
    ["no page", "GET", {}],
    ["another port of this host", "GET", { "sec-fetch-site": "same-site" }],
    ["another site", "GET", { "sec-fetch-site": "cross-site", origin: ISSUER }],
    ["an address that was typed", "GET", { "sec-fetch-site": "none" }],
    ["a change from no origin", "POST", own],
    ["a change from another origin", "POST", { ...own, origin: "https://evil.example" }],
    ["a change from a frame without an origin", "POST", { ...own, origin: "null" }],
    ["a change from another site that knows the origin", "POST", { "sec-fetch-site": "same-site", origin: ISSUER }],
  ])("and not from %s", (_, method, headers) =>
    expect(call(method, headers)).toThrow(
      expect.objectContaining({
        code: "forbidden_origin",
        message: "Only the Counterfoil app itself may call this. Open it at its own address.",
      }),
    ),
  );
});

test("a rate is so many in each minute, of each kind for each one, and says how long to wait", async () => {
  const clock = new Clock(NOW + 1);
  const live = new ShortLived(clock.now);
  const storage = { count: async (key: string, window: number) => live.count(key, window) };
  const limit = (kind = "pull", who = "shop") => limitRate(storage, kind, who, 2, clock.now());
  await limit();
  await limit();
  const refused = (retryAfter: number) => ({
    code: "rate_limited",
    message: `This was tried too often. Wait ${retryAfter} seconds.`,
    extra: { retryAfter },
  });
  await expect(limit()).rejects.toMatchObject(refused(60));
  await limit("token");
  await limit("pull", "other");
  clock.pass(MINUTE - 2);
  await expect(limit()).rejects.toMatchObject(refused(1));
  clock.pass(1);
  await limit();
  const past = { count: async () => ({ count: 3, resetsAt: NOW }) };
  await expect(limitRate(past, "pull", "shop", 2, NOW + MINUTE), "never none").rejects.toMatchObject(refused(1));
});
