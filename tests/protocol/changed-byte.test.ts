import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyConsent } from "#protocol/consent-token.ts";
import type { Epoch } from "#protocol/epoch.ts";
import { type Head, verifyHead } from "#protocol/head.ts";
import { verifyJws } from "#protocol/jws.ts";
import { box, openBox } from "#protocol/sealing/box.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { makeEpoch, openEpoch } from "#protocol/sealing/epoch.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { makeAgreementPair, makeSigningPair } from "#protocol/sealing/pairs.ts";
import { openRecord, openShare, sealRecord } from "#protocol/sealing/record.ts";
import { openSealed, sealTo } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { signSuccession } from "#protocol/sealing/succession.ts";
import { makeWayIn, newId, openWayIn } from "#protocol/sealing/way-in.ts";
import { verifySuccession } from "#protocol/succession.ts";
import { changesOf, flip, outcomeOf } from "./support/changes.ts";
import { makeSecrets, makeVendor, share } from "./support/customer.ts";
import { vectors } from "./vectors/read.ts";

interface Sealed {
  text: string;
  open: (text: string) => Promise<unknown>;
}

const REFUSALS = ["malformed", "signature", "commitment", "context", "typ"];
const NAMES = [
  "box",
  "seal to X25519",
  "seal to P-256",
  "record",
  "share",
  "grant key",
  "way-in box",
  "way-in envelope",
  "epoch's identity",
  "epoch's previous key",
  "signed act",
  "consent",
  "head",
  "succession",
] as const;
const things = new Map<string, Sealed>();

beforeAll(async () => {
  const add = (name: (typeof NAMES)[number], text: string, open: Sealed["open"]) => things.set(name, { text, open });
  const account = newId();
  const key = randomBytes(32);
  const identity = await makeSigningPair();
  const agreement = await makeAgreementPair();

  add("box", await box(key, new Uint8Array([1, 2, 3]), ["test", 1]), (text) => openBox(key, text, ["test", 1]));
  const x25519 = { kty: "OKP", crv: "X25519", x: agreement.x };
  add("seal to X25519", await sealTo(x25519, key, ["test"]), (text) => openSealed({ ...x25519, d: agreement.d }, text, ["test"]));
  const p256 = vectors<{ cases: { privateKey: { kty: string; d?: string } }[] }>("seal-to").cases[1]?.privateKey as {
    kty: string;
    d?: string;
  };
  add("seal to P-256", await sealTo(p256, key, ["test"]), (text) => openSealed(p256, text, ["test"]));
  const record = await sealRecord(key, account, { path: "profile/name", version: 1, epoch: 1 }, { value: { given: "Mira" } });
  add("record", record.body, (body) => openRecord(key, account, { ...record, body }));

  const vendor = await makeVendor("https://shop.example/client.json");
  const secrets = await makeSecrets();
  const received = await share(vendor, secrets);
  const [first] = received.shares;
  if (first === undefined) throw new TypeError("no share");
  add("share", first.body, (body) => openShare(secrets.grantKey, { ...first, body }));
  const vendorKey = { kty: "OKP", crv: "X25519", ...vendor.encryption };
  add("grant key", received.grantKey, (text) => openSealed(vendorKey, text, ["grant-key", secrets.grant, vendor.clientId]));
  add("consent", received.consent, (text) => verifyConsent(text, {}));

  const secret = randomBytes(32);
  const { seal } = await makeWayIn({ id: newId(), account, secret, identity: identity.x, epoch: 2, accountKey: key });
  add("way-in box", seal.box, (text) => openWayIn(account, secret, { ...seal, box: text }));
  add("way-in envelope", seal.envelope, (text) => openWayIn(account, secret, { ...seal, envelope: text }));
  const epoch = (await makeEpoch(account, 2, key, identity, randomBytes(32))) as Epoch & { previous: string };
  add("epoch's identity", epoch.identity, (text) => openEpoch(account, key, { ...epoch, identity: text }, identity.x));
  add("epoch's previous key", epoch.previous, (text) => openEpoch(account, key, { ...epoch, previous: text }, identity.x));
  add("signed act", await sign({ action: "recover" }, "act+jwt", identity), (text) => verifyJws(text, identity.x, "act+jwt"));

  const head: Head = { ...vectors<{ head: Head }>("head").head, account, identity: identity.x };
  add("head", await signHead(head, identity), (text) => verifyHead(text, { account, identity: identity.x }));
  const kit = await makeSigningPair();
  const from = identity.x;
  add("succession", await signSuccession({ account, from, to: agreement.x, kit: agreement.x, at: head.at }, kit), (text) =>
    verifySuccession(text, { account, from, kit: kit.x }),
  );
});

describe.each(NAMES)("%s", (name) => {
  const thing = () => things.get(name) as Sealed;

  it("opens as it was made", async () => expect(await outcomeOf(thing().open, thing().text)).toBe("opened"));

  it("is refused with a change in any character", async () => {
    const { text, open } = thing();
    const opened: string[] = [];
    for (const changed of changesOf(text)) {
      const outcome = await outcomeOf(open, changed);
      if (!REFUSALS.includes(outcome)) opened.push(`${outcome}: ${changed}`);
    }
    expect(opened).toEqual([]);
  });

  it("is refused with any one bit flipped, and with any two characters swapped", async () => {
    const { text, open } = thing();
    const place = fc.nat(text.length - 1);
    await fc.assert(
      fc.asyncProperty(place, fc.nat(5), async (at, bit) => {
        expect(REFUSALS).toContain(await outcomeOf(open, flip(text, at, bit)));
      }),
    );
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        const characters = [...text];
        [characters[a], characters[b]] = [characters[b] as string, characters[a] as string];
        const swapped = characters.join("");
        fc.pre(swapped !== text);
        expect(REFUSALS).toContain(await outcomeOf(open, swapped));
      }),
    );
  });
});
