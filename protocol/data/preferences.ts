import * as v from "valibot";
import { kind } from "../kind.ts";
import { Text } from "../shapes.ts";
import { Contact, retargeted } from "./contact.ts";

const optional = v.optional;

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

/** What a customer wants and needs. */
export const PREFERENCES = [
  kind("preferences/contact", Contact, {
    dpv: "pd:PrivacyPreference",
    renamed: retargeted,
    line: ({ channels }) => channels.map(({ channel, allowed }) => `${channel}: ${allowed ? "yes" : "no"}`).join(", "),
  }),
  kind("preferences/sizes", Sizes, { dpv: "pd:Preference", line: (value) => Object.values(value).join(", ") }),
  kind("preferences/diet", Diet, { sensitivity: "special", dpv: "pd:Preference", line: ({ kinds }) => kinds.join(", ") }),
  kind("preferences/accessibility", Accessibility, { sensitivity: "special", dpv: "pd:Preference", line: ({ needs }) => needs }),
  kind("preferences/tastes", Taste, { many: true, dpv: "pd:Interest", line: ({ about, sentiment }) => `${sentiment}: ${about}` }),
  kind("preferences/terms", Terms, { dpv: "pd:PrivacyPreference", shareable: false, line: ({ agreements }) => agreements.join(", ") }),
];
