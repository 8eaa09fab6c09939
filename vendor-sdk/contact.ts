import * as v from "valibot";
import {
  CHANNELS,
  type Channel,
  Contact,
  type ContactAnswer,
  type ContactPurpose,
  type ContactRule,
  ruledOut,
  mayContact as rulesAllow,
} from "../protocol/data/contact.ts";
import { covers } from "../protocol/paths.ts";
import { PURPOSES, type Purpose } from "../protocol/purposes.ts";
import type { SubjectRecord } from "./crm/sink.ts";

export { CHANNELS, type Channel };

const PATH = "preferences/contact";

/** What the answer hangs on: a whole record, or these parts of one. */
export type ContactFacts = Pick<SubjectRecord, "fields" | "consent">;

/**
 * Whether you may reach a customer, and why not: `ended`, `paused` the grant, or this purpose of it; `purpose` not granted, or not
 * allowed for this channel; `not-granted` the contact rules themselves; `no-rule` for this channel; `never`; `hours`; `frequency`;
 * `unreadable` rules. `next`: when it will be allowed, where that is only a matter of time.
 */
export interface ContactVerdict {
  readonly allowed: boolean;
  readonly reason: ContactAnswer["reason"] | "ended" | "paused" | "not-granted" | "unreadable";
  readonly next?: Date;
}

/**
 * Whether a customer may be reached at a moment by a channel for a purpose, by their own rules and by what is granted. Ask before each
 * message; what isn't clearly allowed is not allowed.
 * @param purpose id of the registry, such as `delivery`, or the IRI that the consent names
 * @param sent when you reached this customer by this channel before: without it a rule of how often can't be kept
 * @throws {TypeError} on an unknown channel or purpose, or a date that is none
 */
export function mayContact(
  { fields, consent }: ContactFacts,
  channel: Channel,
  purpose: string,
  at: Date,
  sent: readonly Date[] = [],
): ContactVerdict {
  const { id, iri } = purposeNamed(purpose);
  if (!CHANNELS.includes(channel)) throw new TypeError(`channel: expected one of ${CHANNELS.join(", ")}`);
  if ([at, ...sent].some((each) => Number.isNaN(each.getTime()))) throw new TypeError("at, sent: expected dates");
  const no = (reason: ContactVerdict["reason"]): ContactVerdict => ({ allowed: false, reason });
  const end = Object.hasOwn(consent.ends, iri) ? Date.parse(consent.ends[iri] ?? "") : undefined;
  if (!(at.getTime() < Date.parse(consent.until))) return no("ended");
  if (consent.paused) return no("paused");
  if (end === undefined) return no("purpose");
  if (!(at.getTime() < end)) return no("ended");
  const rules = rulesOf({ fields, consent });
  if (typeof rules === "string") return no(rules);
  const { next, ...answer } = rulesAllow(rules, channel, id, at, sent);
  return next === undefined || next.getTime() >= end ? answer : { ...answer, next };
}

function rulesOf({ fields, consent }: ContactFacts): Contact | "not-granted" | "no-rule" | "unreadable" {
  if (!consent.paths.some((wide) => covers(wide, PATH))) return "not-granted";
  const value = Object.hasOwn(fields, PATH) ? fields[PATH] : undefined;
  if (value === undefined || value === null) return "no-rule";
  const parsed = v.safeParse(Contact, value);
  return parsed.success ? parsed.output : "unreadable";
}

function purposeNamed(text: string): Purpose & { id: ContactPurpose } {
  const found = PURPOSES.find(({ id, iri }) => id === text || iri === text);
  if (found === undefined) throw new TypeError(`purpose: expected one of ${PURPOSES.map(({ id }) => id).join(", ")}, or its IRI`);
  return found as Purpose & { id: ContactPurpose };
}

/** The column of a row that says whether one may reach its customer by this channel. */
export const contactColumn = (channel: Channel): string => `contact.${channel}`;

/**
 * Whether a customer may be reached, for each channel: `no`, or `yes: delivery, customer-care` with the purposes, and whatever else they
 * set after a semicolon. Pure: `mayContact` says whether now.
 */
export function contactWords({ fields, consent }: ContactFacts): Record<Channel, string> {
  const rules = rulesOf({ fields, consent });
  const words = (channel: Channel): string => {
    if (consent.paused || typeof rules === "string") return "no";
    const granted = PURPOSES.filter(({ iri }) => consent.purposes.includes(iri)).map(({ id }) => id as ContactPurpose);
    const allowed = granted.filter((purpose) => ruledOut(rules, channel, purpose) === undefined);
    if (allowed.length === 0) return "no";
    const conditions = rules.channels.filter((rule) => rule.channel === channel).flatMap((rule) => conditionsOf(rule, rules.timeZone));
    return [`yes: ${allowed.join(", ")}`, ...new Set(conditions)].join("; ");
  };
  return Object.fromEntries(CHANNELS.map((channel) => [channel, words(channel)])) as Record<Channel, string>;
}

function conditionsOf({ hours, frequency }: ContactRule, timeZone = "UTC"): string[] {
  const days = hours?.days === undefined ? "" : `${hours.days.join(" ")} `;
  return [
    ...(hours === undefined ? [] : [`only ${days}${hours.from}-${hours.to} ${timeZone}`]),
    ...(frequency === undefined ? [] : [`at most ${frequency.max} in ${spanOf(frequency.per)}`]),
  ];
}

function spanOf(duration: string): string {
  const number = Number(/\d+/.exec(duration)?.[0]);
  return `${number} ${duration.endsWith("D") ? "day" : "hour"}${number === 1 ? "" : "s"}`;
}
