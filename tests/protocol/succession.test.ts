import { beforeAll, describe, expect, it } from "vitest";
import type { Head } from "#protocol/head.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { followSuccessions, SUCCESSION_TYP, type Succession, type SuccessionEvidence } from "#protocol/succession.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";
import { evidence } from "./support/changes.ts";
import { vectors } from "./vectors/read.ts";

const account = newId();
const other = newId();
const { head: example } = vectors<{ head: Head }>("head");
const kitWay = (sign: string | null): Way => ({ id: newId(), kind: "kit", key: "A".repeat(43), passkey: null, sign });

/** One link: what the old identity's last head covered, and the new key, signed by the kit. */
async function link(
  old: SigningPair,
  to: string,
  kit: SigningPair,
  changes: { succession?: Partial<Succession>; ways?: Way[]; typ?: string } = {},
) {
  const ways = changes.ways ?? [kitWay(kit.x)];
  const head = await signHead({ ...example, account, identity: old.x, ways: await hashOfWays(ways) }, old);
  const succession: Succession = { account, from: old.x, to, at: "2026-11-21T10:15:00Z", ...changes.succession };
  return { token: await sign(succession, changes.typ ?? SUCCESSION_TYP, kit), head, ways } satisfies SuccessionEvidence;
}

let [one, two, three, kit, nextKit]: SigningPair[] = [];
const pair = (of: SigningPair | undefined): SigningPair => of as SigningPair;
beforeAll(async () => {
  [one, two, three, kit, nextKit] = await Promise.all(Array.from({ length: 5 }, makeSigningPair));
});

describe("a new identity key", () => {
  it("is followed from the one that is trusted, through as many as there were", async () => {
    const links = [await link(pair(one), pair(two).x, pair(kit)), await link(pair(two), pair(three).x, pair(nextKit))];
    expect(await followSuccessions(account, pair(one).x, links, pair(kit).x)).toBe(pair(three).x);
    expect(await followSuccessions(account, pair(one).x, links)).toBe(pair(three).x);
    // A device that has seen the first goes on from there, whichever kit was first.
    expect(await followSuccessions(account, pair(two).x, links)).toBe(pair(three).x);
    expect(await followSuccessions(account, pair(three).x, links)).toBe(pair(three).x);
    expect(await followSuccessions(account, pair(one).x, [])).toBe(pair(one).x);
  });

  it("counts only if the kit that the old identity listed, and that the device knows, signed it", async () => {
    const good = await link(pair(one), pair(two).x, pair(kit));
    const refused: [SuccessionEvidence, string | undefined, string][] = [
      [good, pair(nextKit).x, "pin"],
      [await link(pair(one), pair(two).x, pair(nextKit), { ways: [kitWay(pair(kit).x)] }), undefined, "signature"],
      [await link(pair(one), pair(two).x, pair(kit), { ways: [kitWay(null)] }), undefined, "ways"],
      [{ ...good, ways: [kitWay(pair(nextKit).x)] }, undefined, "ways"],
      [{ ...good, head: (await link(pair(two), pair(three).x, pair(kit), { ways: good.ways })).head }, undefined, "signature"],
      [await link(pair(one), pair(two).x, pair(kit), { succession: { account: other } }), undefined, "account"],
      [await link(pair(one), pair(two).x, pair(kit), { typ: "act+jwt" }), undefined, "typ"],
      [await link(pair(one), pair(two).x, pair(kit), { succession: { at: "2026-02-30T00:00:00Z" } }), undefined, "malformed"],
      [{ ...good, token: `${good.token}A` }, undefined, "malformed|signature"],
      [{ ...good, token: "a.b.c" }, undefined, "malformed"],
    ];
    for (const [each, known, code] of refused)
      await expect(followSuccessions(account, pair(one).x, [each], known), code).rejects.toEqual(evidence(code));
    await expect(followSuccessions(other, pair(one).x, [good])).rejects.toEqual(evidence("account"));
  });

  it("of another history changes nothing", async () => {
    const elsewhere = await link(pair(two), pair(three).x, pair(kit));
    expect(await followSuccessions(account, pair(one).x, [elsewhere], pair(kit).x)).toBe(pair(one).x);
  });
});
