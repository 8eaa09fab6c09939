import type { ConnectionView, DeletionView } from "../../../web/vault/vault.ts";
import { connections } from "./prepared.ts";

const DAY = 86_400_000;
const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const deletion = (now: number, over: Partial<DeletionView>): DeletionView => ({
  reason: "revoked",
  state: "waiting",
  since: iso(now - 2 * DAY),
  by: iso(now + 5 * DAY),
  told: iso(now - 2 * DAY),
  at: null,
  did: [],
  remains: [],
  statement: null,
  ...over,
});

/** What can follow an end or a narrowing: one connection for each. */
export function endings(now: number): ConnectionView[] {
  const [first] = connections(now) as [ConnectionView];
  const rows: ReadonlyArray<readonly [string, string, Partial<ConnectionView>]> = [
    [
      "waiting",
      "Cartoleria Molo",
      { deletion: deletion(now, { told: null }), stream: "failing", endedBy: "customer", askedDeletion: true },
    ],
    [
      "overdue",
      "Vini del Carso",
      {
        deletion: deletion(now, { state: "overdue", since: iso(now - 19 * DAY), by: iso(now - 12 * DAY), told: null }),
        stream: "stopped",
        endedBy: "customer",
        askedDeletion: true,
      },
    ],
    [
      "confirmed",
      "Erboristeria Sole",
      {
        deletion: deletion(now, {
          state: "confirmed",
          at: iso(now - DAY),
          did: ["Erased your card in the shop's list", "Removed you from the mailing list"],
          statement: "Nothing of yours is left with us.",
        }),
        stream: "live",
        endedBy: "customer",
      },
    ],
    [
      "kept",
      "Mobili Timavo",
      {
        deletion: deletion(now, {
          state: "kept",
          at: iso(now - DAY),
          did: ["Erased your card"],
          remains: [
            { what: "Invoice 2026/118", why: "legal-duty", until: "2036-12-31", note: "Ten years, art. 2220 of the civil code" },
            { what: "Back-up tapes", why: "backup", until: null, note: null },
          ],
        }),
        stream: "live",
        endedBy: "vendor",
      },
    ],
    [
      "unread",
      "Lampade Bora",
      { deletion: deletion(now, { state: "nothing-read", by: null }), reads: [], stream: "none", endedBy: "customer" },
    ],
    [
      "ran-out",
      "Ottica Golfo",
      {
        state: "expired",
        endedAt: null,
        expires: iso(now - 2 * DAY),
        deletion: deletion(now, { reason: "expired", by: iso(now + 30 * DAY), told: null }),
        stream: "none",
      },
    ],
    [
      "narrowed",
      "Sartoria Rive",
      {
        state: "active",
        endedAt: null,
        expires: iso(now + 40 * DAY),
        consents: [
          { n: 1, at: iso(now - 50 * DAY) },
          { n: 2, at: iso(now - 30 * DAY) },
          { n: 3, at: iso(now - 2 * DAY) },
        ],
        deletion: deletion(now, { reason: "narrowed" }),
        stream: "live",
      },
    ],
  ];
  return rows.map(([grant, name, over], at) => ({
    ...first,
    grant,
    number: 60 + at,
    relationship: `relationships/e${at}`,
    client: {
      ...first.client,
      client_name: name,
      client_id: `https://${grant}.example/counterfoil.json`,
      dpo_contact: `privacy@${grant}.example`,
    },
    state: "revoked" as const,
    endedAt: iso(now - 2 * DAY),
    shared: over.state === "active" ? first.shared : [],
    ...over,
  }));
}
