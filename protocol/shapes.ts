import * as v from "valibot";

/** Wire shapes used by several tables. None uses transforms or checks, so that each becomes JSON Schema. */

/** 16 random bytes: names of accounts, grants, ways in. */
export const Id = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{22}$/));
/** 32 bytes: hashes, public keys, nonces. */
export const Hash = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/));
/** Bytes in base64url without padding (RFC 4648, 5). */
export const Base64url = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]*$/));
/** A box: at most a 64 KiB record, padded, sealed and in base64url. */
export const Body = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/), v.maxLength(100_000));
/** JWS Compact Serialization (RFC 7515, 7.1). */
export const CompactJws = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/), v.maxLength(100_000));
/** JWE Compact Serialization (RFC 7516, 7.1). */
export const CompactJwe = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){4}$/), v.maxLength(100_000));
// Only days that exist, leap years included: engines differ on what Date.parse makes of February 31.
const DAY =
  "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))" +
  "|(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)";
const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d";
/** A day of the calendar: RFC 3339 full-date. */
export const Day = v.pipe(v.string(), v.isoDate(), v.regex(new RegExp(`^${DAY}$`)));
/** RFC 3339, UTC, whole seconds or milliseconds. */
export const Instant = v.pipe(v.string(), v.regex(new RegExp(`^${DAY}T${TIME}(?:\\.\\d{3})?Z$`)));
/** An instant on a whole second, so that it is also a NumericDate without a fraction (RFC 7519, 2). */
export const WholeSecond = v.pipe(v.string(), v.regex(new RegExp(`^${DAY}T${TIME}(?:\\.000)?Z$`)));
/** PnD or PTnH. */
export const Duration = v.pipe(v.string(), v.regex(/^(P[1-9]\d{0,3}D|PT[1-9]\d{0,4}H)$/));
/** A whole number from 0. */
export const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** A whole number from 1. */
export const Positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
/** `category/name`, `category/collection/id`, with a form after a colon. */
export const Path = v.pipe(v.string(), v.maxLength(200), v.regex(/^[a-z]+(\/[A-Za-z0-9_-]{1,64}){0,2}(:[a-z0-9-]{1,32})?$/));
/** An X25519 or Ed25519 public key. */
export const OkpKey = v.strictObject({ kty: v.literal("OKP"), crv: v.picklist(["X25519", "Ed25519"]), x: Hash });
/** An X25519 public key as a JWK (RFC 8037). */
export const X25519Key = v.strictObject({ kty: v.literal("OKP"), crv: v.literal("X25519"), x: Hash });

/** Well-formed Unicode: a lone surrogate has neither UTF-8 nor a canonical form (RFC 8785, 3.2.2.2). */
export const Text = (most: number) =>
  v.pipe(v.string(), v.minLength(1), v.maxLength(most), v.regex(/^(?:[^\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])*$/));
/**
 * A vendor's words that are shown to a customer: no control character, no direction override, nothing of no width, which could make
 * them read otherwise than they are.
 */
export const Words = (most: number) =>
  v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(most),
    v.regex(
      /^(?:[ -~\u00a0-\u00ac\u00ae-\u061b\u061d-\u200a\u2010-\u2027\u202f-\u205f\u2070-\ud7ff\ue000-\ufefe\uff00-\uffff]|[\ud800-\udbff][\udc00-\udfff])*$/,
    ),
  );
/** ISO 3166-1 alpha-2. */
export const CountryCode = v.pipe(v.string(), v.regex(/^[A-Z]{2}$/));
/** A BCP 47 language tag. */
export const LanguageTag = v.pipe(v.string(), v.regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/));
/** ISO 4217. */
export const Currency = v.pipe(v.string(), v.regex(/^[A-Z]{3}$/));
/** A sum of money, exact: digits with up to three decimals after a point. */
export const Decimal = v.pipe(v.string(), v.regex(/^(0|[1-9]\d{0,9})(\.\d{1,3})?$/));
