import * as v from "valibot";
import { base64url, canonical, fromUtf8, utf8 } from "../canonical.ts";
import type { Epoch } from "../epoch.ts";
import { EvidenceError } from "../jws.ts";
import { Hash } from "../shapes.ts";
import { box, openBox } from "./box.ts";
import { pairFromSeed, type SigningPair } from "./pairs.ts";

const identityContext = (account: string, epoch: number) => ["identity", account, epoch] as const;
const previousContext = (account: string, epoch: number) => ["previous-key", account, epoch] as const;

/**
 * An epoch's row: the identity pair boxed under its account key, and the account key of the epoch before it, so that a rotation is
 * one small commit and records move when next written.
 */
export async function makeEpoch(
  account: string,
  epoch: number,
  accountKey: Uint8Array,
  identity: SigningPair,
  previousKey: Uint8Array | undefined,
): Promise<Epoch> {
  return {
    epoch,
    identity: await box(accountKey, utf8(canonical(identity)), identityContext(account, epoch)),
    previous: previousKey === undefined ? null : await box(accountKey, previousKey, previousContext(account, epoch)),
  };
}

/**
 * Opens an epoch's row. An envelope can be sealed to a way in by anyone, so this is also what proves an account key: only who holds
 * the identity's private key can box it under a key.
 * @throws {EvidenceError} `signature` if the pair inside is not `expectedIdentity`'s; those of a box
 */
export async function openEpoch(
  account: string,
  accountKey: Uint8Array,
  row: Epoch,
  expectedIdentity: string,
): Promise<{ identity: SigningPair; previousKey: Uint8Array | undefined }> {
  const identity = await readPair(await openBox(accountKey, row.identity, identityContext(account, row.epoch)));
  if (identity.x !== expectedIdentity) throw new EvidenceError("signature", "the identity key is not the one that signs the heads");
  const previousKey = row.previous === null ? undefined : await openBox(accountKey, row.previous, previousContext(account, row.epoch));
  return { identity, previousKey };
}

/** The pair whose private key these bytes name: the public one is made from it, not believed. */
async function readPair(bytes: Uint8Array): Promise<SigningPair> {
  try {
    return await pairFromSeed("Ed25519", base64url.decode(v.parse(v.strictObject({ x: Hash, d: Hash }), JSON.parse(fromUtf8(bytes))).d));
  } catch (cause) {
    throw new EvidenceError("malformed", "an identity box of an unknown shape", { cause });
  }
}

/** The account keys of every epoch, from the newest down the chain. */
export async function openKeyChain(
  account: string,
  newest: { epoch: number; accountKey: Uint8Array },
  rows: readonly Epoch[],
): Promise<Map<number, Uint8Array>> {
  const keys = new Map([[newest.epoch, newest.accountKey]]);
  let { epoch, accountKey } = newest;
  while (epoch > 1) {
    const row = rows.find((each) => each.epoch === epoch);
    if (row?.previous == null) throw new EvidenceError("malformed", `epoch ${epoch} does not hold the key before it`);
    accountKey = await openBox(accountKey, row.previous, previousContext(account, epoch));
    epoch -= 1;
    keys.set(epoch, accountKey);
  }
  return keys;
}
