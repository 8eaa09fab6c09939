import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import type { RefusalCode } from "#protocol/refusal.ts";
import type { Content } from "#protocol/sealing/record.ts";
import { Customer, type GivenGrant } from "../support/customer.ts";
import { type System, type SystemOptions, startSystem } from "../support/system.ts";
import { TestVendor, type TokenReply } from "../support/vendor.ts";

/** A server, a vendor and a customer with a name and an e-mail address. */
export interface Scene extends AsyncDisposable {
  system: System;
  vendor: TestVendor;
  customer: Customer;
}

export const NAME: Content = { value: { given: "Ada", surname: "Reti" } };
export const EMAIL: Content = { value: { address: "ada@example.org" } };

export async function scene(options: SystemOptions = {}): Promise<Scene> {
  const system = await startSystem(options);
  const vendor = await TestVendor.start(system.issuer, system.clock.now);
  const customer = await Customer.register(system.issuer, system.clock.now);
  await customer.commit({ records: { "profile/name": NAME, "profile/emails/e1": EMAIL } });
  return {
    system,
    vendor,
    customer,
    async [Symbol.asyncDispose]() {
      await vendor[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
    },
  };
}

/** The e-mail address granted and redeemed. */
export async function connect(
  { vendor, customer }: Scene,
  change: Partial<AuthorizationDetail> = {},
): Promise<{ grant: GivenGrant; tokens: TokenReply }> {
  const details = [vendor.ask({ paths: ["profile/emails"], ...change })];
  const grant = await customer.approve(await vendor.request(details), { contents: { "profile/emails/e1": EMAIL } });
  const { status, body } = await vendor.redeem(grant.redirect);
  if (status !== 200) throw new Error(`token: ${body.error} ${body.error_description}`);
  return { grant, tokens: body };
}

/** What a refused call rejects with. */
export const refusal = (code: RefusalCode, pointer?: string) => ({ problem: { code, ...(pointer === undefined ? {} : { pointer }) } });

export async function problemOf(response: Response): Promise<{ status: number; code: string; pointer: string | undefined; text: string }> {
  const text = await response.text();
  const { code, pointer } = JSON.parse(text) as { code: string; pointer?: string };
  return { status: response.status, code, pointer, text };
}
