import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AuthorizationDetail, AuthorizationDetails } from "#protocol/authorization-details.ts";
import { ATTESTATION_SKEW, answers, DELETION_TIME, deleteBy, deletionState, type Owed, takesAway } from "#protocol/deletion.ts";
import { milliseconds } from "#protocol/duration.ts";
import type { ErasureAttestation } from "#protocol/erasure-attestation.ts";
import { isNoWider } from "#protocol/narrow.ts";
import { covers } from "#protocol/paths.ts";
import { detail, details, narrower, PATHS } from "./support/details.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const DAY = 86_400_000;
const instant = (at: number): string => new Date(at).toISOString();

const moment = fc.integer({ min: NOW - 400 * DAY, max: NOW + 400 * DAY });
const facts = fc.record({ at: moment, atOnce: fc.boolean(), details, lastRead: fc.option(moment) });

describe("by when it must be deleted", () => {
  test("nothing is owed of what was never read, and otherwise never less than the time that deleting takes", () => {
    fc.assert(
      fc.property(facts, (each) => {
        const by = deleteBy(each);
        if (each.lastRead === null) expect(by).toBeNull();
        else expect(by).toBeGreaterThanOrEqual(each.at + DELETION_TIME);
      }),
    );
  });

  test("asking for it at once never gives more time than not asking", () => {
    fc.assert(
      fc.property(facts, (each) => {
        const [once, later] = [deleteBy({ ...each, atOnce: true }), deleteBy({ ...each, atOnce: false })];
        expect(once ?? 0).toBeLessThanOrEqual(later ?? 0);
        if (once !== null) expect(once).toBe(each.at + DELETION_TIME);
      }),
    );
  });

  test("without asking, no purpose's data has to go before its own retention has lapsed, and the last one does then", () => {
    fc.assert(
      fc.property(facts, (each) => {
        const by = deleteBy({ ...each, atOnce: false });
        if (by === null || each.lastRead === null) return;
        const { lastRead } = each;
        const lapses = each.details.map(({ retention }) => lastRead + milliseconds(retention));
        for (const lapse of lapses) expect(by - DELETION_TIME).toBeGreaterThanOrEqual(lapse);
        expect([each.at, ...lapses]).toContain(by - DELETION_TIME);
      }),
    );
  });

  test("a later end or a later read never brings it forward", () => {
    fc.assert(
      fc.property(facts, fc.nat(100 * DAY), (each, more) => {
        if (each.lastRead === null) return;
        const by = deleteBy(each) ?? 0;
        expect(deleteBy({ ...each, at: each.at + more }) ?? 0).toBeGreaterThanOrEqual(by);
        expect(deleteBy({ ...each, lastRead: each.lastRead + more }) ?? 0).toBeGreaterThanOrEqual(by);
      }),
    );
  });
});

const reads = ({ actions }: AuthorizationDetail): boolean => actions.includes("read");

