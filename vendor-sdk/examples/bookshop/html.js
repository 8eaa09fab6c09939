/** Text that is already HTML. */
class Html {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

const ENTITIES = /** @type {Record<string, string>} */ ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" });

/** @param {unknown} value @returns {string} */
function escaped(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(escaped).join("");
  if (value === undefined || value === null || value === false) return "";
  return String(value).replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);
}

/**
 * A template whose values are escaped, unless they were made by it.
 * @param {TemplateStringsArray} texts @param {unknown[]} values
 */
export const html = (texts, ...values) =>
  new Html(texts.map((text, at) => text + (at < values.length ? escaped(values[at]) : "")).join(""));
