import { createPublicKey, type JsonWebKey } from "node:crypto";
import * as v from "valibot";
import { unclear } from "#protocol/plain-words.ts";
import { Words } from "#protocol/shapes.ts";
import { digest } from "../digest.ts";
import { isLoopback } from "../loopback.ts";
import type { VendorRow } from "../rows.ts";

/** Why a vendor's metadata is refused, in words for the vendor. */
export class MetadataError extends Error {
  override readonly name = "MetadataError";
}

const Address = v.pipe(v.string(), v.maxLength(500), v.url(), v.regex(/^https?:\/\//i));

/** RFC 7591 metadata and ours (protocol, section 6); members of other specifications are left alone. */
const Metadata = v.object({
  client_id: v.pipe(v.string(), v.maxLength(500)),
  client_name: Words(100),
  legal_name: Words(200),
  country: v.pipe(v.string(), v.regex(/^[A-Z]{2}$/)),
  dpo_contact: v.optional(Words(300)),
  client_uri: v.optional(Address),
  policy_uri: v.optional(Address),
  redirect_uris: v.pipe(v.array(Address), v.minLength(1), v.maxLength(20)),
  jwks_uri: Address,
  token_endpoint_auth_method: v.literal("private_key_jwt"),
});

const Jwks = v.object({ keys: v.pipe(v.array(v.record(v.string(), v.unknown())), v.minLength(1), v.maxLength(20)) });

/** A vendor as its documents say. */
export interface Vendor {
  readonly row: VendorRow;
  readonly redirectUris: readonly string[];
  readonly jwksUri: string;
  readonly signingKeys: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

/** @throws {MetadataError} unless `text` is the metadata document of `clientId` */
export function readMetadata(text: string, clientId: string): v.InferOutput<typeof Metadata> {
  const metadata = parse(Metadata, text, "client metadata");
  if (metadata.client_id !== clientId) throw new MetadataError("client_id in the document is not its address");
  for (const member of ["client_name", "legal_name", "dpo_contact"] as const) {
    const text = metadata[member];
    const reason = text === undefined ? undefined : unclear(text);
    if (reason !== undefined) throw new MetadataError(`the client metadata is wrong at /${member}: ${reason}`);
  }
  const own = new URL(clientId);
  if (new URL(metadata.jwks_uri).host !== own.host) throw new MetadataError("jwks_uri is on another host than client_id");
  for (const uri of metadata.redirect_uris) {
    const { protocol, hostname, hash } = new URL(uri);
    const allowed = protocol === "https:" || (protocol === "http:" && isLoopback(hostname) && isLoopback(own.hostname));
    if (!allowed || hash !== "") throw new MetadataError("a redirect URI is https and has no fragment");
  }
  return metadata;
}

/** @param since epoch milliseconds at which this vendor was first seen */
export function vendorOf(metadata: v.InferOutput<typeof Metadata>, text: string, jwks: string, since: number): Vendor {
  const { encryptionKey, signingKeys } = readKeys(jwks);
  return {
    row: {
      clientId: metadata.client_id,
      clientName: metadata.client_name,
      legalName: metadata.legal_name,
      country: metadata.country,
      dpoContact: metadata.dpo_contact ?? null,
      clientUri: metadata.client_uri ?? null,
      policyUri: metadata.policy_uri ?? null,
      domain: new URL(metadata.client_id).hostname,
      encryptionKey,
      since,
      document: digest(text),
    },
    redirectUris: metadata.redirect_uris,
    jwksUri: metadata.jwks_uri,
    signingKeys,
  };
}

/** The same vendor with the keys of a newer key set. @throws {MetadataError} */
export function withKeys(vendor: Vendor, jwks: string): Vendor {
  const { encryptionKey, signingKeys } = readKeys(jwks);
  return { ...vendor, row: { ...vendor.row, encryptionKey }, signingKeys };
}

function readKeys(jwks: string): { encryptionKey: VendorRow["encryptionKey"]; signingKeys: Vendor["signingKeys"] } {
  const { keys } = parse(Jwks, jwks, "key set");
  if (keys.some((key) => "d" in key || "k" in key))
    throw new MetadataError("the key set holds a private key: take it down and make new keys");
  const encryption = keys.filter((key) => key.use === "enc");
  const [encryptionKey] = encryption;
  if (encryptionKey === undefined || encryption.length !== 1 || !isEncryptionKey(encryptionKey))
    throw new MetadataError('the key set needs exactly one key with "use": "enc", X25519 or P-256');
  const { kty, crv, x, y, kid } = encryptionKey;
  return {
    encryptionKey: { kty, crv, x, ...(y === undefined ? {} : { y }), ...(kid === undefined ? {} : { kid }), use: "enc" },
    signingKeys: keys.filter((key) => key.use !== "enc").map(({ kty, crv, x, y, n, e, kid, alg }) => ({ kty, crv, x, y, n, e, kid, alg })),
  };
}

function isEncryptionKey({ kty, crv, x, y }: JsonWebKey): boolean {
  try {
    if (kty === "OKP" && crv === "X25519" && typeof x === "string") createPublicKey({ format: "jwk", key: { kty, crv, x } });
    else if (kty === "EC" && crv === "P-256" && typeof x === "string" && typeof y === "string")
      createPublicKey({ format: "jwk", key: { kty, crv, x, y } });
    else return false;
    return true;
  } catch {
    return false;
  }
}

function parse<S extends v.GenericSchema>(schema: S, text: string, what: string): v.InferOutput<S> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new MetadataError(`the ${what} is not JSON`, { cause });
  }
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (!result.success)
    throw new MetadataError(
      `the ${what} is wrong at /${(result.issues[0].path ?? []).map(({ key }) => String(key).slice(0, 60)).join("/")}`,
    );
  return result.output;
}
