import { kindAt } from "#protocol/categories.ts";
import { type Candidate, candidateOf } from "./candidate.ts";
import type { Fault } from "./place.ts";

type Json = Record<string, unknown>;
const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** A store in plain, as `exportPlain` of the vault makes it: its records, its vendors and its connections. */
export const isPlainExport = (json: unknown): json is Json & { records: unknown[] } =>
  isJson(json) &&
  typeof json.made === "string" &&
  Array.isArray(json.records) &&
  Array.isArray(json.vendors) &&
  Array.isArray(json.connections);

export interface OwnRecords {
  readonly candidates: readonly Candidate[];
  readonly faults: readonly Fault[];
  /** Shops, connections and what else belongs to the store that it came from. */
  readonly stays: number;
}

/** The records as new ones: paths of their kinds, since ids are the store's own. */
export function readPlainExport(json: Json & { records: unknown[] }, file: string, shorten: boolean): OwnRecords {
  const candidates: Candidate[] = [];
  const faults: Fault[] = [];
  let stays = (json.vendors as unknown[]).length + (json.connections as unknown[]).length;
  json.records.forEach((record, at) => {
    const way = `records/${at}`;
    const place = { file, cell: way };
    const path = isJson(record) && typeof record.path === "string" ? record.path : "";
    const kind = kindAt(path);
    if (!isJson(record) || kind === undefined || path.includes(":")) {
      faults.push({ place, code: "unknown-kind" });
      return;
    }
    if (record.value === null) return;
    // A relationship's keys are of the other store, and so are the imports that could be taken back there.
    if (!kind.shareable && kind.path !== "preferences/terms") {
      stays += 1;
      return;
    }
    const made = candidateOf(kind.path, withoutTargets(record.value), { file }, { shorten });
    if (made.candidate) candidates.push({ ...made.candidate, place });
    faults.push(
      ...made.faults.map((fault) => ({ ...fault, place: { file, cell: [way, fault.place.cell ?? ""].filter(Boolean).join("/") } })),
    );
  });
  return { candidates, faults, stays };
}

/** A rule for contact may point at an e-mail by its path, which is another one here. */
function withoutTargets(value: unknown): unknown {
  if (!isJson(value) || !Array.isArray(value.channels)) return value;
  return { ...value, channels: value.channels.map((rule: unknown) => (isJson(rule) ? { ...rule, target: undefined } : rule)) };
}