describe("what a consent takes away", () => {
  test("is nothing where it says the same or more", () => {
    fc.assert(
      fc.property(details, (each) => {
        expect(takesAway(each, each, NOW)).toBe(false);
      }),
    );
    fc.assert(
      fc.property(
        detail.chain((wide) => fc.tuple(fc.constant(wide), narrower(wide))),
        ([wide, narrow]) => {
          expect(isNoWider([narrow], [wide])).toBe(true);
          expect(takesAway([narrow], [wide], NOW)).toBe(false);
        },
      ),
    );
  });

  test("is found whenever something could be read for a purpose, and now can't", () => {
    const readable = (all: AuthorizationDetails, purpose: string, path: string): boolean =>
      all.some((each) => reads(each) && each.purpose === purpose && each.paths.some((wide) => covers(wide, path)));
    fc.assert(
      fc.property(details, details, (before, after) => {
        const lost = before.some(({ purpose }) => PATHS.some((path) => readable(before, purpose, path) && !readable(after, purpose, path)));
        if (lost) expect(takesAway(before, after, NOW)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("is no matter of how often, how long, until when, or what may be done besides reading", () => {
    const same = { retention: "PT1H", expires: "2026-12-01T00:00:00Z", frequency: { max: 1 } } as const;
    fc.assert(
      fc.property(details, (before) => {
        const after = before.map((each) => ({ ...each, ...same, actions: each.actions.filter((action) => action === "read") }));
        const some = after.filter(reads);
        expect(takesAway(before, some, NOW)).toBe(false);
      }),
    );
  });

  test("is found where a filter lets less through, and not of an object that has ended by itself", () => {
    const [plain] = fc.sample(
      detail.filter((each) => reads(each)),
      1,
    ) as [AuthorizationDetail];
    const { filter: _, ...open } = { ...plain, paths: ["purchases"] };
    const books = { ...open, filter: { categories: ["books"] } };
    expect(takesAway([open], [books], NOW)).toBe(true);
    expect(takesAway([books], [open], NOW)).toBe(false);
    expect(takesAway([open], [{ ...open, actions: ["offer"] }], NOW)).toBe(true);
    expect(takesAway([open], [{ ...open, purpose: "https://w3id.org/dpv#Other" }], NOW)).toBe(true);
    expect(takesAway([open], [], Date.parse(open.expires))).toBe(false);
    expect(takesAway([open], [], Date.parse(open.expires) - 1)).toBe(true);
  });
});

const REASONS = ["revoked", "expired", "declined", "narrowed"] as const;
const owed: fc.Arbitrary<Owed> = fc.record({
  reason: fc.constantFrom(...REASONS),
  since: moment,
  n: fc.integer({ min: 1, max: 3 }),
  by: fc.option(moment),
});
const attested: fc.Arbitrary<ErasureAttestation> = fc.record({
  iss: fc.constant("https://shop.example/client.json"),
  aud: fc.constant("https://counterfoil.example"),
  jti: fc.string({ minLength: 1 }),
  iat: fc.constant(1),
  grant_id: fc.constant("AAAAAAAAAAAAAAAAAAAAAA"),
  n: fc.integer({ min: 1, max: 3 }),
  reason: fc.constantFrom(...REASONS, "retention" as const),
  at: moment.map(instant),
  did: fc.array(fc.string({ minLength: 1 })),
  remains: fc.array(fc.constant({ what: "invoice", why: "legal-duty" as const, until: null }), { maxLength: 1 }),
});

describe("how far a deletion is", () => {
  test("is a matter of the clock alone until something answers it", () => {
    fc.assert(
      fc.property(owed, fc.array(attested), moment, (each, all, now) => {
        const none = all.filter((one) => !answers(each, one));
        const state = deletionState(each, none, now);
        if (each.by === null) expect(state).toEqual({ state: "nothing-read" });
        else expect(state).toEqual({ state: now < each.by ? "waiting" : "overdue", by: each.by });
      }),
    );
  });

  test("is overdue at its very time", () => {
    const each = { reason: "revoked", since: NOW, n: 1, by: NOW + DELETION_TIME } as const;
    expect(deletionState(each, [], each.by - 1)).toEqual({ state: "waiting", by: each.by });
    expect(deletionState(each, [], each.by)).toEqual({ state: "overdue", by: each.by });
  });

  test("is confirmed or kept by the newest that answers, whatever the clock says and whatever else was sent", () => {
    fc.assert(
      fc.property(owed, fc.array(attested), attested, fc.array(attested), moment, (each, before, last, after, now) => {
        fc.pre(answers(each, last));
        const state = deletionState(each, [...before, last, ...after.filter((one) => !answers(each, one))], now);
        expect(state).toMatchObject({ state: last.remains.length === 0 ? "confirmed" : "kept", at: last.at, did: last.did });
      }),
    );
  });

  test("is answered by nothing from before it began but for a clock that is a little behind, and by no lapsed retention", () => {
    const base = { reason: "revoked", since: NOW, n: 2 } as const;
    const word = (reason: ErasureAttestation["reason"], at = NOW, n = 2) => ({ reason, at: instant(at), n });
    expect(answers(base, word("revoked", NOW - ATTESTATION_SKEW))).toBe(true);
    expect(answers(base, word("revoked", NOW - ATTESTATION_SKEW - 1))).toBe(false);
    expect(answers(base, word("revoked", NOW, 1)), "it may not have seen the last consent").toBe(true);
    expect(answers(base, word("expired")), "it may not know how it ended").toBe(true);
    expect(answers(base, word("narrowed")), "less was deleted").toBe(false);
    expect(answers(base, word("retention"))).toBe(false);
    const narrowed = { ...base, reason: "narrowed" } as const;
    expect(answers(narrowed, word("narrowed"))).toBe(true);
    expect(answers(narrowed, word("narrowed", NOW, 3))).toBe(true);
    expect(answers(narrowed, word("narrowed", NOW, 1)), "it knew of the narrowing before only").toBe(false);
    expect(answers(narrowed, word("revoked", NOW, 1)), "all is gone").toBe(true);
    expect(answers(narrowed, word("retention"))).toBe(false);
  });
});
