import type { Commit } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { hashOfJson } from "#protocol/canonical.ts";
import { isSharePath } from "#protocol/categories.ts";
import { isEnded, stateOf } from "#protocol/grant.ts";
import { allowsRead } from "#protocol/narrow.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest } from "../digest.ts";
import type { ProvenAct } from "../guards/act.ts";
import { type GrantRow, ordered, type Rows, type ShareRow, type StandingRow } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";
import { holdBack } from "./changes.ts";
import { type LeafChanges, leafAt } from "./leaves.ts";
import type { Weight } from "./weight.ts";

const HOUR = 3_600_000;
/** Shares that are listed together, each with up to 100 000 characters: all that most grants have. */
const STEP = 101;

interface Step {
  readonly store: StoreWriter<Rows>;
  readonly leaves: LeafChanges;
  readonly weight: Weight;
  readonly position: number;
  readonly now: number;
}

export interface Grant {
  readonly row: GrantRow;
  readonly standing: StandingRow;
}

/** @throws {Refusal} `not_found` */
export async function grantOf(store: StoreReader<Rows>, grant: string, pointer?: string): Promise<Grant> {
  const row = await store.get("grants", grant);
  const standing = await store.get("standings", grant);
  if (row === undefined || standing === undefined)
    throw new Refusal("not_found", "There is no such grant.", pointer === undefined ? {} : { pointer });
  return { row, standing };
}

export const stateNow = ({ row, standing }: Grant, now: number) =>
  stateOf({ expires: row.expires, paused: standing.paused !== null, ended: standing.ended?.state }, now);

const feedKey = (position: number, kind: string, path: string): string => `${ordered(position)}/${kind}/${path}`;

/** What a commit has shared with one grant. */
export interface Shared {
  readonly grant: string;
  readonly row: GrantRow;
  readonly paths: readonly string[];
  /** The grant's position before; undefined: no share has changed. */
  readonly from?: number;
}

/**
 * Shares for active grants within their consents; for a path that was shared before also while paused, since that may be a removal.
 * Answers what active grants can read anew.
 */
export async function putShares({ store, leaves, weight, now }: Step, shares: Commit["shares"]): Promise<Shared[]> {
  const shared = new Map<string, Shared & { paths: string[] }>();
  const grants = new Map<string, Grant & { readonly place: number }>();
  for (const [index, { grant, path, version, body }] of shares.entries()) {
    const pointer = `/shares/${index}`;
    const known = grants.get(grant) ?? (await nextPlace(store, grant, `${pointer}/grant`));
    grants.set(grant, known);
    const leafPath = `${grant}/${path}`;
    const leaf = await leafAt(store, "share", leafPath);
    const gone = await store.get("gone", leafPath);
    const sharedBefore = leaf !== undefined || gone !== undefined;
    const state = stateNow(known, now);
    if (state !== "active" && !(state === "paused" && sharedBefore))
      throw new Refusal("grant_not_active", "This grant is not active.", { pointer: `${pointer}/grant`, extra: { grant } });
    const covered = isSharePath(path) && allowsRead(known.row.details, path, now);
    if (!covered && !sharedBefore) throw new Refusal("outside_consent", "This was not granted.", { pointer: `${pointer}/path` });
    if (version <= Math.max(leaf?.version ?? 0, gone?.version ?? 0) || leaves.has("share", leafPath))
      throw new Refusal("version_not_newer", "There is this version or a newer one.", { pointer: `${pointer}/version` });
    const before = leaf?.share === undefined ? undefined : shareKey(grant, leaf.share, path);
    weight.put({ body }, before === undefined ? undefined : await store.get("shares", before), !sharedBefore);
    // A removal in the place of a value (protocol, section 4).
    if (leaf !== undefined && leaf.version % 2 === 0 && version % 2 === 1) weight.takeAway();
    if (before !== undefined) store.delete("shares", before);
    if (gone !== undefined) {
      store.delete("gone", leafPath);
      store.delete("feed", feedKey(gone.position, "dropped", leafPath));
    }
    store.put("shares", shareKey(grant, known.place, path), {
      path,
      version,
      body,
      updated: now - (now % HOUR),
      objects: objectsFor(known.row.details, path),
      ...(known.row.n === undefined ? {} : { n: known.row.n }),
    });
    leaves.set({ kind: "share", path: leafPath, version, hash: digest(body) }, known.place);
    if (state !== "active") {
      // What ends the pause tells of it.
      await holdBack(store, grant, { from: known.place - 1, until: null });
      continue;
    }
    const said = shared.get(grant);
    if (said === undefined) shared.set(grant, { grant, row: known.row, paths: [path], from: known.place - 1 });
    else said.paths.push(path);
  }
  return [...shared.values()];
}

/** A commit takes one position in each grant that it touches. */
async function nextPlace(store: StoreWriter<Rows>, grant: string, pointer: string): Promise<Grant & { readonly place: number }> {
  const { row, standing } = await grantOf(store, grant, pointer);
  const place = standing.position + 1;
  store.put("standings", grant, { ...standing, position: place });
  return { row, standing, place };
}

