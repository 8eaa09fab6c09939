import type { Epoch } from "#protocol/epoch.ts";
import type { Head } from "#protocol/head.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { openEpoch, openKeyChain } from "#protocol/sealing/epoch.ts";
import type { SigningPair } from "#protocol/sealing/pairs.ts";
import { openWayIn } from "#protocol/sealing/way-in.ts";
import type { Trust } from "#protocol/succession.ts";
import type { WaySeal } from "#protocol/ways.ts";
import { proveHead, type Shown } from "./trust.ts";

/** A way in and its secret: kept while the store is open, so that another device's rotation can be followed. */
export interface Opener {
  readonly way: string;
  readonly secret: Uint8Array;
}

export interface Keyring {
  readonly opener: Opener;
  readonly identity: SigningPair;
  readonly epoch: number;
  /** Account keys by epoch. */
  readonly keys: ReadonlyMap<number, Uint8Array>;
}

/** What the server hands to one who wants to open a store. */
export interface Door extends Shown {
  readonly seals: readonly WaySeal[];
  readonly epochs: readonly Epoch[];
}

/**
 * Opens by one way in. What it trusts comes from inside that way's box: the identity key signs the head, or
 * the kit has signed the one that does; the head covers the list.
 * @param known what this device has seen of the store before
 * @throws {EvidenceError} `commitment` if the secret is not this way's; else what was false
 */
export async function openKeyring(door: Door, opener: Opener, known?: Trust | null): Promise<{ keyring: Keyring; head: Head }> {
  const seal = door.seals.find((each) => each.id === opener.way);
  if (seal === undefined) throw new EvidenceError("ways", "The server left out the seal of this way in");
  const opened = await openWayIn(door.account, opener.secret, seal);
  if (known) await proveHead(door, known);
  const head = await proveHead(door, { identity: opened.identity, kit: null });
  if (door.ways.find((each) => each.id === opener.way)?.key !== opened.key)
    throw new EvidenceError("ways", "This way in has another key in the server's list");
  if (seal.epoch !== head.epoch)
    throw new EvidenceError("older", `This way in is sealed for epoch ${seal.epoch}; the head is of epoch ${head.epoch}`);
  const row = door.epochs.find((each) => each.epoch === seal.epoch);
  if (row === undefined) throw new EvidenceError("malformed", `The server left out epoch ${seal.epoch}`);
  const { identity } = await openEpoch(door.account, opened.accountKey, row, head.identity);
  const keys = await openKeyChain(door.account, { epoch: seal.epoch, accountKey: opened.accountKey }, door.epochs);
  return { keyring: { opener, identity, epoch: seal.epoch, keys }, head };
}

/** @throws {EvidenceError} `malformed` */
export function keyOfEpoch({ keys }: Keyring, epoch: number): Uint8Array {
  const key = keys.get(epoch);
  if (key === undefined) throw new EvidenceError("malformed", `There is no key of epoch ${epoch}`);
  return key;
}
