import type { Client } from "./api.ts";
import type { AuthorizationDetail } from "./authorization-details.ts";
import { KINDS } from "./categories.ts";
import { type Consent, readConsent } from "./consent-token.ts";
import type { GrantState } from "./grant.ts";
import { covers, splitPath } from "./paths.ts";

/** What a record is made of. Never a value of the customer's. */
export interface ConsentRecordFacts {
  /** The server's issuer: where it is withdrawn. */
  readonly issuer: string;
  readonly client: Pick<Client, "client_id" | "legal_name" | "country" | "dpo_contact" | "policy_uri" | "client_uri">;
  /** Every consent of the grant that is known, oldest first, as the customer signed them. At least one. */
  readonly consents: readonly string[];
  readonly state: GrantState;
  /** RFC 3339: when it was withdrawn or expired; null while it stands. */
  readonly endedAt: string | null;
  readonly endedBy: "customer" | "vendor" | null;
}

/** JSON-LD 1.1. It stands in the record itself, so that nobody has to fetch one to read it. */
const CONTEXT = {
  "@version": 1.1,
  dpv: "https://w3id.org/dpv#",
  pd: "https://w3id.org/dpv/pd#",
  loc: "https://w3id.org/dpv/loc#",
  "legal-eu": "https://w3id.org/dpv/legal/eu#",
  "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
  "dpv-27560": "https://w3id.org/dpv/schema/dpv-27560#",
  dct: "http://purl.org/dc/terms/",
  rdf: "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
  schema: "https://schema.org/",
  skos: "http://www.w3.org/2004/02/skos/core#",
  xsd: "http://www.w3.org/2001/XMLSchema#",
  cf: "https://w3id.org/counterfoil/consent/1#",
  ...Object.fromEntries(
    [
      "dct:conformsTo",
      "dpv:hasPurpose",
      "dpv:hasProcessing",
      "dpv:hasNecessity",
      "dpv:hasLegalBasis",
      "dpv:hasJurisdiction",
      "dpv:hasApplicableLaw",
      "dpv:hasLocation",
      "dpv:hasRight",
      "dpv:isExercisedAt",
      "skos:broader",
    ].map((term) => [term, { "@type": "@id" }]),
  ),
  ...Object.fromEntries(["dct:created", "dpv:isIndicatedAtTime"].map((term) => [term, { "@type": "xsd:dateTime" }])),
  "cf:filter": { "@type": "@json" },
};

const RIGHTS = ["eu-gdpr:A7-3", "eu-gdpr:A15", "eu-gdpr:A16", "eu-gdpr:A17", "eu-gdpr:A20", "eu-gdpr:A77"];

/**
 * A grant as an ISO/IEC TS 27560 consent record, and its receipt, in DPV 2.3 (JSON-LD, after DPV's guide "Consent records and receipts").
 * Made of what the customer signed: the same facts give the same record at the customer, the vendor and an auditor. It names paths,
 * never values; each signed consent stands in it whole, so that it can be verified (`verifyConsent`).
 * @throws {TypeError} without a consent; {EvidenceError} `malformed` where one can't be read
 */
export function consentRecord(facts: ConsentRecordFacts): { record: object; receipt: object } {
  const { issuer, client, consents } = facts;
  const read = consents.map((token) => ({ token, consent: readConsent(token) }));
  const last = read.at(-1)?.consent;
  if (last === undefined) throw new TypeError("a consent record needs a consent");
  const id = `${issuer}/oauth/grants/${last.grant_id}`;
  const subject = {
    "@id": `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${last.iss}`,
    "@type": "dpv:DataSubject",
    "dct:identifier": last.iss,
  };
  const record = {
    "@id": id,
    "@type": "dpv:ConsentRecord",
    "dct:conformsTo": ["dpv-27560:record", "dpv-27560:record-eu-gdpr"],
    "dct:identifier": last.grant_id,
    "dpv:hasDataSubject": subject,
    "dpv:hasDataController": controllerOf(client),
    "dpv:hasJurisdiction": `loc:${client.country}`,
    "dpv:hasApplicableLaw": "legal-eu:law-GDPR",
    "dpv:hasNotice": noticesOf(
      read.map(({ consent }) => consent),
      client.policy_uri,
    ),
    "dpv:hasProcess": last.authorization_details.map((detail) => processOf(detail, client)),
    "dpv:hasConsentControl": { "@type": "dpv:WithdrawConsent", "dpv:isExercisedAt": issuer },
    "dpv:hasRight": RIGHTS,
    "dpv:hasConsentStatus": [...read.map((each) => givenStatus(each, subject)), ...endStatus(facts, subject)],
    ...(last.gpc === undefined ? {} : { "cf:globalPrivacyControl": true }),
  };
  const created = seconds(last.iat);
  const receipt = {
    "@context": CONTEXT,
    "@id": `${id}#receipt-${last.n}`,
    "@type": "dpv:ConsentReceipt",
    "dct:conformsTo": ["dpv-27560:receipt", "dpv-27560:receipt-eu-gdpr"],
    "dct:identifier": last.jti,
    "dct:created": created,
    "dct:publisher": { "@id": issuer },
    "schema:recipient": { "@id": subject["@id"] },
    "dpv:hasRecordOfActivity": record,
  };
  return { record: { "@context": CONTEXT, ...record }, receipt };
}

