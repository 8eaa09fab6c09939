import * as v from "valibot";
import { hashOfJson } from "./canonical.ts";
import { Base64url, Body, CompactJwe, Hash, Id, Positive } from "./shapes.ts";

/**
 * One entry of the list that the head covers. Every passkey is in it, PRF or not, since each can act; `key` is the X25519
 * public key of the way in, null where a passkey doesn't open the store.
 */
export const Way = v.strictObject({
  id: Id,
  kind: v.picklist(["passkey", "kit", "device"]),
  key: v.nullable(Hash),
  /** kind passkey: credential id and its public key as SPKI (what `getPublicKey()` of the browser gives). */
  passkey: v.nullable(
    v.strictObject({ id: v.pipe(Base64url, v.minLength(16), v.maxLength(1400)), publicKey: v.pipe(Base64url, v.maxLength(1400)) }),
  ),
  /** kind kit: Ed25519 public key that signs a recovery and a next kit. */
  sign: v.nullable(Hash),
});
export type Way = v.InferOutput<typeof Way>;

/** The whole list of ways in, in any order. */
export const Ways = v.pipe(v.array(Way), v.minLength(1), v.maxLength(40));

/** What the head's `ways` holds: the hash of the list, sorted by id. */
export const hashOfWays = (ways: readonly Way[]): Promise<string> =>
  hashOfJson([...ways].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)));

/** The sealed side of a way in: its X25519 private key boxed under HKDF(its secret) with the identity public key inside, and the account key of the epoch sealed to it. */
export const WaySeal = v.strictObject({
  id: Id,
  box: Body,
  epoch: Positive,
  envelope: CompactJwe,
  /** kind device: the half that the server gives only after a passkey assertion. Present in a commit that adds it, and after such an assertion. */
  half: v.optional(Hash),
  /** kind kit: by which the kit finds its store. Only in a commit that adds it. */
  locator: v.optional(Hash),
});
export type WaySeal = v.InferOutput<typeof WaySeal>;
