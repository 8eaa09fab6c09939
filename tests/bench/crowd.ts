import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { Customer, type GivenGrant } from "../support/customer.ts";

/** For a server that stands behind one proxy. */
export const BEHIND_PROXY = { COUNTERFOIL_PROXIES: "1" };

/**
 * Until it is disposed, every request of this process comes from an address of its own, as those of a thousand customers do: no limit of one
 * address binds.
 */
export function manyAddresses(): Disposable {
  const real = globalThis.fetch;
  let count = 0;
  globalThis.fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    count++;
    headers.set("x-forwarded-for", `10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`);
    return real(input, { ...init, headers });
  };
  return {
    [Symbol.dispose]() {
      globalThis.fetch = real;
    },
  };
}

export const EMAIL = { value: { address: "anna@mail.example" } };

/** Someone who gives `count` grants, each asked for by `request`. */
export async function giver(
  issuer: string,
  count: number,
  request: (at: number) => Promise<string>,
): Promise<{ customer: Customer; grants: GivenGrant[] }> {
  const customer = await Customer.register(issuer, Date.now);
  // One store gives its second grant only once it has a kit.
  if (count > 1) await customer.addKit();
  const grants: GivenGrant[] = [];
  for (let at = 0; at < count; at++) grants.push(await customer.approve(await request(at), { contents: { "profile/emails/e1": EMAIL } }));
  return { customer, grants };
}

export const WANTED: Partial<AuthorizationDetail> = { paths: ["profile/emails"] };
