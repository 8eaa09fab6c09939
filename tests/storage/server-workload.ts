import type { Commit } from "#protocol/api.ts";
import { hashOfJson } from "#protocol/canonical.ts";
import { consentObject } from "#protocol/consent-token.ts";
import type { Leaf } from "#protocol/head.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { kitKeys } from "#protocol/sealing/way-in.ts";
import { hashOfWays } from "#protocol/ways.ts";
import { Customer, type GivenGrant, grow } from "../support/customer.ts";
import type { System } from "../support/system.ts";
import type { TestVendor } from "../support/vendor.ts";

/** A customer's store as a commit leaves it behind. */
export interface After {
  readonly head: string;
  readonly leaves: ReadonlyMap<string, Leaf>;
}

/** Something that a client asked the server for. Moments are counts of the disk's operations. */
export interface Asked {
  readonly what: "register" | "commit" | "token" | "pull" | "pause" | "resume" | "revoke" | "attest" | "erase" | "listen" | "hear";
  readonly askedAt: number;
  /** Undefined: there was no answer. */
  answeredAt?: number;
  answer?: unknown;
  readonly customer?: Customer;
  readonly after?: After;
  readonly grant?: string;
}

/** What clients have asked for and been promised, in order of asking. */
export class Ledger {
  readonly all: Asked[] = [];
  readonly #operations: () => number;

  constructor(operations: () => number) {
    this.#operations = operations;
  }

  async ask<Answer>(what: Omit<Asked, "askedAt" | "answeredAt" | "answer">, work: () => Promise<Answer>): Promise<Answer> {
    const asked: Asked = { ...what, askedAt: this.#operations() };
    this.all.push(asked);
    const answer = await work();
    asked.answeredAt = this.#operations();
    asked.answer = answer;
    return answer;
  }
}

const EMAIL = "profile/emails/e1";
const content = (n: number) => ({ value: { address: `ada${n}@example.org` } });

/** What real clients do: register, commit, consent, get tokens, pull, pause, resume, revoke, attest, erase; and a vendor hears of it. */
export async function workload(system: System, vendor: TestVendor, ledger: Ledger): Promise<void> {
  const send = async (customer: Customer, what: "commit" | "resume", body: Commit, grant?: string) =>
    ledger.ask({ what, customer, after: await after(customer, body), ...(grant !== undefined && { grant }) }, () => customer.send(body));
  const register = async (): Promise<Customer> => {
    const customer = await Customer.make(system.issuer, system.clock.now);
    const body = await customer.prepareFirst();
    await ledger.ask({ what: "register", customer, after: await after(customer, body) }, () => customer.commitFirst(body));
    return customer;
  };
  const commit = async (customer: Customer, n: number, grant?: string) => {
    const shares = grant === undefined ? [] : [{ grant, path: EMAIL, content: content(n) }];
    return send(customer, "commit", await customer.draft({ records: { [EMAIL]: content(n) }, shares }));
  };
  const consent = async (customer: Customer): Promise<{ grant: string; token: string }> => {
    const request = await customer.api.call("request", { id: await vendor.request([vendor.ask({ paths: ["profile/emails"] })]) });
    const { given, consent: said, commit: part } = await customer.prepareGrant(request, request.authorization_details);
    const { grant } = given;
    const known: GivenGrant = { ...given, redirect: "" };
    customer.grants.set(grant, known);
    const act = await customer.act({ action: "approve", grant, object: await consentObject(said) });
    const shares = [{ grant, path: EMAIL, content: content(0) }];
    const { redirect } = await send(customer, "commit", await customer.draft({ consent: part, shares, acts: [act] }), grant);
    const token = await ledger.ask({ what: "token", customer, grant }, async () => {
      const { status, body } = await vendor.redeem(redirect ?? "");
      if (status !== 200) throw new Error(`token: ${body.error} ${body.error_description}`);
      return body.access_token;
    });
    return { grant, token };
  };
  const keep = async (customer: Customer) => {
    const kit = await kitKeys(randomBytes(16));
    const made = await customer.wayIn("kit", kit.secret, customer.epoch, customer.accountKey, kit);
    const ways = [...customer.ways, made.way];
    const act = await customer.act({ action: "add-way", grant: null, object: await hashOfWays(ways) });
    await send(customer, "commit", await customer.draft({ ways, seals: [{ ...made.seal, locator: kit.locator }], acts: [act] }));
  };
  const cursors = new Map<string, string>();
  const pull = async ({ grant, token }: { grant: string; token: string }) => {
    const page = await ledger.ask({ what: "pull", grant }, () => vendor.pull(token, grant, cursors.get(grant)));
    cursors.set(grant, page.cursor);
  };
  const hear = () =>
    ledger.ask({ what: "hear" }, async () => {
      const heard = await vendor.heard();
      return heard.filter(({ event }) => event === "grant-revoked").map(({ payload }) => payload.grant_id);
    });

  await ledger.ask({ what: "listen" }, () => vendor.listen());
  const [ada, ben] = await Promise.all([register(), register()]);
  await Promise.all([commit(ada, 0), commit(ben, 0)]);
  const one = await consent(ada);
  await keep(ada);
  const two = await consent(ada);
  const his = await consent(ben);
  await Promise.all([pull(one), pull(two), pull(his)]);
  await Promise.all([commit(ada, 1, one.grant), pull(two), commit(ben, 1)]);
  const { position } = await ledger.ask({ what: "pause", grant: one.grant }, () => ada.api.call("pause", { id: one.grant }));
  await hear();
  const resumes = [{ grant: one.grant, pause: position }];
  const resuming = await ada.act({ action: "resume", grant: one.grant, object: await hashOfJson(resumes) });
  await send(ada, "resume", await ada.draft({ resumes, acts: [resuming] }), one.grant);
  await pull(one);
  await Promise.all([ledger.ask({ what: "revoke", grant: two.grant }, () => ada.revoke(two.grant, true)), pull(his)]);
  await Promise.all([ledger.ask({ what: "attest", grant: two.grant }, () => vendor.attest(two.grant)), commit(ada, 2, one.grant)]);
  await Promise.all([pull(one), ledger.ask({ what: "erase", customer: ben }, () => ben.erase("now", true))]);
  await hear();
  await commit(ada, 3, one.grant);
  await pull(one);
}

/** What there will be once this is done. */
async function after(customer: Customer, body: Commit): Promise<After> {
  const leaves = new Map(customer.leaves);
  await grow(leaves, body);
  return { head: body.head, leaves };
}
