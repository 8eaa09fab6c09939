import type { ReadView, SharedValue } from "../../vault/vault.ts";
import { kindPath } from "../labels.ts";

/** `profile/addresses:town` for `profile/addresses/a1:town`: what several values have in common. */
export function formPath(path: string): string {
  const form = path.split(":")[1];
  return form === undefined ? kindPath(path) : `${kindPath(path)}:${form}`;
}

/** Values by kind and form, in the order in which each kind first comes. */
export function grouped(values: readonly SharedValue[]): ReadonlyArray<readonly [string, readonly SharedValue[]]> {
  const groups = new Map<string, SharedValue[]>();
  for (const each of values) {
    const at = formPath(each.path);
    const group = groups.get(at);
    if (group) group.push(each);
    else groups.set(at, [each]);
  }
  return [...groups];
}

/** What was read of one kind and form, over all readings. */
export interface ReadSum {
  readonly at: string;
  /** Different values, whatever their versions. */
  readonly count: number;
  readonly last: string;
}

export function readSums(reads: readonly ReadView[]): ReadSum[] {
  const sums = new Map<string, { paths: Set<string>; last: string }>();
  // Reading after reading names the same thousands.
  const known = new Map<string, string>();
  for (const read of reads)
    for (const path of read.paths) {
      const at = known.get(path) ?? formPath(path);
      known.set(path, at);
      const sum = sums.get(at) ?? { paths: new Set(), last: read.at };
      sum.paths.add(path);
      if (Date.parse(read.at) > Date.parse(sum.last)) sum.last = read.at;
      sums.set(at, sum);
    }
  return [...sums].map(([at, { paths, last }]) => ({ at, count: paths.size, last }));
}

/** Of readings that would be drawn over each other, one: of a line cut into `slots`. */
export function spaced(times: readonly number[], from: number, to: number, slots: number): number[] {
  const slot = Math.max(1, (to - from) / slots);
  return [...new Map(times.map((time) => [Math.round((time - from) / slot), time])).values()];
}
