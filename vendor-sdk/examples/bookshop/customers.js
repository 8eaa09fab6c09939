import { open, readFile, rename } from "node:fs/promises";
import { CounterfoilError, defineSink, mapFields } from "@counterfoil/vendor-sdk";

/**
 * @typedef {{ key: string, values: Record<string, string | number | boolean> }} Card
 * @typedef {{ key: string, reason: string, at: string }} Stub what is left of a card that had to go: no value
 * @typedef {{ cards: Card[], stubs: Stub[] }} Drawer
 */

/** @param {Readonly<Record<string, unknown>>} fields @param {string} kind @returns {Record<string, string | undefined>[]} */
const under = (fields, kind) =>
  Object.keys(fields)
    .filter((path) => path === kind || path.startsWith(`${kind}/`) || path.startsWith(`${kind}:`))
    .sort()
    .map((path) => /** @type {Record<string, string | undefined>} */ (fields[path]));

/** @param {(string | undefined)[]} parts @param {string} glue */
const join = (parts, glue) => parts.filter((part) => part !== undefined && part !== "").join(glue) || undefined;

/** From what was granted, whole or a lesser form of it, to the columns of the shop's card. What was not granted stays blank. */
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
  contact: ({ fields }) => {
    const { channels = [] } = /** @type {{ channels?: { channel: string, allowed: string }[] }} */ (fields["preferences/contact"] ?? {});
    return join(
      channels.map(({ channel, allowed }) => `${channel}: ${allowed}`),
      ", ",
    );
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
  let drawer = { cards: [], stubs: [] };
  try {
    drawer = JSON.parse(await readFile(path, "utf8"));
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
      const { cards, stubs } = others(key);
      set({ cards: [...cards, { key, values: { ...values } }], stubs });
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
      const { cards, stubs } = others(key);
      set({ cards, stubs: [...stubs, { key, reason, at }] });
      return { did: ["every value on the card was erased; the date and the reason stay"], remains: [] };
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
  return { sink, all: () => drawer };
}
