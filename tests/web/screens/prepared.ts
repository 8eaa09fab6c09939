import type { Client } from "#protocol/api.ts";
import { type AuthorizationDetail, CONSENT_TYPE } from "#protocol/authorization-details.ts";
import type { ConnectionView, RecordView, RequestViewModel, VendorView, WayView } from "../../../web/vault/vault.ts";
import { purchases } from "./prepared-purchases.ts";
import type { Prepared } from "./prepared-state.ts";

const DAY = 86_400_000;
const mark = (seed: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, at) => (seed * 37 + at * 61) % 256);
const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const client = (name: string, legal: string, domain: string): Client => ({
  client_id: `https://${domain}/counterfoil.json`,
  client_name: name,
  legal_name: legal,
  country: "IT",
  dpo_contact: `privacy@${domain}`,
  client_uri: `https://${domain}/`,
  policy_uri: `https://${domain}/privacy`,
  domain,
  encryption_key: {},
  since: "2025-10-17T08:00:00Z",
  document: "q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6j7k8l9z0x1c",
});

const aldina = client("Libreria Aldina", "Libreria Aldina S.r.l.", "aldina.example");
const local: Client = {
  ...aldina,
  client_id: "http://127.0.0.1:4100/counterfoil.json",
  domain: "127.0.0.1",
  client_name: "Bookshop on this computer",
};

const detail = (now: number, over: Partial<AuthorizationDetail>): AuthorizationDetail => ({
  type: CONSENT_TYPE,
  actions: ["read"],
  paths: ["profile/name", "profile/emails", "profile/addresses"],
  purpose: "https://w3id.org/dpv#CustomerRelationshipManagement",
  necessity: "optional",
  legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
  explanation: {
    it: "Così il tuo nome e il tuo indirizzo restano giusti da noi.",
    en: "So that your name and address stay right with us.",
  },
  retention: "P30D",
  expires: iso(now + 365 * DAY),
  frequency: { max: 24, per: "PT24H" },
  recipients: ["Corriere Veloce S.p.A."],
  storage_countries: ["IT", "US"],
  if_refused: "type-it-yourself",
  ...over,
});

/** @param all connections that it may be about */
export function request(
  id: string,
  now: number,
  over: NonNullable<Prepared["request"]>,
  all: readonly ConnectionView[] = connections(now),
): RequestViewModel {
  const first = detail(now, { actions: ["read", "deposit"] });
  const second = detail(now, {
    paths: ["profile/name:given", "preferences/sizes"],
    purpose: "https://w3id.org/dpv#ProvideProductRecommendations",
    if_refused: "less-fitting",
    recipients: [],
    storage_countries: [],
    expires: iso(now + 60 * DAY),
  });
  const third = over.purchases && detail(now, { ...second, ...over.purchases });
  const changed = over.amends === undefined ? undefined : all.find(({ grant }) => grant === over.amends);
  return {
    id,
    client: changed?.client ?? (over.loopback ? local : aldina),
    details:
      over.purposes !== undefined
        ? over.purposes.map((purpose) => detail(now, { paths: ["profile/emails"], purpose }))
        : over.amends !== undefined
          ? over.same && changed
            ? changed.details
            : [...(over.first === false ? [] : [amended(now, changed?.details[0]?.purpose)]), ...(third ? [third] : [])]
          : [first, ...(over.several ? [second] : []), ...(third ? [third] : [])],
    state: over.state ?? "open",
    expires: over.expires ?? iso(now + 280_000),
    mark: mark(3),
    keyMatches: over.keyMatches ?? "yes",
    existing: over.again ? "grant-42" : null,
    replaces: over.amends === undefined ? undefined : changed === undefined ? null : { grant: changed.grant, details: changed.details },
    refusedUntil: over.refused ? iso(now + 12 * DAY) : null,
    blocked: over.blocked ?? false,
  };
}

/** More, less, longer, seldomer, and to others than what the first connection lets be read. */
const amended = (now: number, purpose = "https://w3id.org/dpv#CustomerRelationshipManagement") =>
  detail(now, {
    actions: ["read", "message"],
    paths: ["profile/name", "profile/addresses"],
    purpose,
    retention: "P90D",
    frequency: { max: 60, per: "PT24H" },
    recipients: ["Corriere Veloce S.p.A.", "Stamperia Nord S.r.l."],
    storage_countries: ["IT", "CH"],
  });

