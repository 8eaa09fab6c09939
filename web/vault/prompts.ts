import type { Assertion, Attestation } from "#protocol/api.ts";
import { VaultError } from "./vault.ts";

/** A passkey's answer, and what it gave for the fixed salt, which never travels with it. */
export interface Got {
  readonly assertion: Assertion;
  readonly prf: Uint8Array<ArrayBuffer> | undefined;
}
export interface Made {
  readonly attestation: Attestation;
  /** SPKI, base64url. */
  readonly publicKey: string;
  readonly prf: Uint8Array<ArrayBuffer> | undefined;
}

/** What the passkey is asked. `allow`: credential ids, none for any of this site. */
export interface Asked {
  readonly challenge: string;
  readonly allow: readonly string[];
  readonly salt: Uint8Array<ArrayBuffer>;
}
/** PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3, 5.4) of the server. */
export interface Making {
  readonly options: Record<string, unknown>;
  /** Credential ids of this store: an authenticator that has one makes no other. */
  readonly exclude: readonly string[];
  readonly salt: Uint8Array<ArrayBuffer>;
}

/** The two ceremonies. Each call is one prompt. */
export interface Prompts {
  get(asked: Asked): Promise<Got>;
  create(making: Making): Promise<Made>;
}

const bytesOf = (text: unknown): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(String(text).replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const textOf = (bytes: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
const named = (ids: readonly string[]): PublicKeyCredentialDescriptor[] => ids.map((id) => ({ type: "public-key", id: bytesOf(id) }));

let refused = new AbortController();

/** Closes the prompt that is open, and lets what waits behind it open none until `work` is done. */
export async function withoutPrompts<T>(work: () => Promise<T>): Promise<T> {
  refused.abort();
  try {
    return await work();
  } finally {
    refused = new AbortController();
  }
}

/** The prompts of this browser. `toJSON()` of a credential holds the PRF output, so its JSON is written here, member by member. */
export const browserPrompts: Prompts = {
  async get({ challenge, allow, salt }) {
    const credential = (await prompt(() =>
      navigator.credentials.get({
        signal: refused.signal,
        publicKey: {
          challenge: bytesOf(challenge),
          userVerification: "required",
          allowCredentials: named(allow),
          extensions: { prf: { eval: { first: salt } } },
        },
      }),
    )) as PublicKeyCredential;
    const response = credential.response as AuthenticatorAssertionResponse;
    return {
      assertion: {
        ...identified(credential),
        response: {
          clientDataJSON: textOf(response.clientDataJSON),
          authenticatorData: textOf(response.authenticatorData),
          signature: textOf(response.signature),
          userHandle: response.userHandle === null ? null : textOf(response.userHandle),
        },
      },
      prf: readingOf(credential),
    };
  },
  async create({ options, exclude, salt }) {
    const publicKey = {
      ...options,
      challenge: bytesOf(options.challenge),
      excludeCredentials: named(exclude),
    } as unknown as PublicKeyCredentialCreationOptions;
    const { id, ...user } = options.user as { id: string; name: string; displayName: string };
    publicKey.user = { ...user, id: bytesOf(id) };
    const make = (prf: AuthenticationExtensionsPRFInputs): Promise<Credential | null> =>
      navigator.credentials.create({ signal: refused.signal, publicKey: { ...publicKey, extensions: { prf } } });
    const credential = (await prompt(async () => {
      try {
        return await make({ eval: { first: salt } });
      } catch (error) {
        if (!(error instanceof DOMException && error.name === "NotSupportedError")) throw error;
        return make({});
      }
    })) as PublicKeyCredential;
    const response = credential.response as AuthenticatorAttestationResponse;
    const key = response.getPublicKey();
    if (key === null) throw new VaultError("unsupported", "This browser does not know the kind of key that this passkey has");
    return {
      attestation: {
        ...identified(credential),
        response: {
          clientDataJSON: textOf(response.clientDataJSON),
          attestationObject: textOf(response.attestationObject),
          transports: response.getTransports(),
        },
      },
      publicKey: textOf(key),
      prf: readingOf(credential),
    };
  },
};

type Identified = Pick<Assertion, "id" | "rawId" | "type" | "authenticatorAttachment" | "clientExtensionResults">;

function identified(credential: PublicKeyCredential): Identified {
  const attachment = credential.authenticatorAttachment;
  return {
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: "public-key",
    authenticatorAttachment: attachment === "platform" || attachment === "cross-platform" ? attachment : null,
    clientExtensionResults: {},
  };
}

function readingOf(credential: PublicKeyCredential): Uint8Array<ArrayBuffer> | undefined {
  const first = credential.getClientExtensionResults().prf?.results?.first;
  if (first === undefined) return undefined;
  const bytes = ArrayBuffer.isView(first) ? new Uint8Array(first.buffer, first.byteOffset, first.byteLength) : new Uint8Array(first);
  const copy = new Uint8Array(bytes);
  bytes.fill(0);
  return copy.length === 32 ? copy : undefined;
}

async function prompt(ask: () => Promise<Credential | null>): Promise<Credential> {
  try {
    const credential = await ask();
    if (credential !== null) return credential;
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "InvalidStateError") throw new VaultError("invalid", "This authenticator has a passkey of this store already");
    if (name !== "NotAllowedError" && name !== "AbortError")
      throw new VaultError("unsupported", "This browser or its security key can't do this");
  }
  throw new VaultError("cancelled", "The passkey prompt was closed");
}
