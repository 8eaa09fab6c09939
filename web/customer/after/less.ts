import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { kindAt } from "#protocol/categories.ts";
import { covers, splitPath } from "#protocol/paths.ts";

/** What the customer takes away of a connection. All of it is kept at first. */
export interface Less {
  /** By object and path: the lesser path that stays, or null where nothing does. */
  readonly left: ReadonlyMap<string, string | null>;
  /** By object: actions that go. */
  readonly actions: ReadonlySet<string>;
  /** By object: kinds of thing that go, and those for whom things were bought. */
  readonly categories: ReadonlySet<string>;
  readonly recipients: ReadonlySet<string>;
  /** Epoch milliseconds; undefined: as it is. */
  readonly end: number | undefined;
}

export const NOTHING_LESS: Less = { left: new Map(), actions: new Set(), categories: new Set(), recipients: new Set(), end: undefined };

/** Names one thing of one object. */
export const at = (object: number, name: string): string => `${object}/${name}`;

/** Forms of a path that say less than it does, from the one that says most. */
export function lesserPaths(path: string): string[] {
  const { base } = splitPath(path);
  const kind = kindAt(base);
  if (kind === undefined) return [];
  const digests = kind.many && base === kind.path ? kind.digests : [];
  return [...kind.forms, ...digests].map(({ name }) => `${base}:${name}`).filter((each) => each !== path && covers(path, each));
}

/** What stays: never wider than what there was. Without an object: nothing stays. */
export function lessOf(details: AuthorizationDetails, less: Less): AuthorizationDetails {
  return details.flatMap((detail, object) => {
    const { filter } = detail;
    const categories = filter?.categories?.filter((each) => !less.categories.has(at(object, each)));
    const recipients = filter?.recipients?.filter((each) => !less.recipients.has(at(object, each)));
    // Of a collection of which nothing passes any more, nothing stays.
    const noneLeft = categories?.length === 0 || recipients?.length === 0;
    const paths = detail.paths.flatMap((path) => {
      const left = less.left.get(at(object, path));
      return left === null || (noneLeft && kindAt(path)?.passes !== undefined) ? [] : [left ?? path];
    });
    const actions = detail.actions.filter((each) => !less.actions.has(at(object, each)));
    if (paths.length === 0 || actions.length === 0) return [];
    const expires = less.end === undefined ? detail.expires : earlier(less.end, detail.expires);
    return [
      {
        ...detail,
        actions,
        paths: [...new Set(paths)],
        expires,
        ...(filter === undefined || noneLeft
          ? {}
          : { filter: { ...filter, ...(categories && { categories }), ...(recipients && { recipients }) } }),
      },
    ];
  });
}

const earlier = (end: number, expires: string): string =>
  end < Date.parse(expires) ? `${new Date(end).toISOString().slice(0, 19)}Z` : expires;
