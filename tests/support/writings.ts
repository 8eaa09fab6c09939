/** The characters of a base64 text that don't depend on what stands before and after the value. */
const base64At = (bytes: Buffer, offset: number): string => {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
  return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
};

const toUrl = (base64: string): string => base64.replaceAll("+", "-").replaceAll("/", "_");
const hexOf = (bytes: Buffer, before: string): string => [...bytes].map((byte) => before + byte.toString(16).padStart(2, "0")).join("");
const lowerEscapes = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
const unit = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
const upperUnits = (text: string): string => text.replace(/\\u([0-9a-f]{4})/g, (_, digits: string) => `\\u${digits.toUpperCase()}`);

/** The ways in which programs write a text, each once with its name. */
export function* writings(value: string): Generator<[encoding: string, bytes: Buffer]> {
  const utf8 = Buffer.from(value, "utf8");
  const utf16le = Buffer.from(value, "utf16le");
  yield ["UTF-8", utf8];
  yield ["UTF-16LE", utf16le];
  yield ["UTF-16BE", Buffer.from(utf16le).swap16()];
  // V8 keeps such a string as one byte for each character.
  if ([...value].every((character) => character.charCodeAt(0) < 256)) yield ["Latin-1", Buffer.from(value, "latin1")];
  const texts: [string, string][] = [];
  const hex = hexOf(utf8, "");
  texts.push(["hex", hex], ["HEX", hex.toUpperCase()]);
  for (const [name, bytes] of [
    ["", utf8],
    [" of UTF-16LE", utf16le],
  ] as const)
    for (const offset of [0, 1, 2]) {
      const base64 = base64At(bytes, offset);
      texts.push([`base64${name} at ${offset}`, base64], [`base64url${name} at ${offset}`, toUrl(base64)]);
    }
  const percent = encodeURIComponent(value);
  const form = new URLSearchParams({ v: value }).toString().slice(2);
  const all = hexOf(utf8, "%");
  texts.push(
    ["percent", percent],
    ["percent, lower case", lowerEscapes(percent)],
    ["form", form],
    ["form, lower case", lowerEscapes(form)],
  );
  texts.push(["percent, every byte, lower case", all], ["percent, every byte", all.toUpperCase()]);
  const json = JSON.stringify(value).slice(1, -1);
  const jsonAscii = json.replace(/[\u0080-\uffff]/g, unit);
  const jsonAll = value.replace(/[\s\S]/g, unit);
  texts.push(["JSON", json], ["JSON \\u", jsonAscii], ["JSON \\U", upperUnits(jsonAscii)]);
  texts.push(["JSON \\u, every character", jsonAll], ["JSON \\U, every character", upperUnits(jsonAll)]);
  for (const [encoding, text] of texts) yield [encoding, Buffer.from(text)];
}
