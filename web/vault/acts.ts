import { ACT_SKEW, type Act, challengeOf } from "#protocol/act.ts";
import { ACT_TYP, type SignedAct } from "#protocol/api.ts";
import { base64url } from "#protocol/canonical.ts";
import { hkdf, NO_SALT } from "#protocol/sealing/derive.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { type KitKeys, prfSalt } from "#protocol/sealing/way-in.ts";
import type { Way } from "#protocol/ways.ts";
import { type Context, sessionOf } from "./context.ts";
import { VaultError } from "./vault.ts";

type About = Pick<Act, "action" | "grant" | "object">;

async function prepare(context: Context, about: About): Promise<Act> {
  const { nonce, at } = await context.server.call("act", { body: {} });
  return checked({ ...about, account: sessionOf(context).account, nonce, at }, context.now());
}

/** @throws {VaultError} if the server's time is too far from this device's */
export function checked(act: Act, now: number): Act {
  if (Math.abs(Date.parse(act.at) - now) > ACT_SKEW) throw new VaultError("failed", "the clocks differ");
  return act;
}

/** One passkey prompt whose challenge is bound to the act. */
export async function approve(context: Context, about: About, ways: readonly Way[]): Promise<SignedAct> {
  const act = await prepare(context, about);
  const allow = ways.flatMap((way) => (way.passkey === null ? [] : [way.passkey.id]));
  const { assertion, prf } = await context.prompts.get({
    challenge: base64url.encode(await challengeOf(act)),
    allow,
    salt: await prfSalt(),
  });
  const way = ways.find((each) => each.passkey?.id === assertion.id);
  if (way === undefined) throw new VaultError("no_passkey", "another store's passkey");
  if (prf !== undefined) await noteReading(context, way, prf);
  return { act, assertion };
}

/** The same by a kit's key, without a prompt. */
export async function approveByKit(context: Context, about: About, kit: KitKeys): Promise<SignedAct> {
  const act = await prepare(context, about);
  return { act, kit: await sign(act, ACT_TYP, kit.sign) };
}

/**
 * Remembers a PRF reading by its hash. Two that are the same make the passkey a way in, with the next act: values that creation and
 * login give may differ, and an opener that opens once is none.
 */
export async function noteReading(context: Context, way: Way, prf: Uint8Array): Promise<void> {
  const { account } = sessionOf(context);
  const id = way.passkey?.id as string;
  const reading = base64url.encode(await hkdf(prf, NO_SALT, "counterfoil/prf-reading/v1", 32));
  let before: string | undefined;
  await context.memory.change(account, (old) => {
    before = old.readings[id];
    return { ...old, readings: { ...old.readings, [id]: reading } };
  });
  if (before === reading && way.key === null) context.twice.set(way.id, prf);
}
