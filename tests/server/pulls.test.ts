import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import type { ReplyOf } from "#protocol/api.ts";
import { consentObject, hashOfConsent } from "#protocol/consent-token.ts";
import type { Pull } from "#protocol/vendor-api.ts";
import { RATES } from "../../server/configuration/config.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../support/clock.ts";
import { makeDpopKey, TestVendor } from "../support/vendor.ts";
import { connect, EMAIL, problemOf, refusal, scene } from "./scene.ts";

describe("a pull is refused", () => {
  test("without a token of this server that holds now, for this grant", async () => {
    await using at = await scene();
    const { vendor, system, customer } = at;
    const { grant, tokens } = await connect(at);
    const token = tokens.access_token;
    const [header = "", payload = "", signature = ""] = token.split(".");
    const wider = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(payload, "base64url").toString()), grant_id: "A".repeat(22) }),
    ).toString("base64url");
    const none = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt" })).toString("base64url");
    for (const wrong of ["x", "", `${header}.${wider}.${signature}`, `${none}.${payload}.AA`, `${header}.${payload}.${signature}x`]) {
      const response = await vendor.pullRaw(wrong, grant.grant);
      expect(response.headers.get("www-authenticate")).toContain('DPoP error="invalid_token"');
      expect(await problemOf(response)).toMatchObject({ status: 401, code: "invalid_token" });
    }
    const bearer = await vendor.pullRaw(token, grant.grant, { headers: { authorization: `Bearer ${token}` } });
    expect(await problemOf(bearer)).toMatchObject({ status: 401, code: "invalid_token" });
    expect(await problemOf(await vendor.pullRaw(token, "A".repeat(22)))).toMatchObject({ status: 401, code: "invalid_token" });
    expect(await problemOf(await customer.api.raw("GET", `/api/grants/${grant.grant}/records`)), "a session is no token").toMatchObject({
      status: 401,
    });
    system.clock.pass(300 * SECOND);
    expect(await problemOf(await vendor.pullRaw(token, grant.grant))).toMatchObject({ status: 401, code: "invalid_token" });
  });

  test("without a fresh DPoP proof of the token's key for this request", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const { grant, tokens } = await connect(at);
    const token = tokens.access_token;
    const url = vendor.recordsUrl(grant.grant);
    const now = Math.floor(system.clock.now() / 1000);
    const used = await vendor.proof("GET", url, token);
    expect((await vendor.pullRaw(token, grant.grant, { proof: used })).status).toBe(200);
    const right = vendor.dpop;
    const stranger = await makeDpopKey();
    const wrong: Array<[string, string]> = [
      ["used before", used],
      ["another method", await vendor.proof("POST", url, token)],
      ["another address", await vendor.proof("GET", vendor.recordsUrl("A".repeat(22)), token)],
      ["another host", await vendor.proof("GET", url.replace("localhost", "evil.example"), token)],
      ["another token", await vendor.proof("GET", url, "another")],
      ["no token", await vendor.proof("GET", url)],
      ["too old", await vendor.proof("GET", url, token, { iat: now - 61 })],
      ["of the future", await vendor.proof("GET", url, token, { iat: now + 11 })],
      ["no jti", await vendor.proof("GET", url, token, { jti: undefined })],
      ["not a JWT", "x"],
      ["of another type", await new SignJWT({}).setProtectedHeader({ alg: "ES256", typ: "JWT", jwk: right.jwk }).sign(right.key)],
      [
        "another key's signature",
        await new SignJWT({ htm: "GET", htu: url, iat: now, jti: "1" })
          .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: right.jwk })
          .sign(stranger.key),
      ],
    ];
    vendor.dpop = stranger;
    wrong.push(["another key", await vendor.proof("GET", url, token)]);
    vendor.dpop = right;
    for (const [name, proof] of wrong)
      expect(await problemOf(await vendor.pullRaw(token, grant.grant, { proof })), name).toMatchObject({
        status: 401,
        code: "invalid_token",
      });
    expect((await at.customer.view(grant.grant)).reads.count).toBe(1);
  });

  test("with a proof from before the server started, which forgot what was used", async () => {
    await using at = await scene();
    const { grant, tokens } = await connect(at);
    const iat = Math.floor(at.system.clock.now() / 1000) - 1;
    const before = await at.vendor.proof("GET", at.vendor.recordsUrl(grant.grant), tokens.access_token, { iat });
    expect(await problemOf(await at.vendor.pullRaw(tokens.access_token, grant.grant, { proof: before }))).toMatchObject({
      status: 401,
      text: expect.stringContaining("older than this server"),
    });
  });

  test("for another vendor's token", async () => {
    await using at = await scene();
    await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
    const { grant } = await connect(at);
    await at.customer.addKit();
    const theirs = await at.customer.approve(await other.request([other.ask({ paths: ["profile/name"] })]), { contents: {} });
    const { body } = await other.redeem(theirs.redirect);
    await expect(other.pull(body.access_token, grant.grant)).rejects.toMatchObject(refusal("invalid_token"));
  });

  test("while paused, after its end, and the moment it expires; the link of a receipt pauses once", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    const { position } = await customer.api.call("pause", { id: grant.grant });
    await expect(vendor.pull(tokens.access_token, grant.grant)).rejects.toMatchObject(refusal("grant_paused"));
    await customer.resume(grant.grant, position);
    await vendor.pull(tokens.access_token, grant.grant);

    customer.api.cookie = undefined;
    await expect(customer.api.call("pauseByLink", { body: { grant: grant.grant, secret: "A".repeat(43) } })).rejects.toMatchObject(
      refusal("not_found"),
    );
    expect(await customer.api.call("pauseByLink", { body: { grant: grant.grant, secret: grant.pauseSecret } })).toEqual({
      client_name: "Libreria Aldina",
    });
    await expect(customer.api.call("pauseByLink", { body: { grant: grant.grant, secret: grant.pauseSecret } })).rejects.toMatchObject(
      refusal("not_found"),
    );
    await expect(vendor.pull(tokens.access_token, grant.grant)).rejects.toMatchObject(refusal("grant_paused"));

    await customer.login();
    await expect(customer.resume(grant.grant, position), "an older pause").rejects.toMatchObject(refusal("grant_not_active"));
    const { paused } = await customer.view(grant.grant);
    await customer.resume(grant.grant, paused?.position ?? 0);
    expect(await customer.api.call("pauseAll")).toEqual({ paused: 1 });
    expect(await customer.api.call("pauseAll")).toEqual({ paused: 0 });

    system.clock.pass(90 * DAY - 1);
    await customer.login();
    await customer.resume(grant.grant, (await customer.view(grant.grant)).paused?.position ?? 0);
    const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    await vendor.pull(body.access_token, grant.grant);
    system.clock.pass(1);
    await expect(vendor.pull(body.access_token, grant.grant)).rejects.toMatchObject(refusal("grant_ended"));
  });

  test("with a cursor that is not one", async () => {
    await using at = await scene();
    const { grant, tokens } = await connect(at);
    const cursors = [
      "x",
      "%00",
      Buffer.from("999999").toString("base64url"),
      Buffer.from("1.2.3").toString("base64url"),
      Buffer.from("-1").toString("base64url"),
    ];
    for (const since of cursors)
      await expect(at.vendor.pull(tokens.access_token, grant.grant, since), since).rejects.toMatchObject(refusal("cursor_expired"));
  });
});