const shareKey = (grant: string, place: number, path: string): string => `${grant}/${ordered(place)}/${path}`;

/** Shares of a grant, `most` of them behind the key `after`, some at a time: with their bodies they would be too much for one list. */
export async function* sharesOf(
  store: StoreReader<Rows>,
  grant: string,
  { after = `${grant}/`, most = Number.POSITIVE_INFINITY }: { after?: string; most?: number } = {},
): AsyncGenerator<Array<[key: string, row: ShareRow]>> {
  let [last, left] = [after, most];
  while (left > 0) {
    const limit = Math.min(STEP, left);
    const rows = await store.list("shares", { prefix: `${grant}/`, after: last, limit });
    yield rows;
    left = rows.length < limit ? 0 : left - limit;
    last = rows.at(-1)?.[0] ?? last;
  }
}

/** Bit n: object n lets this path be read. */
export const objectsFor = (details: AuthorizationDetails, path: string): number =>
  details.reduce((bits, detail, at) => (allowsRead([detail], path) ? bits | (1 << at) : bits), 0);

/** Drops leaves of ended grants, or outside the consent. */
export async function dropShares({ store, leaves, weight, position, now }: Step, drops: readonly string[]): Promise<void> {
  for (const [index, leafPath] of drops.entries()) {
    const pointer = `/drop/${index}`;
    const [grant = "", path = ""] = [leafPath.slice(0, 22), leafPath.slice(23)];
    const known = await grantOf(store, grant, pointer);
    const leaf = await leafAt(store, "share", leafPath);
    if (leaf === undefined || leaves.has("share", leafPath)) throw new Refusal("not_found", "There is no such share.", { pointer });
    if (!isEnded(stateNow(known, now)) && allowsRead(known.row.details, path, now))
      throw new Refusal("invalid_input", "This share is within its consent. Share a removal.", { pointer });
    if (leaf.share !== undefined) {
      const key = shareKey(grant, leaf.share, path);
      weight.drop(await store.get("shares", key));
      store.delete("shares", key);
    }
    weight.takeAway();
    leaves.drop("share", leafPath);
    store.put("gone", leafPath, { version: leaf.version, position });
    store.put("feed", feedKey(position, "dropped", leafPath), {});
  }
}

/** Answers those that can be read from now on. */
export async function closeBackfills({ store, position, now }: Step, grants: readonly string[]): Promise<Shared[]> {
  const closed: Shared[] = [];
  for (const [index, grant] of grants.entries()) {
    const known = await grantOf(store, grant, `/complete/${index}`);
    if (isEnded(stateNow(known, now))) throw new Refusal("grant_not_active", "This grant has ended.", { pointer: `/complete/${index}` });
    store.put("standings", grant, { ...known.standing, complete: true });
    store.put("feed", feedKey(position, "grant", grant), {});
    if (!known.standing.complete && stateNow(known, now) === "active") closed.push({ grant, row: known.row, paths: [] });
  }
  return closed;
}

/** The customer's half takes note of what the server's half has ended. */
export async function takeNoteOfEnds({ store, leaves, weight, now }: Step, ends: Commit["ends"]): Promise<void> {
  for (const [index, { grant, hash }] of ends.entries()) {
    const pointer = `/ends/${index}`;
    const known = await grantOf(store, grant, `${pointer}/grant`);
    if (!isEnded(stateNow(known, now))) throw new Refusal("invalid_input", "This grant has not ended.", { pointer });
    if (leaves.has("end", grant) || (await leafAt(store, "end", grant)) !== undefined)
      throw new Refusal("version_not_newer", "This end was noted before.", { pointer });
    leaves.set({ kind: "end", path: grant, version: 1, hash });
    weight.takeAway();
  }
}

/** Lifts pauses, each only if it is the last one that its customer has seen. Answers the grants. */
export async function liftPauses(
  { store, now }: Step,
  resumes: Commit["resumes"],
  acts: readonly ProvenAct[],
): Promise<Array<Pick<Shared, "grant" | "row">>> {
  if (resumes.length === 0) return [];
  const object = await hashOfJson(resumes);
  if (!acts.some(({ act, kind }) => kind === "passkey" && act.action === "resume" && act.object === object))
    throw new Refusal("act_required", "Resuming takes a passkey's approval of exactly these pauses.", { pointer: "/acts" });
  const lifted: Array<Pick<Shared, "grant" | "row">> = [];
  for (const [index, { grant, pause }] of resumes.entries()) {
    const known = await grantOf(store, grant, `/resumes/${index}/grant`);
    if (stateNow(known, now) !== "paused" || known.standing.paused?.position !== pause)
      throw new Refusal("grant_not_active", "This is not the last pause of this grant.", {
        pointer: `/resumes/${index}/pause`,
        extra: { grant },
      });
    store.put("standings", grant, { ...known.standing, paused: null });
    lifted.push({ grant, row: known.row });
  }
  return lifted;
}
