import { createHmac, randomBytes } from "node:crypto";
import type { Prompts } from "../../../web/vault/prompts.ts";
import { VaultError } from "../../../web/vault/vault.ts";
import { SoftwarePasskey } from "../../support/software-passkey.ts";

/** A platform authenticator in software, and the browser's prompts over it. */
export interface SoftwareAuthenticator {
  readonly prompts: Prompts;
  /** Prompts that were shown. */
  readonly shown: string[];
  /** From now on answers other PRF values than before. */
  changePrf(): void;
}

/** @param prf whether PRF answers at creation and login, only at login, or never */
export function softwareAuthenticator(origin: string, prf: true | "login" | false = true): SoftwareAuthenticator {
  const passkeys: SoftwarePasskey[] = [];
  const shown: string[] = [];
  const rpId = new URL(origin).hostname;
  let secret = randomBytes(32);
  const reading = (passkey: SoftwarePasskey, salt: Uint8Array): Uint8Array<ArrayBuffer> =>
    new Uint8Array(createHmac("sha256", secret).update(passkey.id).update(salt).digest());
  return {
    shown,
    changePrf() {
      secret = randomBytes(32);
    },
    prompts: {
      async create({ options, exclude, salt }) {
        shown.push("create");
        if (passkeys.some(({ id }) => exclude.includes(id))) throw new VaultError("invalid", "there is one already");
        const passkey = new SoftwarePasskey((options.user as { id: string }).id, { counts: true });
        passkeys.push(passkey);
        const attestation = passkey.create({ challenge: String(options.challenge), origin, rpId });
        return { attestation, publicKey: passkey.publicKey, prf: prf === true ? reading(passkey, salt) : undefined };
      },
      async get({ challenge, allow, salt }) {
        shown.push("get");
        const passkey = passkeys.findLast(({ id }) => allow.length === 0 || allow.includes(id));
        if (passkey === undefined) throw new VaultError("cancelled", "no passkey fits");
        const assertion = passkey.get({ challenge, origin, rpId });
        // As security keys do, which leave out whose a passkey is that they were told of.
        if (allow.length > 0) assertion.response.userHandle = null;
        return { assertion, prf: prf === false ? undefined : reading(passkey, salt) };
      },
    },
  };
}
