/** Names of this machine alone (RFC 8252, 8.3; `localhost` by RFC 6761). */
export const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
