import { isLoopback } from "../parts/loopback.ts";

/** The origin that was typed, with or without https:// and a slash at its end; undefined for what is none, or this one. */
export function otherOrigin(typed: string): string | undefined {
  const text = typed.trim();
  const whole = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  if (text === "" || !URL.canParse(whole)) return undefined;
  const { origin, protocol, hostname, pathname, search, hash, username } = new URL(whole);
  // Some browsers take more for a name than names servers.
  if (!/^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])$/.test(hostname)) return undefined;
  const isBare = pathname === "/" && search === "" && hash === "" && username === "";
  const isSafe = protocol === "https:" || (protocol === "http:" && isLoopback(hostname) && isLoopback(location.hostname));
  return isBare && isSafe && origin !== location.origin ? origin : undefined;
}
