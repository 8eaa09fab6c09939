import { randomBytes } from "node:crypto";
import { importJWK } from "jose";
import { Customer } from "../support/customer.ts";
import { TestVendor, type TokenReply } from "../support/vendor.ts";
import { noncesOver } from "./machine.ts";
import { makeSigningKey, resourceRequest, type SigningKey } from "./signed-requests.ts";

/** A vendor with grants of customers' records, ready to read. `customer` and `grant`: the first. */
export interface PullScene extends AsyncDisposable {
  readonly vendor: TestVendor;
  readonly customer: Customer;
  readonly grant: string;
  /** Characters of one answer. */
  readonly size: number;
  /** So many reads of all of it, each with a proof of its own, as bytes on the wire. */
  pulls(count: number): Buffer[];
  /** Fresh access tokens: one holds for five minutes. */
  renew(): Promise<void>;
}

/** 700 bytes are padded to 704 and make a body of about 1 kB. */
export const someRecords = (count: number): Record<string, { value: { address: string } }> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`profile/emails/e${at}`, { value: { address: randomBytes(330).toString("hex") } }]),
  );

export const dpopOf = async (key: SigningKey): Promise<TestVendor["dpop"]> => ({
  key: (await importJWK(key.private.export({ format: "jwk" }), "ES256")) as CryptoKey,
  jwk: key.jwk,
});

/** @param count records of 1 kB @param grants of as many customers, read in turn */
export async function pullScene(issuer: string, count = 10, grants = 1): Promise<PullScene> {
  const vendor = await TestVendor.start(issuer, Date.now);
  const dpop = makeSigningKey();
  vendor.dpop = await dpopOf(dpop);
  const given: Given[] = [];
  for (let at = 0; at < grants; at++) given.push(await give(issuer, vendor, someRecords(count)));
  const [first] = given as [Given];
  const page = await vendor.pull(first.tokens.access_token, first.grant);
  if (page.records.length !== Math.min(count, 1000)) throw new Error(`expected ${count} records, got ${page.records.length}`);
  await noncesOver();
  let turn = 0;
  return {
    vendor,
    customer: first.customer,
    grant: first.grant,
    size: JSON.stringify(page).length,
    pulls: (many) =>
      Array.from({ length: many }, () => {
        const { grant, tokens } = given[turn++ % given.length] as Given;
        return resourceRequest(vendor.recordsUrl(grant), tokens.access_token, dpop);
      }),
    async renew() {
      for (const each of given)
        each.tokens = (await vendor.token({ grant_type: "refresh_token", refresh_token: each.tokens.refresh_token })).body;
    },
    [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose](),
  };
}

interface Given {
  readonly customer: Customer;
  readonly grant: string;
  tokens: TokenReply;
}

async function give(issuer: string, vendor: TestVendor, contents: ReturnType<typeof someRecords>): Promise<Given> {
  const customer = await Customer.register(issuer, Date.now);
  const paths = Object.entries(contents);
  for (let from = 0; from < paths.length; from += 1000)
    await customer.commit({ records: Object.fromEntries(paths.slice(from, from + 1000)) });
  const { grant, redirect } = await customer.approve(await vendor.request(), { contents });
  return { customer, grant, tokens: (await vendor.redeem(redirect)).body };
}
