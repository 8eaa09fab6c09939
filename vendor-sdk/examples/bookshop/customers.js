import { open, readFile, rename } from "node:fs/promises";
import { CounterfoilError, defineSink, mapFields } from "@counterfoil/vendor-sdk";

/**
 * @typedef {{ key: string, values: Record<string, string | number | boolean> }} Card
 * @typedef {{ key: string, reason: string, at: string }} Stub what is left of a card that had to go: no value
 * @typedef {{ key: string, number: string, book: string, name: string, address: string, date: string, until: string }} Invoice
 * @typedef {{ cards: Card[], stubs: Stub[], invoices: Invoice[] }} Drawer
 */

/** @param {Readonly<Record<string, unknown>>} fields @param {string} kind @returns {Record<string, string | undefined>[]} */
const under = (fields, kind) =>
  Object.keys(fields)
    .filter((path) => path === kind || path.startsWith(`${kind}/`) || path.startsWith(`${kind}:`))
    .sort()
    .map((path) => /** @type {Record<string, string | undefined>} */ (fields[path]));

/** @param {(string | undefined)[]} parts @param {string} glue */
const join = (parts, glue) => parts.filter((part) => part !== undefined && part !== "").join(glue) || undefined;

/** The shop's own words for the product categories that it knows something of; any other is shown as it is called. */
const CATEGORIES = /** @type {Record<string, string>} */ ({
  books: "books",
  magazines: "magazines",
  music: "records and scores",
  film: "films",
  games: "board games",
  toys: "toys",
  stationery: "paper and pens",
  crafts: "handicraft",
  travel: "journeys",
  "gift-cards": "vouchers",
});
const SENTIMENTS = /** @type {Record<string, string>} */ ({
  like: "likes",
  dislike: "doesn't like",
  avoid: "stays away from",
  need: "needs",
  own: "has",
});
const MOST_TITLES = 10;

/** @param {Readonly<Record<string, unknown>>} fields */
const purchases = (fields) =>
  under(Object.fromEntries(Object.entries(fields).filter(([path]) => path.startsWith("purchases/"))), "purchases");

/**
 * How many purchases of each category, most first: as the customer's app counted them, or counted here from what was granted.
 * @param {Readonly<Record<string, unknown>>} fields @returns {[category: string, count: number][]}
 */
