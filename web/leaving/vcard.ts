import { utf8 } from "#protocol/canonical.ts";
import type { ExportedRecord } from "./exported.ts";

type Members = Readonly<Record<string, string | undefined>>;

// RFC 6350, 3.3: no control character but a tab stands in a text.
const oneLine = (text: string): string => text.replace(/\r\n?/g, "\n").replace(/[^\P{Cc}\t\n]/gu, " ");
/** RFC 6350, 3.4. A semicolon needs it only where it would part one component from the next, and not every reader takes it back elsewhere. */
const escaped = (text = ""): string => oneLine(text).replace(/[\\,]/g, "\\$&").replaceAll("\n", "\\n");
const component = (text?: string): string => escaped(text).replaceAll(";", "\\;");
/** A parameter's value: RFC 6350, 3.3 and RFC 6868. */
const parameter = (text: string): string => `"${oneLine(text).replaceAll("^", "^^").replaceAll("\n", "^n").replaceAll('"', "^'")}"`;

/** RFC 6350, 3.2: lines of at most 75 octets, cut between characters. */
function folded(line: string): string {
  if (utf8(line).length <= 75) return `${line}\r\n`;
  let all = "";
  let room = 75;
  for (const character of line) {
    const size = utf8(character).length;
    if (size > room) {
      all += "\r\n ";
      room = 74;
    }
    all += character;
    room -= size;
  }
  return `${all}\r\n`;
}

/** Who the customer is and how to reach them, as a vCard 4.0 (RFC 6350). */
export function vcardOf(records: readonly ExportedRecord[], made: string): string {
  const of = (kind: string): Members[] =>
    records.flatMap(({ path, value }) => (path === kind || path.startsWith(`${kind}/`) ? [value as Members] : []));
  const [name] = of("profile/name");
  const emails = of("profile/emails");
  const full = [name?.given, name?.surname].filter(Boolean).join(" ") || emails[0]?.address || "-";
  const lines = ["BEGIN:VCARD", "VERSION:4.0", "PRODID:-//Counterfoil//Export 1//EN", `FN:${escaped(full)}`];
  if (name !== undefined) lines.push(`N:${component(name.surname)};${component(name.given)};;;`);
  let groups = 0;
  const put = (property: string, value: string, label: string | undefined): void => {
    if (label === undefined) lines.push(`${property}:${value}`);
    else if (label === "home" || label === "work") lines.push(`${property};TYPE=${label}:${value}`);
    else {
      groups += 1;
      // As phones and mail programs write labels of one's own.
      lines.push(`item${groups}.${property}:${value}`, `item${groups}.X-ABLABEL:${escaped(label)}`);
    }
  };
  for (const { address, label } of emails) put("EMAIL", escaped(address), label);
  for (const { number, label } of of("profile/phones")) put("TEL", escaped(number), label);
  for (const { street, locality, region, postcode, countryCode, label } of of("profile/addresses"))
    put("ADR", ["", "", street, locality, region, postcode, countryCode].map(component).join(";"), label);
  for (const { date } of of("profile/birthday")) lines.push(`BDAY:${date?.replaceAll("-", "")}`);
  for (const { tags } of of("profile/languages") as unknown as ReadonlyArray<{ tags: readonly string[] }>)
    for (const [at, tag] of tags.entries()) lines.push(`LANG;PREF=${at + 1}:${tag}`);
  // RFC 9554, 3.5
  for (const { service, user } of of("profile/online"))
    lines.push(`SOCIALPROFILE;SERVICE-TYPE=${parameter(service ?? "")};VALUE=text:${escaped(user)}`);
  lines.push(`REV:${made.slice(0, 19).replace(/[-:]/g, "")}Z`, "END:VCARD");
  return lines.map(folded).join("");
}
