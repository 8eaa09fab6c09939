import type { Candidate } from "./candidate.ts";
import { candidateOf } from "./candidate.ts";
import { clean } from "./clean.ts";
import { countryCode } from "./country-code.ts";
import type { Fault, FaultCode, Place } from "./place.ts";

/** One person of a file, and what of them has a place in a store. Texts as they were written. */
export interface Person {
  readonly place: Place;
  /** How the file calls them. */
  readonly name: string;
  readonly details: readonly Detail[];
  /** What there is no place for: names of properties. */
  readonly unplaced: readonly string[];
  readonly faults: readonly Fault[];
}

interface At {
  readonly place: Place;
  /** Bytes of this line were none of the encoding's. */
  readonly broken?: boolean;
}

export type Detail = At &
  (
    | { readonly kind: "name"; readonly given: string; readonly surname: string }
    | { readonly kind: "email"; readonly address: string; readonly label: string }
    | { readonly kind: "phone"; readonly number: string; readonly label: string }
    | { readonly kind: "birthday"; readonly date: string }
    | { readonly kind: "language"; readonly tag: string; readonly pref: number }
    | { readonly kind: "online"; readonly service: string; readonly user: string }
    | {
        readonly kind: "address";
        readonly street: string;
        readonly locality: string;
        readonly region: string;
        readonly postcode: string;
        readonly country: string;
        readonly label: string;
      }
  );

export interface ContactChoices {
  readonly shorten?: boolean | undefined;
  /** For an address that names no country. */
  readonly country?: string | undefined;
  /** The day on which it is read: nobody is born after it. */
  readonly today: string;
}

const without = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== "" && each !== undefined));

/** A number in the signs that a store keeps: `(040) 12.34` begins with its digits. */
export function phoneNumber(text: string): string {
  const plain = clean(text)
    .replace(/^tel:/i, "")
    .replace(/;.*$/, "")
    .replace(/[\u2010-\u2015\u2212]/g, "-")
    .replace(/\s+/g, " ");
  return /^\(/.test(plain) ? plain.replace("(", "").replace(")", "") : plain.replace(/^\+ /, "+");
}

/** What one person's card brings. */
export function candidatesOf(person: Person, choices: ContactChoices): { candidates: Candidate[]; faults: Fault[] } {
  const candidates: Candidate[] = [];
  const faults: Fault[] = [...person.faults];
  const bad = (detail: Detail, code: FaultCode): void => {
    faults.push({ place: detail.place, code });
  };
  const put = (path: string, value: Record<string, unknown>, detail: Detail, code: FaultCode): void => {
    const made = candidateOf(path, without(value), detail.place, { shorten: choices.shorten });
    if (made.candidate) candidates.push(made.candidate);
    // The property is the place; which of a schema's rules was broken says nobody anything, but for its length.
    else faults.push(...made.faults.map((fault) => (fault.code === "too-long" ? fault : { place: detail.place, code })));
  };
  const languages = person.details.filter((each) => each.kind === "language").sort((a, b) => a.pref - b.pref);
  for (const detail of person.details) {
    if (detail.broken) {
      bad(detail, "broken-text");
      continue;
    }
    switch (detail.kind) {
      case "name": {
        const { given, surname } = nameOf(clean(detail.given), clean(detail.surname), clean(person.name));
        put("profile/name", { given, surname }, detail, "missing");
        break;
      }
      case "email":
        put("profile/emails", { address: clean(detail.address).replace(/^mailto:/i, ""), label: clean(detail.label) }, detail, "email");
        break;
      case "phone":
        put("profile/phones", { number: phoneNumber(detail.number), label: clean(detail.label) }, detail, "phone");
        break;
      case "birthday": {
        const read = birthday(detail.date, choices.today);
        if (typeof read === "string") bad(detail, read);
        else put("profile/birthday", read, detail, "date");
        break;
      }
      case "online":
        put("profile/online", { service: clean(detail.service), user: clean(detail.user) }, detail, "invalid");
        break;
      case "address": {
        const code = detail.country.trim() === "" ? choices.country : countryCode(detail.country);
        const locality = clean(detail.locality);
        if (code === undefined || code === "") bad(detail, "no-country");
        else if (locality === "") bad(detail, "no-town");
        else
          put(
            "profile/addresses",
            {
              street: clean(detail.street),
              postcode: clean(detail.postcode),
              locality,
              region: clean(detail.region),
              countryCode: code,
              label: clean(detail.label),
            },
            detail,
            "invalid",
          );
        break;
      }
      case "language":
        if (detail === languages[0])
          put("profile/languages", { tags: [...new Set(languages.map(({ tag }) => clean(tag)))].slice(0, 10) }, detail, "invalid");
        break;
    }
  }
  return { candidates, faults };
}

/** Some programs write the whole name where the first one belongs, or only as it is shown. */
function nameOf(given: string, surname: string, shown: string): { given: string; surname: string } {
  if (given !== "") return { given, surname };
  if (surname !== "" && (shown === "" || shown === surname)) return { given: surname, surname: "" };
  if (surname !== "" && shown.endsWith(` ${surname}`)) return { given: shown.slice(0, -surname.length - 1), surname };
  const words = shown.split(" ");
  return words.length === 1 ? { given: shown, surname: "" } : { given: words.slice(0, -1).join(" "), surname: words.at(-1) ?? "" };
}

function birthday(text: string, today: string): { date: string } | FaultCode {
  const plain = text.trim();
  // Apple's year for a birthday without one.
  if (/^(?:--|-\d{2}-|1604)/.test(plain)) return "no-year";
  const [, year, month, day] = /^(\d{4})-?(\d{2})-?(\d{2})(?:$|T| )/.exec(plain) ?? [];
  if (year === undefined) return "date";
  const date = `${year}-${month}-${day}`;
  if (date > today) return "date-future";
  return year < "1900" ? "date-old" : { date };
}
