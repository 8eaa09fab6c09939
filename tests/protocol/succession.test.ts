import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Head } from "#protocol/head.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import {
  followSuccessions,
  SUCCESSION_TYP,
  type Succession,
  type SuccessionEvidence,
  type Trust,
  verifySuccession,
} from "#protocol/succession.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";
import { evidence } from "./support/changes.ts";
import { vectors } from "./vectors/read.ts";

const account = newId();
const other = newId();
const { head: example } = vectors<{ head: Head }>("head");
const kitWay = (sign: string | null): Way => ({ id: newId(), kind: "kit", key: "A".repeat(43), passkey: null, sign });
/** No kit, whatever key it has. */
const deviceWay = (sign: string): Way => ({ ...kitWay(sign), kind: "device" });

/** Identity keys and the kits that were in force with each. */
let identities: SigningPair[] = [];
let kits: SigningPair[] = [];
const identity = (at: number): SigningPair => identities[at] as SigningPair;
const kit = (at: number): SigningPair => kits[at] as SigningPair;
const trust = (at: number, known: number | null = at): Trust => ({
  identity: identity(at).x,
  kit: known === null ? null : kit(known).x,
});

/** One link: what the old identity's last head covered, and the new keys, signed by the kit. */
async function link(
  at: number,
  changes: { succession?: Partial<Succession>; ways?: Way[]; typ?: string; signer?: SigningPair } = {},
): Promise<SuccessionEvidence> {
  const ways = changes.ways ?? [kitWay(kit(at).x)];
  const head = await signHead({ ...example, account, identity: identity(at).x, ways: await hashOfWays(ways) }, identity(at));
  const succession: Succession = {
    account,
    from: identity(at).x,
    to: identity(at + 1).x,
    kit: kit(at + 1).x,
    at: "2026-11-21T10:15:00Z",
    ...changes.succession,
  };
  return { token: await sign(succession, changes.typ ?? SUCCESSION_TYP, changes.signer ?? kit(at)), head, ways };
}

beforeAll(async () => {
  const pairs = (): Promise<SigningPair[]> => Promise.all(Array.from({ length: 6 }, makeSigningPair));
  [identities, kits] = [await pairs(), await pairs()];
});

describe("a new identity key", () => {
  it("is followed from the one that is trusted, through as many as there were", async () => {
    const links = await Promise.all([0, 1, 2, 3].map((at) => link(at)));
    await fc.assert(
      fc.asyncProperty(fc.nat(4), fc.boolean(), fc.nat(4), async (from, knowsKit, shown) => {
        const reached = Math.max(from, shown);
        const followed = await followSuccessions(account, trust(from, knowsKit ? from : null), links.slice(0, shown));
        expect(followed).toEqual(trust(reached, knowsKit || reached > from ? reached : null));
      }),
    );
  });

  it("counts only if the kit that the old identity listed, and that the device knows, signed it", async () => {
    const good = await link(0);
    const refused: [SuccessionEvidence, Trust, string][] = [
      [good, trust(0, 1), "pin"],
      [await link(0, { signer: kit(1) }), trust(0, null), "signature"],
      [await link(0, { ways: [kitWay(kit(2).x)], signer: kit(2) }), trust(0), "pin"],
      [await link(0, { ways: [kitWay(null)] }), trust(0, null), "ways"],
      [await link(0, { ways: [deviceWay(kit(2).x)], signer: kit(2) }), trust(0, null), "ways"],
      [await link(0, { ways: [deviceWay(kit(2).x), kitWay(kit(0).x)], signer: kit(2) }), trust(0, null), "signature"],
      [{ ...good, ways: [kitWay(kit(1).x)] }, trust(0, null), "ways"],
      [{ ...good, head: (await link(1, { ways: good.ways })).head }, trust(0, null), "signature"],
      [await link(0, { succession: { account: other } }), trust(0), "account"],
      [await link(0, { succession: { to: identity(0).x } }), trust(0), "context"],
      [await link(0, { typ: "act+jwt" }), trust(0), "typ"],
      [await link(0, { succession: { at: "2026-02-30T00:00:00Z" } }), trust(0), "malformed"],
      [{ ...good, token: `${good.token}A` }, trust(0), "malformed|signature"],
      [{ ...good, token: "a.b.c" }, trust(0), "malformed"],
      [good, { ...trust(0), seq: example.seq + 1 }, "older"],
      [good, { ...trust(0, null), seq: example.seq + 1 }, "older"],
    ];
    for (const [each, known, code] of refused)
      await expect(followSuccessions(account, known, [each]), code).rejects.toEqual(evidence(code));
    expect(await followSuccessions(account, { ...trust(0), seq: example.seq }, [good])).toEqual(trust(1));
    await expect(followSuccessions(other, trust(0), [good])).rejects.toEqual(evidence("account"));
  });

  it("is signed by the very kit that the one before has named, also where the device knew of none", async () => {
    const stolen = await link(1, { ways: [kitWay(kit(4).x)], signer: kit(4) });
    await expect(followSuccessions(account, trust(0, null), [await link(0), stolen])).rejects.toEqual(evidence("pin"));
  });

  it("of another history changes nothing", async () => {
    expect(await followSuccessions(account, trust(0), [await link(1)])).toEqual(trust(0));
  });

  it("is for the key that it follows", async () => {
    const { token } = await link(0);
    const expected = { account, from: identity(0).x, kit: kit(0).x };
    expect(await verifySuccession(token, expected)).toMatchObject({ to: identity(1).x, kit: kit(1).x });
    await expect(verifySuccession(token, { ...expected, from: identity(1).x })).rejects.toEqual(evidence("context"));
    const { token: shapeless } = await link(0, { succession: { at: "now" } });
    await expect(verifySuccession(shapeless, expected)).rejects.toEqual(evidence("malformed"));
  });
});