test("every read is in the customer's history before it is answered, with its paths and key", async () => {
  await using at = await scene();
  const { grant, tokens } = await connect(at);
  const page = await at.vendor.pull(tokens.access_token, grant.grant);
  const line = (await at.customer.read()).history.find(
    ({ type, grant: of, number }) => type === "read" && of === grant.grant && number === page.receipt.read,
  );
  expect(line).toMatchObject({ type: "read", grant: grant.grant, number: 1, paths: ["profile/emails/e1"], count: 1, at: page.receipt.at });
  expect(line?.by).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

test("a stop in the middle of a hundred pulls: each was logged before it, or is refused", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { grant, tokens } = await connect(at);
  const proofs = await Promise.all(
    Array.from({ length: 100 }, () => vendor.proof("GET", vendor.recordsUrl(grant.grant), tokens.access_token)),
  );
  const act = await customer.act({ action: "revoke", grant: grant.grant, object: await hashOfConsent(grant.token) });
  const answers: Response[] = [];
  let stopping: Promise<ReplyOf<"revoke">> | undefined;
  const pullOn = async (): Promise<void> => {
    for (let proof = proofs.pop(); proof !== undefined; proof = proofs.pop()) {
      answers.push(await vendor.pullRaw(tokens.access_token, grant.grant, { proof }));
      if (answers.length === 30) stopping = customer.api.call("revoke", { id: grant.grant, body: { act, askDeletion: false } });
    }
  };
  await Promise.all(Array.from({ length: 8 }, pullOn));
  const { position } = await (stopping ?? Promise.reject(new Error("nobody stopped")));
  const served: number[] = [];
  for (const answer of answers) {
    const body = (await answer.json()) as Pull & { code?: string };
    if (answer.status === 200) served.push(body.receipt.read);
    else expect(body.code).toBe("grant_ended");
  }
  const { history } = await customer.read();
  const reads = history.filter(({ type }) => type === "read");
  expect(served.sort((a, b) => a - b)).toEqual(reads.map(({ number }) => number));
  expect(Math.max(...reads.map((line) => line.position))).toBeLessThan(position);
  expect(served.length).toBeGreaterThan(0);
  expect(served.length).toBeLessThan(100);
});

describe("a frequency", () => {
  test("holds the read that is one too many; the same cursor again within an hour is the same read", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens: first } = await connect(at, { frequency: { max: 2, per: "P1D" } });
    let token = first.access_token;
    const renew = async () => {
      token = (await vendor.token({ grant_type: "refresh_token", refresh_token: first.refresh_token })).body.access_token;
    };
    const one = await vendor.pull(token, grant.grant);
    expect(one.records).toHaveLength(1);
    await customer.commit({
      records: { "profile/emails/e2": EMAIL },
      shares: [{ grant: grant.grant, path: "profile/emails/e2", content: EMAIL }],
    });
    const again = await vendor.pull(token, grant.grant);
    expect(again.records).toEqual(one.records);
    expect(again.cursor).toBe(one.cursor);
    const two = await vendor.pull(token, grant.grant, one.cursor);
    expect(two.records.map(({ path }) => path)).toEqual(["profile/emails/e2"]);
    const third = await vendor.pullRaw(token, grant.grant, { since: two.cursor });
    expect(Number(third.headers.get("retry-after"))).toBe(86_400);
    expect(await problemOf(third)).toMatchObject({ status: 429, code: "frequency_exceeded" });
    expect((await customer.view(grant.grant)).reads.count, "all that were answered are logged").toBe(3);
    system.clock.pass(HOUR);
    await renew();
    await expect(vendor.pull(token, grant.grant, one.cursor), "after an hour it counts").rejects.toMatchObject(
      refusal("frequency_exceeded"),
    );
    system.clock.pass(23 * HOUR + SECOND);
    await renew();
    await vendor.pull(token, grant.grant, two.cursor);
  });

  test("of one purpose does not hold what another allows, and what was held comes later", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const daily = vendor.ask({ paths: ["profile/name"], frequency: { max: 1, per: "P1D" } });
    const free = vendor.ask({ purpose: "https://w3id.org/dpv#CustomerCare", paths: ["profile/emails"] });
    const grant = await customer.approve(await vendor.request([daily, free]), {
      contents: { "profile/name": EMAIL, "profile/emails/e1": EMAIL },
    });
    const { body } = await vendor.redeem(grant.redirect);
    const one = await vendor.pull(body.access_token, grant.grant);
    expect(one.records.map(({ path }) => path).sort()).toEqual(["profile/emails/e1", "profile/name"]);
    await customer.commit({
      records: { "profile/name": EMAIL, "profile/emails/e1": EMAIL },
      shares: ["profile/name", "profile/emails/e1"].map((path) => ({ grant: grant.grant, path, content: EMAIL })),
    });
    const two = await vendor.pull(body.access_token, grant.grant, one.cursor);
    expect(two.records.map(({ path }) => path)).toEqual(["profile/emails/e1"]);
    system.clock.pass(DAY + MINUTE);
    const renewed = await vendor.token({ grant_type: "refresh_token", refresh_token: body.refresh_token });
    const three = await vendor.pull(renewed.body.access_token, grant.grant, two.cursor);
    expect(three.records.map(({ path }) => path)).toContain("profile/name");
  });

  test("counts what its window holds, and keeps no count of what is past", async () => {
    await using at = await scene();
    const { vendor, system, customer } = at;
    const { grant, tokens } = await connect(at, { frequency: { max: 3, per: "PT1H" } });
    const account = (await system.storage.find("grant", grant.grant)) ?? "";
    let cursor: string | undefined;
    for (let hour = 0; hour < 5; hour++) {
      const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
      for (let time = 0; time < 3; time++) {
        cursor = (await vendor.pull(body.access_token, grant.grant, cursor)).cursor;
        system.clock.pass(SECOND);
      }
      await expect(vendor.pull(body.access_token, grant.grant, cursor)).rejects.toMatchObject(refusal("frequency_exceeded"));
      system.clock.pass(HOUR);
    }
    expect((await customer.view(grant.grant)).reads.count).toBe(15);
    const counted = await system.storage.read(account, (store) => store.list("counted", { limit: 100 }));
    expect(counted.length).toBeLessThanOrEqual(4);
  });

  test("lets one read be repeated sixty times; then it counts, and where there is no room it is refused and leaves no line", async () => {
    await using at = await scene();
    const { vendor, system, customer } = at;
    const { grant, tokens } = await connect(at, { frequency: { max: 2, per: "P1D" } });
    const repeat = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++)
        expect((await vendor.pullRaw(tokens.access_token, grant.grant)).status, `time ${time}`).toBe(200);
    };
    await repeat(61);
    await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/e2", content: EMAIL }] });
    const second = await vendor.pull(tokens.access_token, grant.grant);
    expect(second.records.map(({ path }) => path)).toContain("profile/emails/e2");
    await repeat(60);
    system.clock.pass(MINUTE);
    const refused = await vendor.pullRaw(tokens.access_token, grant.grant);
    expect(Number(refused.headers.get("retry-after"))).toBe((DAY - MINUTE) / SECOND);
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: "frequency_exceeded" });
    expect((await customer.read()).history.filter(({ type }) => type === "read")).toHaveLength(122);
    system.clock.pass(DAY - MINUTE);
    const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    await vendor.pull(body.access_token, grant.grant);
  });

  test("counts a page that was read again, or is made up, as a repeat, and none of the first time", async () => {
    await using at = await scene({ config: { rates: { ...RATES, repeats: 2 } } });
    const { customer, vendor } = at;
    const { grant, tokens } = await connect(at, { frequency: { max: 1, per: "P1D" } });
    for (let part = 0; part < 4; part++) {
      const paths = Array.from({ length: 600 }, (_, index) => `profile/emails/p${part}-${index}`);
      await customer.commit({ shares: paths.map((path) => ({ grant: grant.grant, path, content: { value: null } })) });
    }
    const pull = (since?: string) => vendor.pull(tokens.access_token, grant.grant, since);
    const whole = async (): Promise<string | undefined> => {
      const second = (await pull()).cursor;
      const third = (await pull(second)).cursor;
      expect((await pull(third)).more).toBe(false);
      return third;
    };
    await whole();
    const third = (await whole()) ?? "";
    const madeUp = (more: string) => Buffer.from(`${Buffer.from(third, "base64url").toString()}${more}`).toString("base64url");
    await pull(madeUp("0"));
    for (const since of [madeUp("00"), third, undefined]) await expect(pull(since)).rejects.toMatchObject(refusal("frequency_exceeded"));
  });

  test("lets no value go before the backfill is closed", async () => {
    await using at = await scene();
    const { customer, vendor } = at;
    const request = await customer.api.call("request", { id: await vendor.request([vendor.ask({ frequency: { max: 1, per: "P1D" } })]) });
    const { given, consent, commit } = await customer.prepareGrant(request, request.authorization_details);
    customer.grants.set(given.grant, { ...given, redirect: "" });
    const act = await customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
    const { redirect } = await customer.commit({
      consent: { ...commit, complete: false },
      shares: [{ grant: given.grant, path: "profile/emails/e1", content: EMAIL }],
      acts: [act],
    });
    const { body } = await vendor.redeem(redirect ?? "");
    expect(await vendor.pull(body.access_token, given.grant)).toMatchObject({ complete: false, records: [] });
    await customer.commit({ complete: [given.grant] });
    expect(await vendor.pull(body.access_token, given.grant)).toMatchObject({ complete: true, records: [{ path: "profile/emails/e1" }] });
  });
});

