import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { newId } from "#protocol/sealing/way-in.ts";
import { RATES } from "../../server/configuration/config.ts";
import { addressOf } from "../../server/guards/address.ts";
import { ApiClient } from "../support/api-client.ts";
import { EMAIL, refusal, scene } from "./scene.ts";

const from = (remoteAddress: string | undefined, forwarded?: string, proxies = 0): string =>
  addressOf(
    { socket: { remoteAddress }, headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded } } as unknown as IncomingMessage,
    proxies,
  );

describe("limits count for", () => {
  test("one IPv4 address, however it is written", () => {
    expect(from("192.0.2.1")).toBe("192.0.2.1");
    expect(from("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(from("192.0.2.2")).not.toBe(from("192.0.2.1"));
  });

  test("the network that one IPv6 customer has, not each of its addresses", () => {
    expect(from("2001:db8:1:2::1")).toBe(from("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    expect(from("2001:db8:1:2::1")).not.toBe(from("2001:db8:1:3::1"));
    expect(from("fe80::1%eth0")).toBe(from("fe80::2%eth0"));
    expect(from(undefined)).toBe("");
  });

  test("whom the operator's own proxies saw, never what the caller says of itself", () => {
    expect(from("127.0.0.1", "203.0.113.9")).toBe("127.0.0.1");
    expect(from("127.0.0.1", "6.6.6.6, 203.0.113.9", 1)).toBe("203.0.113.9");
    expect(from("127.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.7", 2)).toBe("203.0.113.9");
    expect(from("127.0.0.1", "2001:db8:1:2::1", 1)).toBe(from("127.0.0.1", "2001:db8:1:2::9", 1));
    expect(from("127.0.0.1", undefined, 1)).toBe("127.0.0.1");
  });
});

test("a session can't fill the memory with nonces and registrations that it never uses", async () => {
  await using at = await scene({ config: { rates: { ...RATES, logins: 5, commits: 8 } } });
  const { api } = at.customer;
  const refusedAfter = async (name: "act" | "passkeyOptions", most: number): Promise<void> => {
    for (let time = 0; time < most; time++) await api.call(name);
    await expect(api.call(name)).rejects.toMatchObject(refusal("rate_limited"));
  };
  await refusedAfter("act", 8);
  await refusedAfter("passkeyOptions", 5);
  at.system.clock.pass(60_000);
  await api.call("act");
});

test("a stranger with a false cookie uses up nobody's commits", async () => {
  await using at = await scene({ config: { rates: { ...RATES, commits: 8 } } });
  const { customer, system } = at;
  const stranger = new ApiClient(system.issuer);
  stranger.cookie = `counterfoil=${customer.account}.${"A".repeat(43)}`;
  const body = await customer.draft({ records: { "profile/emails/e2": EMAIL } });
  for (let time = 0; time < 20; time++) await expect(stranger.call("commit", { body })).rejects.toMatchObject(refusal("unauthenticated"));
  await customer.commit({ records: { "profile/emails/e2": EMAIL } });
});

test("a stranger can't have one host flooded with fetches of documents", async () => {
  await using at = await scene();
  const { vendor, system } = at;
  const asked: string[] = [];
  const own = vendor.documents.metadata;
  Object.defineProperty(vendor.documents, "metadata", {
    get: () => {
      asked.push("metadata");
      return own;
    },
  });
  expect((await vendor.par()).status).toBe(201);
  const tryOut = async (at: number): Promise<string> => {
    const id = `${vendor.clientId}?${at}`;
    const { body } = await vendor.form("/oauth/par", { client_id: id }, { assertion: await vendor.clientAssertion({ iss: id, sub: id }) });
    return body.error_description ?? "";
  };
  for (let time = 0; time < 40; time++) await tryOut(time);
  expect(await tryOut(40)).toContain("too often");
  expect(asked.length).toBeLessThanOrEqual(30);
  system.clock.pass(25 * 3_600_000);
  for (let time = 42; time < 80; time++) await tryOut(time);
  expect((await vendor.par()).status, "one that is known is asked again all the same").toBe(201);
  system.clock.pass(60_000);
  expect(await tryOut(41)).not.toContain("too often");
});

test("a consent of many objects and paths can be read all the same: no header is longer for it", async () => {
  await using at = await scene();
  const { vendor, customer } = at;
  const asked = Array.from({ length: 16 }, () => vendor.ask());
  const details = asked.map((each) => ({ ...each, paths: Array.from({ length: 64 }, () => `profile/emails/${newId()}`) }));
  details[0]?.paths.splice(0, 1, "profile/emails/e1");
  const grant = await customer.approve(await vendor.request(asked), { details, contents: { "profile/emails/e1": EMAIL } });
  const { body } = await vendor.redeem(grant.redirect);
  expect(body.authorization_details).toEqual(details);
  expect((await vendor.pull(body.access_token, grant.grant)).records).toHaveLength(1);
});

test("a request has an end, in what it says and in what comes with it", async () => {
  await using at = await scene();
  const { vendor } = at;
  const told = (languages: number) =>
    Object.fromEntries(
      Array.from({ length: languages }, (_, at) => [`a${String.fromCharCode(97 + (at % 26), 97 + (at % 5))}`, "x".repeat(140)]),
    );
  const objects = (count: number) => Array.from({ length: count }, () => vendor.ask({ explanation: told(30) }));
  expect((await vendor.par(objects(3))).status).toBe(201);
  expect((await vendor.par(objects(4))).body).toMatchObject({ error: "invalid_authorization_details", pointer: "" });
  expect((await vendor.par([vendor.ask({ explanation: told(31) })])).body).toMatchObject({ pointer: "/0/explanation" });
  expect((await vendor.par(undefined, { extra: "x".repeat(70_000) })).status).toBe(413);
});
