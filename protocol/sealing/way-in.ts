import * as v from "valibot";
import { base64url, canonical, concat, fromUtf8, sha256, utf8 } from "../canonical.ts";
import { EvidenceError } from "../jws.ts";
import { Hash } from "../shapes.ts";
import type { WaySeal } from "../ways.ts";
import { box, openBox } from "./box.ts";
import { hkdf, NO_SALT, randomBytes } from "./derive.ts";
import { makeAgreementPair, pairFromSeed, type SigningPair } from "./pairs.ts";
import { openSealed, sealTo } from "./seal-to.ts";

/** The fixed, client-side PRF salt: SHA-256("counterfoil/prf/v1/unlock"). Never changes. */
export const prfSalt = (): Promise<Uint8Array<ArrayBuffer>> => sha256("counterfoil/prf/v1/unlock");

/** What a way in's box holds: its private key, and the identity key that heads must be signed by. */
const Inside = v.strictObject({ d: Hash, x: Hash, identity: Hash });

const wayContext = (account: string, id: string) => ["way-in", account, id] as const;
const envelopeContext = (account: string, id: string, epoch: number) => ["account-key", account, id, epoch] as const;

const kekOf = (secret: Uint8Array): Promise<Uint8Array> => hkdf(secret, NO_SALT, "counterfoil/way-in/v1", 32);

/**
 * Makes a way in: an X25519 pair whose private key is boxed under HKDF(`secret`), with the identity public key inside, and the
 * account key sealed to it. @param secret at least 16 bytes: PRF output, kit secret or device secret
 */
export async function makeWayIn(way: {
  id: string;
  account: string;
  secret: Uint8Array;
  identity: string;
  epoch: number;
  accountKey: Uint8Array;
}): Promise<{ key: string; seal: WaySeal }> {
  const pair = await makeAgreementPair();
  const inside: v.InferOutput<typeof Inside> = { ...pair, identity: way.identity };
  return {
    key: pair.x,
    seal: {
      id: way.id,
      box: await box(await kekOf(way.secret), utf8(canonical(inside)), wayContext(way.account, way.id)),
      epoch: way.epoch,
      envelope: await sealAccountKey(way.account, way.id, pair.x, way.epoch, way.accountKey),
    },
  };
}

/** The account key of an epoch, sealed to a way in of the list that the head covers. */
export const sealAccountKey = (account: string, wayId: string, wayKey: string, epoch: number, accountKey: Uint8Array): Promise<string> =>
  sealTo({ kty: "OKP", crv: "X25519", x: wayKey }, accountKey, envelopeContext(account, wayId, epoch));

/**
 * Opens the store by a way in: the account key of the seal's epoch, and the identity key that the head must be signed by.
 * The envelope could be anyone's: trust the account key once `openEpoch` has opened its row with it.
 * @throws {EvidenceError} `commitment` if the secret is not this way's; those of a box and of what is sealed
 */
export async function openWayIn(
  account: string,
  secret: Uint8Array,
  seal: WaySeal,
): Promise<{ accountKey: Uint8Array; identity: string; key: string }> {
  const inside = readInside(await openBox(await kekOf(secret), seal.box, wayContext(account, seal.id)));
  const accountKey = await openSealed(
    { kty: "OKP", crv: "X25519", x: inside.x, d: inside.d },
    seal.envelope,
    envelopeContext(account, seal.id, seal.epoch),
  );
  if (accountKey.length !== 32) throw new EvidenceError("malformed", "an account key has 32 bytes");
  return { accountKey, identity: inside.identity, key: inside.x };
}

function readInside(bytes: Uint8Array): v.InferOutput<typeof Inside> {
  try {
    return v.parse(Inside, JSON.parse(fromUtf8(bytes)));
  } catch (cause) {
    throw new EvidenceError("malformed", "a way-in box of an unknown shape", { cause });
  }
}

/** What a kit's secret gives: where its way in is found, its secret, and the key that signs a recovery. None of them leaves the device but `locator` and the public key. */
export interface KitKeys {
  locator: string;
  secret: Uint8Array;
  sign: SigningPair;
}

/** @param kitSecret 16 bytes */
export async function kitKeys(kitSecret: Uint8Array): Promise<KitKeys> {
  return {
    locator: base64url.encode(await hkdf(kitSecret, NO_SALT, "counterfoil/kit/v1/locator", 32)),
    secret: await hkdf(kitSecret, NO_SALT, "counterfoil/kit/v1/secret", 32),
    sign: await pairFromSeed("Ed25519", await hkdf(kitSecret, NO_SALT, "counterfoil/kit/v1/sign", 32)),
  };
}

/** A fresh random id: 16 bytes as base64url. */
export const newId = (): string => base64url.encode(randomBytes(16));

/** The device secret: a keyed hash, by a key that never leaves this browser, of the half that the server gives after a passkey assertion. */
export async function deviceSecret(key: CryptoKey, half: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, concat(utf8("counterfoil/device/v1"), half)));
}
