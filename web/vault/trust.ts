import { type Head, readHead, verifyHead } from "#protocol/head.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { followSuccessions, type SuccessionEvidence, type Trust } from "#protocol/succession.ts";
import { hashOfWays, type Way } from "#protocol/ways.ts";

/** What the server shows of a store: its head, the list that the head covers, and how the identity key came to be the one it is. */
export interface Shown {
  readonly account: string;
  readonly head: string;
  readonly ways: readonly Way[];
  readonly successions: readonly SuccessionEvidence[];
}

/**
 * Proves a head and its list of ways in by what this device trusts: the identity key, or one that the kit has signed since.
 * @throws {EvidenceError} `signature`, `account`, `ways`, `pin`; those of a succession
 */
export async function proveHead({ account, head: token, ways, successions }: Shown, trusted: Trust): Promise<Head> {
  const { identity, kit } = await followSuccessions(account, trusted, successions);
  if (readHead(token).identity !== identity)
    throw new EvidenceError(
      "signature",
      "The head names another identity key than the one that this device knows, and no kit that it knows has signed that key",
    );
  const head = await verifyHead(token, { account, identity });
  await checkWays(head, ways);
  if (kit !== null && kitKeyOf(ways) !== kit)
    throw new EvidenceError(
      "pin",
      "The server's list names another kit than the one that this device knows, and that kit has not signed it",
    );
  return head;
}

/** What to trust from now on, after `ways` were proven. */
export const trustOf = ({ identity, seq }: Pick<Head, "identity" | "seq">, ways: readonly Way[]): Trust => ({
  identity,
  kit: kitKeyOf(ways),
  seq,
});

const kitKeyOf = (ways: readonly Way[]): string | null => ways.find((way) => way.kind === "kit")?.sign ?? null;

/** @throws {EvidenceError} `ways` */
async function checkWays(head: Head, ways: readonly Way[]): Promise<void> {
  if ((await hashOfWays(ways)) !== head.ways)
    throw new EvidenceError(
      "ways",
      "The server's list of ways into this store is not the one that its head covers: one was added, changed or left out",
    );
}
