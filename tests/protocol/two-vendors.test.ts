import { expect, it } from "vitest";
import { base64url, fromUtf8 } from "#protocol/canonical.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { DETAILS, makeSecrets, makeVendor, type Received, type Secrets, share } from "./support/customer.ts";

const LEAST = 16;

/** What is the same for every customer, or chosen by the customer: words, names of data, periods and times. Record ids are short numbers. */
const PUBLIC = [
  ...DETAILS.flatMap((each) => [each.type, each.purpose, each.legal_basis, each.expires, ...each.paths]),
  "profile/addresses/a1:town",
];

/** Every text in what a vendor receives, taken apart as far as it can without a key. */
function textsOf(received: Received): string[] {
  const leaves = (value: unknown): string[] =>
    typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [String(value)];
  const json = (segment: string | undefined): string[] => leaves(JSON.parse(fromUtf8(base64url.decode(segment as string))));
  const [header, payload, signature] = received.consent.split(".");
  const [jweHeader, ...sealed] = received.grantKey.split(".");
  const opaque = [signature as string, ...sealed, ...received.shares.map((each) => each.body)];
  // A value at another offset of a base64url text looks different: compared as hex too.
  return [
    ...json(header),
    ...json(payload),
    ...json(jweHeader),
    ...opaque,
    ...opaque.map((each) => Buffer.from(each, "base64url").toString("hex")),
    ...received.shares.flatMap(({ grant, path }) => [grant, path]),
  ];
}

function inCommon(one: Received, two: Received): string[] {
  const windows = (received: Received): Set<string> =>
    new Set(
      textsOf(received)
        .filter((text) => !PUBLIC.includes(text))
        .flatMap((text) => Array.from({ length: Math.max(0, text.length - LEAST + 1) }, (_, at) => text.slice(at, at + LEAST))),
    );
  const first = windows(one);
  // Hex of padding or of a counter would repeat by itself: nothing here is plain, so nothing is left out.
  return [...windows(two)].filter((each) => first.has(each));
}

const twice = async (reused: Partial<Secrets> = {}): Promise<[Received, Received, Secrets, Secrets]> => {
  const [shop, bank] = [await makeVendor("https://shop.example/client.json"), await makeVendor("https://bank.test/about")];
  const [one, two] = [await makeSecrets(), await makeSecrets()];
  return [await share(shop, { ...one, ...reused }), await share(bank, { ...two, ...reused }), one, two];
};

it("what two vendors receive of one customer, of the same values, has nothing in common", async () => {
  const [shop, bank] = await twice();
  expect(textsOf(shop).length).toBeGreaterThan(40);
  expect(inCommon(shop, bank)).toEqual([]);
});

it.each(["sign", "inbox", "grant", "grantKey", "jti"] as const)("a relationship's %s used twice would show", async (name) => {
  const fresh = await makeSecrets();
  const [shop, bank] = await twice({ [name]: fresh[name] });
  expect(inCommon(shop, bank)).not.toEqual([]);
});

it("even under one key two shares of one value have nothing in common", async () => {
  const grantKey = randomBytes(32);
  const [shop, bank] = await twice({ grantKey });
  const bodies = (received: Received): Received => ({ ...received, consent: "e30.e30.AA", grantKey: "e30.AA" });
  expect(inCommon(bodies(shop), bodies(bank))).toEqual([]);
});
