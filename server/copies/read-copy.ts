import type { FileHandle } from "node:fs/promises";
import * as v from "valibot";
import { CopyError } from "./copy-error.ts";
import { type Counts, Header, hashOfLine, isNewer, noCounts, Part } from "./format.ts";
import { unpack } from "./frames.ts";
import { StoreDigest } from "./store-digest.ts";

/** A line that was proven to follow all before it. */
export interface Read {
  /** Counts the lines from 1. */
  readonly line: number;
  readonly header: Header;
  /** Absent: this line is the header. */
  readonly part?: Part;
  readonly hash: string;
  /** Where in the file it ends. */
  readonly end: number;
  /** What was whole so far, this line included. */
  readonly counts: Counts;
}

/**
 * Reads a copy line by line, each checked: hash, shape, order, counts. It ends after the last line, and only after that; whoever must not
 * act on half a copy reads it to its end first. @throws {CopyError} `foreign`, `newer`, `cut`, `changed`
 */
export async function* readCopy(file: FileHandle): AsyncGenerator<Read> {
  let hash = "";
  let header: Header | undefined;
  let line = 0;
  const order = new Order();
  for await (const { line: text, end } of unpack(file)) {
    line++;
    if (order.isOver) throw changed(line, "something follows its end");
    const json = text.slice(44);
    const fits = /^[A-Za-z0-9_-]{43} $/.test(text.slice(0, 44)) && text.slice(0, 43) === hashOfLine(hash, json);
    if (header === undefined) {
      header = readHeader(json, fits);
      hash = text.slice(0, 43);
      yield { line, header, hash, end, counts: order.counts };
      continue;
    }
    if (!fits) throw changed(line, "this part was altered, or is not the one that belongs here");
    hash = text.slice(0, 43);
    const part = readPart(json, line);
    order.take(part, line);
    yield { line, header, part, hash, end, counts: order.counts };
  }
  if (!order.isOver) throw new CopyError("cut", `the copy ends after line ${line}, before its end: it was not finished, or was cut`);
}

const changed = (line: number, why: string): CopyError => new CopyError("changed", `the copy was changed at line ${line}: ${why}`);

function readHeader(json: string, fits: boolean): Header {
  const said = parsed(json.slice(0, 10_000));
  if (v.is(Header, said)) {
    if (!fits) throw changed(1, "its header was altered");
    return said;
  }
  throw isNewer(said)
    ? new CopyError("newer", "the copy is of a later version of Counterfoil than this one: use that version")
    : new CopyError("foreign", "the file is no copy of a Counterfoil deployment: its first line says something else");
}

function readPart(json: string, line: number): Part {
  const read = v.safeParse(Part, parsed(json));
  if (!read.success) throw changed(line, "a part of an unknown shape");
  return read.output;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A store or a feed of which more parts may come. */
interface Open {
  readonly name: string;
  part: number;
  readonly digest: StoreDigest;
  entries: number;
  position: number;
}

/** The one order in which parts stand, and what they add up to. */
class Order {
  counts = noCounts();
  isOver = false;
  #kind = 0;
  #last = "";
  #open: Open | undefined;

  take(part: Part, line: number): void {
    const counts = { ...this.counts };
    if ("document" in part) {
      this.#next(0, part.document.name, line);
      counts.documents++;
    } else if ("store" in part) {
      const { id, part: number, rows, end } = part.store;
      const open = this.#goOn(1, id, number, line);
      for (const row of rows) open.digest.add(row);
      if (end !== undefined) {
        if (end.rows !== open.digest.rows || end.sha256 !== open.digest.end(end)) throw changed(line, "a store does not add up");
        counts.stores++;
        counts.rows += end.rows;
        this.#open = undefined;
      }
    } else if ("feed" in part) {
      const { name, part: number, entries, end } = part.feed;
      const open = this.#goOn(2, name, number, line);
      for (const [position] of entries) {
        if (position <= open.position) throw changed(line, "a feed's entries are not in their order");
        open.position = position;
      }
      open.entries += entries.length;
      if (end !== undefined) {
        if (end.entries !== open.entries) throw changed(line, "a feed does not add up");
        counts.feeds++;
        counts.entries += end.entries;
        this.#open = undefined;
      }
    } else {
      if (this.#open !== undefined || Object.entries(part.end).some(([name, count]) => count !== counts[name as keyof Counts]))
        throw changed(line, "its counts are not those of its parts");
      this.isOver = true;
    }
    this.counts = counts;
  }

  #next(kind: number, name: string, line: number): void {
    if (this.#open !== undefined || kind < this.#kind || (kind === this.#kind && name <= this.#last))
      throw changed(line, "its parts are not in their order");
    [this.#kind, this.#last] = [kind, name];
  }

  #goOn(kind: number, name: string, part: number, line: number): Open {
    if (part === 1) {
      this.#next(kind, name, line);
      this.#open = { name, part, digest: new StoreDigest(), entries: 0, position: 0 };
      return this.#open;
    }
    const open = this.#open;
    if (open === undefined || kind !== this.#kind || open.name !== name || part !== open.part + 1)
      throw changed(line, "a part is missing, or stands twice");
    open.part = part;
    return open;
  }
}
