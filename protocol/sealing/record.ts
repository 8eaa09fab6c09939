import * as v from "valibot";
import { canonical, fromUtf8, hashOf, utf8 } from "../canonical.ts";
import { EvidenceError } from "../jws.ts";
import { Id } from "../shapes.ts";
import { box, openBox } from "./box.ts";

/**
 * What a record's or share's box holds: a value, null while a single kind is empty, or a removal (a version like any other). `source`:
 * the import that brought it; a record's alone, no share has one.
 */
export type Content = { value: unknown; source?: string | undefined } | { removed: true };

/** One version of a record, boxed under the account key of `epoch`. */
export interface RecordVersion {
  path: string;
  version: number;
  epoch: number;
  body: string;
}
/** One version of a value as granted, boxed under the grant key. `path`: as the grant names the record, with a form. */
export interface Share {
  grant: string;
  path: string;
  version: number;
  body: string;
}

const Removed = v.strictObject({ removed: v.literal(true) });
const InRecord = v.union([v.strictObject({ value: v.unknown(), source: v.optional(Id) }), Removed]);
const InShare = v.union([v.strictObject({ value: v.unknown() }), Removed]);

const encode = (content: Content): Uint8Array => utf8(canonical(content));
// The id of an import would be the same toward every vendor.
const withoutSource = (content: Content): Content => ("removed" in content ? content : { value: content.value });

function decode(schema: typeof InRecord | typeof InShare, bytes: Uint8Array): Content {
  try {
    return v.parse(schema, JSON.parse(fromUtf8(bytes)));
  } catch (cause) {
    throw new EvidenceError("malformed", "a box of an unknown shape", { cause });
  }
}

/** @param accountKey 32 bytes, of `epoch` */
export async function sealRecord(
  accountKey: Uint8Array,
  account: string,
  place: Omit<RecordVersion, "body">,
  content: Content,
): Promise<RecordVersion> {
  return { ...place, body: await box(accountKey, encode(content), ["record", account, place.path, place.version, place.epoch]) };
}

/** @throws {EvidenceError} if it is of another account, path, version or epoch, or was changed */
export const openRecord = async (accountKey: Uint8Array, account: string, record: RecordVersion): Promise<Content> =>
  decode(InRecord, await openBox(accountKey, record.body, ["record", account, record.path, record.version, record.epoch]));

/** A copy of one value as granted, without its source. @param grantKey 32 bytes */
export async function sealShare(grantKey: Uint8Array, place: Omit<Share, "body">, content: Content): Promise<Share> {
  return { ...place, body: await box(grantKey, encode(withoutSource(content)), ["share", place.grant, place.path, place.version]) };
}

/** @throws {EvidenceError} if it is of another grant, path or version, or was changed */
export const openShare = async (grantKey: Uint8Array, share: Share): Promise<Content> =>
  decode(InShare, await openBox(grantKey, share.body, ["share", share.grant, share.path, share.version]));

/** What a consent's `grant_key` holds. */
export const hashOfGrantKey = (grantKey: Uint8Array): Promise<string> => hashOf(grantKey);
/** The context in which a grant key is sealed to its vendor. */
export const grantKeyContext = (grant: string, clientId: string) => ["grant-key", grant, clientId] as const;
