import { CONSENT_TYPE } from "#protocol/authorization-details.ts";
import type { PageWords } from "../../web/leaving/page.ts";
import type { PlainExport } from "../../web/vault/vault.ts";

/** Texts that would do harm where they weren't taken for text. */
export const HOSTILE = `</title><script>document.title="ran"</script><img src=x onerror="document.title='ran'">&amp;"'\u202e`;

export const words: PageWords = {
  tag: "en",
  title: `My store <b>`,
  lead: "Made today",
  shops: "Shops",
  shop: "Shop",
  given: "Given",
  until: "Until",
  state: "State",
  paths: "What",
  lastRead: "Last read",
  kind: (path) => path,
  field: (name) => name,
  stateOf: (state) => state,
  day: (at) => at.slice(0, 10),
};

/** A record of every kind, and a shop with a connection. */
export const sample: PlainExport = {
  made: "2026-11-21T10:15:00.000Z",
  created: "2026-10-01T08:00:00.000Z",
  records: [
    {
      path: "imports/m1m1m1m1m1m1m1m1m1m1m1",
      value: {
        at: "2026-10-20T09:30:00Z",
        file: "Orders.csv",
        format: "amazon",
        count: 1,
        state: "done",
        replaced: [{ path: "profile/name", value: { given: "O" } }],
      },
    },
    {
      path: "inbox/b1",
      value: { kind: "message", client_id: "https://aldina.example/c.json", at: "2026-10-20T09:30:00Z", body: { "any key": [1] } },
    },
    {
      path: "intents/i1",
      value: {
        item: "Folding bicycle",
        price: { max: "450", currency: "EUR" },
        area: { countryCode: "IT", postcodePrefix: "34" },
        state: "open",
      },
    },
    { path: "preferences/accessibility", value: { needs: "Large print" } },
    {
      path: "preferences/contact",
      value: {
        channels: [
          { channel: "email", allowed: true, frequency: { max: 1, per: "P7D" }, hours: { days: ["MO"], from: "08:00", to: "20:00" } },
        ],
        language: "it",
      },
    },
    { path: "preferences/diet", value: { kinds: ["vegetarian"], avoid: "nuts" } },
    { path: "preferences/sizes", value: { top: "M" } },
    { path: "preferences/tastes/t1", value: { about: "maps", sentiment: "like" } },
    { path: "preferences/terms", value: { agreements: ["SD-BASE"] } },
    { path: "profile/addresses/a1", value: { street: "Via del Lloyd 12", locality: "Trieste", countryCode: "IT" } },
    { path: "profile/birthday", value: { date: "1984-02-29" } },
    { path: "profile/emails/e1", value: { address: "ottavia@posta.example", label: "home" } },
    { path: "profile/languages", value: { tags: ["it", "en"] } },
    { path: "profile/name", value: { given: "Ottavia", surname: HOSTILE } },
    { path: "profile/online/o1", value: { service: "Mastodon", user: "@o@social.example" } },
    { path: "profile/phones/p1", value: { number: "+39 040 123456" } },
    {
      path: "purchases/x1",
      source: "m1m1m1m1m1m1m1m1m1m1m1",
      value: {
        item: "=1+1",
        seller: "ספרים",
        date: "2026-01-02",
        category: "books",
        recipient: "self",
        price: { amount: "12.50", currency: "EUR" },
        hints: ["season"],
      },
    },
    { path: "purchases/x2", value: { item: HOSTILE, seller: "Libreria", date: "2026-01-03", recipient: "gift" } },
  ],
  vendors: [
    {
      relationship: "relationships/r1",
      client_id: "https://aldina.example/c.json",
      name: "Libreria Aldina",
      card: { view: "regular", customerNumber: "LA-4471", notes: HOSTILE, contact: { channels: [{ channel: "sms", allowed: false }] } },
    },
  ],
  connections: [
    {
      grant: "GgGgGgGgGgGgGgGgGgGgGg",
      number: 42,
      relationship: "relationships/r1",
      client: {
        client_id: "https://aldina.example/c.json",
        client_name: "Libreria Aldina",
        legal_name: "Libreria Aldina S.r.l.",
        country: "IT",
        dpo_contact: null,
        client_uri: null,
        policy_uri: null,
        domain: "../../etc/aldina.example",
        encryption_key: {},
        since: "2025-10-17T08:00:00Z",
        document: "q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6j7k8l9z0x1c",
      },
      state: "active",
      details: [
        {
          type: CONSENT_TYPE,
          actions: ["read"],
          paths: ["profile/emails/e1"],
          purpose: "https://w3id.org/dpv#CustomerRelationshipManagement",
          necessity: "optional",
          legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
          retention: "P30D",
          expires: "2027-01-01T00:00:00Z",
          if_refused: "nothing",
        },
      ],
      given: "2026-10-02T08:00:00Z",
      expires: "2027-01-01T00:00:00Z",
      endedAt: null,
      reads: [{ at: "2026-11-01T08:00:00Z", paths: ["profile/emails/e1"], count: 1, key: "k" }],
      consent: "e30.e30.c2ln",
    },
  ],
};