const readers = (name: string, path: string) => [{ grant: "grant-42", name, path, until: iso(Date.now() + 40 * DAY) }];

export const records: RecordView[] = [
  {
    path: "profile/name",
    kind: "profile/name",
    value: { given: "Ottavia", surname: "Bellini" },
    version: 2,
    source: null,
    sharedWith: readers("Libreria Aldina", "profile/name:given"),
  },
  {
    path: "profile/emails/e1",
    kind: "profile/emails",
    value: { address: "ottavia@posta.example", label: "home" },
    version: 1,
    source: null,
    sharedWith: readers("Libreria Aldina", "profile/emails/e1"),
  },
  {
    path: "profile/emails/e2",
    kind: "profile/emails",
    value: { address: "o.bellini@lavoro.example", label: "work" },
    version: 1,
    source: null,
    sharedWith: [],
  },
  {
    path: "profile/addresses/a1",
    kind: "profile/addresses",
    value: { street: "Via del Lloyd 12", postcode: "34143", locality: "Trieste", region: "Friuli Venezia Giulia", countryCode: "IT" },
    version: 1,
    source: null,
    sharedWith: [],
  },
  { path: "profile/birthday", kind: "profile/birthday", value: null, version: 1, source: null, sharedWith: [] },
  { path: "profile/languages", kind: "profile/languages", value: { tags: ["it", "en"] }, version: 1, source: null, sharedWith: [] },
  {
    path: "preferences/contact",
    kind: "preferences/contact",
    value: {
      channels: [
        { channel: "email", allowed: true, purposes: ["delivery", "recommendations"], frequency: { max: 1, per: "P7D" } },
        { channel: "phone", allowed: false },
      ],
      language: "it",
    },
    version: 1,
    source: null,
    sharedWith: [],
  },
  { path: "preferences/sizes", kind: "preferences/sizes", value: null, version: 1, source: null, sharedWith: [] },
  ...purchases,
  {
    path: "intents/i1",
    kind: "intents",
    value: {
      item: "Folding bicycle",
      category: "bicycle",
      price: { max: "450", currency: "EUR" },
      condition: "used",
      deadline: "2027-03-01",
      area: { countryCode: "IT", region: "Friuli Venezia Giulia" },
      recipient: "self",
      state: "open",
    },
    version: 1,
    source: null,
    sharedWith: [],
  },
  {
    path: "intents/i2",
    kind: "intents",
    value: { item: "Atlas of the Adriatic", category: "books", recipient: "gift", state: "fulfilled", ended: "2026-10-02" },
    version: 2,
    source: null,
    sharedWith: [],
  },
  {
    path: "imports/m1",
    kind: "imports",
    value: { at: "2026-10-20T09:30:00Z", file: "Your Orders.zip", format: "amazon", count: 60, state: "done", replaced: [] },
    version: 2,
    source: null,
    sharedWith: [],
  },
];

/** The customer's own cards of the vendors below. */
export function vendors(now: number): VendorView[] {
  const cards: Record<string, VendorView["card"]> = {
    "relationships/r1": { view: "regular", customerNumber: "LA-4471", notes: "They know my taste in maps." },
    "relationships/r4": { view: "blocked" },
  };
  return connections(now).map(({ relationship, client: { client_id, client_name }, grant }) => ({
    relationship,
    client_id,
    name: client_name,
    card: cards[relationship] ?? {},
    grants: [grant],
  }));
}

