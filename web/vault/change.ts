import type { Commit, SignedAct } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import type { Epoch } from "#protocol/epoch.ts";
import type { SigningPair } from "#protocol/sealing/pairs.ts";
import type { Content } from "#protocol/sealing/record.ts";
import type { Way, WaySeal } from "#protocol/ways.ts";

/** What a commit is to change. Versions, shares, root and head follow from the store that it is built on, anew after a rebase. */
export interface Change {
  readonly contents?: ReadonlyMap<string, Content>;
  readonly consent?: {
    readonly grant: string;
    /** Path of its relationship. */
    readonly at: string;
    readonly n: number;
    readonly key: Uint8Array;
    readonly details: AuthorizationDetails;
    readonly commit: Omit<NonNullable<Commit["consent"]>, "complete">;
  };
  /** Grants whose shares are brought up to date over all records. */
  readonly backfill?: readonly string[];
  /** Goes on with what a commit before this one has begun. */
  readonly onward?: boolean;
  readonly resumes?: Commit["resumes"];
  readonly ways?: { readonly list: readonly Way[]; readonly seals: readonly WaySeal[] };
  readonly rotation?: Rotation;
  /** By the kit that goes: of the rotation's identity key and the kit in its list. */
  readonly succession?: string;
  readonly attestation?: Commit["attestation"];
  readonly acts?: readonly SignedAct[];
  /** Goes on from an older head than was seen, at this `seq`. */
  readonly restored?: number;
}

/** A new epoch of the account key, and the identity key of that epoch. */
export interface Rotation {
  readonly row: Epoch;
  readonly accountKey: Uint8Array;
  readonly identity: SigningPair;
}
