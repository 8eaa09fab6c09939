import type { ConnectionView, SharedValue, VendorView } from "../../../web/vault/vault.ts";
import { connections } from "./prepared.ts";

const DAY = 86_400_000;
const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const bought: readonly SharedValue[] = Array.from({ length: 2000 }, (_, at) => ({
  path: `purchases/q${at}`,
  value: { item: `Thing number ${at + 1}`, seller: "Amazon", date: "2026-02-03", category: "books", recipient: "self" },
}));

/** Fifty more shops; the first of them reads two thousand purchases, and has asked a thousand times; the second is paused. */
export function crowd(now: number): ConnectionView[] {
  const [first] = connections(now) as [ConnectionView];
  const [detail] = first.details as [ConnectionView["details"][number]];
  const given = iso(now - 50 * DAY);
  return Array.from({ length: 50 }, (_, at) => {
    const isGreat = at === 0;
    return {
      ...first,
      grant: `crowd-${at}`,
      number: 100 + at,
      relationship: `relationships/c${at}`,
      client: {
        ...first.client,
        client_name: `Shop ${String(at + 1).padStart(2, "0")}`,
        client_id: `https://shop-${at}.example/counterfoil.json`,
      },
      details: [
        isGreat
          ? { ...detail, paths: ["purchases", "purchases:tastes"], filter: { categories: ["books"], since: "2025-01-01" } }
          : { ...detail, paths: ["profile/emails/e1"] },
      ],
      given,
      consents: [{ n: 1, at: given }],
      ...(at === 1 ? { state: "paused" as const, pausedAt: iso(now - DAY) } : {}),
      shared: isGreat
        ? [...bought, { path: "purchases:tastes", value: { tastes: [{ category: "books", count: 14 }] } }]
        : [{ path: "profile/emails/e1", value: { address: "ottavia@posta.example" } }],
      reads: isGreat
        ? Array.from({ length: 1000 }, (_, hour) => ({
            at: new Date(now - (hour + 1) * 3_600_000).toISOString(),
            paths: bought.map((each) => each.path),
            count: 1,
            key: "Zk3w9xQpLmN0aVbTyUcR",
          }))
        : [],
    };
  });
}

/** The cards of the crowd; and a shop that was blocked when it asked, so that it has no connection. */
export const crowdVendors = (now: number): VendorView[] => [
  ...crowd(now).map(({ relationship, client: { client_id, client_name }, grant }) => ({
    relationship,
    client_id,
    name: client_name,
    card: {},
    grants: [grant],
  })),
  {
    relationship: "relationships/b1",
    client_id: "https://insistent.example/counterfoil.json",
    name: "Insistent Offers",
    card: { view: "blocked" },
    grants: [],
  },
];
