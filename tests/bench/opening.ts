import { openingRate } from "../sdk/opening-rate.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";

const ROUNDS = some(5, 1);

/** What the SDK adds to the ciphers that it can't do without, on one core. */
export async function openingTable(): Promise<Table> {
  const rows: Row[] = [];
  for (const [grants, records] of [
    [some(200, 4), 10],
    [some(40, 2), 100],
    [some(8, 1), some(1000, 200)],
  ] as const) {
    const { sdk, ciphers, ratio } = await openingRate(grants, records, ROUNDS);
    rows.push({
      name: `${grants} ${grants === 1 ? "grant" : "grants"} of ${records} records`,
      figures: { "records/s": sdk.perSecond, "CPU µs/record": sdk.cpu, "ciphers alone CPU µs": ciphers.cpu, "x ciphers": ratio },
    });
  }
  return {
    title: "Opening in the SDK",
    note: `A bulk pull's text made into changes, all of it checked, its grants kept in a state in memory; beside each grant's one signature and key, and each record's box, opened and nothing else. CPU of all threads; medians of ${ROUNDS} rounds, alternated.`,
    rows,
  };
}
