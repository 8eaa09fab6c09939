import type { Commit } from "#protocol/api.ts";
import { SINGLE_PATHS } from "#protocol/categories.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { ProvenAct } from "../guards/act.ts";
import type { PushedRequest } from "../oauth/pushed-request.ts";
import { ordered, type Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { giveConsent } from "./consent.ts";
import { nextHead, proveHead } from "./head.ts";
import { note } from "./history.ts";
import { LeafChanges } from "./leaves.ts";
import { putRecords } from "./records.ts";
import { closeBackfills, dropShares, liftPauses, putShares, takeNoteOfEnds } from "./shares.ts";
import { keepSuccession, proveSuccession } from "./succession.ts";
import { changeWays, type NewPasskey } from "./ways.ts";

export interface CommitCircumstances {
  readonly account: string;
  /** Key of the session's row; undefined for a store that begins. */
  readonly session: string | undefined;
  readonly now: number;
  /** Called once it is known that no other device was first. */
  readonly proveActs: () => Promise<readonly ProvenAct[]>;
  readonly newPasskey: NewPasskey | undefined;
  readonly request: PushedRequest | undefined;
}

export interface Committed {
  readonly seq: number;
  readonly position: number;
  readonly grant: string | undefined;
}

/** The one way in which the customer's half of a store changes (protocol, section 4). Runs inside one piece of work: all or nothing. */
export async function applyCommit(store: StoreWriter<Rows>, commit: Commit, circumstances: CommitCircumstances): Promise<Committed> {
  const { account, now, request } = circumstances;
  const before = await store.get("store", "store");
  const head = nextHead(commit, before, account);
  const succession = await proveSuccession(store, commit, before, account);
  const headHash = await proveHead(commit, head, before, succession?.to);
  const acts = await circumstances.proveActs();

  const paths = [...commit.records.map(({ path }) => path), ...new Set(commit.shares.map(({ grant, path }) => `${grant}/${path}`))];
  let position = await note(store, { at: now, type: "commit", number: head.seq, paths });
  const leaves = new LeafChanges();
  const step = { store, leaves, position, now };
  const { newPasskey, session } = circumstances;
  const { old, ways, changed } = await changeWays({ store, commit, head, before, acts, leaves, newPasskey, succession, session });
  if (commit.succession !== null && before !== undefined) await keepSuccession(store, commit.succession, before, { old, ways });
  if (changed && before !== undefined) position = await note(store, { at: now, type: "way" });

  let grant: string | undefined;
  if (commit.consent !== null) {
    if (before === undefined || request === undefined)
      throw new Refusal("not_found", "This request is gone. Ask the shop for a new link.", { pointer: "/consent/request" });
    const consent = await giveConsent({ store, before, ways, acts, leaves, now }, commit.consent, request);
    grant = consent.grant_id;
    const granted = consent.authorization_details.flatMap((detail) => detail.paths);
    position = await note(store, { at: now, type: "approve", grant, number: consent.n, paths: [...new Set(granted)] });
  }
  for (const resumed of await liftPauses(step, commit.resumes, acts))
    position = await note(store, { at: now, type: "resume", grant: resumed });
  const fresh = await putRecords(store, leaves, commit.records, head.epoch, before?.records ?? 0);
  await putShares(step, commit.shares);
  await dropShares(step, commit.drop);
  await closeBackfills(step, commit.complete);
  await takeNoteOfEnds(step, commit.ends);
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
    grants: (before?.grants ?? 0) + (grant === undefined ? 0 : 1),
    ...(before?.erasing === undefined ? {} : { erasing: before.erasing }),
  });
  return { seq: head.seq, position, grant };
}

/** Single-valued kinds all exist from the first commit, so that their presence says nothing (protocol, section 2). */
function checkFirst(leaves: LeafChanges): void {
  const missing = SINGLE_PATHS.find((path) => !leaves.has("record", path));
  if (missing !== undefined)
    throw new Refusal("invalid_input", "A store begins with an empty record of every single-valued kind.", { pointer: "/records" });
}
