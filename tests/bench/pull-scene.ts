import { randomBytes } from "node:crypto";
import { importJWK } from "jose";
import { Customer } from "../support/customer.ts";
import { TestVendor } from "../support/vendor.ts";
import { noncesOver } from "./machine.ts";
import { makeSigningKey, resourceRequest, type SigningKey } from "./signed-requests.ts";

/** A vendor with a grant of a customer's records, ready to read. */
export interface PullScene extends AsyncDisposable {
  readonly vendor: TestVendor;
  readonly customer: Customer;
  readonly grant: string;
  /** Characters of one answer. */
  readonly size: number;
  /** So many reads of all of it, each with a proof of its own, as bytes on the wire. */
  pulls(count: number): Buffer[];
  /** A fresh access token: one holds for five minutes. */
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

/** @param count records of 1 kB */
export async function pullScene(issuer: string, count = 10): Promise<PullScene> {
  const vendor = await TestVendor.start(issuer, Date.now);
  const dpop = makeSigningKey();
  vendor.dpop = await dpopOf(dpop);
  const customer = await Customer.register(issuer, Date.now);
  const contents = someRecords(count);
  const paths = Object.entries(contents);
  for (let from = 0; from < count; from += 1000) await customer.commit({ records: Object.fromEntries(paths.slice(from, from + 1000)) });
  const grant = await customer.approve(await vendor.request(), { contents });
  let { body: tokens } = await vendor.redeem(grant.redirect);
  const page = await vendor.pull(tokens.access_token, grant.grant);
  if (page.records.length !== Math.min(count, 1000)) throw new Error(`expected ${count} records, got ${page.records.length}`);
  await noncesOver();
  return {
    vendor,
    customer,
    grant: grant.grant,
    size: JSON.stringify(page).length,
    pulls: (many) => Array.from({ length: many }, () => resourceRequest(vendor.recordsUrl(grant.grant), tokens.access_token, dpop)),
    async renew() {
      tokens = (await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).body;
    },
    [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose](),
  };
}
