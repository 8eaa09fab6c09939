import { base64url } from "../protocol/canonical.ts";

/** 32 random bytes as 43 base64url characters: states, verifiers, jti. */
export const newToken = (): string => base64url.encode(crypto.getRandomValues(new Uint8Array(32)));
