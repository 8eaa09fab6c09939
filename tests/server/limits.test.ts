import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { RATES } from "../../server/config.ts";
import { addressOf } from "../../server/guards/address.ts";
import { refusal, scene } from "./scene.ts";

const from = (remoteAddress: string | undefined): string => addressOf({ socket: { remoteAddress } } as IncomingMessage);

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

test("a request is no longer than an access token can be that grants it", async () => {
  await using at = await scene();
  const { vendor } = at;
  const explanation = Object.fromEntries(Array.from({ length: 25 }, (_, at) => [`a${String.fromCharCode(97 + at)}`, "x".repeat(140)]));
  expect((await vendor.par([vendor.ask({ explanation })])).status).toBe(201);
  const { status, body } = await vendor.par([vendor.ask({ explanation }), vendor.ask({ explanation }), vendor.ask({ explanation })]);
  expect({ status, error: body.error }).toEqual({ status: 400, error: "invalid_authorization_details" });
  const many = Object.fromEntries(Array.from({ length: 31 }, (_, at) => [`a${String.fromCharCode(97 + (at % 26), 97 + (at % 5))}`, "x"]));
  expect((await vendor.par([vendor.ask({ explanation: many })])).body).toMatchObject({ pointer: "/0/explanation" });
  expect((await vendor.par([vendor.ask()], { extra: "x".repeat(70_000) })).status).toBe(413);
});