function tastes(fields) {
  const counted = /** @type {{ tastes: { category: string, count: number }[] } | undefined} */ (fields["purchases:tastes"]);
  if (counted !== undefined) return counted.tastes.map(({ category, count }) => [category, count]);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { category, recipient } of purchases(fields)) {
    const theirs = recipient === undefined || recipient === "self" || recipient === "household";
    if (theirs && category !== undefined) counts.set(category, (counts.get(category) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

/**
 * From what was granted, whole or a lesser form of it, to the columns of the shop's card. What was not granted stays blank. `mapFields`
 * adds `contact.email` and so on: whether they may be written to, and for what.
 */
const card = mapFields({
  name: ({ fields }) =>
    join(
      under(fields, "profile/name").flatMap(({ given, surname }) => [given, surname]),
      " ",
    ),
  email: ({ fields }) =>
    join(
      under(fields, "profile/emails").map(({ address }) => address),
      ", ",
    ),
  address: ({ fields }) =>
    join(
      under(fields, "profile/addresses").map(({ street, postcode, locality, region, countryCode }) =>
        join([street, join([postcode, locality], " "), region, countryCode], ", "),
      ),
      "; ",
    ),
  phone: ({ fields }) =>
    join(
      under(fields, "profile/phones").map(({ number }) => number),
      ", ",
    ),
  tastes: ({ fields }) =>
    join(
      tastes(fields).map(([category, count]) => `${CATEGORIES[category] ?? category.replaceAll("-", " ")} (${count})`),
      ", ",
    ),
  interests: ({ fields }) =>
    join(
      under(fields, "preferences/tastes").map(({ sentiment, about }) => `${SENTIMENTS[sentiment ?? ""] ?? sentiment}: ${about}`),
      ", ",
    ),
  books: ({ fields }) => {
    const titles = purchases(fields)
      .filter(({ item }) => item !== undefined)
      .sort((a, b) => String(b.date).localeCompare(String(a.date)))
      .map(({ item }) => item);
    return join([...titles.slice(0, MOST_TITLES), titles.length > MOST_TITLES ? `(${titles.length} in all)` : undefined], "\n");
  },
  granted: ({ consent }) => consent.paths.join(" "),
  until: ({ consent }) => consent.until,
});

/**
 * The shop's whole CRM: one JSON file, and a sink that keeps it in step with what customers grant.
 * @param {string} path
 */
export async function openCustomers(path) {
  /** @type {Drawer} */
  let drawer = { cards: [], stubs: [], invoices: [] };
  try {
    drawer = { ...drawer, ...JSON.parse(await readFile(path, "utf8")) };
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
  }
  let dirty = false;
  /** @param {Drawer} next */
  const set = (next) => {
    drawer = next;
    dirty = true;
  };
  /** @param {string} key */
  const others = (key) => ({
    ...drawer,
    cards: drawer.cards.filter((each) => each.key !== key),
    stubs: drawer.stubs.filter((each) => each.key !== key),
  });

  const sink = defineSink({
    name: "bookshop-customers",
    check: async () => [],
    toTarget: card.apply,
    async find(/** @type {string} */ key) {
      const found = drawer.cards.find((each) => each.key === key);
      return found && { id: key, values: found.values };
    },
    async create(key, values) {
      if (drawer.cards.some((each) => each.key === key)) throw new CounterfoilError("conflict", "there is such a card");
      const rest = others(key);
      set({ ...rest, cards: [...rest.cards, { key, values: { ...values } }] });
    },
    async patch(key, changes) {
      const before = drawer.cards.find((each) => each.key === key);
      const values = Object.fromEntries(Object.entries({ ...before?.values, ...changes }).filter(([, value]) => value !== null));
      set({
        ...drawer,
        cards: drawer.cards.map((each) => (each.key === key ? { key, values: /** @type {Card["values"]} */ (values) } : each)),
      });
    },
    async erase(key, { reason, at }) {
      const rest = others(key);
      set({ ...rest, stubs: [...rest.stubs, { key, reason, at }] });
      return { did: ["every value on the card was erased; the date and the reason stay"], remains: [] };
    },
    // What the law makes a shop keep is kept, and said: it goes to the customer with the shop's signature.
    async remains(key, columns) {
      if (columns !== undefined && !columns.includes("name") && !columns.includes("address")) return [];
      return drawer.invoices
        .filter((each) => each.key === key)
        .map(({ number, until }) => ({ what: `invoice ${number}`, why: "legal-duty", until, note: "with the name and the address on it" }));
    },
    async commit() {
      if (!dirty) return;
      const temporary = `${path}.${process.pid}.tmp`;
      const file = await open(temporary, "w", 0o600);
      try {
        dirty = false;
        await file.writeFile(JSON.stringify(drawer, null, 2));
        await file.sync();
      } catch (error) {
        dirty = true;
        throw error;
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    },
  });
  /** An order of a regular: its invoice shows what is on the card now, and is kept for ten years. @param {string} key @param {string} book */
  async function order(key, book) {
    const values = drawer.cards.find((each) => each.key === key)?.values ?? {};
    const date = new Date().toISOString().slice(0, 10);
    const year = Number(date.slice(0, 4));
    const invoice = {
      key,
      number: `${year}-${drawer.invoices.length + 1}`,
      book,
      name: String(values.name ?? ""),
      address: String(values.address ?? ""),
      date,
      until: `${year + 10}-12-31`,
    };
    set({ ...drawer, invoices: [...drawer.invoices, invoice] });
    await sink.commit();
  }
  return { sink, order, all: () => drawer };
}
