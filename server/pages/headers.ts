type Headers = Readonly<Record<string, string>>;

const policy = (importMap: string, secure: boolean): string =>
  [
    "default-src 'none'",
    `script-src 'self' '${importMap}'`,
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    // The crypto worker is fetched with its integrity and started from a blob.
    "worker-src 'self' blob:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types counterfoil",
    ...(secure ? ["upgrade-insecure-requests"] : []),
  ].join("; ");

const common = (secure: boolean): Headers => ({
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  ...(secure ? { "Strict-Transport-Security": "max-age=63072000; includeSubDomains" } : {}),
});

/** For the one page of the app. */
export const documentHeaders = (importMap: string, secure: boolean): Headers => ({
  ...common(secure),
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-cache",
  "Content-Security-Policy": policy(importMap, secure),
  "Integrity-Policy": "blocked-destinations=(script)",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "X-Frame-Options": "DENY",
  "Origin-Agent-Cluster": "?1",
  "Permissions-Policy":
    "publickey-credentials-create=(self), publickey-credentials-get=(self), camera=(), microphone=(), geolocation=(), payment=(), usb=()",
});

/** For its files; a worker obeys its own answer's embedder policy. */
export const fileHeaders = (type: string, hashed: boolean, secure: boolean): Headers => ({
  ...common(secure),
  "Content-Type": type,
  "Cache-Control": hashed ? "public, max-age=31536000, immutable" : "no-cache",
  "Cross-Origin-Embedder-Policy": "require-corp",
});

/** For a page that says in one sentence what went wrong, and does nothing. */
export const plainHeaders: Headers = {
  "Content-Type": "text/plain; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
};
