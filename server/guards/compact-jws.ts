/** A compact JWS taken apart, nothing verified. */
export interface CompactParts {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  /** What is signed: header and payload with the point between them. */
  readonly signed: string;
}

const PART = /^[A-Za-z0-9_-]+$/;

export function takeApart(token: string): CompactParts | undefined {
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first < 1 || second < 0) return undefined;
  const [header, payload, signature] = [token.slice(0, first), token.slice(first + 1, second), token.slice(second + 1)];
  return PART.test(header) && PART.test(payload) && PART.test(signature)
    ? { header, payload, signature, signed: token.slice(0, second) }
    : undefined;
}

/** The JSON object of a part, or undefined. */
export function objectOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
