import fc from "fast-check";
import jsonld from "jsonld";
import { describe, expect, it } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { KINDS } from "#protocol/categories.ts";
import { type ConsentRecordFacts, consentRecord } from "#protocol/consent-record.ts";
import { hashOfConsent } from "#protocol/consent-token.ts";
import { PURPOSES } from "#protocol/purposes.ts";
import terms from "./fixtures/dpv-2.3-terms.json" with { type: "json" };
import { DETAILS, makeConsent, makeSecrets, makeVendor, signConsent } from "./support/customer.ts";
import { details as anyDetails } from "./support/details.ts";

const CLIENT: ConsentRecordFacts["client"] = {
  client_id: "https://shop.example/client.json",
  legal_name: "Libreria Aldina S.r.l.",
  country: "IT",
  dpo_contact: "mailto:privacy@shop.example",
  policy_uri: "https://shop.example/privacy",
  client_uri: "https://shop.example/",
};

const defined = new Set(
  Object.entries(terms.terms).flatMap(([prefix, names]) =>
    names.split(" ").map((name) => (terms.namespaces as Record<string, string>)[prefix] + name),
  ),
);

/** Two consents of one grant, the second one following the first. */
async function facts(details: AuthorizationDetails = DETAILS, changes: Partial<ConsentRecordFacts> = {}): Promise<ConsentRecordFacts> {
  const [secrets, vendor] = [await makeSecrets(), await makeVendor(CLIENT.client_id)];
  const exp = Math.max(...details.map(({ expires }) => Date.parse(expires))) / 1000;
  const first = await signConsent(await makeConsent(secrets, vendor, { authorization_details: details, exp }), secrets);
  const second = await signConsent(
    await makeConsent(secrets, vendor, { authorization_details: details, exp, n: 2, prev: await hashOfConsent(first), gpc: true }),
    secrets,
  );
  return {
    issuer: "https://counterfoil.example",
    client: CLIENT,
    consents: [first, second],
    state: "active",
    endedAt: null,
    endedBy: null,
    ...changes,
  };
}

/** `safe` isn't in its types yet: what the context doesn't know is a fault, not dropped. */
const OPTIONS: Parameters<typeof jsonld.expand>[1] & { safe: boolean } = {
  safe: true,
  documentLoader: async (url: string) => Promise.reject(new Error(`a record needs nothing from elsewhere, but names ${url}`)),
};
const expand = async (document: object): Promise<unknown> => await jsonld.expand(structuredClone(document) as never, OPTIONS);

/** Every IRI in an expanded document, and every literal. */
function look(node: unknown, iris: Set<string>, literals: string[]): void {
  if (typeof node === "string") iris.add(node);
  else if (Array.isArray(node)) for (const each of node) look(each, iris, literals);
  else if (typeof node === "object" && node !== null) {
    if ("@value" in node) {
      literals.push(JSON.stringify(node["@value"]));
      return;
    }
    for (const [key, value] of Object.entries(node)) {
      if (!key.startsWith("@")) iris.add(key);
      look(value, iris, literals);
    }
  }
}

async function read(document: object): Promise<{ iris: string[]; literals: string[] }> {
  const [iris, literals] = [new Set<string>(), [] as string[]];
  look(await expand(document), iris, literals);
  return { iris: [...iris], literals };
}

const strangers = (iris: readonly string[]): string[] => iris.filter((iri) => iri.includes("w3id.org/dpv") && !defined.has(iri));

