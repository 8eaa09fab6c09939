import { OAuthError } from "./oauth-error.ts";

export type Form = ReadonlyMap<string, string>;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Parameters of a request: none twice, those without a value as if they were not there (RFC 6749, 3.1 and 3.2). @throws {OAuthError} */
export function readForm(bytes: Uint8Array, contentType: string | undefined): Form {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType ?? ""))
    throw new OAuthError("invalid_request", "send application/x-www-form-urlencoded");
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new OAuthError("invalid_request", "the body is not UTF-8");
  }
  return formOf(new URLSearchParams(text));
}

export function formOf(parameters: URLSearchParams): Form {
  const form = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (form.has(name)) throw new OAuthError("invalid_request", "a parameter came twice");
    if (value !== "") form.set(name, value);
  }
  return form;
}

/** @throws {OAuthError} `invalid_request` */
export function need(form: Form, name: string): string {
  const value = form.get(name);
  if (value === undefined) throw new OAuthError("invalid_request", `${name} is needed`);
  return value;
}

/** What a token is for (RFC 8707, 2): there is one resource. @throws {OAuthError} `invalid_target` */
export function checkTarget(form: Form, audience: string): void {
  if (![audience, undefined].includes(form.get("resource"))) throw new OAuthError("invalid_target", `resource is ${audience}`);
}
