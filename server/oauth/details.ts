import * as v from "valibot";
import { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { pointerOf } from "../guards/body.ts";
import { OAuthError } from "./oauth-error.ts";

/** Characters of authorization_details, which are held for an hour, and as granted stand in a consent. */
const LONGEST = 16_384;

/** `pointer`: JSON Pointer into authorization_details. */
export const wrongDetails = (description: string, pointer: string): OAuthError =>
  new OAuthError("invalid_authorization_details", `${pointer || "/"}: ${description}`, { pointer });

/** authorization_details of a request (RFC 9396, 2 and 5), their shape only. @throws {OAuthError} `invalid_authorization_details` */
export function readDetails(text: string, longest = LONGEST): AuthorizationDetails {
  if (text.length > longest) throw wrongDetails(`more than ${longest} characters`, "");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrongDetails("not JSON", "");
  }
  const parsed = v.safeParse(AuthorizationDetails, json, { abortEarly: true });
  if (!parsed.success) throw wrongDetails("unknown, missing or of another kind", pointerOf(parsed.issues[0]));
  return parsed.output;
}
