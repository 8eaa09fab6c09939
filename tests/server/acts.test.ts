import { describe, expect, test } from "vitest";
import type { SignedAct } from "#protocol/api.ts";
import { hashOfJson } from "#protocol/canonical.ts";
import { consentObject, hashOfConsent } from "#protocol/consent-token.ts";
import { MINUTE } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { connect, EMAIL, refusal, scene } from "./scene.ts";

describe("a revocation takes an act by a passkey of the store, for exactly this end, now, once", () => {
  test("everything else is refused and changes nothing", async () => {
    await using at = await scene();
    const { customer, vendor, system } = at;
    const { grant, tokens } = await connect(at);
    const object = await hashOfConsent(grant.token);
    const about = { action: "revoke", grant: grant.grant, object } as const;
    const other = await Customer.register(system.issuer, system.clock.now);
    const tryOut = (act: SignedAct) => customer.api.call("revoke", { id: grant.grant, body: { act, askDeletion: false } });

    const right = await customer.act(about);
    const wrong: Array<[string, SignedAct, string]> = [
      ["another action", await customer.act({ ...about, action: "approve" }), "invalid_act"],
      ["another grant", await customer.act({ ...about, grant: "A".repeat(22) }), "invalid_act"],
      ["no grant", await customer.act({ ...about, grant: null }), "invalid_act"],
      ["another consent", await customer.act({ ...about, object: "A".repeat(43) }), "invalid_act"],
      ["another act's assertion", { ...right, assertion: (await customer.act({ ...about, action: "resume" })).assertion }, "invalid_act"],
      ["a changed act", { ...right, act: { ...right.act, at: new Date(system.clock.now() + 1000).toISOString() } }, "invalid_act"],
      [
        "another site's assertion",
        { ...right, assertion: await customer.assertion(right.act, customer.passkey, "https://evil.example") },
        "invalid_act",
      ],
      ["a stranger's passkey", { ...right, assertion: await customer.assertion(right.act, other.passkey) }, "invalid_act"],
      ["another store's act", await other.act(about), "invalid_act"],
      ["a nonce of nobody", await signed(customer, { ...right.act, nonce: "A".repeat(43) }), "invalid_act"],
      ["another store's nonce", await signed(customer, { ...right.act, nonce: (await other.api.call("act")).nonce }), "invalid_act"],
      ["a kit that is not there", { act: right.act, kit: "a.b.c" }, "invalid_act"],
    ];
    for (const [name, act, code] of wrong) await expect(tryOut(act), name).rejects.toMatchObject({ problem: { code } });
    expect((await vendor.pull(tokens.access_token, grant.grant)).records).toHaveLength(1);

    await tryOut(right);
    await expect(tryOut(right)).rejects.toMatchObject(refusal("grant_ended"));
  });

  test("after five minutes its nonce is gone", async () => {
    await using at = await scene();
    const { grant } = await connect(at);
    const act = await at.customer.act({ action: "revoke", grant: grant.grant, object: await hashOfConsent(grant.token) });
    at.system.clock.pass(5 * MINUTE + 1);
    await expect(at.customer.api.call("revoke", { id: grant.grant, body: { act, askDeletion: false } })).rejects.toMatchObject(
      refusal("invalid_act"),
    );
  });
});

const signed = async (customer: Customer, act: SignedAct["act"]): Promise<SignedAct> => ({ act, assertion: await customer.assertion(act) });

test("an act is used up by the change that it approves, not by a refusal for another reason", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const request = await customer.api.call("request", { id: await vendor.request() });
  const { given, consent, commit } = await customer.prepareGrant(request, request.authorization_details);
  customer.grants.set(given.grant, { ...given, redirect: "" });
  const act = await customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) });
  const draft = { consent: commit, shares: [{ grant: given.grant, path: "profile/emails/e1", content: EMAIL }], acts: [act] };

  const stale = await customer.draft(draft);
  await customer.commit({ records: { "profile/emails/e1": EMAIL } });
  await expect(customer.api.call("commit", { body: stale })).rejects.toMatchObject(refusal("stale_head"));
  const { redirect } = await customer.commit(draft);
  expect(redirect).toContain("code=");

  const again = await customer.draft({ records: { "profile/emails/e1": EMAIL }, acts: [act] });
  await expect(customer.api.call("commit", { body: again })).rejects.toMatchObject(refusal("invalid_act", "/acts/0/act/nonce"));
});

test("one act approves one of two commits that carry it at once", async () => {
  await using at = await scene();
  const { customer } = at;
  const { grant } = await connect(at);
  const { position } = await customer.api.call("pause", { id: grant.grant });
  const resumes = [{ grant: grant.grant, pause: position }];
  const act = await customer.act({ action: "resume", grant: grant.grant, object: await hashOfJson(resumes) });
  const body = await customer.draft({ resumes, acts: [act] });
  const results = await Promise.allSettled([customer.api.call("commit", { body }), customer.api.call("commit", { body })]);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});
