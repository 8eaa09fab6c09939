import type { Commit } from "#protocol/api.ts";
import { SINGLE_PATHS } from "#protocol/categories.ts";
import type { Consent } from "#protocol/consent-token.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { ProvenAct } from "../guards/act.ts";
import type { PushedRequest } from "../oauth/pushed-request.ts";
import { ordered, type Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { setDue } from "./calendar.ts";
import { noteChange } from "./changes.ts";
import type { ConsentStep } from "./consent.ts";
import { giveFirst } from "./first-consent.ts";
import { nextHead, proveHead, requireRestoreAct } from "./head.ts";
import { note } from "./history.ts";
import { LeafChanges } from "./leaves.ts";
import { giveNarrower, giveReplacing } from "./next-consent.ts";
import { putRecords } from "./records.ts";
import { closeBackfills, dropShares, grantOf, liftPauses, putShares, type Shared, takeNoteOfEnds } from "./shares.ts";
import { keepSuccession, proveSuccession } from "./succession.ts";
import { type Changing, type Teller, tell } from "./tell.ts";
import { changeWays, type NewPasskey } from "./ways.ts";
import { Weight } from "./weight.ts";
import { requireSettled } from "./whereabouts.ts";

export interface CommitCircumstances {
  readonly account: string;
  /** Key of the session's row; undefined for a store that begins. */
  readonly session: string | undefined;
  readonly now: number;
  /** Called once it is known that no other device was first. */
  readonly proveActs: () => Promise<readonly ProvenAct[]>;
  readonly newPasskey: NewPasskey | undefined;
  readonly request: PushedRequest | undefined;
  readonly teller: Teller;
}

export interface Committed {
  readonly seq: number;
  readonly position: number;
  /** The one that was made or amended. */
  readonly grant: string | undefined;
}

/** The one way in which the customer's half of a store changes (protocol, section 4). Runs inside one piece of work: all or nothing. */
export async function applyCommit(store: StoreWriter<Rows>, commit: Commit, circumstances: CommitCircumstances): Promise<Committed> {
  const { account, now, request, teller } = circumstances;
  const before = await store.get("store", "store");
  requireSettled(before);
  const head = nextHead(commit, before, account);
  const succession = await proveSuccession(store, commit, before, account);
  const headHash = await proveHead(commit, head, before, succession?.to);
  const acts = await circumstances.proveActs();
  await requireRestoreAct(head, acts);

  const paths = [...commit.records.map(({ path }) => path), ...new Set(commit.shares.map(({ grant, path }) => `${grant}/${path}`))];
  let position = await note(store, { at: now, type: "commit", number: head.seq, paths });
  const leaves = new LeafChanges();
  const weight = new Weight();
  weight.commit(commit.head);
  weight.line(paths);
  const step = { store, leaves, weight, position, now };
  const { newPasskey, session } = circumstances;
  const { old, ways, changed } = await changeWays({ store, commit, head, before, acts, leaves, newPasskey, succession, session });
  if (commit.succession !== null && before !== undefined) await keepSuccession(store, commit.succession, before, { old, ways });
  if (old.some(({ id }) => !ways.some((way) => way.id === id))) weight.takeAway();
  if (changed && before !== undefined) position = await note(store, { at: now, type: "way" });

  let grant: string | undefined;
  let consented: Changed | undefined;
  let made = false;
  if (commit.consent !== null) {
    if (before === undefined) throw requestGone();
    const given = await giveConsent({ store, teller, before, ways, acts, leaves, weight, now }, commit.consent, request);
    grant = given.consent.grant_id;
    weight.consent(commit.consent, given.type === "narrow");
    if (given.type === "narrow") weight.takeAway();
    consented = await grantOf(store, grant).then(({ row }) => ({ grant: given.consent.grant_id, row }));
    made = given.type === "approve" && given.consent.n === 1;
    const granted = given.consent.authorization_details.flatMap((detail) => detail.paths);
    position = await note(store, { at: now, type: given.type, grant, number: given.consent.n, paths: [...new Set(granted)] });
  }
  const resumes = await liftPauses(step, commit.resumes, acts);
  for (const resumed of resumes) {
    position = await note(store, { at: now, type: "resume", grant: resumed.grant });
    await tell({ store, teller }, resumed.grant, resumed.row, now, "grant-resumed", { initiating_entity: "user" });
  }
  const fresh = await putRecords(step, commit.records, head.epoch, before?.records ?? 0);
  const shared = await putShares(step, commit.shares);
  await dropShares(step, commit.drop);
  const closed = await closeBackfills(step, commit.complete);
  await takeNoteOfEnds(step, commit.ends);
  // A vendor that is told of a consent reads what comes with it.
  const told = new Set([grant]);
  for (const each of [...shared, ...closed]) {
    if (!told.has(each.grant)) await tellShared({ store, teller }, each, now);
    told.add(each.grant);
  }
  await noteChanges(store, [...(consented === undefined ? [] : [{ ...consented, from: 0 }]), ...resumes, ...shared, ...closed], now);
  if (before === undefined) checkFirst(leaves);

  if ((await leaves.apply(store, step.position)) !== head.root)
    throw new Refusal("invalid_head", "The head's root is not the root of what would be stored.", { pointer: "/head" });
  store.put("heads", ordered(head.seq), { head: commit.head });
  store.put("store", "store", {
    created: before?.created ?? now,
    identity: head.identity,
    seq: head.seq,
    head: commit.head,
    headHash,
    epoch: head.epoch,
    waysHash: head.ways,
    records: (before?.records ?? 0) + fresh,
    grants: (before?.grants ?? 0) + (made ? 1 : 0),
    bytes: weight.addedTo(before?.bytes ?? 0),
    ...(before?.erasing === undefined ? {} : { erasing: before.erasing }),
    ...(before?.restores === undefined ? {} : { restores: before.restores }),
    ...(before?.putBack === undefined ? {} : { putBack: before.putBack }),
  });
  if (grant !== undefined) await setDue(store);
  return { seq: head.seq, position, grant };
}

type Changed = Pick<Shared, "grant" | "row" | "from">;

/** One entry for each grant, whatever has changed of it. Another consent may let through what the one before did not: all of it is read anew. */
async function noteChanges(store: StoreWriter<Rows>, changes: readonly Changed[], at: number): Promise<void> {
  const all = new Map<string, Changed>();
  for (const change of changes) {
    const before = all.get(change.grant);
    const from = Math.min(before?.from ?? Number.POSITIVE_INFINITY, change.from ?? Number.POSITIVE_INFINITY);
    all.set(change.grant, { grant: change.grant, row: change.row, ...(Number.isFinite(from) ? { from } : {}) });
  }
  for (const { grant, row, from } of all.values()) await noteChange(store, grant, row, { at, ...(from === undefined ? {} : { from }) });
}

const requestGone = (): Refusal =>
  new Refusal("not_found", "This request is gone. Ask the shop for a new link.", { pointer: "/consent/request" });

/** A first consent, one that replaces another as its vendor asked, or a narrower one by the customer alone. */
async function giveConsent(
  step: ConsentStep,
  given: NonNullable<Commit["consent"]>,
  request: PushedRequest | undefined,
): Promise<{ type: "approve" | "narrow"; consent: Consent }> {
  if (given.request === null) return { type: "narrow", consent: await giveNarrower(step, given) };
  if (request === undefined) throw requestGone();
  return { type: "approve", consent: await (request.replaces === null ? giveFirst : giveReplacing)(step, given, request) };
}

const tellShared = (changing: Changing, { grant, row, paths }: Shared, now: number): Promise<void> =>
  tell(changing, grant, row, now, "records-changed", { initiating_entity: "user", paths: paths.slice(0, 100), count: paths.length });

/** Single-valued kinds all exist from the first commit, so that their presence says nothing (protocol, section 2). */
function checkFirst(leaves: LeafChanges): void {
  const missing = SINGLE_PATHS.find((path) => !leaves.has("record", path));
  if (missing !== undefined)
    throw new Refusal("invalid_input", "A store begins with an empty record of every single-valued kind.", { pointer: "/records" });
}
