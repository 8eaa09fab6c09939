import type { HistoryEntry } from "#protocol/api.ts";
import type { RefusalCode } from "#protocol/refusal.ts";

/** What a vendor remembers of one pull. `asked`: milliseconds of a clock that nobody sets. */
export type PullOutcome = { readonly asked: number } & (
  | { readonly is: "given" /** `receipt.read` */; readonly read: number }
  | { readonly is: "refused"; readonly code: string }
  /** No whole answer came: it may have been logged. */
  | { readonly is: "lost" }
);

/** A grant that was ended. */
export interface RevokedGrant {
  readonly grant: string;
  /** When the answer to the revocation had come, by the clock of the outcomes. */
  readonly revokedAt: number;
}

/** What a refusal says of a grant that was revoked. */
const ENDED: readonly string[] = ["grant_ended"] satisfies RefusalCode[];

/**
 * What is wrong between the reads that a vendor was given (their numbers) and the lines of its grant, as sentences: each is logged once,
 * none behind the revocation, and no number is left out.
 */
export function logFaults(lines: readonly HistoryEntry[], given: readonly number[]): string[] {
  const faults: string[] = [];
  const end = lines.find(({ type }) => type === "revoke")?.position ?? Number.POSITIVE_INFINITY;
  const logged = new Set<number | null>();
  for (const { type, number, position } of lines) {
    if (type !== "read") continue;
    if (position > end) faults.push(`read ${number} is logged at ${position}, after the revocation at ${end}`);
    if (logged.has(number)) faults.push(`read ${number} is logged twice`);
    logged.add(number);
  }
  const numbers = [...logged].map(Number).sort((a, b) => a - b);
  if (numbers.some((number, at) => number !== at + 1)) faults.push("the numbers of the reads have gaps");
  for (const number of given) if (!logged.has(number)) faults.push(`read ${number} was given and is not logged`);
  if (new Set(given).size !== given.length) faults.push("a read was given twice");
  return faults;
}

/**
 * What is wrong between what a vendor was given and what the customer's history says, as sentences; nothing if each read is logged before
 * the revocation, or refused. `history`: the whole store's; `others`: refusals that may come besides, as where a server is down. Reads of
 * several pages have a number for each.
 */
export function readFaults(
  outcomes: readonly PullOutcome[],
  history: readonly HistoryEntry[],
  { grant, revokedAt }: RevokedGrant,
  others: readonly string[] = [],
): string[] {
  const lines = history.filter((line) => line.grant === grant);
  const ends = lines.filter(({ type }) => type === "revoke");
  if (ends.length !== 1) return [`there are ${ends.length} lines of the revocation`];
  const given = outcomes.filter((outcome) => outcome.is === "given");
  const lost = outcomes.filter(({ is }) => is === "lost").length;
  const faults = logFaults(
    lines,
    given.map(({ read }) => read),
  );
  for (const outcome of outcomes)
    if (outcome.is === "refused" && !ENDED.includes(outcome.code) && !others.includes(outcome.code))
      faults.push(`a pull was refused by ${outcome.code}`);
  for (const { asked, read } of given)
    if (asked > revokedAt) faults.push(`read ${read} was given to who asked after the revocation was answered`);
  const logged = lines.filter(({ type }) => type === "read").length;
  if (logged > given.length + lost) faults.push(`${logged} reads are logged, ${given.length} were given and ${lost} lost`);
  return faults;
}
