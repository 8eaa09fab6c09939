/** A shop on this very computer: nobody checked who it is. */
export const isLoopback = (domain: string): boolean => {
  const host = domain.replace(/:\d+$/, "");
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
};
