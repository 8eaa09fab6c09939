import * as v from "valibot";
import { milliseconds } from "../duration.ts";
import type { NameOf } from "../kind.ts";
import { Duration, LanguageTag, Path, Positive, Text } from "../shapes.ts";

const optional = v.optional;

/** Ways to reach a customer. */
export const CHANNELS = ["email", "sms", "phone", "post", "push"] as const;
export type Channel = (typeof CHANNELS)[number];
/** What a customer may be reached for: ids of the purposes (protocol/purposes.ts). */
export const CONTACT_PURPOSES = ["delivery", "customer-care", "customer-management", "recommendations", "direct-marketing"] as const;
export type ContactPurpose = (typeof CONTACT_PURPOSES)[number];
/** Days of the week as in iCalendar (RFC 5545, 3.3.10). */
export const WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const;

const TimeOfDay = v.pipe(v.string(), v.regex(/^([01]\d|2[0-3]):[0-5]\d$/));

/** One channel's rule. */
const ContactRule = v.strictObject({
  channel: v.picklist(CHANNELS),
  allowed: v.boolean(),
  /** Only for these; absent: for every purpose that the vendor was granted. */
  purposes: optional(v.pipe(v.array(v.picklist(CONTACT_PURPOSES)), v.minLength(1), v.maxLength(CONTACT_PURPOSES.length))),
  /** At most so often. */
  frequency: optional(v.strictObject({ max: v.pipe(Positive, v.maxValue(1000)), per: Duration })),
  /**
   * Only then, in the card's time zone: from `from` until just before `to`. `to` 00:00 is the end of the day; `from` later than `to`: over
   * midnight; two equal times: never. Absent days: every day.
   */
  hours: optional(
    v.strictObject({
      days: optional(v.pipe(v.array(v.picklist(WEEKDAYS)), v.minLength(1), v.maxLength(WEEKDAYS.length))),
      from: TimeOfDay,
      to: TimeOfDay,
    }),
  ),
  /** Which e-mail, phone or address: path of a record. */
  target: optional(Path),
  /** 1 is preferred most (RFC 9553, 1.5.4). */
  pref: optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100))),
});
export type ContactRule = v.InferOutput<typeof ContactRule>;

const MOST_RULES = 2 * CHANNELS.length;

/** Rules by channel. An absent channel is not allowed; of two rules for one channel the stricter counts at each question. */
export const Contact = v.strictObject({
  channels: v.pipe(v.array(ContactRule), v.maxLength(MOST_RULES)),
  /** IANA name: `Europe/Rome`. Absent: UTC. */
  timeZone: optional(Text(60)),
  /** The language to write in. */
  language: optional(LanguageTag),
});
export type Contact = v.InferOutput<typeof Contact>;

/**
 * The general card with the vendor's own over it: a channel that the vendor's card names goes by that card alone, and so do zone and
 * language. What is more than one card can hold is left out: an absent channel is not allowed.
 */
export function contactFor(general: Contact | null, own: Contact | undefined): Contact | null {
  if (own === undefined) return general;
  const named = new Set(own.channels.map(({ channel }) => channel));
  const others = (general?.channels ?? []).filter(({ channel }) => !named.has(channel));
  const timeZone = own.timeZone ?? general?.timeZone;
  const language = own.language ?? general?.language;
  return {
    channels: own.channels.length + others.length > MOST_RULES ? own.channels : [...own.channels, ...others],
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(language === undefined ? {} : { language }),
  };
}

/** The same rules with their targets as a vendor knows them; a target that the vendor doesn't have is left out. */
export const retargeted = (contact: Contact, nameOf: NameOf): Contact => ({
  ...contact,
  channels: contact.channels.map(({ target, ...rule }) => {
    const name = target === undefined ? undefined : nameOf(target);
    return name === undefined ? rule : { ...rule, target: name };
  }),
});

/** Whether one may write or call, and why not. `next`: when it will be allowed, if that is only a matter of time. */
export interface ContactAnswer {
  readonly allowed: boolean;
  readonly reason: "allowed" | "no-rule" | "never" | "purpose" | "hours" | "frequency";
  readonly next?: Date;
}

/**
 * Whether a customer may be reached by `channel` for `purpose` at this moment: every rule of that channel has to allow it.
 * @param sent when this customer was reached by this channel before, for the frequency
 * @throws {RangeError} if a date is none
 */
