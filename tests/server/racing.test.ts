import { expect, test } from "vitest";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { consentObject, hashOfConsent, readConsent } from "#protocol/consent-token.ts";
import { isNoWider } from "#protocol/narrow.ts";
import { RATES } from "../../server/configuration/config.ts";
import { Customer, type Prepared } from "../support/customer.ts";
import { connect, EMAIL, NAME, refusal, scene } from "./scene.ts";

const PATHS = ["profile/name", "profile/emails", "profile/phones", "profile/addresses:town", "profile/birthday", "preferences/contact"];

test("of many who approve one request at once, one does; the others are told that it is answered", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const others = await Promise.all(Array.from({ length: 4 }, () => Customer.register(system.issuer, system.clock.now)));
  const id = await vendor.request([vendor.ask({ paths: ["profile/emails"] })]);
  const all = [customer, ...others];
  const results = await Promise.allSettled(all.map((each) => each.approve(id, { contents: { "profile/emails/e1": EMAIL } })));
  const won = results.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  expect(won).toHaveLength(1);
  for (const each of results)
    if (each.status === "rejected") expect(["already_answered", "not_found"]).toContain(each.reason.problem?.code);
  const grants = await Promise.all(all.map(async (each) => (await each.read()).grants.length));
  expect(grants.reduce((sum, count) => sum + count, 0)).toBe(1);
  expect((await vendor.redeem(won[0]?.redirect ?? "")).status).toBe(200);
});

test("of one customer's two devices that approve one request at once, one does", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  await customer.addKit();
  const id = await vendor.request([vendor.ask({ paths: ["profile/emails"] })]);
  const request = await customer.api.call("request", { id });
  const bodies = await Promise.all(
    [1, 2, 3].map(async () => {
      const { consent, commit } = await customer.prepareGrant(request, request.authorization_details);
      const act = await customer.act({ action: "approve", grant: consent.grant_id, object: await consentObject(consent) });
      return customer.draft({ consent: commit, acts: [act] });
    }),
  );
  const results = await Promise.allSettled(bodies.map((body) => customer.api.call("commit", { body })));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect((await customer.read()).grants).toHaveLength(1);
});

test("a code that is redeemed by many at once gives tokens to one at most", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { redirect } = await customer.approve(await vendor.request(), { contents: {} });
  const answers = await Promise.all(Array.from({ length: 10 }, () => vendor.redeem(redirect)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  for (const { status, body } of answers) if (status !== 200) expect(body.error).toBe("invalid_grant");
});

test("every pull that is answered while a stop comes in stands in the history before it, or is refused", async () => {
  await using at = await scene({ config: { rates: { ...RATES, pulls: 1_000_000, repeats: 1_000_000 } } });
  const { customer, vendor } = at;
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  const act = await customer.act({ action: "revoke", grant: grant.grant, object: await hashOfConsent(grant.token) });
  let inFlight = 0;
  let position = 0;
  let whenAnswered = 0;
  const given: number[] = [];
  const refused: unknown[] = [];
  const pullUntilRefused = async (): Promise<void> => {
    for (let answered = true; answered; ) {
      const proof = await vendor.proof("GET", vendor.recordsUrl(grant.grant), tokens.access_token);
      inFlight++;
      const response = await vendor.pullRaw(tokens.access_token, grant.grant, { proof });
      const body = (await response.json()) as { code?: string; receipt?: { read: number } };
      inFlight--;
      answered = response.status === 200;
      if (answered) given.push(body.receipt?.read ?? 0);
      else refused.push([response.status, body.code]);
    }
  };
  const pulling = Array.from({ length: 130 }, pullUntilRefused);
  await expect.poll(() => given.length, { timeout: 20_000 }).toBeGreaterThan(130);
  await customer.api.call("revoke", { id: grant.grant, body: { act, askDeletion: true } }).then((reply) => {
    position = reply.position;
    whenAnswered = inFlight;
  });
  await Promise.all(pulling);

  expect(whenAnswered).toBeGreaterThanOrEqual(100);
  const { history } = await customer.read();
  const reads = history.filter(({ type }) => type === "read");
  expect(history.find(({ type }) => type === "revoke")?.position).toBe(position);
  expect(reads.every((line) => line.position < position)).toBe(true);
  const numbers = new Set(reads.map(({ number }) => number));
  for (const read of given) expect(numbers.has(read)).toBe(true);
  expect(reads).toHaveLength(given.length + 1);
  expect(refused).toEqual(Array.from({ length: 130 }, () => [403, "grant_ended"]));
});

test("fifty devices that narrow one grant at once: one at a time, and it ends no wider than any of them wanted", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  const details = [vendor.ask({ paths: PATHS, retention: "P60D" })];
  const { grant } = await customer.approve(await vendor.request(details), {
    contents: { "profile/name": NAME, "profile/emails/e1": EMAIL },
  });
  const inForce = (): AuthorizationDetail[] => customer.grants.get(grant)?.consent.authorization_details ?? [];
  const wishes = Array.from({ length: 50 }, (_, at): AuthorizationDetail[] => {
    const paths = PATHS.filter((_path, index) => index === at % PATHS.length || ((at * 7 + index * 3) % 4 !== 0 && index < 5));
    return [{ ...(details[0] as AuthorizationDetail), paths, retention: `P${60 - (at % 25)}D` }];
  });
  const winners: AuthorizationDetail[][] = [];
  let waiting = wishes;
  let rounds = 0;
  while (waiting.length > 0) {
    rounds++;
    const sent = await Promise.all(
      waiting.map(async (wish) => {
        const prepared: Prepared = await customer.prepareNarrowing(grant, wish);
        return { wish, prepared, body: await customer.draft({ consent: prepared.commit }) };
      }),
    );
    const results = await Promise.allSettled(sent.map(({ body }) => customer.api.call("commit", { body })));
    const won = sent.filter((_, index) => results[index]?.status === "fulfilled");
    expect(won, "exactly one wins each seq").toHaveLength(1);
    for (const each of results) if (each.status === "rejected") expect(each.reason).toMatchObject(refusal("stale_head"));
    const [{ wish, prepared, body } = sent[0] as (typeof sent)[number]] = won;
    await customer.done(body);
    customer.grants.set(grant, { ...prepared.given, redirect: "" });
    winners.push(wish);
    // A device whose wish is no longer narrower than what is in force has nothing left to ask for.
    waiting = waiting.filter((each) => each !== wish && isNoWider(each, inForce()));
  }
  expect(rounds).toBeGreaterThan(1);
  const { consents } = await customer.api.call("consents", { id: grant });
  expect(consents).toHaveLength(winners.length + 1);
  const last = readConsent(consents.at(-1) ?? "").authorization_details;
  for (const wish of winners) expect(isNoWider(last, wish)).toBe(true);
  const bodies = await system.storage.read(customer.account, (store) => store.list("shares", { limit: 10 }));
  for (const [, { path }] of bodies) expect(last.some(({ paths }) => paths.some((wide) => path.startsWith(wide)))).toBe(true);
});