const seconds = (at: number): string => `${new Date(at * 1000).toISOString().slice(0, 19)}Z`;

const controllerOf = ({ client_id, legal_name, country, dpo_contact, client_uri }: ConsentRecordFacts["client"]) => ({
  "@id": client_id,
  "@type": "dpv:DataController",
  "dpv:hasName": legal_name,
  "dpv:hasCountry": { "@id": `loc:${country}` },
  ...(dpo_contact === null ? {} : { "dpv:hasContact": dpo_contact }),
  ...(client_uri === null ? {} : { "schema:url": { "@id": client_uri } }),
});

const noticesOf = (consents: readonly Consent[], policy: string | null) =>
  consents.map(({ notice }) => ({
    "@type": "dpv:ConsentNotice",
    "dct:identifier": `sha-256:${notice.sha256}`,
    "dct:language": notice.language,
    ...(policy === null ? {} : { "dct:references": { "@id": policy } }),
  }));

function processOf(detail: AuthorizationDetail, client: ConsentRecordFacts["client"]) {
  const { purpose, legal_basis, necessity, paths, retention, expires, frequency, filter, recipients = [], storage_countries } = detail;
  return {
    "@type": "dpv:Process",
    "dpv:hasPurpose": purpose,
    "dpv:hasLegalBasis": legal_basis,
    "dpv:hasProcessing": ["dpv:Collect", "dpv:Use", "dpv:Store"],
    "dpv:hasPersonalData": paths.map((path) => ({
      "@type": "dpv:PersonalData",
      "dct:identifier": path,
      "skos:broader": termsOf(path),
      "dpv:hasNecessity": necessity === "required" ? "dpv:Required" : "dpv:Optional",
    })),
    "dpv:hasDataSource": { "@type": "dpv:DataSubject" },
    "dpv:hasStorageCondition": [
      {
        "@type": "dpv:StorageLocation",
        ...(storage_countries === undefined
          ? { "dct:description": "not stated by the controller" }
          : { "dpv:hasLocation": storage_countries.map((country) => `loc:${country}`) }),
      },
      { "@type": "dpv:StorageDuration", "dpv:hasDuration": { "@type": "dpv:TemporalDuration", "rdf:value": retention } },
      { "@type": "dpv:StorageDeletion", "dct:description": "when it is no longer granted, with an attestation that the controller signs" },
    ],
    "dpv:hasRecipient": [
      { "@id": client.client_id },
      ...recipients.map((name) => ({ "@type": ["dpv:Recipient", "dpv:ThirdParty"], "dpv:hasName": name })),
    ],
    ...(frequency === undefined
      ? {}
      : {
          "dpv:hasFrequency": {
            "@type": "dpv:Frequency",
            "rdf:value": frequency.per ? `${frequency.max}/${frequency.per}` : `${frequency.max}`,
          },
        }),
    "dpv:hasDuration": { "@type": "dpv:UntilTimeDuration", "rdf:value": expires },
    ...(filter === undefined ? {} : { "cf:filter": filter }),
  };
}

/** DPV's terms for the kinds of data that a path covers. */
function termsOf(path: string): string[] {
  const { base } = splitPath(path);
  const kinds = KINDS.filter(
    (kind) => kind.shareable && (covers(base, kind.path) || base === kind.path || (kind.many && covers(kind.path, base))),
  );
  return [...new Set(kinds.map(({ dpv }) => dpv))];
}

const givenStatus = ({ token, consent }: { token: string; consent: Consent }, subject: object) => ({
  "@type": [consent.n === 1 ? "dpv:ConsentGiven" : "dpv:RenewedConsentGiven", "dpv:ExplicitlyExpressedConsent"],
  "dct:identifier": consent.jti,
  "dpv:isIndicatedBy": subject,
  "dpv:isIndicatedAtTime": seconds(consent.iat),
  "dpv:hasIndicationMethod": "signed with the data subject's own key",
  "dpv:hasDuration": { "@type": "dpv:UntilTimeDuration", "rdf:value": seconds(consent.exp) },
  "cf:consent": token,
});

function endStatus({ state, endedAt, endedBy, client }: ConsentRecordFacts, subject: object): object[] {
  if (endedAt === null) return [];
  const type = { revoked: "dpv:ConsentWithdrawn", expired: "dpv:ConsentExpired", declined: "dpv:ConsentRefused" }[state as "revoked"];
  if (type === undefined) return [];
  const vendor = state === "revoked" && endedBy === "vendor";
  return [
    {
      // What ends it by the controller's own will is no withdrawal (DPV 2.3).
      "@type": vendor ? "dpv:ConsentRevoked" : type,
      ...(state === "expired" ? {} : { "dpv:isIndicatedBy": vendor ? { "@id": client.client_id } : subject }),
      "dpv:isIndicatedAtTime": endedAt,
    },
  ];
}