test("a long read comes in pages that nothing newer gets into", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { grant, tokens } = await connect(at);
  for (let part = 0; part < 3; part++) {
    const paths = Array.from({ length: 400 }, (_, index) => `profile/emails/p${part}-${index}`);
    await customer.commit({ shares: paths.map((path) => ({ grant: grant.grant, path, content: { value: null } })) });
  }
  const first = await vendor.pull(tokens.access_token, grant.grant);
  expect(first.more).toBe(true);
  await customer.commit({ shares: [{ grant: grant.grant, path: "profile/emails/later", content: EMAIL }] });
  const second = await vendor.pull(tokens.access_token, grant.grant, first.cursor);
  expect(second.more).toBe(false);
  expect(new Set([...first.records, ...second.records].map(({ path }) => path)).size).toBe(1201);
  const third = await vendor.pull(tokens.access_token, grant.grant, second.cursor);
  expect(third.records.map(({ path }) => path)).toEqual(["profile/emails/later"]);
});

test("too many pulls in a minute are refused with the time to wait", async () => {
  await using at = await scene({
    config: { rates: { logins: 100, recoveries: 100, commits: 100, pulls: 3, repeats: 100, tokens: 100, others: 100 } },
  });
  const { grant, tokens } = await connect(at);
  for (let time = 0; time < 3; time++) await at.vendor.pull(tokens.access_token, grant.grant);
  const response = await at.vendor.pullRaw(tokens.access_token, grant.grant);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await problemOf(response)).toMatchObject({ status: 429, code: "rate_limited" });
  at.system.clock.pass(MINUTE);
  await at.vendor.pull(tokens.access_token, grant.grant);
});
