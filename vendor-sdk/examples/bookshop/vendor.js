import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, clientMetadata, createVendor, fileState, makeKeys, publicKeys } from "@counterfoil/vendor-sdk";

const REGULARS = "https://w3id.org/dpv#CustomerRelationshipManagement";

/**
 * The shop as a Counterfoil vendor: its keys, its two public documents, and the SDK.
 * @param {import("./config.js").Config} config
 */
export async function openVendor({ origin, data, server }) {
  await mkdir(data, { recursive: true, mode: 0o700 });
  const keys = await ownKeys(join(data, "keys.json"));
  const clientId = `${origin}/client.json`;
  const redirectUri = `${origin}/callback`;
  const vendor = createVendor({ clientId, server, keys, state: fileState(join(data, "state")) });
  return {
    vendor,
    clientDocument: clientMetadata({
      clientId,
      name: "Libreria Aldina",
      legalName: "Libreria Aldina S.r.l.",
      country: "IT",
      dpoContact: "mailto:privacy@aldina.example",
      redirectUris: [redirectUri],
      jwksUri: `${origin}/jwks.json`,
    }),
    jwks: publicKeys(keys),
    /** Asks for what a small bookshop needs of a regular, and for what it would like to know: each may be refused alone. */
    request: () => vendor.requests.create({ redirect_uri: redirectUri, authorization_details: wishes() }),
    /**
     * Asks to take the place of what a customer gives now: the same, and the phone number. They see what would change, and nothing does
     * unless they say yes.
     * @param {import("@counterfoil/vendor-sdk").Grant} grant
     */
    requestMore: ({ id, details }) =>
      vendor.requests.create({
        redirect_uri: redirectUri,
        replaces: id,
        authorization_details: details.map((each) =>
          each.purpose === REGULARS ? { ...each, paths: [...each.paths, "profile/phones"] } : each,
        ),
      }),
    /** What customers do reaches the shop in milliseconds, at this address. */
    hearOfChanges: () => vendor.stream.ensure({ endpoint: `${origin}/events` }),
  };
}

/** Whether a phone number could be asked for besides. @param {import("@counterfoil/vendor-sdk").Grant} grant */
export const mayAskMore = ({ state, details }) =>
  state === "active" &&
  details.some(({ purpose, paths }) => purpose === REGULARS && !paths.some((path) => path.startsWith("profile/phones")));

const wishes = () => [
  ask({
    purpose: "customer-management",
    paths: ["profile/name", "profile/emails", "profile/addresses", "preferences/contact"],
    days: 365,
    retention: "P365D",
    ifRefused: "type-it-yourself",
    storageCountries: ["IT"],
    explanation: {
      en: "We keep a card for each of our regulars, so that we can set books aside and tell you when they are in.",
      it: "Teniamo una scheda per ogni cliente abituale, per mettere da parte i libri e avvisarti quando arrivano.",
    },
  }),
  ask({
    purpose: "recommendations",
    paths: ["purchases", "preferences/tastes"],
    // A gift says nothing of the one who gave it.
    filter: { categories: ["books"], recipients: ["self", "household"] },
    days: 365,
    ifRefused: "less-fitting",
    storageCountries: ["IT"],
    explanation: {
      en: "We would like to know which books you have and like, so that we suggest others and never the same one twice.",
      it: "Vorremmo sapere quali libri hai e ti piacciono, per consigliartene altri e mai due volte lo stesso.",
    },
  }),
];

/**
 * Made at the first start, and never again: what customers sealed to the old ones could not be opened any more.
 * @param {string} path
 * @returns {ReturnType<typeof makeKeys>}
 */
async function ownKeys(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
  }
  const keys = await makeKeys();
  await writeFile(path, JSON.stringify(keys), { mode: 0o600, flag: "wx" });
  return keys;
}
