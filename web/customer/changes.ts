import type { AuthorizationDetail, AuthorizationDetails } from "#protocol/authorization-details.ts";
import { digestAt } from "#protocol/categories.ts";
import { covers } from "#protocol/paths.ts";

type Detail = AuthorizationDetail;

/** For each object of `next` the one in force that it replaces: of the same purpose, in their order. */
export function replacedBy(next: AuthorizationDetails, now: AuthorizationDetails): (Detail | undefined)[] {
  const left = [...now];
  return next.map(({ purpose }) => {
    const at = left.findIndex((each) => each.purpose === purpose);
    return at < 0 ? undefined : left.splice(at, 1)[0];
  });
}

/** What a shop may do after a change, of one purpose. Paths with their forms. */
export interface Change {
  readonly purpose: string;
  /** Undefined: a purpose that is new, or that ends. */
  readonly before: Detail | undefined;
  readonly after: Detail | undefined;
  readonly added: readonly string[];
  readonly gone: readonly string[];
  readonly kept: readonly string[];
}

const reads = (detail: Detail | undefined): readonly string[] => (detail?.actions.includes("read") ? detail.paths : []);
const isAmong = (paths: readonly string[], path: string): boolean => paths.some((wide) => covers(wide, path));

/** From the details in force to the next ones, purpose by purpose, in the order of the next; then those that end. */
export function changesOf(now: AuthorizationDetails, next: AuthorizationDetails): Change[] {
  const before = replacedBy(next, now);
  const change = (purpose: string, from: Detail | undefined, to: Detail | undefined): Change => ({
    purpose,
    before: from,
    after: to,
    added: reads(to).filter((path) => !isAmong(reads(from), path)),
    // A digest leaves by itself: that its collection can still be read doesn't keep it.
    gone: reads(from).filter((path) => (digestAt(path) === undefined ? !isAmong(reads(to), path) : !reads(to).includes(path))),
    kept: reads(to).filter((path) => isAmong(reads(from), path)),
  });
  const ending = now.filter((each) => !before.includes(each));
  return [
    ...next.map((detail, at) => change(detail.purpose, before[at], detail)),
    ...ending.map((detail) => change(detail.purpose, detail, undefined)),
  ];
}

/** Members that are told apart from the paths. */
const TERMS = ["actions", "filter", "retention", "expires", "frequency", "recipients", "storage_countries"] as const;
export type Term = (typeof TERMS)[number];

/** Which of the terms differ. */
export const changedTerms = ({ before, after }: Change): Term[] =>
  before === undefined || after === undefined
    ? []
    : TERMS.filter((term) => JSON.stringify(settled(before[term])) !== JSON.stringify(settled(after[term])));

const settled = (value: unknown): unknown => (Array.isArray(value) ? [...value].sort() : (value ?? null));

/** Whether nothing differs that the customer would notice. */
export const isSame = (changes: readonly Change[]): boolean =>
  changes.every(
    (each) =>
      each.before !== undefined && each.after !== undefined && each.added.length + each.gone.length + changedTerms(each).length === 0,
  );
