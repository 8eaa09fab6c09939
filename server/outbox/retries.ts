const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** After each failed delivery how long until the next (protocol, section 8). The first is at once; after the tenth it is given up. */
export const RETRIES = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
const LONGEST = 24 * HOUR;

/**
 * How long to wait after so many failures; undefined: no longer. Up to a tenth more by chance, so that receivers that failed together don't
 * come back together. `asked`: what the receiver asked for (`Retry-After`). `random`: 0 to 1.
 */
export function delayAfter(tries: number, random: number, asked = 0): number | undefined {
  const delay = RETRIES[tries - 1];
  return delay === undefined ? undefined : Math.max(delay + delay * 0.1 * random, Math.min(asked, LONGEST));
}
