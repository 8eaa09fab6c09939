import type { Documents } from "./documents.ts";

export interface Pulled {
  records?: Array<{ path: string }>;
  code?: string;
}

/** One FAPI client that others wrote, driven from discovery to the end of its tokens. Each step checks what that client checks. */
export interface Driver extends AsyncDisposable {
  readonly name: string;
  readonly documents: Documents;
  /** How often it was asked for another nonce, and had one. */
  nonces(): number;
  /** Pushes a request: where the browser goes. */
  begin(): Promise<URL>;
  /** @param back where the browser came back */
  redeem(back: URL): Promise<{ access: string; refresh: string; grant: string }>;
  pull(access: string, url: URL): Promise<Pulled>;
  /** A new access token. */
  refresh(token: string): Promise<string>;
  introspect(token: string): Promise<Record<string, unknown>>;
  /** By a signed answer (RFC 9701), whose signature it verifies. */
  introspectSigned(token: string): Promise<Record<string, unknown>>;
  revoke(token: string): Promise<void>;
  /** The claims of the access token in its last pull, taken as a resource server takes it; throws where that would refuse. */
  accepted(): Promise<Record<string, unknown>>;
}
