import * as v from "valibot";
import { kindAt } from "#protocol/categories.ts";
import type { Fault, Place } from "./place.ts";

/** Why a candidate is left out unless its customer says otherwise. */
export type Doubt = "known" | "repeated" | "differs" | "many";

/** One value that a file offers, of its kind's schema. */
export interface Candidate {
  /** Path of a single kind, or of the collection that it becomes a member of. */
  readonly path: string;
  readonly value: unknown;
  readonly place: Place;
  readonly doubt?: Doubt;
  /** Members that were cut to the length that a store keeps. */
  readonly shortened?: readonly string[];
}

export interface Made {
  readonly candidate?: Candidate;
  readonly faults: readonly Fault[];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** The first `most` UTF-16 units, the last of them a sign that something is missing, no character cut in two. */
const cut = (text: string, most: number): string => `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…`;

/**
 * A candidate if the kind's schema takes the value, else its faults. Too long a text is a fault, unless its customer has said `shorten`.
 * @param cells what the members are called in the file
 */
export function candidateOf(
  path: string,
  value: unknown,
  place: Place,
  { shorten = false, cells = {} }: { shorten?: boolean | undefined; cells?: Readonly<Record<string, string | undefined>> } = {},
): Made {
  const kind = kindAt(path);
  if (kind === undefined) return { faults: [{ place, code: "unknown-kind" }] };
  const result = v.safeParse(kind.schema, value);
  if (result.success) return { candidate: { path, value: result.output, place }, faults: [] };
  const long = result.issues.filter((issue) => issue.type === "max_length" && typeof issue.input === "string" && issue.path?.length === 1);
  if (shorten && long.length === result.issues.length && isRecord(value)) {
    const members = long.map((issue) => String(issue.path?.[0]?.key));
    const shorter = long.map((issue, at) => [members[at] ?? "", cut(String(issue.input), Number(issue.requirement))] as const);
    const again = candidateOf(path, { ...value, ...Object.fromEntries(shorter) }, place, { cells });
    return again.candidate ? { ...again, candidate: { ...again.candidate, shortened: members } } : again;
  }
  const named = new Map<string, Fault>();
  for (const issue of result.issues) {
    const member = String(issue.path?.[0]?.key ?? "");
    const cell = cells[member] ?? place.cell ?? member;
    const tooLong = issue.type === "max_length" && typeof issue.requirement === "number";
    const code = tooLong ? "too-long" : issue.received === "undefined" ? "missing" : "invalid";
    if (!named.has(member))
      named.set(member, {
        place: cell === "" ? place : { ...place, cell },
        code,
        ...(tooLong ? { expected: Number(issue.requirement), got: String(issue.input).length } : {}),
      });
  }
  return { faults: [...named.values()] };
}
