import { digest } from "../digest.ts";

/** A refresh token names its grant, so that it is found without an index; of its secret only the hash is kept. */
export const refreshTokenOf = (grant: string, secret: string): string => `${grant}.${secret}`;

/** `hash`: as it stands in the grant's row. Undefined for what is not a refresh token at all. */
export function readRefreshToken(token: string): { grant: string; hash: string } | undefined {
  const [, grant, secret] = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  return grant === undefined || secret === undefined ? undefined : { grant, hash: digest(secret) };
}
