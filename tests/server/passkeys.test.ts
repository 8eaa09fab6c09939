import { expect, test } from "vitest";
import { DAY, MINUTE } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { SoftwarePasskey } from "../support/software-passkey.ts";
import { startSystem } from "../support/system.ts";
import { refusal } from "./scene.ts";

test("a store is made once by its registration, and only by the passkey that was made for it", async () => {
  await using system = await startSystem();
  const { issuer, clock } = system;
  const customer = await Customer.make(issuer, clock.now);
  const body = await customer.prepareFirst();
  const { attestation } = body;
  if (attestation === null || body.ways === null) throw new Error("a first commit has both");

  const { challenge } = (await customer.api.call("registrationOptions")).options as { challenge: string };
  const ceremony = { challenge, origin: issuer, rpId: customer.rpId };
  const wrong: Array<[string, typeof attestation.response]> = [
    ["another challenge", customer.passkey.create(ceremony)],
    ["another site", customer.passkey.create({ ...ceremony, origin: "https://evil.example" })],
    ["without verification of the person", customer.passkey.create(ceremony, { userVerified: false })],
    ["an assertion's type", customer.passkey.create(ceremony, { type: "webauthn.get" })],
  ];
  for (const [name, response] of wrong)
    await expect(
      customer.api.call("register", { body: { ...body, attestation: { ...attestation, response } } }),
      name,
    ).rejects.toMatchObject(refusal("invalid_passkey"));

  const other = new SoftwarePasskey(customer.account);
  const ways = body.ways.map((way) => (way.passkey === null ? way : { ...way, passkey: { ...way.passkey, publicKey: other.publicKey } }));
  await expect(customer.api.call("register", { body: await customer.withHead({ ...body, ways }) })).rejects.toMatchObject(
    refusal("invalid_passkey", "/ways"),
  );

  const { records } = body;
  await expect(
    customer.api.call("register", { body: await customer.withHead({ ...body, records: records.slice(1) }) }),
  ).rejects.toMatchObject(refusal("invalid_input", "/records"));

  for (const identity of [`${"A".repeat(42)}B`, "A".repeat(43), "_".repeat(43)])
    await expect(customer.api.call("register", { body: await customer.withHead(body, { identity }) })).rejects.toMatchObject(
      refusal("invalid_head", "/head"),
    );

  expect(await customer.commitFirst(body)).toMatchObject({ seq: 1, account: customer.account });
  await expect(customer.api.call("register", { body })).rejects.toMatchObject(refusal("invalid_passkey"));
  await system.storage.takeTicket("registration", attestation.registration);
  expect((await customer.api.call("session")).head).toBe(customer.head);
});

test("a passkey signs in: with its halves at that moment only, each challenge once, for this site, by a person", async () => {
  await using system = await startSystem();
  const { issuer, clock } = system;
  const customer = await Customer.register(issuer, clock.now);
  const device = customer.ways.find(({ kind }) => kind === "device")?.id ?? "";
  const reply = await customer.login();
  expect(Object.keys(reply.halves ?? {})).toEqual([device]);
  expect((await customer.api.call("session")).halves).toBeUndefined();

  const ask = async () => {
    const { id, options } = await customer.api.call("loginOptions");
    return { login: id, ceremony: { challenge: (options as { challenge: string }).challenge, origin: issuer, rpId: customer.rpId } };
  };
  const first = await ask();
  const assertion = customer.passkey.get(first.ceremony);
  await customer.api.call("login", { body: { login: first.login, assertion } });
  await expect(customer.api.call("login", { body: { login: first.login, assertion } })).rejects.toMatchObject(refusal("unauthenticated"));

  const wrong: Array<[string, (ceremony: typeof first.ceremony) => typeof assertion]> = [
    ["another site", (ceremony) => customer.passkey.get({ ...ceremony, origin: "https://evil.example" })],
    ["another rpId", (ceremony) => customer.passkey.get({ ...ceremony, rpId: "evil.example" })],
    ["no verification of the person", (ceremony) => customer.passkey.get(ceremony, { userVerified: false })],
    ["another challenge", (ceremony) => customer.passkey.get({ ...ceremony, challenge: first.ceremony.challenge })],
    ["a passkey of nobody", (ceremony) => new SoftwarePasskey(customer.account).get(ceremony)],
    ["a store of nobody", (ceremony) => new SoftwarePasskey("A".repeat(22)).get(ceremony)],
    [
      "a stranger's signature under a known id",
      (ceremony) => ({ ...new SoftwarePasskey(customer.account).get(ceremony), id: customer.passkey.id, rawId: customer.passkey.id }),
    ],
  ];
  for (const [name, make] of wrong) {
    const { login, ceremony } = await ask();
    await expect(customer.api.call("login", { body: { login, assertion: make(ceremony) } }), name).rejects.toMatchObject(
      refusal("unauthenticated"),
    );
  }
  const late = await ask();
  clock.pass(11 * MINUTE);
  await expect(
    customer.api.call("login", { body: { login: late.login, assertion: customer.passkey.get(late.ceremony) } }),
  ).rejects.toMatchObject(refusal("unauthenticated"));
});

test("a passkey whose counter goes back is a copy", async () => {
  await using system = await startSystem();
  const customer = await Customer.register(system.issuer, system.clock.now, { counts: true });
  await customer.login();
  await customer.login();
  customer.passkey.counter -= 2;
  await expect(customer.login()).rejects.toMatchObject(refusal("unauthenticated"));
});

test("a session ends by signing out, and after thirty idle days", async () => {
  await using system = await startSystem();
  const customer = await Customer.register(system.issuer, system.clock.now);
  const first = customer.api.cookie;
  await customer.login();
  const second = customer.api.cookie;
  await customer.api.call("logout");
  customer.api.cookie = second;
  await expect(customer.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
  customer.api.cookie = first;
  system.clock.pass(29 * DAY);
  await customer.api.call("session");
  system.clock.pass(29 * DAY);
  await customer.api.call("session");
  system.clock.pass(31 * DAY);
  await expect(customer.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
});

test("a cookie of another store, or made up, opens nothing", async () => {
  await using system = await startSystem();
  const ada = await Customer.register(system.issuer, system.clock.now);
  const bob = await Customer.register(system.issuer, system.clock.now);
  const secret = (bob.api.cookie ?? "").split(".")[1];
  for (const value of [`${ada.account}.${secret}`, `${ada.account}.${"A".repeat(43)}`, `${"A".repeat(22)}.${secret}`, "nonsense"]) {
    ada.api.cookie = `counterfoil=${value}`;
    await expect(ada.api.call("session")).rejects.toMatchObject(refusal("unauthenticated"));
  }
});
