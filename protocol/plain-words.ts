/** Scripts that one language writes together within a word; every other word keeps to one (UTS 39, 5.2: highly restrictive). */
const TOGETHER = ["Latin|Han|Hiragana|Katakana", "Latin|Han|Bopomofo", "Latin|Han|Hangul"];
/** Scripts in wide use (UAX 31, table 5) besides those. */
const ALONE =
  "Arabic|Armenian|Bengali|Cyrillic|Devanagari|Ethiopic|Georgian|Greek|Gujarati|Gurmukhi|Hebrew|Kannada|Khmer|Lao|Malayalam|Myanmar|Oriya|Sinhala|Tamil|Telugu|Thaana|Thai|Tibetan";
const SCRIPTS = [...TOGETHER, ...ALONE.split("|")].map(
  (scripts) =>
    new RegExp(
      `^[\\p{Script=Common}\\p{Script=Inherited}${scripts
        .split("|")
        .map((each) => `\\p{Script_Extensions=${each}}`)
        .join("")}]+$`,
      "u",
    ),
);

/** Not to be seen, or drawn over its neighbours. U+2800 is a braille pattern without a dot. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\u2800]|\p{M}{4}/u;

/**
 * Why a vendor's words could be read otherwise than they are, or undefined. They are shown to a customer who decides by them, so
 * nothing in them may be unseen, and no letter of one script may stand among those of another that it looks like.
 */
export function unclear(text: string): string | undefined {
  if (text.normalize("NFC") !== text) return "expected Unicode's form NFC";
  if (UNSEEN.test(text) || text.trim() !== text || !/[\p{L}\p{N}]/u.test(text)) return "something in it can't be seen";
  const mixed = text.match(/[\p{L}\p{M}\p{N}]+/gu)?.some((word) => !SCRIPTS.some((script) => script.test(word)));
  return mixed === true ? "a word mixes scripts, or is of one that is not in wide use" : undefined;
}
