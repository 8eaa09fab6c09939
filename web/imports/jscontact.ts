import { clean } from "./clean.ts";
import type { Detail, Person } from "./contact.ts";
import { LIMITS } from "./limits.ts";
import type { Place } from "./place.ts";
import { ImportRefusal } from "./refusal.ts";

type Json = Record<string, unknown>;

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");
const members = (value: unknown): [string, Json][] =>
  isJson(value) ? Object.entries(value).flatMap(([id, each]) => (isJson(each) ? [[id, each] as [string, Json]] : [])) : [];

/** A Card of JSContact (RFC 9553, 2), by its type or by what only a Card has. */
const isCard = (value: unknown): value is Json =>
  isJson(value) && (value["@type"] === "Card" || ("version" in value && "uid" in value && ("name" in value || "emails" in value)));

/** The cards of a JSON text: one, an array of them, or a group's. Undefined if it holds none. Localizations are left out. */
export function readJsContact(json: unknown, file: string): Person[] | undefined {
  const cards = Array.isArray(json) ? json : [json];
  if (!cards.some(isCard)) return undefined;
  if (cards.length > LIMITS.people) throw new ImportRefusal("too-many-people", cards.length);
  return cards.flatMap((card, at) => (isCard(card) ? [personOf(card, file, Array.isArray(json) ? `${at}/` : "")] : []));
}

const TAKEN = [
  "@type",
  "version",
  "uid",
  "name",
  "emails",
  "phones",
  "addresses",
  "onlineServices",
  "links",
  "preferredLanguages",
  "anniversaries",
];
const ABOUT_THE_CARD = ["created", "updated", "prodId", "kind", "language", "localizations", "members", "directories", "keywords"];

function personOf(card: Json, file: string, way: string): Person {
  // Ids and members are the file's own words, and are shown.
  const at = (cell: string): Place => ({ file, cell: clean(way + cell).slice(0, 100) });
  const components = (value: unknown): Json[] => (isJson(value) && Array.isArray(value.components) ? value.components.filter(isJson) : []);
  const named = (all: Json[], ...kinds: string[]): string =>
    all
      .filter(({ kind }) => kinds.includes(text(kind)))
      .map(({ value }) => text(value))
      .join(" ");
  const details: Detail[] = [];
  const name = components(card.name);
  const full = isJson(card.name) ? text(card.name.full) : "";
  const [given, surname] = [named(name, "given"), named(name, "surname")];
  if (given !== "" || surname !== "" || full !== "") details.push({ kind: "name", given, surname, place: at("name") });
  for (const [id, each] of members(card.emails))
    details.push({ kind: "email", address: text(each.address), label: labelOf(each), place: at(`emails/${id}`) });
  for (const [id, each] of members(card.phones))
    details.push({ kind: "phone", number: text(each.number), label: labelOf(each), place: at(`phones/${id}`) });
  for (const [id, each] of members(card.onlineServices)) {
    const user = text(each.user) || text(each.uri);
    details.push({ kind: "online", service: text(each.service) || "Web", user, place: at(`onlineServices/${id}`) });
  }
  for (const [id, each] of members(card.links))
    details.push({ kind: "online", service: "Web", user: text(each.uri), place: at(`links/${id}`) });
  for (const [id, each] of members(card.preferredLanguages))
    details.push({ kind: "language", tag: text(each.language), pref: Number(each.pref ?? 100), place: at(`preferredLanguages/${id}`) });
  for (const [id, each] of members(card.anniversaries))
    if (each.kind === "birth") details.push({ kind: "birthday", date: dateOf(each.date), place: at(`anniversaries/${id}`) });
  for (const [id, each] of members(card.addresses)) {
    const all = components(each);
    const street = [named(all, "name"), named(all, "number"), named(all, "apartment", "floor", "building")].filter((it) => it !== "");
    details.push({
      kind: "address",
      street: street.join(" "),
      locality: named(all, "locality"),
      region: named(all, "region"),
      postcode: named(all, "postcode"),
      country: text(each.countryCode) || named(all, "country"),
      label: labelOf(each),
      place: at(`addresses/${id}`),
    });
  }
  const others = Object.keys(card).filter((each) => !TAKEN.includes(each) && !ABOUT_THE_CARD.includes(each));
  const unplaced = others.slice(0, 50).map((each) => clean(each).slice(0, 100));
  return { place: { file }, name: clean(full || [given, surname].filter((it) => it !== "").join(" ")), details, unplaced, faults: [] };
}

/** `private` is what others call home. */
const labelOf = (value: Json): string => {
  if (text(value.label) !== "") return text(value.label);
  const contexts = isJson(value.contexts) ? Object.keys(value.contexts) : [];
  const features = isJson(value.features) ? Object.keys(value.features).filter((each) => each !== "voice") : [];
  return [...features, ...contexts.map((each) => (each === "private" ? "home" : each))].join(", ");
};

/** PartialDate or Timestamp (RFC 9553, 2.8.1), as a text whose missing year can be seen. */
function dateOf(value: unknown): string {
  if (!isJson(value)) return "";
  if (typeof value.utc === "string") return value.utc;
  const two = (part: unknown): string => text(part).padStart(2, "0");
  const year = text(value.year);
  return year === "" ? `--${two(value.month)}-${two(value.day)}` : `${year.padStart(4, "0")}-${two(value.month)}-${two(value.day)}`;
}