describe("a consent record", () => {
  it("says all that ISO/IEC TS 27560 asks for, in words that DPV 2.3 defines", async () => {
    const { record, receipt } = consentRecord(await facts());
    for (const document of [record, receipt]) {
      const { iris, literals } = await read(document);
      expect(strangers(iris)).toEqual([]);
      expect(iris.filter((iri) => !/^[a-z]+:/i.test(iri))).toEqual([]);
      // What the context doesn't type stays a text, and says nothing to a machine.
      expect(literals.filter((text) => /^"(dpv|pd|loc|eu-gdpr|legal-eu|dpv-27560):/.test(text))).toEqual([]);
    }
    const [expanded] = (await expand(record)) as [Record<string, unknown[]>];
    const dpv = (name: string) => `https://w3id.org/dpv#${name}`;
    for (const name of [
      "hasDataSubject",
      "hasDataController",
      "hasNotice",
      "hasProcess",
      "hasJurisdiction",
      "hasConsentControl",
      "hasRight",
      "hasConsentStatus",
    ])
      expect(expanded[dpv(name)], name).toBeDefined();
    for (const process of expanded[dpv("hasProcess")] as Array<Record<string, unknown[]>>)
      for (const name of ["hasPurpose", "hasPersonalData", "hasStorageCondition", "hasRecipient", "hasLegalBasis", "hasProcessing"])
        expect(process[dpv(name)], name).toBeDefined();
    expect(expanded["http://purl.org/dc/terms/conformsTo"]).toEqual([
      { "@id": "https://w3id.org/dpv/schema/dpv-27560#record" },
      { "@id": "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr" },
    ]);
    expect(expanded[dpv("hasConsentStatus")]).toHaveLength(2);
  });

  it("names every kind that can be shared and every purpose by a term that is defined", async () => {
    const details = PURPOSES.map((purpose) => ({ ...(DETAILS[0] as AuthorizationDetails[number]), purpose: purpose.iri }));
    const paths = KINDS.filter(({ shareable }) => shareable).map(({ path }) => path);
    const { record } = consentRecord(
      await facts(details.map((detail) => ({ ...detail, paths: [...paths, "profile", "purchases:tastes"] }))),
    );
    const { iris } = await read(record);
    expect(strangers(iris)).toEqual([]);
    for (const { iri } of PURPOSES) expect(iris).toContain(iri);
    for (const { dpv, shareable } of KINDS) if (shareable) expect(iris).toContain(dpv.replace("pd:", "https://w3id.org/dpv/pd#"));
  });

  it.each([
    ["revoked", "customer", "ConsentWithdrawn"],
    ["revoked", "vendor", "ConsentRevoked"],
    ["expired", null, "ConsentExpired"],
    ["declined", "customer", "ConsentRefused"],
  ] as const)("ends as %s by %s with %s", async (state, endedBy, status) => {
    const endedAt = "2026-12-24T18:00:00Z";
    const { record } = consentRecord(await facts(DETAILS, { state, endedBy, endedAt }));
    const { iris } = await read(record);
    expect(strangers(iris)).toEqual([]);
    expect(JSON.stringify((record as { "dpv:hasConsentStatus": object[] })["dpv:hasConsentStatus"].at(-1))).toContain(`"dpv:${status}"`);
  });

  it("is defined whatever was granted, and the same for whoever makes it", async () => {
    await fc.assert(
      fc.asyncProperty(anyDetails, async (granted) => {
        const of = await facts(granted);
        const { record } = consentRecord(of);
        expect(strangers((await read(record)).iris)).toEqual([]);
        expect(consentRecord(structuredClone(of))).toEqual(consentRecord(of));
      }),
      { numRuns: 25 },
    );
  });

  it("needs a consent that can be read", async () => {
    const of = await facts();
    expect(() => consentRecord({ ...of, consents: [] })).toThrow(TypeError);
    expect(() => consentRecord({ ...of, consents: ["a.b.c"] })).toThrow(expect.objectContaining({ name: "EvidenceError" }));
  });
});

it("a term that DPV doesn't define is found", async () => {
  const { record } = consentRecord(await facts());
  const { iris } = await read({ ...record, "dpv:hasConsentType": { "@id": "dpv:ConsentTerminated" } });
  expect(strangers(iris)).toHaveLength(2);
});
