import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { Assertion, Attestation } from "#protocol/api.ts";
import { cbor } from "./cbor.ts";

export interface Ceremony {
  /** base64url */
  challenge: string;
  origin: string;
  rpId: string;
}

/** What an authenticator may do wrong. */
export interface Fault {
  userVerified?: boolean;
  type?: string;
}

/** A passkey without a browser: ES256, attestation `none`, as the ceremonies' JSON. */
export class SoftwarePasskey {
  readonly id = randomBytes(24).toString("base64url");
  readonly userHandle: string;
  /** Signatures so far; stays 0 where the authenticator does not count. */
  counter: number;
  readonly #pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #counts: boolean;

  constructor(userHandle: string, { counts = false }: { counts?: boolean } = {}) {
    this.userHandle = userHandle;
    this.#counts = counts;
    this.counter = counts ? 1 : 0;
  }

  /** What the browser's getPublicKey() gives: SPKI, base64url. */
  get publicKey(): string {
    return this.#pair.publicKey.export({ format: "der", type: "spki" }).toString("base64url");
  }

  create(ceremony: Ceremony, fault: Fault = {}): Attestation {
    const { x = "", y = "" } = this.#pair.publicKey.export({ format: "jwk" });
    const cose = cbor(
      new Map<number, number | Uint8Array>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Buffer.from(x, "base64url")],
        [-3, Buffer.from(y, "base64url")],
      ]),
    );
    const id = Buffer.from(this.id, "base64url");
    const authData = Buffer.concat([
      this.#authenticatorData(ceremony.rpId, 0x40, fault),
      Buffer.alloc(16),
      Buffer.from([0, id.length]),
      id,
      cose,
    ]);
    const attestation = cbor(
      new Map<string, string | Uint8Array | Map<string, never>>([
        ["fmt", "none"],
        ["attStmt", new Map<string, never>()],
        ["authData", authData],
      ]),
    );
    return {
      id: this.id,
      rawId: this.id,
      type: "public-key",
      authenticatorAttachment: "platform",
      clientExtensionResults: {},
      response: {
        clientDataJSON: clientData(fault.type ?? "webauthn.create", ceremony),
        attestationObject: attestation.toString("base64url"),
        transports: ["internal"],
      },
    };
  }

  get(ceremony: Ceremony, fault: Fault = {}): Assertion {
    if (this.#counts) this.counter++;
    const clientDataJSON = clientData(fault.type ?? "webauthn.get", ceremony);
    const authenticatorData = this.#authenticatorData(ceremony.rpId, 0, fault);
    const signed = Buffer.concat([authenticatorData, createHash("sha256").update(Buffer.from(clientDataJSON, "base64url")).digest()]);
    return {
      id: this.id,
      rawId: this.id,
      type: "public-key",
      authenticatorAttachment: "platform",
      clientExtensionResults: {},
      response: {
        clientDataJSON,
        authenticatorData: authenticatorData.toString("base64url"),
        signature: sign("sha256", signed, this.#pair.privateKey).toString("base64url"),
        userHandle: this.userHandle,
      },
    };
  }

  #authenticatorData(rpId: string, flags: number, { userVerified = true }: Fault): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    // User present; verified; eligible for backup and backed up.
    return Buffer.concat([
      createHash("sha256").update(rpId).digest(),
      Buffer.from([0x01 | (userVerified ? 0x04 : 0) | 0x18 | flags]),
      counter,
    ]);
  }
}

const clientData = (type: string, { challenge, origin }: Ceremony): string =>
  Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false })).toString("base64url");
