import { type Act, challengeOf } from "#protocol/act.ts";
import { ACT_TYP, LIMITS, type SignedAct } from "#protocol/api.ts";
import { canonical } from "#protocol/canonical.ts";
import { verifyJws } from "#protocol/jws.ts";
import { Refusal } from "#protocol/refusal.ts";
import { LAST, ordered, type Rows, type WayRow } from "../rows.ts";
import type { Storage, StoreWriter } from "../storage/storage.ts";
import { verifyAssertion } from "./passkey.ts";

/** A nonce that was given out: to whom, and until when. */
export interface NonceTicket {
  account: string;
  until: number;
}
export const NONCE = "act";

/** An act that was proven, and by which way in. */
export interface ProvenAct {
  readonly act: Act;
  readonly way: string;
  readonly kind: "passkey" | "kit";
}

const wrong = (detail: string, pointer: string): Refusal => new Refusal("invalid_act", detail, { pointer });

/**
 * Proves that a passkey (or the kit's key) of the list that the head covers has approved this act, now, for this store. The nonce is
 * used up together with the change that the act approves, and only if that change is made: so it works exactly once, and a refusal
 * for another reason needs no second prompt.
 * @throws {Refusal} `invalid_act`, `invalid_passkey`
 */
export async function proveAct(
  storage: Pick<Storage<Rows>, "getTicket">,
  store: StoreWriter<Rows>,
  signed: SignedAct,
  expected: { account: string; issuer: string; now: number; pointer: string },
): Promise<ProvenAct> {
  const { act } = signed;
  const { account, now, pointer } = expected;
  if (act.account !== account) throw wrong("This act is of another store.", `${pointer}/act/account`);
  if (!(Math.abs(Date.parse(act.at) - now) <= LIMITS.actLifetime))
    throw wrong("This act is not of now. Ask for a new one.", `${pointer}/act/at`);
  const ticket = await storage.getTicket<NonceTicket>(NONCE, act.nonce);
  if (ticket === undefined || ticket.account !== account)
    throw wrong("This nonce is not known here, or too old. Ask for a new one.", `${pointer}/act/nonce`);
  const used = `${ordered(ticket.until)}/${act.nonce}`;
  if ((await store.get("nonces", used)) !== undefined)
    throw wrong("This nonce was used before. Ask for a new one.", `${pointer}/act/nonce`);
  for (const [old] of await store.list("nonces", { limit: 20 })) if (old < `${ordered(now)}/${LAST}`) store.delete("nonces", old);
  store.put("nonces", used, {});
  return proveSigner(store, signed, expected);
}

/**
 * Proves an act that was approved here once, before the server was put back to an earlier state: who signed it, not when. For what only
 * takes rights away, and is final.
 * @throws {Refusal} `invalid_act`, `invalid_passkey`
 */
export async function proveRememberedAct(
  store: StoreWriter<Rows>,
  signed: SignedAct,
  expected: { account: string; issuer: string; now: number; pointer: string },
): Promise<ProvenAct> {
  if (signed.act.account !== expected.account) throw wrong("This act is of another store.", `${expected.pointer}/act/account`);
  return proveSigner(store, signed, { ...expected, isPast: true });
}

async function proveSigner(store: StoreWriter<Rows>, signed: SignedAct, expected: Signer): Promise<ProvenAct> {
  const ways = await store.list("ways", { limit: 40 });
  return "kit" in signed ? byKit(signed.act, signed.kit, ways, expected.pointer) : byPasskey(store, signed, ways, expected);
}

interface Signer {
  readonly issuer: string;
  readonly now: number;
  readonly pointer: string;
  /** It was approved before: the passkey's counter has gone on since. */
  readonly isPast?: boolean;
}

type Ways = ReadonlyArray<[id: string, row: WayRow]>;

async function byKit(act: Act, token: string, ways: Ways, pointer: string): Promise<ProvenAct> {
  const [id, kit] = ways.find(([, each]) => each.kind === "kit") ?? [];
  if (id === undefined || kit?.sign == null) throw wrong("This store has no kit.", `${pointer}/kit`);
  try {
    if (canonical(await verifyJws(token, kit.sign, ACT_TYP)) !== canonical(act))
      throw wrong("What the kit signed is another act.", `${pointer}/kit`);
  } catch (cause) {
    throw cause instanceof Refusal ? cause : wrong("This is not signed by the store's kit.", `${pointer}/kit`);
  }
  return { act, way: id, kind: "kit" };
}

async function byPasskey(
  store: StoreWriter<Rows>,
  { act, assertion }: Extract<SignedAct, { assertion: unknown }>,
  ways: Ways,
  { issuer, now, pointer, isPast = false }: Signer,
): Promise<ProvenAct> {
  const id = ways.find(([, way]) => way.passkey?.id === assertion.id)?.[0];
  const passkey = id === undefined ? undefined : await store.get("passkeys", id);
  if (id === undefined || passkey === undefined) throw wrong("This passkey is not one of this store.", `${pointer}/assertion/id`);
  const challenge = Buffer.from(await challengeOf(act)).toString("base64url");
  try {
    const after = await verifyAssertion(assertion, isPast ? { ...passkey, counter: 0 } : passkey, { challenge, issuer, now });
    if (!isPast) store.put("passkeys", id, after);
  } catch (cause) {
    if (cause instanceof Refusal) throw wrong("The passkey's answer is not for this act.", `${pointer}/assertion`);
    throw cause;
  }
  return { act, way: id, kind: "passkey" };
}