test.each([0, 1, 2, 3, 4, 5])("a stop and an amendment at once end in a stop (%i)", async (turn) => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { grant, tokens } = await connect(at);
  const wide = [vendor.ask({ paths: ["profile/emails", "profile/name"] })];
  const request = await customer.api.call("request", { id: await vendor.amend(grant.grant, wide) });
  const { consent, commit } = await customer.prepareGrant(request, wide);
  const approve = await customer.act({ action: "approve", grant: grant.grant, object: await consentObject(consent) });
  const body = await customer.draft({ consent: commit, acts: [approve] });
  const act = await customer.act({ action: "revoke", grant: grant.grant, object: await hashOfConsent(grant.token) });
  const stop = () => customer.api.call("revoke", { id: grant.grant, body: { act, askDeletion: true } });
  const amend = () => customer.api.call("commit", { body });
  const [first, second] = turn % 2 === 0 ? [stop, amend] : [amend, stop];
  const results = await Promise.allSettled([first(), second()]);
  const stopped = results[turn % 2];
  const amended = results[1 - (turn % 2)];
  expect(stopped?.status).toBe("fulfilled");
  if (amended?.status === "rejected") expect(amended.reason).toMatchObject(refusal("grant_not_active"));
  expect((await customer.view(grant.grant)).ended).toMatchObject({ state: "revoked", actor: "customer" });
  await expect(vendor.pull(tokens.access_token, grant.grant)).rejects.toMatchObject(refusal("grant_ended"));
  const { history } = await customer.read();
  const lastOf = (type: string) => history.findLastIndex((line) => line.type === type);
  expect(lastOf("revoke")).toBeGreaterThan(lastOf("approve"));
});

test("a vendor's giving up and its customer's stop at once end it once", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { grant } = await connect(at);
  await vendor.ownToken("grant_management_revoke");
  const [, stopped] = await Promise.allSettled([vendor.release(grant.grant), customer.revoke(grant.grant)]);
  const { history, grants } = await customer.read();
  expect(history.filter(({ type }) => type === "end" || type === "revoke")).toHaveLength(1);
  expect(grants[0]?.ended?.actor).toBe(stopped?.status === "fulfilled" ? "customer" : "vendor");
});
