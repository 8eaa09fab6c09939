import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { formOf, isRecordPath } from "#protocol/categories.ts";
import { formRank, isShareable, splitPath } from "#protocol/paths.ts";
import type { Content } from "#protocol/sealing/record.ts";

/**
 * The path at which a record leaves under a consent: with the form that says most of those that it allows now. Undefined if none
 * does. An object with a filter lets nothing through that the filter can't be asked about.
 * @param now epoch milliseconds
 */
export function sharePathOf(details: AuthorizationDetails, path: string, now: number): string | undefined {
  if (!isRecordPath(path) || !isShareable(path)) return undefined;
  let best: { rank: number; path: string } | undefined;
  for (const detail of details) {
    if (!detail.actions.includes("read") || detail.filter !== undefined || Date.parse(detail.expires) <= now) continue;
    for (const wide of detail.paths) {
      const { base, form } = splitPath(wide);
      if (path !== base && !path.startsWith(`${base}/`)) continue;
      const rank = formRank(path, form);
      if (rank >= 0 && (best === undefined || rank < best.rank)) best = { rank, path: form === undefined ? path : `${path}:${form}` };
    }
  }
  return best?.path;
}

/** A record's content as it leaves at `sharePath`: a removal where there is nothing to say. */
export function contentAs(sharePath: string, content: Content, now: number): Content {
  if ("removed" in content || content.value === null) return { removed: true };
  const value = formOf(sharePath, content.value, new Date(now));
  return value === null ? { removed: true } : { value };
}
