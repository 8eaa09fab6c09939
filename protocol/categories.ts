import * as v from "valibot";
import { Day, Text } from "./shapes.ts";

/**
 * The registry of kinds of personal data. A new kind is one entry: the web app makes its form and its view from the schema,
 * the request screen its words from the catalogue under the kind's id.
 */
export interface Kind {
  /** `category/name`, without an id: where records of this kind lie. */
  readonly path: string;
  /** A single value at `path`, or a collection of values at `path/<id>`. */
  readonly many: boolean;
  /** Shape of the value. JSON; vocabulary of the named standard. */
  readonly schema: v.GenericSchema;
  readonly sensitivity: "ordinary" | "private" | "special";
  /** Term of the Data Privacy Vocabulary's extension for personal data, https://w3id.org/dpv/pd#. */
  readonly dpv: string;
  readonly shareable: boolean;
  /** Lesser forms, from the one that says most to the one that says least. */
  readonly forms: readonly Form[];
  /** What of a value is shown in a list: a line of text. */
  readonly line: (value: never) => string;
}

/** A lesser form of a kind's value. `name` stands after the colon of a path. */
export interface Form {
  readonly name: string;
  /** The lesser value; null if the value doesn't hold what the form needs. Pure. */
  readonly of: (value: never, now: Date) => unknown;
}

const optional = v.optional;

/** JSContact Card 1.0 `name` (RFC 9553, 2.2.1), flattened to the components that people fill in. */
const Name = v.strictObject({ given: Text(100), surname: optional(Text(100)) });
/** RFC 9553, 2.3.1 */
const Email = v.strictObject({ address: v.pipe(v.string(), v.maxLength(254), v.email()), label: optional(Text(60)) });
/** RFC 9553, 2.3.3 */
const Phone = v.strictObject({ number: v.pipe(v.string(), v.regex(/^[+0-9][0-9 ()./-]{3,30}$/)), label: optional(Text(60)) });
/** RFC 9553, 2.5.1 */
const Address = v.strictObject({
  street: Text(200),
  postcode: optional(Text(20)),
  locality: Text(100),
  region: optional(Text(100)),
  countryCode: v.pipe(v.string(), v.regex(/^[A-Z]{2}$/)),
  label: optional(Text(60)),
});
/** RFC 9553, 2.8.1 (PartialDate) */
const Birthday = v.strictObject({ date: Day });
/** RFC 9553, 2.3.4: BCP 47 tags in order of preference */
const Languages = v.strictObject({
  tags: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/))), v.minLength(1), v.maxLength(10)),
});
/** RFC 9553, 2.3.2 */
const Online = v.strictObject({ service: Text(60), user: Text(200) });

/** Ways to reach a customer. */
export const CHANNELS = ["email", "sms", "phone", "post", "push"] as const;
/** Rules by channel; an absent channel is not allowed. */
const Contact = v.strictObject({
  channels: v.pipe(
    v.array(
      v.strictObject({
        channel: v.picklist(CHANNELS),
        allowed: v.picklist(["never", "service", "offers"]),
        pref: optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100))),
      }),
    ),
    v.maxLength(CHANNELS.length),
  ),
  language: optional(v.pipe(v.string(), v.regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/))),
});
const Sizes = v.strictObject({
  top: optional(Text(20)),
  bottom: optional(Text(20)),
  shoes: optional(Text(20)),
  notes: optional(Text(300)),
});
const Diet = v.strictObject({ kinds: v.pipe(v.array(Text(60)), v.maxLength(20)), avoid: optional(Text(300)) });
const Accessibility = v.strictObject({ needs: Text(500) });
const Taste = v.strictObject({ about: Text(120), sentiment: v.picklist(["like", "dislike", "avoid", "need", "own"]) });
const Terms = v.strictObject({ agreements: v.pipe(v.array(Text(40)), v.maxLength(20)) });

export type AddressValue = v.InferOutput<typeof Address>;

const regionOf = ({ region, countryCode }: AddressValue) => ({ ...(region === undefined ? {} : { region }), countryCode });
const yearsBetween = (from: string, now: Date) => {
  const [year = 0, month = 0, day = 0] = from.split("-").map(Number);
  const before = now.getUTCMonth() + 1 < month || (now.getUTCMonth() + 1 === month && now.getUTCDate() < day);
  return now.getUTCFullYear() - year - (before ? 1 : 0);
};

const kind = <S extends v.GenericSchema>(
  path: string,
  schema: S,
  rest: {
    many?: boolean;
    sensitivity?: Kind["sensitivity"];
    dpv: string;
    shareable?: boolean;
    forms?: ReadonlyArray<{ name: string; of: (value: v.InferOutput<S>, now: Date) => unknown }>;
    line: (value: v.InferOutput<S>) => string;
  },
): Kind => ({ many: false, sensitivity: "ordinary", shareable: true, forms: [], ...rest, path, schema });

