import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { hashOf } from "#protocol/canonical.ts";
import { hashOfConsent, verifyConsent } from "#protocol/consent-token.ts";
import { checkFollows, type Head, hashOfHead, RESTORED_STEP } from "#protocol/head.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import { evidence } from "./support/changes.ts";
import { makeConsent, makeSecrets, makeVendor, type Secrets, signConsent, type Vendor } from "./support/customer.ts";
import { vectors } from "./vectors/read.ts";

describe("heads", () => {
  const { head: example } = vectors<{ head: Head }>("head");

  it("follow each other by one step and by hash", async () => {
    const identity = await makeSigningPair();
    let last = { seq: 0, hash: "" };
    for (let seq = 1; seq < 5; seq++) {
      const head = { ...example, seq, prev: seq === 1 ? null : last.hash };
      if (seq > 1) checkFollows(last, head);
      last = { seq, hash: await hashOfHead(await signHead(head, identity)) };
    }
    expect(last.seq).toBe(4);
  });

  it("that go on after a restore may stand anywhere above what was seen, and nowhere else", async () => {
    const hash = await hashOf("seen");
    const restored = (seq: number) => checkFollows({ seq: 12, hash }, { ...example, seq, prev: null, restored: true });
    restored(12 + RESTORED_STEP);
    for (const seq of [11, 12]) expect(() => restored(seq)).toThrow(evidence("older") as Error);
  });

  it("that are older, the same, skipping or of another history are refused", async () => {
    const seen = await hashOf("seen");
    const elsewhere = await hashOf("elsewhere");
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 40 }),
        fc.integer({ min: 1, max: 2 ** 40 }),
        fc.constantFrom(seen, elsewhere, null),
        (last, seq, prev) => {
          const check = () => checkFollows({ seq: last, hash: seen }, { ...example, seq, prev });
          if (seq <= last) expect(check).toThrow(evidence("older") as Error);
          else if (seq === last + 1 && prev === seen) check();
          else expect(check).toThrow(evidence("fork") as Error);
        },
      ),
      {
        examples: [
          [7, 8, seen],
          [7, 8, elsewhere],
          [7, 8, null],
          [7, 7, seen],
          [7, 6, seen],
          [7, 9, seen],
        ],
      },
    );
  });
});

describe("consents", () => {
  let vendor: Vendor;
  let secrets: Secrets;
  const tokens: string[] = [];
  beforeAll(async () => {
    vendor = await makeVendor("https://shop.example/client.json");
    secrets = await makeSecrets();
    for (let n = 1; n <= 4; n++) {
      const prev = n === 1 ? null : await hashOfConsent(tokens[n - 2] as string);
      tokens.push(await signConsent(await makeConsent(secrets, vendor, { n, prev }), secrets));
    }
  });
  const seenAt = async (n: number) => ({ n, hash: await hashOfConsent(tokens[n - 1] as string) });

  it("older than one already seen are refused; the same and later ones are taken", async () => {
    for (let seen = 1; seen <= 4; seen++)
      for (let n = 1; n <= 4; n++) {
        const verified = verifyConsent(tokens[n - 1] as string, { seen: await seenAt(seen) });
        if (n < seen) await expect(verified).rejects.toEqual(evidence("older"));
        else expect((await verified).consent.n).toBe(n);
      }
  });

  it("of another history are refused: the same number, or the next, that doesn't follow", async () => {
    const other = await signConsent(await makeConsent(secrets, vendor, { n: 2, prev: await hashOf("elsewhere") }), secrets);
    await expect(verifyConsent(other, { seen: await seenAt(2) })).rejects.toEqual(evidence("fork"));
    await expect(verifyConsent(other, { seen: await seenAt(1) })).rejects.toEqual(evidence("fork"));
    const first = await signConsent(await makeConsent(secrets, vendor, { n: 2, prev: null }), secrets);
    await expect(verifyConsent(first, { seen: await seenAt(1) })).rejects.toEqual(evidence("fork"));
  });
});
