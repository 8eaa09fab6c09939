import * as v from "valibot";
import { verifyHead } from "./head.ts";
import { EvidenceError, verifyJws } from "./jws.ts";
import { CompactJws, Hash, Id, Instant } from "./shapes.ts";
import { hashOfWays, Ways } from "./ways.ts";

export const SUCCESSION_TYP = "succession+jwt";

/** A new identity key, signed by the kit's key: only so may the key change that signs the heads. */
export const Succession = v.strictObject({ account: Id, from: Hash, to: Hash, at: Instant });
export type Succession = v.InferOutput<typeof Succession>;

/** The signed succession, with the last head of the old identity and the list of ways that it covers, which names the kit's key. */
export const SuccessionEvidence = v.strictObject({ token: CompactJws, head: CompactJws, ways: Ways });
export type SuccessionEvidence = v.InferOutput<typeof SuccessionEvidence>;

/**
 * Follows successions, oldest first, from the identity key that a device trusts to the one that signs now.
 * `kit`: the kit's public key that the device remembers, if it does: the first link must be signed by it.
 * @throws {EvidenceError} `ways`, `signature`, `account`, `pin`
 */
export async function followSuccessions(
  account: string,
  trusted: string,
  evidence: readonly SuccessionEvidence[],
  kit?: string,
): Promise<string> {
  let identity = trusted;
  let remembered = kit;
  for (const each of evidence) {
    const { from } = readSuccession(each.token);
    if (from !== identity) continue;
    const head = await verifyHead(each.head, { account, identity });
    if (head.ways !== (await hashOfWays(each.ways)))
      throw new EvidenceError("ways", "the ways in are not the ones that the last head of the old identity covers");
    const signer = each.ways.find((way) => way.kind === "kit")?.sign;
    if (signer == null) throw new EvidenceError("ways", "a new identity key needs a kit, and none was listed");
    if (remembered !== undefined && signer !== remembered)
      throw new EvidenceError("pin", "the kit that signed the new identity key is not the one this device knows");
    const succession = v.safeParse(Succession, await verifyJws(each.token, signer, SUCCESSION_TYP));
    if (!succession.success) throw new EvidenceError("malformed", "the succession has an unknown shape");
    if (succession.output.account !== account) throw new EvidenceError("account", "the succession is of another store");
    identity = succession.output.to;
    remembered = undefined;
  }
  return identity;
}

function readSuccession(token: string): Succession {
  const parsed = v.safeParse(Succession, JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"))));
  if (!parsed.success) throw new EvidenceError("malformed", "the succession has an unknown shape");
  return parsed.output;
}
