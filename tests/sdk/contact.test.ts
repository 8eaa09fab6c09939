import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHANNELS, CONTACT_PURPOSES, type Contact } from "#protocol/data/contact.ts";
import { PURPOSES } from "#protocol/purposes.ts";
import { ask } from "../../vendor-sdk/ask.ts";
import { type ContactFacts, contactWords, mayContact } from "../../vendor-sdk/contact.ts";
import { parseCsv } from "../../vendor-sdk/crm/csv.ts";
import { csvSink } from "../../vendor-sdk/crm/csv-sink.ts";
import { mapFields } from "../../vendor-sdk/crm/mapping.ts";
import { mayShare, sharingWords } from "../../vendor-sdk/sharing.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { scene } from "./connected.ts";

const DELIVERY = "https://w3id.org/dpv#DeliveryOfGoods";
const CARE = "https://w3id.org/dpv#CustomerCare";
const DAY = 86_400_000;
/** A Wednesday; 11:15 in Rome. */
const AT = new Date("2026-11-18T10:15:00Z");

const facts = (channels: Contact["channels"], change: Partial<ContactFacts["consent"]> = {}): ContactFacts => ({
  fields: { "preferences/contact": { channels, timeZone: "Europe/Rome" } },
  consent: {
    given: "2026-01-01T00:00:00Z",
    until: "2027-01-01T00:00:00Z",
    paused: false,
    n: 1,
    purposes: [DELIVERY, CARE],
    ends: { [DELIVERY]: "2026-12-01T00:00:00Z", [CARE]: "2027-01-01T00:00:00Z" },
    paths: ["profile/emails", "preferences"],
    gpc: false,
    recipients: [],
    ...change,
  },
});
const open = facts([{ channel: "email", allowed: true }]);

describe("mayShare", () => {
  it("allows whom the consent names, unless paused or taken back by Global Privacy Control", () => {
    const named = facts([], { recipients: ["Print House"] });
    expect(mayShare(named, "Print House")).toBe(true);
    expect(mayShare(named, "print house")).toBe(false);
    expect(mayShare(open, "Print House")).toBe(false);
    expect(mayShare(facts([], { recipients: ["Print House"], gpc: true }), "Print House")).toBe(false);
    expect(mayShare(facts([], { recipients: ["Print House"], paused: true }), "Print House")).toBe(false);
    expect([sharingWords(open), sharingWords(named), sharingWords(facts([], { gpc: true }))]).toEqual([
      undefined,
      "only with: Print House",
      "no",
    ]);
    // It says nothing of the shop's own letters.
    expect(mayContact(facts([{ channel: "email", allowed: true }], { gpc: true }), "email", "delivery", AT).allowed).toBe(true);
  });
});

describe("mayContact", () => {
  it("allows what the customer allows, by the purpose's id or its IRI", () => {
    for (const purpose of ["delivery", DELIVERY])
      expect(mayContact(open, "email", purpose, AT)).toEqual({ allowed: true, reason: "allowed" });
  });

  it.each<[string, ContactFacts, string]>([
    ["rules were not granted", facts([{ channel: "email", allowed: true }], { paths: ["profile/emails"] }), "not-granted"],
    ["rules are empty", { ...open, fields: {} }, "no-rule"],
    [
      "rules can't be read",
      { ...open, fields: { "preferences/contact": { channels: [{ channel: "email", allowed: "offers" }] } } },
      "unreadable",
    ],
    ["rules are another thing", { ...open, fields: { "preferences/contact": "yes" } }, "unreadable"],
    ["the channel is absent", facts([{ channel: "sms", allowed: true }]), "no-rule"],
    ["the channel is refused", facts([{ channel: "email", allowed: false }]), "never"],
    [
      "one of two rules refuses",
      facts([
        { channel: "email", allowed: true },
        { channel: "email", allowed: false },
      ]),
      "never",
    ],
    ["the rule is for another purpose", facts([{ channel: "email", allowed: true, purposes: ["customer-care"] }]), "purpose"],
    [
      "the purpose was not granted",
      facts([{ channel: "email", allowed: true }], { purposes: [CARE], ends: { [CARE]: "2027-01-01T00:00:00Z" } }),
      "purpose",
    ],
    ["the grant is paused", facts([{ channel: "email", allowed: true }], { paused: true }), "paused"],
    ["the grant has ended", facts([{ channel: "email", allowed: true }], { until: "2026-11-18T10:15:00Z" }), "ended"],
    ["its end makes no sense", facts([{ channel: "email", allowed: true }], { until: "soon" }), "ended"],
    ["the purpose has ended", facts([{ channel: "email", allowed: true }], { ends: { [DELIVERY]: "2026-11-18T10:15:00Z" } }), "ended"],
    ["it is the middle of the night", facts([{ channel: "email", allowed: true, hours: { from: "22:00", to: "23:00" } }]), "hours"],
  ])("allows nothing where %s", (_, record, reason) =>
    expect(mayContact(record, "email", "delivery", AT)).toMatchObject({ allowed: false, reason }),
  );

  it("says when, unless the grant will have ended by then", () => {
    const mornings = facts([{ channel: "email", allowed: true, hours: { from: "08:00", to: "09:00" } }]);
    expect(mayContact(mornings, "email", "delivery", AT)).toEqual({
      allowed: false,
      reason: "hours",
      next: new Date("2026-11-19T07:00:00Z"),
    });
    expect(mayContact(mornings, "email", "delivery", new Date("2026-11-30T10:00:00Z"))).toEqual({ allowed: false, reason: "hours" });
    const weekly = facts([{ channel: "email", allowed: true, frequency: { max: 1, per: "P7D" } }]);
    const sent = [new Date(AT.getTime() - DAY)];
    expect(mayContact(weekly, "email", "delivery", AT, sent)).toEqual({
      allowed: false,
      reason: "frequency",
      next: new Date(AT.getTime() + 6 * DAY),
    });
  });

  it("takes no channel, purpose or date that is none: that is the programmer's fault", () => {
    expect(() => mayContact(open, "fax" as "email", "delivery", AT)).toThrow(TypeError);
    expect(() => mayContact(open, "email", "anything", AT)).toThrow(TypeError);
    expect(() => mayContact(open, "email", "delivery", new Date("soon"))).toThrow(TypeError);
    expect(() => mayContact(open, "email", "delivery", AT, [new Date("soon")])).toThrow(TypeError);
  });

  it("never allows what a row's column says no to, whatever the rules", () => {
    const rule = fc.record(
      {
        channel: fc.constantFrom(...CHANNELS),
        allowed: fc.constantFrom(true, true, true, false),
        purposes: fc.subarray([...CONTACT_PURPOSES], { minLength: 1 }),
        hours: fc.constant({ from: "09:00", to: "18:00" }),
      },
      { requiredKeys: ["channel", "allowed"] },
    );
    let yes = 0;
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 6 }),
        fc.boolean(),
        fc.constantFrom(...CHANNELS),
        fc.constantFrom(...PURPOSES),
        (rules, paused, by, purpose) => {
          const record = facts(rules, { paused });
          const word = contactWords(record)[by];
          if (mayContact(record, by, purpose.id, AT).allowed) {
            yes++;
            expect(word).toMatch(new RegExp(`^yes: [a-z, -]*\\b${purpose.id}\\b`));
          }
          expect(word === "no" || word.startsWith("yes: ")).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
    expect(yes).toBeGreaterThan(20);
  });
});

