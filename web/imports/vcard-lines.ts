/** One property of a vCard: unfolded, with the line of the file on which it begins. */
export interface CardLine {
  readonly text: string;
  readonly line: number;
}

export interface CardText {
  /** The line of BEGIN:VCARD. */
  readonly line: number;
  readonly version: string;
  readonly lines: readonly CardLine[];
  /** Names of pictures, sounds and keys, which are not read. */
  readonly heavy: readonly string[];
  /** False where END:VCARD is missing: what follows is another card, or nothing. */
  readonly whole: boolean;
}

const BEGIN = /^\s*BEGIN:VCARD\s*$/i;
const END = /^\s*END:VCARD\s*$/i;

/** Pictures, sounds and keys, and what Outlook draws: large, and no part of who someone is. */
const HEAVY = /^(?:[\w-]+\.)?(PHOTO|LOGO|SOUND|KEY|X-MS-CARDPICTURE|X-MS-OL-DESIGN|X-MS-OL-DEFAULT-POSTAL-ADDRESS)[;:]/i;
const QUOTED = /^[^:]*?;(?:ENCODING=)?QUOTED-PRINTABLE[;:]/i;

/**
 * The cards of a file, each by itself, so that one that is torn spoils no other. Unfolds (RFC 6350, 3.2; vCard 2.1, 2.1.3) and joins the
 * soft line breaks of quoted-printable (RFC 2045, 6.7), which a fold's rules would tear.
 */
export function cardsOf(text: string): CardText[] {
  const cards: CardText[] = [];
  let open: { line: number; version: string; lines: CardLine[]; heavy: string[]; depth: number } | undefined;
  const close = (whole: boolean): void => {
    if (open) cards.push({ line: open.line, version: open.version, lines: open.lines, heavy: open.heavy, whole });
    open = undefined;
  };
  const rows = text.split(/\r\n|\n|\r/);
  let at = 0;
  while (at < rows.length) {
    const line = at + 1;
    let row = rows[at] ?? "";
    at += 1;
    if (BEGIN.test(row)) {
      // An AGENT of vCard 2.1 is a card within a card.
      if (open && /^AGENT[;:]/i.test(open.lines.at(-1)?.text ?? "")) {
        open.depth += 1;
        continue;
      }
      close(false);
      open = { line, version: "", lines: [], heavy: [], depth: 0 };
      continue;
    }
    if (!open) continue;
    if (END.test(row)) {
      if (open.depth > 0) open.depth -= 1;
      else close(true);
      continue;
    }
    if (open.depth > 0 || row.trim() === "") continue;
    const heavy = HEAVY.exec(row)?.[1]?.toUpperCase();
    const kept = [row];
    if (QUOTED.test(row)) {
      while (row.endsWith("=") && at < rows.length && !END.test(rows[at] ?? "")) {
        kept[kept.length - 1] = row.slice(0, -1);
        row = rows[at] ?? "";
        kept.push(row);
        at += 1;
      }
    } else {
      // Outlook ends a picture by an empty line and folds it by a space; some leave the space out.
      while (at < rows.length && (/^[ \t]/.test(rows[at] ?? "") || (heavy !== undefined && /^[A-Za-z0-9+/=]+$/.test(rows[at] ?? "")))) {
        if (heavy === undefined) kept.push((rows[at] ?? "").slice(open.version === "2.1" ? 0 : 1));
        at += 1;
      }
    }
    if (heavy !== undefined) {
      if (!heavy.startsWith("X-")) open.heavy.push(heavy);
      continue;
    }
    const whole = kept.join("");
    const version = /^VERSION:\s*([\d.]+)/i.exec(whole)?.[1];
    if (version !== undefined) open.version ||= version;
    open.lines.push({ text: whole, line });
  }
  close(false);
  return cards;
}