export function mayContact(
  contact: Contact | null | undefined,
  channel: Channel,
  purpose: ContactPurpose,
  at: Date,
  sent: readonly Date[] = [],
): ContactAnswer {
  const reason = ruledOut(contact, channel, purpose);
  if (reason !== undefined) return { allowed: false, reason };
  const rules = rulesOf(contact, channel);
  const clock = clockOf(zoneOf(contact, rules));
  if (clock === undefined) return { allowed: false, reason: "hours" };
  if ([at, ...sent].some((each) => Number.isNaN(each.getTime()))) throw new RangeError("a date is none");
  const first = hindranceOf(rules, clock, at, sent);
  if (first === undefined) return { allowed: true, reason: "allowed" };
  let hindrance: Hindrance | undefined = first;
  let next: Date = at;
  // Two rules whose hours never meet have no next moment.
  for (let tries = 0; hindrance !== undefined && tries < 100; tries++) {
    if (hindrance.until === undefined) break;
    next = hindrance.until;
    hindrance = hindranceOf(rules, clock, next, sent);
  }
  return { allowed: false, reason: first.reason, ...(hindrance === undefined ? { next } : {}) };
}

/** Why a customer may not be reached by `channel` for `purpose` at any time; undefined if there is a time. */
export function ruledOut(
  contact: Contact | null | undefined,
  channel: Channel,
  purpose: ContactPurpose,
): "no-rule" | "never" | "purpose" | "hours" | undefined {
  const rules = rulesOf(contact, channel);
  if (rules.length === 0) return "no-rule";
  if (rules.some((rule) => !rule.allowed)) return "never";
  if (rules.some((rule) => rule.purposes !== undefined && !rule.purposes.includes(purpose))) return "purpose";
  // In a zone that this platform doesn't know no hour is surely a good one.
  return clockOf(zoneOf(contact, rules)) === undefined ? "hours" : undefined;
}

const rulesOf = (contact: Contact | null | undefined, channel: Channel): ContactRule[] =>
  (contact?.channels ?? []).filter((rule) => rule.channel === channel);

/** A zone counts only where there are hours. */
const zoneOf = (contact: Contact | null | undefined, rules: readonly ContactRule[]): string =>
  rules.some(({ hours }) => hours !== undefined) ? (contact?.timeZone ?? "UTC") : "UTC";

interface Hindrance {
  reason: "hours" | "frequency";
  /** When it is over; undefined if never. */
  until: Date | undefined;
}

function hindranceOf(rules: readonly ContactRule[], clock: Clock, at: Date, sent: readonly Date[]): Hindrance | undefined {
  for (const { frequency } of rules) {
    if (frequency === undefined) continue;
    const span = milliseconds(frequency.per);
    const within = sent.map((each) => each.getTime()).filter((each) => each > at.getTime() - span);
    if (within.length < frequency.max) continue;
    const oldest = within.sort((a, b) => a - b).at(-frequency.max) ?? at.getTime();
    return { reason: "frequency", until: new Date(oldest + span) };
  }
  for (const { hours } of rules)
    if (hours !== undefined && !isWithin(hours, clock, at.getTime()))
      return { reason: "hours", until: nextWithin(hours, clock, at.getTime()) };
  return undefined;
}

type Hours = NonNullable<ContactRule["hours"]>;
type Clock = (ms: number) => { day: number; minutes: number };
const DAY_NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTE = 60_000;
const DAY = 1440;

/** Day of the week, from 0 for Monday, and minutes since midnight as a clock on the wall shows them; undefined for an unknown zone. */
function clockOf(timeZone: string): Clock | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  } catch {
    return undefined;
  }
  return (ms) => {
    const parts = format.formatToParts(ms);
    const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((each) => each.type === type)?.value ?? "";
    return { day: DAY_NAMES.indexOf(part("weekday")), minutes: Number(part("hour")) * 60 + Number(part("minute")) };
  };
}

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

function isWithin({ days, from, to }: Hours, clock: Clock, ms: number): boolean {
  const { day, minutes } = clock(ms);
  const begin = minutesOf(from);
  const end = minutesOf(to) || DAY;
  const over = begin > end;
  if (over ? minutes < begin && minutes >= end : minutes < begin || minutes >= end) return false;
  // After midnight it is still the night of the day before.
  const began = WEEKDAYS[over && minutes < end ? (day + 6) % 7 : day];
  return days === undefined || (began !== undefined && days.includes(began));
}

/** The first minute after `ms` that is within the hours. */
function nextWithin(hours: Hours, clock: Clock, ms: number): Date | undefined {
  let at = Math.floor(ms / MINUTE) * MINUTE;
  // A week, and a day for what a change of clocks leaves out.
  for (const last = at + 9 * DAY * MINUTE; at < last; ) {
    const { minutes } = clock(at);
    const changes = clock(at + DAY * MINUTE).minutes !== minutes;
    const wait = (minutesOf(hours.from) - minutes + DAY) % DAY || DAY;
    // On a day on which clocks change an opening may be skipped, or come twice.
    for (let step = changes ? 1 : wait; step <= (changes ? DAY : wait); step++)
      if (isWithin(hours, clock, at + step * MINUTE)) return new Date(at + step * MINUTE);
    at += (changes ? DAY : wait) * MINUTE;
  }
  return undefined;
}
