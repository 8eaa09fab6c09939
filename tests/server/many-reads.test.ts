import { describe, expect, test } from "vitest";
import type { HistoryEntry } from "#protocol/api.ts";
import { type PullOutcome, readFaults } from "../support/read-log.ts";
import { stopRace } from "../support/stop-race.ts";
import { manyHouse } from "./many-house.ts";
import { connect } from "./scene.ts";

test("of a hundred pulls at four servers while the customer stops the grant, each is logged before the stop, or refused", async () => {
  await using at = await manyHouse({ count: 4 });
  const { vendor, customer, members } = at;
  const origins = members.map(({ issuer }) => issuer);
  // Without one there is no second grant.
  await customer.addKit();
  for (const after of [1, 20]) {
    const { grant, tokens } = await connect(at);
    const race = await stopRace({ vendor, customer, grant, token: tokens.access_token, origins, pulls: 120, later: 8, after });
    expect(race.faults).toEqual([]);
    expect(race.lost).toBe(0);
    expect(race.inFlight, "when the stop was sent").toBeGreaterThanOrEqual(80);
    expect(race.given).toBeGreaterThanOrEqual(after);
    expect(race.refused).toBeGreaterThanOrEqual(8);
  }
});

describe("what a vendor was given and what the history says are found to differ", () => {
  const grant = "g".repeat(22);
  const line = (position: number, type: HistoryEntry["type"], number: number | null = null): HistoryEntry => ({
    position,
    at: "2026-11-21T10:00:00.000Z",
    type,
    grant,
    number,
    paths: [],
    count: 0,
    by: null,
  });
  const given = (read: number, asked = 1): PullOutcome => ({ asked, is: "given", read });
  const good = [line(7, "read", 1), line(8, "read", 2), line(9, "revoke")];
  const faults = (outcomes: PullOutcome[], history = good): string[] => readFaults(outcomes, history, { grant, revokedAt: 10 });

  test("where they do, and only there", () => {
    expect(faults([given(1), given(2), { asked: 3, is: "refused", code: "grant_ended" }])).toEqual([]);
    expect(faults([given(1), { asked: 2, is: "lost" }]), "whose answer broke off may be logged").toEqual([]);
    expect(faults([given(1)]), "nobody was given what is logged").not.toEqual([]);
    expect(faults([given(1), given(2), given(3)]), "given, not logged").not.toEqual([]);
    expect(faults([given(1), given(1)])).not.toEqual([]);
    expect(faults([given(1), given(2, 11)]), "asked after the stop").not.toEqual([]);
    expect(faults([given(1), given(2)], [line(7, "read", 1), line(8, "revoke"), line(9, "read", 2)])).not.toEqual([]);
    expect(faults([given(1), given(3)], [line(7, "read", 1), line(8, "read", 3), line(9, "revoke")])).not.toEqual([]);
    expect(faults([given(1), given(2)], good.slice(0, 2)), "no line of the stop").not.toEqual([]);
    expect(faults([given(1), given(2), { asked: 3, is: "refused", code: "internal" }])).not.toEqual([]);
  });
});