describe("a row's columns", () => {
  it("say for what, when, and how often", () => {
    const record = facts([
      { channel: "email", allowed: true, purposes: ["delivery"], hours: { days: ["MO", "TU"], from: "09:00", to: "18:00" } },
      { channel: "sms", allowed: true, frequency: { max: 2, per: "P7D" } },
      { channel: "phone", allowed: true, purposes: ["direct-marketing"] },
      { channel: "post", allowed: false },
    ]);
    expect(contactWords(record)).toEqual({
      email: "yes: delivery; only MO TU 09:00-18:00 Europe/Rome",
      sms: "yes: delivery, customer-care; at most 2 in 7 days",
      phone: "no",
      post: "no",
      push: "no",
    });
  });

  it("are in a CSV that maps its own columns, follow a pause and a purpose that ends, and come back", async () => {
    await using it = await scene();
    await using folder = await scratchFolder();
    const people = join(folder.path, "people.csv");
    const details = [
      ask({ purpose: "customer-management", paths: ["profile/emails", "preferences/contact"], days: 90 }),
      ask({ purpose: "customer-care", paths: ["profile/name"], days: 5 }),
    ];
    const { customer, grant } = await it.connect(details);
    await customer.put("preferences/contact", { value: { channels: [{ channel: "email", allowed: true }] } });
    const sink = csvSink(people, { map: mapFields({ mail: "profile/emails.1.address" }) });
    const column = async (): Promise<string | undefined> => {
      const [header = [], row = []] = parseCsv(await readFile(people, "utf8"));
      return row[header.indexOf("contact.email")];
    };
    const asked = () => it.vendor.mayContact(grant.id, "email", "customer-care");

    expect(await asked()).toMatchObject({ allowed: false });
    await it.vendor.sync(sink);
    expect(await column()).toBe("yes: customer-care, customer-management");
    expect(await asked()).toEqual({ allowed: true, reason: "allowed" });
    customer.state = "paused";
    expect(await it.vendor.sync(sink)).toMatchObject({ paused: 1, updated: 1, failed: [] });
    expect(await column()).toBe("no");
    expect(await asked()).toMatchObject({ allowed: false, reason: "paused" });
    expect(await it.restart().sync(csvSink(people, { map: mapFields({ mail: "profile/emails.1.address" }) }))).toMatchObject({
      paused: 1,
      unchanged: 1,
    });
    customer.state = "active";
    await it.vendor.sync(sink);
    expect(await column()).toBe("yes: customer-care, customer-management");

    // A purpose ends while the server can't be reached.
    it.server.twist.records = () => ({ status: 503, body: {} });
    it.clock.ahead = 6 * DAY;
    expect(await asked()).toMatchObject({ allowed: false });
    await it.vendor.sync(sink);
    expect(await column()).toBe("yes: customer-management");

    delete it.server.twist.records;
    customer.state = "revoked";
    await it.vendor.sync(sink);
    expect(await asked()).toEqual({ allowed: false, reason: "ended" });
    expect(await it.vendor.mayContact("A".repeat(22), "email", "delivery")).toEqual({ allowed: false, reason: "ended" });
  });
});
