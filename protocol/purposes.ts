/** A purpose on offer: its upper bounds, and what a vendor may say follows a refusal. Its words stand in the catalogue under `id`. */
export interface Purpose {
  /** Key of its words in the catalogue. */
  readonly id: string;
  /** Term of the Data Privacy Vocabulary 2.3, https://w3id.org/dpv#. */
  readonly iri: string;
  readonly paths: readonly string[];
  readonly retention: string;
  readonly expiry: string;
  readonly frequency: { readonly max: number; readonly per: string };
  /** Periods offered on the request screen, shortest first. */
  readonly periods: readonly string[];
  readonly consequences: readonly string[];
  /** Paths without which the purpose can't be served; only these may be called required. */
  readonly needs: readonly string[];
}

const DPV = "https://w3id.org/dpv#";
const ordinary = { max: 60, per: "PT1H" };

/** The registry itself. */
export const PURPOSES: readonly Purpose[] = [
  {
    id: "delivery",
    iri: `${DPV}DeliveryOfGoods`,
    paths: ["profile/name", "profile/addresses", "profile/phones", "profile/emails", "preferences/contact"],
    retention: "P365D",
    expiry: "P366D",
    frequency: ordinary,
    periods: ["P30D", "P90D"],
    consequences: ["nothing", "type-it-yourself", "no-delivery"],
    needs: ["profile/name", "profile/addresses"],
  },
  {
    id: "customer-care",
    iri: `${DPV}CustomerCare`,
    paths: ["profile", "preferences/contact", "preferences/accessibility"],
    retention: "P365D",
    expiry: "P366D",
    frequency: ordinary,
    periods: ["P30D", "P90D"],
    consequences: ["nothing", "type-it-yourself"],
    needs: [],
  },
  {
    id: "customer-management",
    iri: `${DPV}CustomerRelationshipManagement`,
    paths: ["profile", "preferences", "purchases:tastes"],
    retention: "P365D",
    expiry: "P366D",
    frequency: ordinary,
    periods: ["P30D", "P90D"],
    consequences: ["nothing", "type-it-yourself"],
    needs: [],
  },
  {
    id: "recommendations",
    iri: `${DPV}ProvideProductRecommendations`,
    paths: ["profile/name:given", "profile/emails", "profile/languages", "preferences", "purchases", "intents"],
    retention: "P180D",
    expiry: "P366D",
    frequency: ordinary,
    periods: ["P30D", "P90D"],
    consequences: ["nothing", "less-fitting"],
    needs: [],
  },
  {
    id: "direct-marketing",
    iri: `${DPV}DirectMarketing`,
    paths: ["profile/name:given", "profile/emails", "profile/languages", "preferences/contact", "preferences/tastes", "purchases:tastes"],
    retention: "P90D",
    expiry: "P180D",
    frequency: { max: 1, per: "PT1H" },
    periods: ["P30D", "P90D"],
    consequences: ["nothing"],
    needs: [],
  },
];

const byIri = new Map(PURPOSES.map((each) => [each.iri, each]));
/** The purpose of an IRI, if it is on offer. */
export const purposeOf = (iri: string): Purpose | undefined => byIri.get(iri);
