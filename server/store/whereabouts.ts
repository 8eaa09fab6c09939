import { Refusal } from "#protocol/refusal.ts";
import type { Rows, StandingRow, StoreRow } from "../rows.ts";
import type { StoreReader } from "../storage/storage.ts";

const LATER = 60;

const moved = (to: string): Refusal =>
  new Refusal("store_moved", `This store is at ${new URL(to).host} now. Go on there.`, { extra: { to } });

/** @throws {Refusal} `store_moved` where the store has gone to another server */
export function requireHere(row: StoreRow | undefined): void {
  if (row?.move?.state === "moved") throw moved(row.move.to);
}

/** @throws {Refusal} `store_moving`, `store_moved` where the customer's half can't change: it is on the way between two servers */
export function requireSettled(row: StoreRow | undefined): void {
  requireHere(row);
  if (row?.move?.state === "leaving")
    throw new Refusal(
      "store_moving",
      "This store waits to move to another server. Nothing is saved here meanwhile, unless you call it off.",
    );
  if (row?.move?.state === "arriving")
    throw new Refusal("store_moving", "This store has just come from another server, which has to hear of it first.", {
      extra: { retryAfter: 5 },
    });
}

const onTheWay = (): Refusal =>
  new Refusal("unavailable", "This grant's customer is moving to another server. Nothing has ended. Try again later.", {
    extra: { retryAfter: LATER },
  });

/**
 * For whatever a vendor asks of a grant, before anything else is looked at. Costs nothing where a grant has a standing and isn't moving.
 * @throws {Refusal} `unavailable` while it moves; `grant_moved` with the customer's word where it has gone to
 */
export async function requireServed(
  store: StoreReader<Rows>,
  { grant, clientId, standing }: { grant: string; clientId: string; standing: StandingRow | undefined },
): Promise<void> {
  if (standing !== undefined && standing.moving === undefined) return;
  const word = await store.get("statements", grant);
  const row = await store.get("store", "store");
  if (row?.move?.state === "moved" && word?.clientId === clientId)
    throw new Refusal("grant_moved", "This grant's customer has moved to another server. Go on there, by their word.", {
      extra: { to: row.move.to, statement: word.statement },
    });
  if (standing?.moving && row?.move?.state !== "moved") throw onTheWay();
}
