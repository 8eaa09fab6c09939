import type { SubjectRecord } from "./crm/sink.ts";

/** The column that says to whom a customer's data may be passed on: only where their consent says something of it. */
export const SHARING_COLUMN = "sharing";

type SharingFacts = Pick<SubjectRecord, "consent">;

/**
 * Whether a customer's data may be passed on to an organisation: granted by name, and not taken back by Global Privacy Control. Ask before
 * you pass anything on; what isn't clearly allowed is not allowed.
 * @param recipient exactly as it was granted
 */
export const mayShare = ({ consent }: SharingFacts, recipient: string): boolean =>
  !consent.gpc && !consent.paused && consent.recipients.includes(recipient);

/** `no`, or `only with: A, B`; undefined where nobody was asked for and nothing was said. */
export function sharingWords({ consent }: SharingFacts): string | undefined {
  if (consent.gpc) return "no";
  return consent.recipients.length === 0 ? undefined : `only with: ${consent.recipients.join(", ")}`;
}
