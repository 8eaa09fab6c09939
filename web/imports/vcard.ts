import ICAL from "ical.js";
import { clean } from "./clean.ts";
import type { Detail, Person } from "./contact.ts";
import { LIMITS } from "./limits.ts";
import type { Fault, Place } from "./place.ts";
import { modern } from "./quoted-printable.ts";
import { ImportRefusal } from "./refusal.ts";
import { type CardLine, type CardText, cardsOf } from "./vcard-lines.ts";

/** A property as jCard writes it (RFC 7095, 3.3). */
type Property = [name: string, params: Record<string, string | string[]>, type: string, ...values: unknown[]];

interface Read {
  readonly property: Property;
  readonly line: number;
}

/** Properties that describe the card and not the person. */
const ABOUT_THE_CARD =
  /^(?:version|prodid|rev|uid|fn|n|kind|categories|source|class|mailer|x-ab(?:label|adr|uid|showas|order)|x-(?:img|photo).*|x-phonetic.*|x-evolution-file-as|x-ms-.*|x-mozilla-.*|x-android-custom|label|sort-string|clientpidmap)$/;
const OLD_MESSENGERS: Record<string, string> = {
  "x-skype": "Skype",
  "x-skype-username": "Skype",
  "x-jabber": "Jabber",
  "x-icq": "ICQ",
  "x-aim": "AIM",
  "x-msn": "MSN",
  "x-yahoo": "Yahoo",
  "x-qq": "QQ",
  "x-google-talk": "Google Talk",
  "x-twitter": "Twitter",
  "x-matrix": "Matrix",
};
/** Types that say how, not where; `pref` is an order. */
const NO_LABELS = ["pref", "internet", "voice", "msg", "text", "x400", "dom", "intl", "postal", "parcel", "x-internet"];

/** More properties than any program groups. */
const BESIDE = 20;

/**
 * The people of a vCard file, versions 2.1, 3 and 4. A card without its end is named by its line; the whole ones are still there.
 * @throws {ImportRefusal} if no card is whole, or there are too many
 */
export function readVCards(text: string, file: string, broken: ReadonlySet<number>): { people: Person[]; faults: Fault[] } {
  const cards = cardsOf(text);
  if (cards.length > LIMITS.people) throw new ImportRefusal("too-many-people", cards.length);
  const torn = cards.filter((card) => !card.whole);
  if (torn.length === cards.length) throw new ImportRefusal("torn-card", cards[0]?.line ?? 1);
  return {
    people: cards.filter((card) => card.whole).map((card) => personOf(card, file, broken)),
    faults: torn.map(({ line }) => ({ place: { file, line }, code: "torn-card" })),
  };
}

/** One property by the parser; undefined where it is none. Our own unfolding keeps the line that a fault is named by. */
function read({ text, line }: CardLine, version: string): Read | undefined {
  try {
    const design = version === "4.0" ? ICAL.design.vcard : ICAL.design.vcard3;
    return { property: ICAL.parse.property(modern(text, version), design) as unknown as Property, line };
  } catch {
    return undefined;
  }
}

function personOf(card: CardText, file: string, broken: ReadonlySet<number>): Person {
  const faults: Fault[] = [];
  const all: Read[] = [];
  for (const each of card.lines) {
    const one = read(each, card.version);
    if (one) all.push(one);
    else faults.push({ place: { file, line: each.line }, code: "bad-line" });
  }
  const grouped = new Map<string, Read[]>();
  for (const each of all) {
    const group = each.property[1].group;
    if (typeof group !== "string") continue;
    const beside = grouped.get(group);
    if (beside === undefined) grouped.set(group, [each]);
    else if (beside.length < BESIDE) beside.push(each);
  }
  const shown = textOf(all.find(({ property }) => property[0] === "fn"));
  const details: Detail[] = [];
  const unplaced = new Set(card.heavy);
  for (const each of all) {
    const [name, params] = each.property;
    const place: Place = { file, line: each.line, cell: shownName(name) };
    const beside = typeof params.group === "string" ? (grouped.get(params.group) ?? []) : [];
    const detail = detailOf(each, place, beside);
    if (detail === undefined) {
      if (!ABOUT_THE_CARD.test(name) && textOf(each) !== "") unplaced.add(shownName(name));
    } else details.push(broken.has(each.line) ? { ...detail, broken: true } : detail);
  }
  // A card may say only how the name is shown.
  const fn = all.find(({ property }) => property[0] === "fn");
  if (!details.some(({ kind }) => kind === "name") && fn && shown !== "")
    details.unshift({ kind: "name", given: "", surname: "", place: { file, line: fn.line, cell: "FN" } });
  const first = details.find((each) => each.kind === "name");
  const name = clean(shown) || clean(first?.kind === "name" ? `${first.given} ${first.surname}` : "");
  return { place: { file, line: card.line }, name, details, unplaced: [...unplaced], faults };
}

