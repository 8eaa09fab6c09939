import { countries } from "../parts/countries.ts";
import { fold } from "../parts/fold.ts";

/** Languages in which programs write the name of a country. */
const LANGUAGES =
  "ar bg ca cs da el es et eu fa fi ga he hr hu is ja ko lt lv mk mt nb pl pt sk sl sq sr sv tr uk zh nl ro ru fr de it en".split(" ");
/** Names that no language's own list has. */
const ALSO: Record<string, string> = { usa: "US", uk: "GB", england: "GB", scotland: "GB", wales: "GB", holland: "NL", uae: "AE" };

const plain = (name: string): string => fold(name).replace(/[^\p{L}]/gu, "");

let known: Map<string, string> | undefined;

/** ISO 3166-1 alpha-2 of a code or of a name in one of the languages; undefined if it is none. */
export function countryCode(text: string): string | undefined {
  known ??= new Map([
    ...LANGUAGES.flatMap((tag) => countries(tag).map(({ code, name }) => [plain(name), code] as const)),
    ...countries("en").map(({ code }) => [code.toLowerCase(), code] as const),
    ...Object.entries(ALSO),
  ]);
  return known.get(plain(text));
}