/** The customer's own card of a vendor, with the keys toward it. Never shared; its schema is the vault's. */
const Unshared = v.record(v.string(), v.unknown());

/** The registry itself. */
export const KINDS: readonly Kind[] = [
  kind("profile/name", Name, {
    dpv: "pd:Name",
    forms: [{ name: "given", of: ({ given }) => ({ given }) }],
    line: ({ given, surname }) => [given, surname].filter(Boolean).join(" "),
  }),
  kind("profile/emails", Email, { many: true, dpv: "pd:EmailAddress", line: ({ address }) => address }),
  kind("profile/phones", Phone, { many: true, dpv: "pd:TelephoneNumber", line: ({ number }) => number }),
  kind("profile/addresses", Address, {
    many: true,
    sensitivity: "private",
    dpv: "pd:PhysicalAddress",
    forms: [
      { name: "town", of: (value) => ({ locality: value.locality, ...regionOf(value) }) },
      { name: "region", of: regionOf },
      { name: "country", of: ({ countryCode }) => ({ countryCode }) },
    ],
    line: ({ street, postcode, locality, countryCode }) =>
      [street, [postcode, locality].filter(Boolean).join(" "), countryCode].filter(Boolean).join(", "),
  }),
  kind("profile/birthday", Birthday, {
    sensitivity: "private",
    dpv: "pd:BirthDate",
    forms: [
      { name: "year", of: ({ date }) => ({ year: Number(date.slice(0, 4)) }) },
      { name: "over-18", of: ({ date }, now) => ({ over18: yearsBetween(date, now) >= 18 }) },
    ],
    line: ({ date }) => date,
  }),
  kind("profile/languages", Languages, { dpv: "pd:Language", line: ({ tags }) => tags.join(", ") }),
  kind("profile/online", Online, { many: true, dpv: "pd:SocialMedia", line: ({ service, user }) => `${service}: ${user}` }),
  kind("preferences/contact", Contact, {
    dpv: "pd:PrivacyPreference",
    line: ({ channels }) => channels.map(({ channel, allowed }) => `${channel}: ${allowed}`).join(", "),
  }),
  kind("preferences/sizes", Sizes, { dpv: "pd:Preference", line: (value) => Object.values(value).join(", ") }),
  kind("preferences/diet", Diet, { sensitivity: "special", dpv: "pd:Preference", line: ({ kinds }) => kinds.join(", ") }),
  kind("preferences/accessibility", Accessibility, { sensitivity: "special", dpv: "pd:Preference", line: ({ needs }) => needs }),
  kind("preferences/tastes", Taste, { many: true, dpv: "pd:Interest", line: ({ about, sentiment }) => `${sentiment}: ${about}` }),
  kind("preferences/terms", Terms, { dpv: "pd:PrivacyPreference", shareable: false, line: ({ agreements }) => agreements.join(", ") }),
  kind("relationships", Unshared, { many: true, sensitivity: "private", dpv: "pd:Relationship", shareable: false, line: () => "" }),
];

const byPath = new Map(KINDS.map((each) => [each.path, each]));

/** The kind that lies at `path` (with or without an id and a form), or undefined. */
export function kindAt(path: string): Kind | undefined {
  const base = path.split(":", 1)[0] ?? path;
  const whole = byPath.get(base);
  if (whole !== undefined) return whole;
  const place = /^(.+)\/[A-Za-z0-9_-]{1,64}$/.exec(base);
  const parent = byPath.get(place?.[1] ?? "");
  return parent?.many ? parent : undefined;
}

/** True for the path of one record: a single kind, or a collection's path with an id; no form. */
export function isRecordPath(path: string): boolean {
  const kind = kindAt(path);
  return kind !== undefined && !path.includes(":") && (kind.many ? path !== kind.path : path === kind.path);
}

/** Single-valued kinds: all exist from the first commit, empty, so that their presence says nothing. */
export const SINGLE_PATHS: readonly string[] = KINDS.filter((each) => !each.many).map((each) => each.path);

/**
 * `value` in the form of `path`; null where the form can't be made, as of an empty value.
 * @throws {TypeError} if `path` is of no kind or no form
 */
export function formOf(path: string, value: unknown, now: Date): unknown {
  const kind = kindAt(path);
  const name = path.split(":")[1];
  if (kind === undefined) throw new TypeError(`no kind of data at ${path}`);
  if (name === undefined) return value;
  const form = kind.forms.find((each) => each.name === name);
  if (form === undefined) throw new TypeError(`no form ${name} of ${kind.path}`);
  return value === null ? null : form.of(value as never, now);
}