/** A property's name, which may be any text, as it is shown. */
const shownName = (name: string): string => clean(name).slice(0, 100).toUpperCase();

const flat = (value: unknown): string =>
  Array.isArray(value)
    ? value
        .map(flat)
        .filter((each) => each !== "")
        .join(" ")
    : String(value ?? "");
const textOf = (read: Read | undefined): string => (read === undefined ? "" : read.property.slice(3).map(flat).join(", ").trim());

/** An escaped colon of Apple's older exports, which no version of vCard asks for. */
const address = (text: string): string => text.replace(/\\([:,;])/g, "$1");

function detailOf(each: Read, place: Place, beside: readonly Read[]): Detail | undefined {
  const [name, params, , value] = each.property;
  const text = address(textOf(each));
  if (text === "" && name !== "n") return undefined;
  const label = labelOf(params, beside);
  switch (name) {
    case "n": {
      const [surname, given] = parts(value);
      return given === "" && surname === "" ? undefined : { kind: "name", given, surname, place };
    }
    case "email":
      return { kind: "email", address: text, label, place };
    case "tel":
      return { kind: "phone", number: text, label, place };
    case "bday":
      return { kind: "birthday", date: text, place };
    case "lang":
      return { kind: "language", tag: text, pref: Number(params.pref ?? 100), place };
    case "adr": {
      const [box, more, street, locality, region, postcode, country] = parts(value);
      const lines = [street, more, box].filter((line) => line !== "").join(", ");
      const abroad = country !== "" ? country : flat(params.cc) || textOf(beside.find(({ property }) => property[0] === "x-abadr"));
      if (`${lines}${locality}${region}${postcode}` === "") return undefined;
      return { kind: "address", street: lines, locality, region, postcode, country: abroad, label, place };
    }
    case "url":
      return { kind: "online", service: "Web", user: text, place };
    case "impp":
      return { kind: "online", service: serviceOf(params, text), user: text.replace(/^[a-z][a-z0-9+.-]*:/i, ""), place };
    case "x-socialprofile":
    case "socialprofile":
      return { kind: "online", service: serviceOf(params, text), user: flat(params["x-user"] ?? params.username) || text, place };
    default: {
      const service = OLD_MESSENGERS[name];
      return service === undefined ? undefined : { kind: "online", service, user: text, place };
    }
  }
}

/** The components of N or ADR, at least seven; a component may have several values. */
const parts = (value: unknown): [string, string, string, string, string, string, string] => {
  const all = (Array.isArray(value) ? value : [value]).map((each) => flat(each).trim());
  const [a = "", b = "", c = "", d = "", e = "", f = "", g = ""] = all;
  return [a, b, c, d, e, f, g];
};

/** The customer's own word for it, Apple's in its wrapping, else the types. */
function labelOf(params: Property[1], beside: readonly Read[]): string {
  const own = textOf(beside.find(({ property }) => property[0] === "x-ablabel")) || flat(params["x-label"]);
  if (own !== "") return own.replace(/^_\$!<(.*)>!\$_$/, (_, inner: string) => inner.toLowerCase());
  const types = [params.type ?? []].flat().flatMap((each) => each.split(","));
  const told = types.map((each) => each.toLowerCase().replace(/^x-/, "")).filter((each) => each !== "" && !NO_LABELS.includes(each));
  return [...new Set(told)].map((each) => (each === "cell" ? "mobile" : each)).join(", ");
}

function serviceOf(params: Property[1], text: string): string {
  const named = flat(params["service-type"] ?? params["x-service-type"]);
  if (named !== "") return named;
  const type = [params.type ?? []].flat().find((each) => !["home", "work", "pref"].includes(each.toLowerCase()));
  if (type !== undefined && type !== "") return type;
  return /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1] ?? "Chat";
}
