import { base64url } from "#protocol/canonical.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { deviceSecret, makeWayIn, newId } from "#protocol/sealing/way-in.ts";
import type { Way, WaySeal } from "#protocol/ways.ts";
import type { Opener } from "./keyring.ts";
import { type Memory, makeDeviceKey, type Remembered } from "./memory.ts";

/**
 * A way in of this browser alone: a key that can't leave it, combined with a half that the server gives only after a passkey's
 * assertion. It carries the store where a passkey has no PRF.
 */
export async function makeDeviceWay(
  memory: Memory,
  { account, ...store }: { account: string; identity: string; epoch: number; accountKey: Uint8Array },
): Promise<{ way: Way; seal: WaySeal; opener: Opener }> {
  const id = newId();
  const half = randomBytes(32);
  const key = await makeDeviceKey();
  const secret = await deviceSecret(key, half);
  const made = await makeWayIn({ id, account, secret, ...store });
  await memory.change(account, (old) => ({ ...old, device: { way: id, key } }));
  return {
    way: { id, kind: "device", key: made.key, passkey: null, sign: null },
    seal: { ...made.seal, half: base64url.encode(half) },
    opener: { way: id, secret },
  };
}

/** This browser's opener, if it has one and the server gave its half. */
export async function deviceOpener(
  remembered: Remembered | undefined,
  halves: Readonly<Record<string, string>> | undefined,
): Promise<Opener | undefined> {
  const device = remembered?.device;
  const half = device == null ? undefined : halves?.[device.way];
  if (device == null || half === undefined) return undefined;
  return { way: device.way, secret: await deviceSecret(device.key, base64url.decode(half)) };
}
