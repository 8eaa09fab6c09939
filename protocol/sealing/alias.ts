import { base64url } from "../canonical.ts";
import { isRecordPath, kindAt } from "../categories.ts";
import { hkdf, NO_SALT } from "./derive.ts";

/**
 * The path that a record has toward one grant: a collection's member under 16 bytes of HKDF-SHA256 of the grant key instead of its id,
 * so that what two vendors were given of one record has no name in common. A single kind's path says nothing of a customer and stays.
 * The same for every consent of the grant. Who holds the grant key can only try ids: they must be random (`newId`).
 * @param grantKey 32 bytes
 * @param path of a record, without a form
 * @throws {TypeError} if it is no record's path
 */
export async function aliasOf(grantKey: Uint8Array, path: string): Promise<string> {
  const kind = kindAt(path);
  if (kind === undefined || !isRecordPath(path)) throw new TypeError("an alias is of a record's path");
  if (!kind.many) return path;
  return `${kind.path}/${base64url.encode(await hkdf(grantKey, NO_SALT, `counterfoil/alias/v1\n${path}`, 16))}`;
}
