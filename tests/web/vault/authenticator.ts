import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import type { Prompts } from "../../../web/vault/prompts.ts";
import { VaultError } from "../../../web/vault/vault.ts";

interface Credential {
  id: string;
  userHandle: string;
  key: KeyObject;
  secret: Buffer;
  count: number;
}

/** A platform authenticator in software, and the browser's prompts over it. */
export interface SoftwareAuthenticator {
  readonly prompts: Prompts;
  /** Prompts that were shown. */
  readonly shown: string[];
  /** Forgets PRF secrets, as a device does that answers another value than before. */
  changePrf(): void;
}

/** CBOR (RFC 8949) of the few things that an attestation holds. */
function cbor(value: number | string | Buffer | Map<unknown, unknown>): Buffer {
  const head = (major: number, length: number): Buffer =>
    length < 24 ? Buffer.from([(major << 5) | length]) : length < 256 ? Buffer.from([(major << 5) | 24, length]) : Buffer.from([(major << 5) | 25, length >> 8, length & 255]);
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, each]) => [cbor(key as string), cbor(each as string)])]);
}

const hash = (data: Buffer | string): Buffer => createHash("sha256").update(data).digest();

/** @param prf whether PRF answers at creation and login, only at login, or never */
export function softwareAuthenticator(origin: string, prf: true | "login" | false = true): SoftwareAuthenticator {
  const credentials: Credential[] = [];
  const shown: string[] = [];
  const rpIdHash = hash(new URL(origin).hostname);
  const authData = (credential: Credential, attested?: Buffer): Buffer => {
    credential.count += 1;
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(credential.count);
    return Buffer.concat([rpIdHash, Buffer.from([attested ? 0x45 : 0x05]), counter, attested ?? Buffer.alloc(0)]);
  };
  const clientData = (type: string, challenge: string): Buffer => Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  const reading = (credential: Credential, salt: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(createHmac("sha256", credential.secret).update(salt).digest());
  const named = (id: string) => ({ id, rawId: id, type: "public-key", authenticatorAttachment: "platform", clientExtensionResults: {} }) as const;
  return {
    shown,
    changePrf() {
      for (const credential of credentials) credential.secret = randomBytes(32);
    },
    prompts: {
      async create({ options, exclude, salt }) {
        shown.push("create");
        if (credentials.some(({ id }) => exclude.includes(id))) throw new VaultError("invalid", "There is one already");
        const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
        const { x = "", y = "" } = publicKey.export({ format: "jwk" });
        const rawId = randomBytes(16);
        const user = options.user as { id: string };
        const credential: Credential = { id: rawId.toString("base64url"), userHandle: user.id, key: privateKey, secret: randomBytes(32), count: 0 };
        credentials.push(credential);
        const cose = cbor(
          new Map<number, number | Buffer>([
            [1, 2],
            [3, -7],
            [-1, 1],
            [-2, Buffer.from(x, "base64url")],
            [-3, Buffer.from(y, "base64url")],
          ]),
        );
        const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, rawId.length]), rawId, cose]);
        const attestationObject = cbor(
          new Map<string, unknown>([
            ["fmt", "none"],
            ["attStmt", new Map()],
            ["authData", authData(credential, attested)],
          ]),
        );
        return {
          attestation: {
            ...named(credential.id),
            response: {
              clientDataJSON: clientData("webauthn.create", String(options.challenge)).toString("base64url"),
              attestationObject: attestationObject.toString("base64url"),
              transports: ["internal"],
            },
          },
          publicKey: publicKey.export({ format: "der", type: "spki" }).toString("base64url"),
          prf: prf === true ? reading(credential, salt) : undefined,
        };
      },
      async get({ challenge, allow, salt }) {
        shown.push("get");
        const credential = credentials.findLast(({ id }) => allow.length === 0 || allow.includes(id));
        if (credential === undefined) throw new VaultError("cancelled", "The passkey prompt was closed");
        const data = authData(credential);
        const client = clientData("webauthn.get", challenge);
        return {
          assertion: {
            ...named(credential.id),
            response: {
              clientDataJSON: client.toString("base64url"),
              authenticatorData: data.toString("base64url"),
              signature: sign("sha256", Buffer.concat([data, hash(client)]), credential.key).toString("base64url"),
              userHandle: credential.userHandle,
            },
          },
          prf: prf === false ? undefined : reading(credential, salt),
        };
      },
    },
  };
}
