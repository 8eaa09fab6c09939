import { base64url } from "#protocol/canonical.ts";
import { SINGLE_PATHS } from "#protocol/categories.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { makeEpoch } from "#protocol/sealing/epoch.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import { newId, prfSalt } from "#protocol/sealing/way-in.ts";
import type { Way } from "#protocol/ways.ts";
import { noteReading } from "./acts.ts";
import { assemble } from "./commit.ts";
import type { Context } from "./context.ts";
import { makeDeviceWay } from "./device.ts";
import type { OpenStore } from "./open-store.ts";
import { enter } from "./reading.ts";
import { EMPTY_TREE } from "./tree.ts";
import { VaultError } from "./vault.ts";

/** Makes a store: one prompt, one commit. */
export async function begin(context: Context): Promise<void> {
  const { id: registration, options } = await context.server.call("registrationOptions", { body: {} });
  const account = accountOf(options);
  const { attestation, publicKey, prf } = await context.prompts.create({ options, exclude: [], salt: await prfSalt() });

  const identity = await makeSigningPair();
  const accountKey = randomBytes(32);
  const device = await makeDeviceWay(context.memory, { account, identity: identity.x, epoch: 1, accountKey });
  const passkey: Way = { id: newId(), kind: "passkey", key: null, passkey: { id: attestation.id, publicKey }, sign: null };
  const keyring = { opener: device.opener, identity, epoch: 1, keys: new Map([[1, accountKey]]) };
  const draft = await assemble(
    nothingYet(account, keyring),
    {
      contents: new Map(SINGLE_PATHS.map((path) => [path, { value: null }])),
      ways: { list: [passkey, device.way], seals: [device.seal] },
      rotation: { row: await makeEpoch(account, 1, accountKey, identity, undefined), accountKey, identity },
      attestation: { registration, response: attestation },
    },
    context.now(),
    false,
  );
  await context.server.call("register", { body: draft.body });
  await context.memory.change(account, (old) => ({ ...old, head: draft.head, trust: draft.trust }));
  context.session = { account, ways: [passkey, device.way] };
  if (prf !== undefined) await noteReading(context, passkey, prf);
  await enter(context, keyring);
}

/** A passkey's user handle names its store. */
function accountOf(options: Record<string, unknown>): string {
  const { user } = options as { user?: { id?: unknown } };
  if (typeof user?.id !== "string" || base64url.decode(user.id).length !== 16) throw new VaultError("failed", "no account");
  return user.id;
}

function nothingYet(account: string, keyring: OpenStore["keyring"]): OpenStore {
  const claims = { account, identity: keyring.identity.x, seq: 0, prev: null, root: "", epoch: 0, ways: "", at: "" };
  return {
    keyring,
    replica: {
      account,
      created: "",
      erasing: null,
      moving: null,
      arriving: null,
      restored: null,
      era: 0,
      position: 0,
      head: { token: "", claims, hash: "" },
      ways: [],
      seals: new Map(),
      epochs: new Map(),
      successions: [],
      records: new Map(),
      shares: new Map(),
      ends: new Map(),
      rows: new Map(),
      passkeys: [],
      history: [],
      tree: EMPTY_TREE,
    },
    contents: new Map(),
    relationships: new Map(),
    grants: new Map(),
    verified: new Map(),
    attestations: new Map(),
    aliases: new Map(),
    alarms: [],
    device: undefined,
    lost: [],
    behind: undefined,
  };
}
