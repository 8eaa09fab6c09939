import { randomBytes } from "node:crypto";
import { ACT_TYP } from "#protocol/api.ts";
import { hashOfHead } from "#protocol/head.ts";
import { ed25519Thumbprint } from "#protocol/jws.ts";
import { MOVE_TYP, type MovePlan, type MoveStatement, moveObject } from "#protocol/move.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { type KitKeys, newId } from "#protocol/sealing/way-in.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";
import { ApiClient } from "../support/api-client.ts";
import type { Customer, GivenGrant } from "../support/customer.ts";
import { SoftwarePasskey } from "../support/software-passkey.ts";
import { type System, type SystemOptions, startSystem } from "../support/system.ts";
import { type Scene, scene } from "./scene.ts";

/** A customer with a kit at one server, and another server, whose clocks are one. */
export interface Two extends Scene {
  readonly there: System;
  readonly kit: KitKeys;
}

export async function twoServers(there: SystemOptions = {}): Promise<Two> {
  const at = await scene();
  const kit = await at.customer.addKit();
  const other = await startSystem({ clock: at.system.clock, ...there });
  return {
    ...at,
    there: other,
    kit,
    async [Symbol.asyncDispose]() {
      await at[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    },
  };
}

/** The customer's word to one vendor. */
export async function statementOf(
  { grant, consent, pair }: GivenGrant,
  change: Pick<MoveStatement, "from" | "to"> & Partial<MoveStatement>,
): Promise<string> {
  const statement: MoveStatement = {
    iss: await ed25519Thumbprint(pair.x),
    aud: consent.aud,
    jti: newId(),
    iat: consent.iat,
    grant_id: grant,
    ...change,
  };
  return sign(statement, MOVE_TYP, pair, true);
}

/** What the customer would approve: all that it has given lives, but for `ended`. */
export async function planOf(customer: Customer, to: string, ended: readonly string[] = []): Promise<MovePlan> {
  const grants = [...customer.grants.values()];
  const from = customer.api.issuer;
  return {
    to,
    head: await hashOfHead(customer.head),
    living: grants.map(({ grant }) => grant).filter((grant) => !ended.includes(grant)),
    statements: Object.fromEntries(
      await Promise.all(grants.map(async (given) => [given.grant, await statementOf(given, { from, to })] as const)),
    ),
  };
}

/** Offers the store; answers the code. */
export async function offer(customer: Customer, to: string, plan?: MovePlan): Promise<string> {
  const whole = plan ?? (await planOf(customer, to));
  const act = await customer.act({ action: "move", grant: null, object: await moveObject(whole) });
  return (await customer.api.call("move", { body: { act, plan: whole } })).code;
}

/** The app of the new server, signed out. */
export const appOf = (system: System): ApiClient => new ApiClient(system.issuer);

/** The kit opens a session there. */
export async function openByKit(api: ApiClient, kit: KitKeys): Promise<void> {
  const door = await api.call("recovery", { body: { locator: kit.locator } });
  const act = {
    action: "recover",
    account: door.account,
    grant: null,
    object: await hashOfHead(door.head),
    nonce: door.nonce,
    at: door.at,
  } as const;
  await api.call("recover", { body: { locator: kit.locator, act: { act, kit: await sign(act, ACT_TYP, kit.sign) } } });
}

/** The customer goes on at the other server with a new passkey, by the kit. */
export async function goOnAt(customer: Customer, api: ApiClient, kit: KitKeys): Promise<void> {
  customer.api = api;
  const { id: registration, options } = await api.call("passkeyOptions");
  const { challenge } = options as { challenge: string };
  customer.passkey = new SoftwarePasskey(customer.account);
  const response = customer.passkey.create({ challenge, origin: api.issuer, rpId: customer.rpId });
  const way: Way = {
    id: newId(),
    kind: "passkey",
    key: null,
    passkey: { id: customer.passkey.id, publicKey: customer.passkey.publicKey },
    sign: null,
  };
  const ways = [...customer.ways, way];
  const act = await customer.kitAct({ action: "recover", grant: null, object: await hashOfWays(ways) }, kit);
  await customer.commit({ ways, attestation: { registration, response }, acts: [act] });
}

/** Half the way: offered, fetched, opened by the kit; the old server has not heard of it. */
export async function arriveAt({ customer, there, kit }: Two): Promise<{ readonly api: ApiClient; readonly code: string }> {
  const from = customer.api.issuer;
  const code = await offer(customer, there.issuer);
  const api = appOf(there);
  await api.call("arrive", { body: { from, code } });
  await openByKit(api, kit);
  return { api, code };
}

/** The whole way: arrived, told, gone on. */
export async function moveOver(at: Two): Promise<ApiClient> {
  const { api } = await arriveAt(at);
  await api.call("settle");
  await goOnAt(at.customer, api, at.kit);
  return api;
}

export const unknownCode = (): string => randomBytes(32).toString("base64url");
