import { KINDS } from "#protocol/categories.ts";
import { VendorCard } from "#protocol/data/private.ts";

type Term = string | { readonly "@id": string; readonly "@type"?: "@json"; readonly "@container"?: "@list" };
type Terms = Readonly<Record<string, Term>>;

const json = (id: string): Term => ({ "@id": id, "@type": "@json" });
const list = (id: string): Term => ({ "@id": id, "@container": "@list" });

const CONTACT: Terms = { channels: list("cf:channels"), pref: "jscontact:pref", label: "jscontact:label", language: "schema:inLanguage" };

/** Terms that others have defined, by kind and member: schema.org and JSContact (RFC 9553). What stands nowhere is a term of ours. */
const KNOWN: Readonly<Record<string, Terms>> = {
  "profile/name": { given: "schema:givenName", surname: "schema:familyName" },
  "profile/emails": { address: "schema:email", label: "jscontact:label" },
  "profile/phones": { number: "schema:telephone", label: "jscontact:label" },
  "profile/addresses": {
    street: "schema:streetAddress",
    postcode: "schema:postalCode",
    locality: "schema:addressLocality",
    region: "schema:addressRegion",
    countryCode: "schema:addressCountry",
    label: "jscontact:label",
  },
  "profile/birthday": { date: "schema:birthDate" },
  "profile/languages": { tags: list("schema:knowsLanguage") },
  "profile/online": { service: "jscontact:service", user: "jscontact:user" },
  "preferences/contact": CONTACT,
  "preferences/diet": { kinds: "schema:suitableForDiet" },
  "preferences/terms": { agreements: list("cf:agreements") },
  purchases: {
    item: "schema:orderedItem",
    seller: "schema:seller",
    date: "schema:orderDate",
    category: "schema:category",
    price: "schema:priceSpecification",
    amount: "schema:price",
    currency: "schema:priceCurrency",
    quantity: "schema:orderQuantity",
    order: "schema:orderNumber",
    code: "schema:productID",
  },
  intents: {
    item: "schema:itemOffered",
    category: "schema:category",
    details: "schema:description",
    price: "schema:priceSpecification",
    min: "schema:minPrice",
    max: "schema:maxPrice",
    currency: "schema:priceCurrency",
    condition: "schema:itemCondition",
    quantity: "schema:eligibleQuantity",
    deadline: "schema:validThrough",
    area: "schema:areaServed",
    countryCode: "schema:addressCountry",
    region: "schema:addressRegion",
    postcodePrefix: "schema:postalCodePrefix",
  },
  inbox: { body: json("cf:body") },
  imports: { replaced: json("cf:replaced"), file: "schema:name" },
};

/** Every member's name anywhere in a schema. */
function membersOf(schema: unknown, seen = new Set<unknown>()): Set<string> {
  const names = new Set<string>();
  if (typeof schema !== "object" || schema === null || seen.has(schema)) return names;
  seen.add(schema);
  const { entries, wrapped, item, pipe, options } = schema as Record<string, unknown>;
  if (typeof entries === "object" && entries !== null) for (const name of Object.keys(entries)) names.add(name);
  const inner = [...Object.values(entries ?? {}), wrapped, item, ...lists(pipe), ...lists(options)];
  for (const each of inner) for (const name of membersOf(each, seen)) names.add(name);
  return names;
}
const lists = (of: unknown): unknown[] => (Array.isArray(of) ? of : []);

function termsOf(schema: unknown, known: Terms): Terms {
  const terms: Record<string, Term> = {};
  for (const name of [...membersOf(schema)].sort()) terms[name] = known[name] ?? `cf:${name}`;
  return terms;
}

/** Members of a kind in the order in which they were designed to be read. */
export const orderOf = (path: string): string[] => [...membersOf(KINDS.find((kind) => kind.path === path)?.schema)];

/** `profile/emails` is `ProfileEmails`: a term has no slash. */
export const typeOf = (path: string): string =>
  path
    .split("/")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");

const scoped = (id: string, terms: Terms) => ({ "@id": id, "@context": { "@propagate": true, ...terms } });

/** The context of store.json, whole: nothing has to be fetched to read it as linked data. */
export const CONTEXT = {
  "@version": 1.1,
  cf: "https://w3id.org/counterfoil/terms#",
  schema: "https://schema.org/",
  jscontact: "urn:ietf:rfc:9553#",
  pd: "https://w3id.org/dpv/pd#",
  Store: "cf:Store",
  made: "schema:dateCreated",
  created: "cf:created",
  records: "cf:records",
  vendors: "cf:vendors",
  connections: "cf:connections",
  path: "cf:path",
  value: "cf:value",
  source: "cf:source",
  Vendor: scoped("cf:Vendor", {
    relationship: "cf:relationship",
    client_id: "schema:identifier",
    name: "schema:name",
    card: "cf:card",
    ...termsOf(VendorCard, { ...CONTACT, customerNumber: "schema:membershipNumber" }),
  }),
  Connection: scoped("cf:Connection", {
    grant: "schema:identifier",
    number: "cf:number",
    relationship: "cf:relationship",
    client: json("cf:client"),
    state: "cf:state",
    details: json("cf:details"),
    given: "schema:validFrom",
    expires: "schema:validThrough",
    endedAt: "schema:endDate",
    reads: json("cf:reads"),
    consent: "cf:consent",
  }),
  ...Object.fromEntries(KINDS.map(({ path, dpv, schema }) => [typeOf(path), scoped(dpv, termsOf(schema, KNOWN[path] ?? {}))])),
};
