import * as v from "valibot";
import { canonical, concat, sha256, utf8 } from "./canonical.ts";
import { Hash, Id, Instant } from "./shapes.ts";

/** What takes a passkey (section 4). */
export const ACT_ACTIONS = [
  "approve",
  "widen",
  "resume",
  "revoke",
  "add-way",
  "drop-way",
  "recover",
  "export",
  "erase",
  "move",
  "restore",
] as const;

/** What a passkey (or, in a recovery, the kit's key) approved. `object`: hash of what is approved or ended. */
export const Act = v.strictObject({
  action: v.picklist(ACT_ACTIONS),
  account: Id,
  grant: v.nullable(Id),
  object: Hash,
  nonce: Hash,
  at: Instant,
});
export type Act = v.InferOutput<typeof Act>;

/** The WebAuthn challenge that binds an assertion to an act: 32 bytes. */
export const challengeOf = (act: Act): Promise<Uint8Array<ArrayBuffer>> =>
  sha256(concat(utf8("counterfoil/act/v1\n"), utf8(canonical(act))));

/** How far the server's time may be from the app's before the app refuses to sign: 5 minutes. */
export const ACT_SKEW = 300_000;
