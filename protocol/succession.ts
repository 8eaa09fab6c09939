import * as v from "valibot";
import { verifyHead } from "./head.ts";
import { EvidenceError, exactly, readJws, verifyJws } from "./jws.ts";
import { CompactJws, Hash, Id, Instant } from "./shapes.ts";
import { hashOfWays, Ways } from "./ways.ts";

/** `typ` of a signed succession. */
export const SUCCESSION_TYP = "succession+jwt";

/**
 * The next identity key and the next kit's key, signed by the key of the kit that goes: only so may the keys change by which a store
 * is known. Both change together, since who has the old kit may have the old identity key too.
 */
export const Succession = v.strictObject({ account: Id, from: Hash, to: Hash, kit: Hash, at: Instant });
export type Succession = v.InferOutput<typeof Succession>;

/** The signed succession, with the last head of the old identity and the list of ways that it covers, which names the kit's key. */
export const SuccessionEvidence = v.strictObject({ token: CompactJws, head: CompactJws, ways: Ways });
export type SuccessionEvidence = v.InferOutput<typeof SuccessionEvidence>;

/** The most that a store keeps and a device follows. */
export const SUCCESSIONS = 20;
/** All that a store keeps, oldest first. */
export const Successions = v.pipe(v.array(SuccessionEvidence), v.maxLength(SUCCESSIONS));

/** By which a device knows a store: the public key that signs its heads, and its kit's; null while it knows of no kit. */
export interface Trust {
  readonly identity: string;
  readonly kit: string | null;
  /** Number of the newest head by `identity` that the device has seen, where it remembers one. */
  readonly seq?: number;
}

/**
 * Verifies one succession by the key of the kit that goes.
 * @throws {EvidenceError} `malformed`, `signature`, `typ`, `account`, `context`
 */
export async function verifySuccession(token: string, expected: { account: string; from: string; kit: string }): Promise<Succession> {
  const succession = exactly(Succession, await verifyJws(token, expected.kit, SUCCESSION_TYP));
  if (succession === undefined) throw new EvidenceError("malformed", "the succession has an unknown shape");
  if (succession.account !== expected.account) throw new EvidenceError("account", "the succession is of another store");
  if (succession.from !== expected.from) throw new EvidenceError("context", "the succession is of another identity key");
  if (succession.to === succession.from) throw new EvidenceError("context", "the succession names no new identity key");
  return succession;
}

/**
 * Follows successions, oldest first, from what a device trusts to what signs now. Each link must be signed by the kit that the device
 * knows, or the link before has named; without one, by the kit that the last head of the old identity covers:
 * no older one than the device has seen, or a kit that was replaced since would do.
 * @throws {EvidenceError} `malformed`, `ways`, `signature`, `typ`, `account`, `pin`, `older`
 */
export async function followSuccessions(account: string, trusted: Trust, evidence: readonly SuccessionEvidence[]): Promise<Trust> {
  let known = trusted;
  for (const each of evidence) {
    if (readSuccession(each.token).from !== known.identity) continue;
    const head = await verifyHead(each.head, { account, identity: known.identity });
    if (head.seq < (known.seq ?? 0))
      throw new EvidenceError("older", `the new identity key follows head ${head.seq}; this device has seen head ${known.seq}`);
    if (head.ways !== (await hashOfWays(each.ways)))
      throw new EvidenceError("ways", "the ways in are not the ones that the last head of the old identity covers");
    const signer = each.ways.find((way) => way.kind === "kit")?.sign;
    if (signer == null) throw new EvidenceError("ways", "a new identity key needs a kit, and none was listed");
    if (known.kit !== null && signer !== known.kit)
      throw new EvidenceError("pin", "the kit that signed the new identity key is not the one this device knows");
    const { to, kit } = await verifySuccession(each.token, { account, from: known.identity, kit: signer });
    known = { identity: to, kit };
  }
  return known;
}

/** Whose identity key a succession follows, unverified. @throws {EvidenceError} `malformed` */
export const readSuccessionFrom = (token: string): string => readSuccession(token).from;

function readSuccession(token: string): Succession {
  const succession = exactly(Succession, readJws(token).payload);
  if (succession === undefined) throw new EvidenceError("malformed", "the succession has an unknown shape");
  return succession;
}
