import { decodeWindows } from "./decoding.ts";

const escaped = (text: string): string =>
  text
    .replace(/\\/g, "\\\\")
    .replace(/\r\n|\r|\n/g, "\\n")
    .replace(/[,;]/g, "\\$&");

/** Bytes of quoted-printable (RFC 2045, 6.7) in `charset`; where none is named, UTF-8 if they are that, else Windows' own. */
export function decodeQuoted(text: string, charset: string | undefined): string {
  const plain = new TextEncoder().encode(text);
  const bytes: number[] = [];
  for (let at = 0; at < plain.length; at += 1) {
    const pair = plain[at] === 0x3d ? /^[0-9A-Fa-f]{2}/.exec(String.fromCharCode(plain[at + 1] ?? 0, plain[at + 2] ?? 0))?.[0] : undefined;
    if (pair === undefined) bytes.push(plain[at] ?? 0);
    else {
      bytes.push(Number.parseInt(pair, 16));
      at += 2;
    }
  }
  const all = Uint8Array.from(bytes);
  try {
    return new TextDecoder(charset ?? "utf-8", { fatal: true }).decode(all);
  } catch {
    return decodeWindows(all);
  }
}

const STRUCTURED = /^(?:[\w-]+\.)?(?:N|ADR|ORG)$/i;
/** Parameter names of vCard 2.1; a bare word that is none of their values is a type. */
const ENCODINGS = ["QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT", "B"];

/**
 * A property of vCard 2.1 as vCard 3 writes it: bare types named, quoted-printable decoded in its own charset, and the text's commas and
 * semicolons escaped, which 2.1 doesn't do. Programs write these into cards of version 3 too, so every card goes through here.
 */
export function modern(property: string, version: string): string {
  const end = valueAt(property);
  if (end === -1) return property;
  const [name = "", ...params] = property.slice(0, end).split(";");
  const value = property.slice(end + 1);
  const types: string[] = [];
  const kept: string[] = [];
  let encoding = "";
  let charset: string | undefined;
  for (const param of params) {
    const [key = "", ...rest] = param.split("=");
    const own = /^X-CUSTOM\((?:.*,)?([^,]*)\)$/i.exec(param)?.[1];
    if (own !== undefined) kept.push(`X-LABEL="${decodeQuoted(own, undefined).replace(/["\r\n]/g, " ")}"`);
    else if (rest.length === 0 && key !== "") {
      if (ENCODINGS.includes(key.toUpperCase())) encoding = key.toUpperCase();
      else types.push(key);
    } else if (/^ENCODING$/i.test(key)) encoding = rest.join("=").toUpperCase();
    else if (/^CHARSET$/i.test(key)) charset = rest.join("=");
    else if (key !== "") kept.push(param);
  }
  const head = [name, ...(types.length > 0 ? [`TYPE=${types.join(",")}`] : []), ...kept].join(";");
  const quoted = encoding === "QUOTED-PRINTABLE";
  if (!quoted && version !== "2.1") return `${head}:${value}`;
  const text = (part: string): string => escaped(quoted ? decodeQuoted(part, charset) : part.replace(/\\([\\;,])/g, "$1"));
  const parts = STRUCTURED.test(name) ? value.split(/(?<!\\);/) : [value];
  return `${head}:${parts.map(text).join(";")}`;
}

/** Where the value begins: at the first colon outside of quotes. */
function valueAt(property: string): number {
  let quotes = false;
  for (let at = 0; at < property.length; at += 1) {
    if (property[at] === '"') quotes = !quotes;
    else if (property[at] === ":" && !quotes) return at;
  }
  return -1;
}
