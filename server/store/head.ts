import type { Commit } from "#protocol/api.ts";
import { type Head, hashOfHead, RESTORED_STEP, readHead, restoredObject, verifyHead } from "#protocol/head.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { ProvenAct } from "../guards/act.ts";
import type { StoreRow } from "../rows.ts";
import { wasRestored } from "./last-restore.ts";

const wrong = (detail: string, cause?: unknown): Refusal => new Refusal("invalid_head", detail, { pointer: "/head", cause });

/** The shape of the commit's head, if it comes after the one that there is. @throws {Refusal} `stale_head` with the current head, `invalid_head` */
export function nextHead(commit: Commit, before: StoreRow | undefined, account: string): Head {
  let head: Head;
  try {
    head = readHead(commit.head);
  } catch (cause) {
    throw wrong("This is not a head.", cause);
  }
  if (commit.expectedSeq !== (before?.seq ?? 0))
    throw new Refusal("stale_head", "Another device was first. Read what changed and try again.", {
      extra: { head: before?.head ?? null },
    });
  if (head.account !== account) throw wrong("The head is of another store.");
  if (head.restored && !wasRestored(before)) throw wrong("This store was not restored.");
  const isNext = head.restored ? head.seq >= commit.expectedSeq + RESTORED_STEP : head.seq === commit.expectedSeq + 1;
  if (!isNext || head.prev !== (before?.headHash ?? null)) throw wrong("The head does not follow the one before.");
  return head;
}

/** Verifies it by the store's identity key, or by the `next` one that the kit has signed. @throws {Refusal} `invalid_head` */
export async function proveHead(commit: Commit, head: Head, before: StoreRow | undefined, next: string | undefined): Promise<string> {
  const identity = next ?? before?.identity ?? head.identity;
  try {
    await verifyHead(commit.head, { account: head.account, identity });
  } catch (cause) {
    throw wrong("The head is not signed by the store's identity key.", cause);
  }
  return hashOfHead(commit.head);
}

/** Going on from an older head than a device has seen takes an act. @throws {Refusal} `act_required` */
export async function requireRestoreAct(head: Head, acts: readonly ProvenAct[]): Promise<void> {
  if (!head.restored) return;
  const object = await restoredObject(head);
  if (!acts.some(({ act }) => act.action === "restore" && act.object === object))
    throw new Refusal("act_required", "Going on from an older state takes an approval of exactly that.", { pointer: "/acts" });
}
