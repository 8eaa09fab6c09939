import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import {
  CHANNELS,
  CONTACT_PURPOSES,
  Contact,
  type ContactRule,
  contactFor,
  mayContact,
  retargeted,
  ruledOut,
  WEEKDAYS,
} from "#protocol/data/contact.ts";
import { PURPOSES } from "#protocol/purposes.ts";
import { plain } from "./support/details.ts";

const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom("00", "07", "30", "59"))
  .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${minute}`);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const hours = fc
  .record({ days: maybe(fc.subarray([...WEEKDAYS], { minLength: 1 })), from: time, to: time })
  .map((each) => plain<NonNullable<ContactRule["hours"]>>(each));
const rule: fc.Arbitrary<ContactRule> = fc
  .record({
    channel: fc.constantFrom("email" as const, "sms" as const),
    allowed: fc.constantFrom(true, true, true, false),
    purposes: maybe(fc.subarray([...CONTACT_PURPOSES], { minLength: 1 })),
    frequency: maybe(fc.record({ max: fc.integer({ min: 1, max: 3 }), per: fc.constantFrom("PT5H", "P1D", "P7D") })),
    hours: maybe(hours),
    target: maybe(fc.constantFrom("profile/emails/e1", "profile/emails/e2")),
  })
  .map((each) => plain<ContactRule>(each));
const timeZone = maybe(fc.constantFrom("Europe/Rome", "America/St_Johns", "Australia/Lord_Howe", "UTC"));
const contact: fc.Arbitrary<Contact> = fc
  .record({ channels: fc.array(rule, { maxLength: 5 }), timeZone, language: maybe(fc.constantFrom("it", "ro")) })
  .map((each) => plain<Contact>(each));
/** Around the days on which Europe's, Newfoundland's and Lord Howe's clocks change, and elsewhere. */
const at = fc
  .tuple(fc.constantFrom("2026-03-27", "2026-10-23", "2026-03-06", "2026-10-02", "2026-07-01"), fc.integer({ min: 0, max: 5 * 1440 }))
  .map(([day, minutes]) => new Date(Date.parse(`${day}T00:00:00Z`) + minutes * 60_000 + 17_000));
const sent = fc.array(at, { maxLength: 4 });
const channel = fc.constantFrom("email" as const, "sms" as const);
const purpose = fc.constantFrom(...CONTACT_PURPOSES);

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

describe("rules of contact", () => {
  it("are of the shape that is stored, and for purposes of the registry", () => {
    fc.assert(fc.property(contact, (card) => v.is(Contact, card)));
    expect(PURPOSES.map(({ id }) => id).sort()).toEqual([...CONTACT_PURPOSES].sort());
  });

  it("allow nothing more when a rule is added for a channel that has one", () => {
    let allowed = 0;
    fc.assert(
      fc.property(contact, rule, channel, purpose, at, sent, (card, more, by, why, when, before) => {
        if (!card.channels.some((each) => each.channel === by)) return;
        const wider = { ...card, channels: [...card.channels, more] };
        if (!mayContact(wider, by, why, when, before).allowed) return;
        allowed++;
        expect(mayContact(card, by, why, when, before).allowed).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(allowed).toBeGreaterThan(40);
  });

  it("depend neither on the order of rules nor on that of what was sent", () =>
    fc.assert(
      fc.property(contact, channel, purpose, at, sent, (card, by, why, when, before) => {
        const turned = { ...card, channels: card.channels.toReversed() };
        expect(mayContact(turned, by, why, when, before.toReversed()).allowed).toBe(mayContact(card, by, why, when, before).allowed);
      }),
      { numRuns: 500 },
    ));

  it("allow nothing more after another message", () =>
    fc.assert(
      fc.property(contact, channel, purpose, at, sent, at, (card, by, why, when, before, one) => {
        if (mayContact(card, by, why, when, [...before, one]).allowed) expect(mayContact(card, by, why, when, before).allowed).toBe(true);
      }),
      { numRuns: 500 },
    ));

  it("say nothing of a channel that no rule names", () =>
    fc.assert(
      fc.property(contact, fc.constantFrom(...CHANNELS), purpose, at, (card, by, why, when) => {
        const rest = { ...card, channels: card.channels.filter((each) => each.channel !== by) };
        expect(mayContact(rest, by, why, when)).toEqual({ allowed: false, reason: "no-rule" });
      }),
    ));

  it("name as next the very first moment at which they allow it", () => {
    let named = 0;
    fc.assert(
      fc.property(contact, channel, purpose, at, sent, (card, by, why, when, before) => {
        const answer = mayContact(card, by, why, when, before);
        expect(answer.next !== undefined && answer.allowed).toBe(false);
        if (answer.next === undefined) return;
        named++;
        const { next } = answer;
        expect(mayContact(card, by, why, next, before)).toEqual({ allowed: true, reason: "allowed" });
        // Each minute of the first hours and of the last ones before, and the last second.
        const minutes = Math.floor((next.getTime() - when.getTime()) / 60_000);
        const last = Math.max(0, minutes - 240);
        const between = [...range(0, Math.min(240, last)), ...range(last, minutes)];
        for (const minute of between)
          expect(mayContact(card, by, why, new Date(when.getTime() + minute * 60_000), before).allowed).toBe(false);
        expect(mayContact(card, by, why, new Date(next.getTime() - 1), before).allowed).toBe(false);
      }),
      { numRuns: 100 },
    );
    expect(named).toBeGreaterThan(3);
  });

  it("are ruled out for good exactly where no moment is named", () =>
    fc.assert(
      fc.property(contact, channel, purpose, at, sent, (card, by, why, when, before) => {
        const reason = ruledOut(card, by, why);
        if (reason !== undefined) expect(mayContact(card, by, why, when, before)).toEqual({ allowed: false, reason });
      }),
    ));

  it("take no date that is none", () => {
    const open: Contact = { channels: [{ channel: "email", allowed: true }] };
    const none = new Date(Number.NaN);
    expect(() => mayContact(open, "email", "delivery", none)).toThrow(RangeError);
    expect(() => mayContact(open, "email", "delivery", new Date(0), [none])).toThrow(RangeError);
  });
});

describe("a vendor's own card", () => {
  const overlaid = (general: Contact, own: Contact): Contact => contactFor(general, own) as Contact;

  it("goes over the general one: of a channel that it names only its own rules are left", () =>
    fc.assert(
      fc.property(contact, contact, channel, (general, own, by) => {
        const source = own.channels.some((each) => each.channel === by) ? own : general;
        const of = ({ channels }: Contact) => channels.filter((each) => each.channel === by);
        expect(of(overlaid(general, own))).toEqual(of(source));
      }),
    ));

  it("with the general one makes a card that can be stored, and over it once more changes nothing", () =>
    fc.assert(
      fc.property(
        contact,
        fc.array(rule, { maxLength: 10 }).map((channels): Contact => ({ channels })),
        (general, own) => {
          const once = overlaid(general, own);
          expect(v.is(Contact, once)).toBe(true);
          expect(overlaid(once, own)).toEqual(once);
        },
      ),
    ));
});

it("a target leaves under the name that the vendor knows, or not at all", () =>
  fc.assert(
    fc.property(contact, (card) => {
      const renamed = retargeted(card, (path) => (path === "profile/emails/e1" ? "profile/emails/alias" : undefined));
      expect(JSON.stringify(renamed)).not.toMatch(/emails\/e[12]/);
      expect(renamed.channels.map(({ target: _, ...each }) => each)).toEqual(card.channels.map(({ target: _, ...each }) => each));
      expect(renamed.channels.filter(({ target }) => target !== undefined)).toHaveLength(
        card.channels.filter(({ target }) => target === "profile/emails/e1").length,
      );
    }),
  ));
