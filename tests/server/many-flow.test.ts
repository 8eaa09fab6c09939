import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { RATES } from "../../server/configuration/config.ts";
import { Leases } from "../../server/leases.ts";
import { PUBLISHED } from "../../server/oauth/server-keys.ts";
import { sweepRegularly } from "../../server/store/sweep.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../support/clock.ts";
import { silentLog } from "../support/system.ts";
import { freezable, type House, manyHouse, newDatabase, openDatabase } from "./many-house.ts";
import { connect, EMAIL, NAME, problemOf, refusal } from "./scene.ts";

const [A, B] = [0, 1];
const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as { kid: string }).kid;
const isLive = async ({ vendor }: House, token: string): Promise<boolean> =>
  (await vendor.form<{ active: boolean }>("/oauth/introspect", { token })).body.active;

describe("two servers over one database", () => {
  test("behave as one, whichever answers", async () => {
    await using at = await manyHouse();
    const { vendor, customer } = at;
    const pushed = await at.at(A, () => vendor.par([vendor.ask({ paths: ["profile/emails"] })]));
    expect(pushed.status).toBe(201);
    const arrival = await at.at(B, () => vendor.authorize(pushed.body.request_uri));
    const request = (arrival.headers.get("location") ?? "").replace("/ask/", "");
    const grant = await customer.approve(request, { contents: { "profile/emails/e1": EMAIL } });
    await expect(
      customer.approve(request, { contents: { "profile/emails/e1": EMAIL } }),
      "a request is answered once",
    ).rejects.toMatchObject({ problem: { status: expect.any(Number) } });
    const { status, body } = await at.at(B, () => vendor.redeem(grant.redirect));
    expect(status).toBe(200);
    const token = body.access_token;
    const page = await at.at(A, () => vendor.pull(token, grant.grant));
    expect(await vendor.open(grant.grant, page)).toEqual({ "profile/emails/e1": EMAIL });

    const proof = await vendor.proof("GET", vendor.recordsUrl(grant.grant), token);
    expect((await at.at(A, () => vendor.pullRaw(token, grant.grant, { proof }))).status).toBe(200);
    const replayed = await problemOf(await at.at(B, () => vendor.pullRaw(token, grant.grant, { proof })));
    expect(replayed, "a proof that the other has seen").toMatchObject({ status: 401, code: "invalid_token" });
    const second = await vendor.proof("GET", vendor.recordsUrl(grant.grant), token);
    const both = await Promise.all([A, B].map(() => vendor.pullRaw(token, grant.grant, { proof: second })));
    expect(both.map((answer) => answer.status).sort(), "or sees at the same time").toEqual([200, 401]);

    await at.at(A, () => customer.api.call("pause", { id: grant.grant }));
    await expect(at.at(B, () => vendor.pull(token, grant.grant))).rejects.toMatchObject(refusal("grant_paused"));
    expect(await at.at(B, () => isLive(at, token))).toBe(false);
    const { paused } = await customer.view(grant.grant);
    await at.at(B, () => customer.resume(grant.grant, paused?.position ?? 0));
    await at.at(A, () => vendor.pull(token, grant.grant));
    await at.at(A, () => customer.revoke(grant.grant));
    await expect(at.at(B, () => vendor.pull(token, grant.grant))).rejects.toMatchObject(refusal("grant_ended"));
    expect(await at.at(B, () => isLive(at, token))).toBe(false);
    expect(await at.at(B, () => isLive(at, body.refresh_token))).toBe(false);
    const { history } = await customer.read();
    expect(history.filter(({ type }) => type === "read").map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  test("take what is good once only once, also at the same time", async () => {
    await using at = await manyHouse();
    const { vendor, customer } = at;
    const assertion = await vendor.clientAssertion();
    const parameters = await vendor.parParameters();
    const pushes = await Promise.all([A, B, A, B].map(() => vendor.form("/oauth/par", parameters, { assertion })));
    expect(pushes.map(({ status }) => status).sort(), "a client assertion").toEqual([201, 401, 401, 401]);

    const details = [vendor.ask({ paths: ["profile/emails"] })];
    const { redirect, grant } = await customer.approve(await vendor.request(details), { contents: { "profile/emails/e1": EMAIL } });
    const redeemed = await Promise.all([A, B, A].map(() => vendor.redeem(redirect)));
    const given = redeemed.filter(({ status }) => status === 200);
    expect(given.length, "a code").toBeLessThanOrEqual(1);
    for (const { body } of given) await expect(vendor.pull(body.access_token, grant)).rejects.toMatchObject(refusal("invalid_token"));

    const id = await vendor.request(details);
    const answers = await Promise.allSettled([A, B].map(() => customer.api.call("decline", { id })));
    expect(answers.map(({ status }) => status).sort(), "an answer to a request").toEqual(["fulfilled", "rejected"]);

    const own = await vendor.ownToken("ssf.manage");
    await at.at(A, () => vendor.form("/oauth/revoke", { token: own }));
    expect(await at.at(B, () => isLive(at, own)), "a token that was revoked at the other").toBe(false);

    const bodies = [
      await customer.draft({ records: { "profile/name": NAME } }),
      await customer.draft({ records: { "profile/emails/e1": EMAIL } }),
    ];
    const commits = await Promise.allSettled(bodies.map((body) => customer.api.call("commit", { body })));
    const lost = commits.filter((each) => each.status === "rejected");
    expect(
      lost.map(({ reason }) => reason),
      "a place in the row of commits",
    ).toMatchObject([refusal("stale_head")]);
  });

  test("count together", async () => {
    const rates = { ...RATES, logins: 10_000, commits: 10_000, others: 10_000, pulls: 6 };
    await using at = await manyHouse({ config: { rates } });
    const { grant, tokens } = await connect(at);
    const answers = await Promise.all(Array.from({ length: 10 }, () => at.vendor.pullRaw(tokens.access_token, grant.grant)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(6);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(4);
    at.clock.pass(MINUTE);
    await at.vendor.pull(tokens.access_token, grant.grant);
  });

  test("forget nothing when one starts, and take each other's nonces", async () => {
    await using at = await manyHouse({ config: { nonces: "always" } });
    const { vendor } = at;
    const url = `${vendor.issuer}/oauth/token`;
    const ask = async (nonce?: string) => {
      const proof = await vendor.proof("POST", url, undefined, nonce === undefined ? {} : { nonce });
      const response = await fetch(url, {
        method: "POST",
        headers: { dpop: proof },
        body: new URLSearchParams({
          grant_type: "client_credentials",
          scope: "attest",
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: await vendor.clientAssertion({ iat: Math.floor(vendor.now() / 1000) - 5 }),
        }),
      });
      return { status: response.status, nonce: response.headers.get("dpop-nonce") };
    };
    const { nonce } = await at.at(A, () => ask("another"));
    expect((await at.at(B, () => ask(nonce ?? ""))).status, "an assertion of before its start too").toBe(200);
  });
});

describe("the keys of two servers", () => {
  const published = async (at: House, member: number): Promise<string[]> => {
    const { keys } = (await (await fetch(`${at.members[member]?.issuer}/.well-known/jwks.json`)).json()) as {
      keys: Array<{ kid: string }>;
    };
    return keys.map(({ kid }) => kid);
  };
  const tokenOf = async ({ vendor }: House, refreshToken: string): Promise<string> =>
    (await vendor.token({ grant_type: "refresh_token", refresh_token: refreshToken })).body.access_token;

  test("are the same from the start, and after one has gone on to the next", async () => {
    await using at = await manyHouse({ config: { keyAge: HOUR } });
    const { grant, tokens } = await connect(at);
    const first = await published(at, A);
    expect(await published(at, B)).toEqual(first);
    at.clock.pass(HOUR);
    const refreshes = await Promise.all(Array.from({ length: 6 }, () => tokenOf(at, tokens.refresh_token)));
    const [current, next, ...retired] = await published(at, A);
    expect(new Set(refreshes.map(kidOf)), "all by the next one, though both were to go on to it").toEqual(new Set([first[1]]));
    expect([current, retired], "once").toEqual([first[1], [first[0]]]);
    expect(await published(at, B)).toEqual([current, next, ...retired]);
    for (const [index, token] of refreshes.entries()) await at.at(index % 2, () => at.vendor.pull(token, grant.grant));
  });

  test("verify what the other signs by a key that this one has not heard of", async () => {
    await using at = await manyHouse({ config: { keyAge: HOUR } });
    const { grant, tokens } = await connect(at);
    const before = await published(at, B);
    // Twice within the time in which the other knows what it knows.
    const { storage } = at.system;
    at.clock.pass(SECOND);
    await storage.changeDocument<{ next: { made: number } }>("keys", (keys) =>
      keys === undefined ? undefined : { ...keys, since: 0, next: { ...keys.next, made: 0 } },
    );
    const rotate = async (): Promise<string> => {
      await at.at(A, () => fetch(`${at.members[A]?.issuer}/.well-known/jwks.json`));
      return at.at(A, () => tokenOf(at, tokens.refresh_token));
    };
    at.clock.pass(PUBLISHED);
    const token = await rotate();
    await storage.changeDocument<{ next: { made: number } }>("keys", (keys) =>
      keys === undefined ? undefined : { ...keys, since: 0, next: { ...keys.next, made: 0 } },
    );
    at.clock.pass(11 * SECOND);
    const later = await rotate();
    expect(before).toContain(kidOf(token));
    expect(before).not.toContain(kidOf(later));
    await at.at(B, () => at.vendor.pull(later, grant.grant));
    await expect(at.at(B, () => at.vendor.pull(`${later.slice(0, -2)}AA`, grant.grant))).rejects.toMatchObject(refusal("invalid_token"));
  });
});

test("what is due is done by one of the servers, once", async () => {
  await using at = await manyHouse();
  const { customer, vendor, clock, members } = at;
  const { grant } = await connect(at);
  await vendor.listen();
  const expiries = async (): Promise<unknown[]> =>
    (await customer.read()).history.filter(({ type }) => type === "expire").map((line) => line.grant);
  clock.pass(91 * DAY);
  {
    const sweeping = members.map(({ storage, outbox }) => sweepRegularly({ storage, outbox, log: silentLog }, clock.now));
    await using _first = sweeping[A] as AsyncDisposable;
    await using _second = sweeping[B] as AsyncDisposable;
    await customer.login();
    await expect.poll(async () => (await expiries()).length).toBe(1);
  }
  expect(await expiries()).toEqual([grant.grant]);
  expect((await vendor.heard()).map(({ event }) => event)).toEqual(["grant-expired"]);
  // Given back when the first one stopped: another needs not wait.
  expect(await at.system.storage.hold("sweep", "somebody else", SECOND)).toBe(true);
});

test("a lease is one process's, and another's soon after that one says nothing any more", async () => {
  const url = await newDatabase();
  const ice = freezable();
  await using one = ice.wrap(await openDatabase(url, Date.now));
  await using other = await openDatabase(url, Date.now);
  const life = 1_200;
  const [first, second] = [new Leases(one, life), new Leases(other, life)];
  const lost: string[] = [];
  const keep = () => first.keep((name) => lost.push(name));
  expect([await first.take("a"), await second.take("a"), await second.take("b")]).toEqual([true, false, true]);
  for (let time = 0; time < 4; time++) {
    await sleep(life / 3);
    await keep();
  }
  expect([first.holds("a"), await second.take("a"), lost], "as long as it is kept").toEqual([true, false, []]);
  await first.release("a");
  expect([first.holds("a"), await second.take("a"), await first.take("a")]).toEqual([false, true, false]);
  await second.release("a");
  expect(await first.take("a")).toBe(true);
  ice.freeze(true);
  const keeping = keep();
  await sleep(life);
  expect(first.holds("a"), "who stood still knows it by its own clock").toBe(false);
  expect(await second.take("a")).toBe(true);
  ice.freeze(false);
  await keeping;
  expect(lost).toEqual(["a"]);
  expect([first.holds("a"), await first.take("a"), second.holds("a")]).toEqual([false, false, true]);
});
