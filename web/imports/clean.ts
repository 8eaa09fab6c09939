/**
 * Text as it can be kept: nothing that the eye can't see may make it read otherwise than it is. Direction overrides, controls and what
 * has no width go; one joiner stays between letters and signs that it shapes (emoji, Persian, Hindi), tags in the flag that they make.
 * Takes time in proportion to its length, whatever the text.
 */
export function clean(text: string): string {
  if (/^[ -~]*$/.test(text)) return text.trim().replace(/ {2,}/g, " ");
  return text
    .toWellFormed()
    .replace(/[\u200b\u200e\u200f\u061c\u2060-\u206f\u202a-\u202e\ufeff\u00ad\ufff9-\ufffb\u180e]/gu, "")
    .replace(/[\u200c\u200d]+/g, (run, at: number, all: string) =>
      shapes(all[at - 1]) && shapes(all[at + run.length]) ? run.slice(0, 1) : "",
    )
    .replace(/(\u{1f3f4}[\u{e0020}-\u{e007e}]{1,7}\u{e007f})|[\u{e0000}-\u{e007f}]+/gu, "$1")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

/** What a joiner may stand beside. */
const shapes = (sign: string | undefined): boolean => sign !== undefined && /[^\p{ASCII}\s]/u.test(sign);