export function connections(now: number): ConnectionView[] {
  const base = {
    endedAt: null,
    pausedAt: null,
    putBack: false,
    changeLost: false,
    askedDeletion: false,
    endedBy: null,
    deletion: null,
    stream: "live" as const,
    keyChangedAt: null,
    shared: [
      { path: "profile/name:given", value: { given: "Ottavia" } },
      { path: "profile/emails/e1", value: { address: "ottavia@posta.example", label: "home" } },
    ],
  };
  const reads = (...days: number[]) =>
    days.map((each) => ({
      at: new Date(now - each * DAY).toISOString(),
      paths: ["profile/name:given", "profile/emails/e1"],
      count: 2,
      key: "Zk3w9xQpLmN0aVbTyUcR",
    }));
  const paths = ["profile/name:given", "profile/emails/e1"];
  return [
    {
      ...base,
      grant: "grant-42",
      relationship: "relationships/r1",
      number: 42,
      client: aldina,
      state: "active",
      details: [detail(now, { paths, expires: iso(now + 40 * DAY) })],
      given: iso(now - 50 * DAY),
      consents: [{ n: 1, at: iso(now - 50 * DAY) }],
      expires: iso(now + 40 * DAY),
      reads: reads(49, 20, 6),
      mark: mark(3),
    },
    {
      ...base,
      grant: "grant-41",
      relationship: "relationships/r2",
      number: 41,
      client: client("Velo Cluj", "Velo Cluj S.R.L.", "velocluj.example"),
      state: "active",
      details: [
        detail(now, {
          paths: ["preferences/sizes"],
          purpose: "https://w3id.org/dpv#ProvideProductRecommendations",
          if_refused: "nothing",
          expires: iso(now + 3 * DAY),
        }),
      ],
      given: iso(now - 27 * DAY),
      consents: [{ n: 1, at: iso(now - 27 * DAY) }],
      expires: iso(now + 3 * DAY),
      reads: [],
      mark: mark(11),
      keyChangedAt: iso(now - 5 * DAY),
    },
    {
      ...base,
      grant: "grant-38",
      relationship: "relationships/r3",
      number: 38,
      client: client("Farmacia Trieste", "Farmacia Trieste S.n.c.", "farmatrieste.example"),
      state: "paused",
      details: [
        detail(now, {
          paths: ["profile/addresses/a1:town"],
          purpose: "https://w3id.org/dpv#DeliveryOfGoods",
          expires: iso(now + 90 * DAY),
        }),
      ],
      given: iso(now - 80 * DAY),
      consents: [{ n: 1, at: iso(now - 80 * DAY) }],
      expires: iso(now + 90 * DAY),
      pausedAt: iso(now - 2 * DAY),
      putBack: false,
      changeLost: false,
      reads: reads(70),
      mark: mark(29),
    },
    {
      ...base,
      grant: "grant-12",
      relationship: "relationships/r4",
      number: 12,
      client: client("Bottega Carsica", "Bottega Carsica S.a.s.", "carsica.example"),
      state: "revoked",
      details: [detail(now, { paths, expires: iso(now + 10 * DAY) })],
      given: iso(now - 200 * DAY),
      consents: [{ n: 1, at: iso(now - 200 * DAY) }],
      expires: iso(now + 10 * DAY),
      endedAt: iso(now - 15 * DAY),
      askedDeletion: true,
      endedBy: "customer",
      reads: reads(190, 100),
      shared: [],
      mark: mark(5),
    },
    {
      ...base,
      grant: "grant-7",
      relationship: "relationships/r5",
      number: 7,
      client: client("Casa Editrice Sud", "Casa Editrice Sud S.p.A.", "casasud.example"),
      state: "expired",
      details: [detail(now, { paths, expires: iso(now - 60 * DAY) })],
      given: iso(now - 400 * DAY),
      consents: [{ n: 1, at: iso(now - 400 * DAY) }],
      expires: iso(now - 60 * DAY),
      reads: reads(300),
      shared: [],
      mark: mark(17),
    },
  ];
}

export function ways(now: number, full: boolean): WayView[] {
  const first: WayView = {
    id: "way-1",
    kind: "passkey",
    opens: true,
    here: true,
    aaguid: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
    created: iso(now - 40 * DAY),
    lastUsed: iso(now - DAY),
    synced: true,
  };
  if (!full) return [first];
  return [
    first,
    {
      ...first,
      id: "way-2",
      here: false,
      aaguid: null,
      opens: false,
      synced: false,
      created: iso(now - 10 * DAY),
      lastUsed: iso(now - 9 * DAY),
    },
    { id: "way-3", kind: "device", opens: true, here: true, aaguid: null, created: iso(now - 10 * DAY), lastUsed: null, synced: null },
    { id: "way-4", kind: "kit", opens: true, here: false, aaguid: null, created: iso(now - 30 * DAY), lastUsed: null, synced: null },
  ];
}
