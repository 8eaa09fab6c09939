import * as v from "valibot";
import { kind } from "../kind.ts";
import { CountryCode, Day, LanguageTag, Text } from "../shapes.ts";

const optional = v.optional;

/** JSContact Card 1.0 `name` (RFC 9553, 2.2.1), flattened to the components that people fill in. */
const Name = v.strictObject({ given: Text(100), surname: optional(Text(100)) });
/** RFC 9553, 2.3.1 */
const Email = v.strictObject({ address: v.pipe(v.string(), v.maxLength(254), v.email()), label: optional(Text(60)) });
/** RFC 9553, 2.3.3 */
const Phone = v.strictObject({ number: v.pipe(v.string(), v.regex(/^[+0-9][0-9 ()./-]{3,30}$/)), label: optional(Text(60)) });
/** RFC 9553, 2.5.1; a town is enough. */
const Address = v.strictObject({
  street: optional(Text(200)),
  postcode: optional(Text(20)),
  locality: Text(100),
  region: optional(Text(100)),
  countryCode: CountryCode,
  label: optional(Text(60)),
});
/** RFC 9553, 2.8.1 (PartialDate) */
const Birthday = v.strictObject({ date: Day });
/** RFC 9553, 2.3.4: BCP 47 tags in order of preference */
const Languages = v.strictObject({ tags: v.pipe(v.array(LanguageTag), v.minLength(1), v.maxLength(10)) });
/** RFC 9553, 2.3.2 */
const Online = v.strictObject({ service: Text(60), user: Text(200) });

export type AddressValue = v.InferOutput<typeof Address>;

const regionOf = ({ region, countryCode }: AddressValue) => ({ ...(region === undefined ? {} : { region }), countryCode });
const yearsBetween = (from: string, now: Date) => {
  const [year = 0, month = 0, day = 0] = from.split("-").map(Number);
  const before = now.getUTCMonth() + 1 < month || (now.getUTCMonth() + 1 === month && now.getUTCDate() < day);
  return now.getUTCFullYear() - year - (before ? 1 : 0);
};

/** Who a customer is and how to reach them. */
export const PROFILE = [
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
];
