import type { Browser, Page } from "playwright-core";

/**
 * What the passkey can do:
 * `true` answers PRF at creation and at login; `"hmac-secret"`, like many security keys, only at login; `false` never.
 */
export type PrfSupport = true | "hmac-secret" | false;

/** Whether this browser can imitate a key of the `"hmac-secret"` kind. The packaged Chromium 143 can't: skip such a test there. */
export const canImitateHmacSecret = (browser: Browser): boolean => Number.parseInt(browser.version(), 10) > 143;

export interface VirtualAuthenticator extends AsyncDisposable {
  readonly id: string;
  /** The passkeys that it holds. Their PRF secrets can't be exported: a passkey put into another authenticator has lost its PRF. */
  credentials(): Promise<VirtualCredential[]>;
  removeCredential(credentialId: string): Promise<void>;
  /** Whether the next fingerprint, face or PIN is accepted. */
  setUserVerified(accepted: boolean): Promise<void>;
  /** Whether the person answers the prompt at all; without an answer a ceremony stays open. */
  setUserPresent(present: boolean): Promise<void>;
}

export interface VirtualCredential {
  credentialId: string;
  rpId: string;
  userHandle: string;
  signCount: number;
  isResidentCredential: boolean;
}

/**
 * Gives one page a platform authenticator of its own. Every page that runs a ceremony needs one, added before the ceremony,
 * or its `navigator.credentials.get()` never ends.
 */
export async function addAuthenticator(page: Page, { prf = true }: { prf?: PrfSupport } = {}): Promise<VirtualAuthenticator> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable", { enableUI: false });
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      hasPrf: prf === true,
      // Newer than playwright's table of the protocol.
      ...(prf === "hmac-secret" ? { hasHmacSecret: true } : {}),
    },
  });
  return {
    id: authenticatorId,
    async credentials() {
      const { credentials } = await session.send("WebAuthn.getCredentials", { authenticatorId });
      return credentials.map((credential) => ({
        credentialId: credential.credentialId,
        rpId: credential.rpId ?? "",
        userHandle: credential.userHandle ?? "",
        signCount: credential.signCount,
        isResidentCredential: credential.isResidentCredential,
      }));
    },
    async removeCredential(credentialId) {
      await session.send("WebAuthn.removeCredential", { authenticatorId, credentialId });
    },
    async setUserVerified(accepted) {
      await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: accepted });
    },
    async setUserPresent(present) {
      await session.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled: present });
    },
    async [Symbol.asyncDispose]() {
      // The page may be closed already, and then its authenticator is gone with it.
      await session.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId }).catch(() => undefined);
      await session.detach().catch(() => undefined);
    },
  };
}
