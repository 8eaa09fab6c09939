import * as v from "valibot";
import { Day, Duration, Path, Positive, Text, WholeSecond, Words } from "./shapes.ts";

/** `type` of our objects in authorization_details (RFC 9396, 2). */
export const CONSENT_TYPE = "https://w3id.org/counterfoil/consent/1";
/** What a vendor may be allowed to do (section 5). */
export const ACTIONS = ["read", "deposit", "message", "offer"] as const;

/** `{max, per}`: at most `max` reads in any window of `per`; without `per`, at most `max` ever (`once` is max 1). */
export const Frequency = v.strictObject({ max: v.pipe(Positive, v.maxValue(10_000)), per: v.optional(Duration) });

/**
 * Which records of the paths: only those of these categories, since this day, for these recipients. The app evaluates it (section 5),
 * for the kinds that it can be asked about.
 */
export const Filter = v.strictObject({
  categories: v.optional(v.pipe(v.array(Text(60)), v.minLength(1), v.maxLength(64))),
  since: v.optional(Day),
  recipients: v.optional(v.pipe(v.array(v.picklist(["self", "household", "gift", "work", "unknown"])), v.minLength(1), v.maxLength(5))),
});
export type Filter = v.InferOutput<typeof Filter>;

/** One purpose of a request or consent (RFC 9396, 2): unknown members are refused. */
export const AuthorizationDetail = v.strictObject({
  type: v.literal(CONSENT_TYPE),
  actions: v.pipe(v.array(v.picklist(ACTIONS)), v.minLength(1), v.maxLength(ACTIONS.length)),
  paths: v.pipe(v.array(Path), v.minLength(1), v.maxLength(64)),
  filter: v.optional(Filter),
  /** IRI of a purpose in `purposes`. */
  purpose: Text(200),
  necessity: v.picklist(["required", "optional"]),
  legal_basis: Text(200),
  /** The vendor's own words by language: plain text, shown as a quote. */
  explanation: v.optional(v.pipe(v.record(v.pipe(v.string(), v.regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$/)), Words(140)), v.maxEntries(30))),
  retention: Duration,
  expires: WholeSecond,
  frequency: v.optional(Frequency),
  /** Who else gets it: names of organisations. */
  recipients: v.optional(v.pipe(v.array(Words(100)), v.maxLength(16))),
  storage_countries: v.optional(v.pipe(v.array(v.pipe(v.string(), v.regex(/^[A-Z]{2}$/))), v.maxLength(30))),
  /** What follows a refusal: one of the purpose's consequences. */
  if_refused: Text(60),
  agreement: v.optional(Text(40)),
});
export type AuthorizationDetail = v.InferOutput<typeof AuthorizationDetail>;

/** A request or what was granted of it: one object for each purpose. */
export const AuthorizationDetails = v.pipe(v.array(AuthorizationDetail), v.minLength(1), v.maxLength(16));
export type AuthorizationDetails = v.InferOutput<typeof AuthorizationDetails>;
