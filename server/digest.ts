import { hash, randomBytes } from "node:crypto";

/** SHA-256 of a text's UTF-8 or of bytes, as 43 base64url characters: the same as the protocol's hashOf, without waiting. */
export const digest = (data: string | Uint8Array): string => hash("sha256", data, "base64url");

/** `bytes` random bytes as base64url. */
export const randomText = (bytes: number): string => randomBytes(bytes).toString("base64url");

/** Milliseconds as an Instant of the wire. */
export const instant = (at: number): string => new Date(at).toISOString();
