import * as v from "valibot";
import { ChangeLine } from "#protocol/changes.ts";
import type { Problem } from "#protocol/refusal.ts";
import { Refused } from "../support/api-client.ts";
import type { TestVendor } from "../support/vendor.ts";

/** What a reader has of one grant. */
export interface Held {
  state: "active" | "held" | "paused" | "ended";
  /** By path. */
  readonly records: Map<string, { version: number; body: string }>;
  consent: string;
}

/** Lines as they came, each in the shape of the protocol. */
export const linesOf = (text: string): ChangeLine[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => v.parse(ChangeLine, JSON.parse(line)));

/** What a reader of a vendor's feed holds of each grant. */
export class Holding {
  readonly grants = new Map<string, Held>();
  cursor: string | undefined;

  /** What lines say; a part without its end is thrown away. Answers the last cursor. */
  take(lines: readonly ChangeLine[]): string | undefined {
    let cursor: string | undefined;
    let part: { grant: string; whole: boolean; consent: string; records: Array<[string, { version: number; body: string }]> } | undefined;
    for (const line of lines) {
      if (line.type === "grant") part = { grant: line.grant, whole: !line.since, consent: line.consent, records: [] };
      else if (line.type === "record") {
        if (part === undefined) throw new Error("a record without its grant");
        part.records.push([line.path, { version: line.version, body: line.body }]);
      } else if (line.type === "read") {
        if (part?.grant !== line.grant) throw new Error("an end of another part");
        const held = this.#of(line.grant);
        if (part.whole) held.records.clear();
        for (const [path, record] of part.records)
          if (record.version >= (held.records.get(path)?.version ?? 0)) held.records.set(path, record);
        Object.assign(held, { state: "active", consent: part.consent });
        part = undefined;
      } else if (line.type === "held" || line.type === "paused") this.#of(line.grant).state = line.type;
      else if (line.type === "ended") {
        const held = this.#of(line.grant);
        held.state = "ended";
        held.records.clear();
      } else if (line.type === "cursor") cursor = line.cursor;
    }
    return cursor;
  }

  #of(grant: string): Held {
    const held = this.grants.get(grant) ?? { state: "active" as const, records: new Map(), consent: "" };
    this.grants.set(grant, held);
    return held;
  }
}

/** One reader of a vendor's feed, as an SDK would be. */
export class BulkReader extends Holding {
  readonly vendor: TestVendor;

  constructor(vendor: TestVendor) {
    super();
    this.vendor = vendor;
  }

  async raw(): Promise<Response> {
    return this.vendor.callRaw("changes", this.cursor === undefined ? {} : { query: { since: this.cursor } });
  }

  /** One answer, taken in. `keep`: whether its last cursor is saved. Answers its lines. */
  async read({ keep = true }: { keep?: boolean } = {}): Promise<ChangeLine[]> {
    const response = await this.raw();
    const text = await response.text();
    if (!response.ok) throw new Refused(JSON.parse(text) as Problem, response);
    const lines = linesOf(text);
    const cursor = this.take(lines);
    if (keep) this.cursor = cursor ?? this.cursor;
    return lines;
  }

  /** Reads until there is no more now. */
  async readAll(): Promise<ChangeLine[]> {
    const all: ChangeLine[] = [];
    for (let more = true; more; ) {
      const lines = await this.read();
      all.push(...lines);
      const last = lines.at(-1);
      if (last?.type !== "cursor") throw new Error(`the last line is a ${last?.type}`);
      more = last.more;
    }
    return all;
  }
}
