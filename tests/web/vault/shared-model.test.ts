import fc from "fast-check";
import { expect, it } from "vitest";
import type { AuthorizationDetails, Filter } from "#protocol/authorization-details.ts";
import { canonical } from "#protocol/canonical.ts";
import { type Contact, contactFor } from "#protocol/data/contact.ts";
import type { VendorCard } from "#protocol/data/private.ts";
import { type Purchase, shopsOf, tastesOf } from "#protocol/data/purchases.ts";
import type { Content } from "#protocol/sealing/record.ts";
import { type Device, details, type House, openHouse, type Shop, shop, thumbprintOf } from "./house.ts";
import { confirmedKit, everShared, granted, pulled } from "./vendor-side.ts";

/* What every vendor has, by the plainest rule there is: all of it made anew from all values after each step. */

interface World {
  readonly purchases: Map<string, Purchase>;
  contact: Contact | null;
  readonly cards: Map<string, VendorCard>;
}

const passes = (purchase: Purchase, filter: Filter | undefined): boolean =>
  (filter?.categories?.includes(purchase.category ?? "none") ?? true) &&
  purchase.date >= (filter?.since ?? "") &&
  (filter?.recipients?.includes(purchase.recipient) ?? true);

/** Each value as text, with its path where that names no record. */
function expected(world: World, asked: AuthorizationDetails, card: VendorCard | undefined): string[] {
  const listing = (path: string) => asked.filter(({ paths }) => paths.includes(path));
  const out: string[] = [];
  for (const purchase of world.purchases.values()) {
    const { hints: _, ...rest } = purchase;
    if (listing("purchases").some(({ filter }) => passes(purchase, filter))) out.push(canonical(["purchases", rest]));
    else if (purchase.category !== undefined && listing("purchases:category").some(({ filter }) => passes(purchase, filter)))
      out.push(canonical(["purchases:category", { category: purchase.category }]));
  }
  for (const [path, of] of [
    ["purchases:tastes", tastesOf],
    ["purchases:shops", shopsOf],
  ] as const) {
    const objects = listing(path);
    const let_ = [...world.purchases.values()].filter((purchase) => objects.every(({ filter }) => passes(purchase, filter)));
    const digest = objects.length === 0 ? null : of(let_);
    if (digest !== null) out.push(canonical([path, digest]));
  }
  const contact = contactFor(world.contact, card?.contact);
  if (contact !== null && listing("preferences/contact").length > 0) out.push(canonical(["preferences/contact", contact]));
  return out.sort();
}

const nameless = (path: string): string => path.replace(/^purchases\/[^:]+/, "purchases");
const texts = (shared: ReadonlyArray<readonly [string, Content]>): string[] =>
  shared.flatMap(([path, content]) => ("removed" in content ? [] : [canonical([nameless(path), content.value])])).sort();

const purchase: fc.Arbitrary<Purchase> = fc.record(
  {
    item: fc.constantFrom("Dune", "Drill", "Socks"),
    seller: fc.constantFrom("Aldina", "Bottega"),
    date: fc.constantFrom("2024-05-01", "2026-05-01"),
    recipient: fc.constantFrom("self", "household", "gift", "unknown"),
    category: fc.constantFrom("books", "tools", "clothing"),
    hints: fc.constant(["gift-wrap" as const]),
  },
  { requiredKeys: ["item", "seller", "date", "recipient"] },
);
const filter: fc.Arbitrary<Filter> = fc.record(
  {
    categories: fc.constantFrom(["books"], ["books", "tools"]),
    since: fc.constant("2025-01-01"),
    recipients: fc.constantFrom(["self" as const], ["self" as const, "household" as const]),
  },
  { requiredKeys: [] },
);
const object = fc.record({
  paths: fc.subarray(["purchases", "purchases:category", "purchases:tastes", "purchases:shops", "preferences/contact"], { minLength: 1 }),
  filter: fc.option(filter, { nil: undefined }),
});
const contact: fc.Arbitrary<Contact> = fc.record({
  channels: fc.uniqueArray(fc.record({ channel: fc.constantFrom("email" as const, "sms" as const), allowed: fc.boolean() }), {
    selector: ({ channel }) => channel,
  }),
});
const vendor = fc.nat(1);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("buy" as const), value: purchase }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("edit" as const), at: fc.nat(9), value: purchase }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), at: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sort" as const), values: fc.array(purchase, { minLength: 2, maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("contact" as const), value: contact }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("card" as const), vendor, value: fc.option(contact, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pause" as const), vendor }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("narrow" as const), vendor, drop: fc.nat(2), path: fc.nat(4), tighter: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("amend" as const), vendor, objects: fc.array(object, { minLength: 1, maxLength: 3 }) }),
  },
);

interface Known {
  readonly vendor: Shop;
  readonly grant: string;
  /** What is granted now. */
  asked: AuthorizationDetails;
  isPaused: boolean;
  /** All that it ever should have had. */
  readonly ever: Set<string>;
}

const detailed = (objects: ReadonlyArray<{ paths: string[]; filter: Filter | undefined }>, now: number): AuthorizationDetails =>
  objects.flatMap(({ paths, filter: only }) => details(paths, now, only === undefined ? {} : { filter: only }));

/** Less of what there is: without one object, without one path, with only books. */
function less(asked: AuthorizationDetails, drop: number, path: number, tighter: boolean): AuthorizationDetails {
  const kept = asked.length > 1 ? asked.filter((_, at) => at !== drop % asked.length) : asked;
  return kept.map(({ paths, filter: only, ...rest }) => ({
    ...rest,
    paths: paths.length > 1 ? paths.filter((_, at) => at !== path % paths.length) : paths,
    ...(tighter ? { filter: { ...only, categories: ["books"] } } : only === undefined ? {} : { filter: only }),
  }));
}

const countOf = (values: readonly string[], form: string): number => values.filter((text) => text.startsWith(`["${form}"`)).length;

async function compare(house: House, device: Device, world: World, known: Known): Promise<void> {
  const { vendor, grant, asked } = known;
  const should = expected(world, asked, world.cards.get(vendor.name));
  for (const each of should) known.ever.add(each);
  const has = texts(Object.entries(await pulled(house, device, grant, vendor)));
  // A paused grant's copies may be old, but none of them is of what doesn't leave any more.
  if (known.isPaused)
    for (const form of ["purchases", "purchases:category"]) expect(countOf(has, form)).toBeLessThanOrEqual(countOf(should, form));
  else expect(has).toEqual(should);
  const view = device.view.connections.find((each) => each.grant === grant);
  if (!known.isPaused) expect(texts(view?.shared.map(({ path, value }) => [path, { value }] as const) ?? [])).toEqual(should);
}

it("after every step each vendor has what all values come to under its consent, and never had anything else", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(purchase, { maxLength: 4 }),
      fc.tuple(fc.array(object, { minLength: 1, maxLength: 3 }), fc.array(object, { minLength: 1, maxLength: 2 })),
      fc.array(step, { minLength: 4, maxLength: 9 }),
      async (first, wanted, steps) => {
        await using house = await openHouse();
        const device = house.device();
        await device.core.begin();
        const world: World = { purchases: new Map(), contact: null, cards: new Map() };
        const learn = (): void => {
          world.purchases.clear();
          for (const { path, kind, value } of device.view.records) if (kind === "purchases") world.purchases.set(path, value as Purchase);
        };
        await device.core.saveAll({ edits: first.map((value) => ({ path: "purchases", value })) });
        learn();
        const all: Known[] = [];
        for (const [at, objects] of wanted.entries()) {
          const one = shop(`Shop ${at}`, `https://shop-${at}.example/client.json`);
          const asked = detailed(objects, house.clock.now());
          all.push({ vendor: one, asked, grant: await granted(device, house, one, asked), isPaused: false, ever: new Set() });
          if (at === 0) await confirmedKit(device);
        }
        for (const known of all) await compare(house, device, world, known);
        for (const next of steps) {
          const paths = [...world.purchases.keys()];
          if (next.do === "buy") await device.core.save({ path: "purchases", value: next.value });
          else if (next.do === "sort")
            await device.core.saveAll({
              edits: paths.slice(0, 4).map((path, at) => ({ path, value: next.values[at % next.values.length] })),
            });
          else if (next.do === "contact") {
            await device.core.save({ path: "preferences/contact", value: next.value });
            world.contact = next.value;
          } else if (next.do === "card") {
            const { name } = (all[next.vendor] as Known).vendor;
            const card: VendorCard = next.value === undefined ? { notes: "x" } : { contact: next.value };
            const relationship = device.view.vendors.find((each) => each.name === name)?.relationship ?? "";
            await device.core.saveCard({ relationship }, card);
            world.cards.set(name, card);
          } else if (next.do === "pause") {
            const known = all[next.vendor] as Known;
            await (known.isPaused ? device.core.resume(known.grant) : device.core.pause(known.grant));
            known.isPaused = !known.isPaused;
          } else if (next.do === "narrow") {
            const known = all[next.vendor] as Known;
            const wanted = less(known.asked, next.drop, next.path, next.tighter);
            if (canonical(wanted) === canonical(known.asked)) continue;
            await device.core.narrow(known.grant, wanted);
            known.asked = wanted;
          } else if (next.do === "amend") {
            const known = all[next.vendor] as Known;
            const wanted = detailed(next.objects, house.clock.now());
            const request = await house.asks(known.vendor, wanted, known.grant);
            await device.core.request(request, await thumbprintOf(known.vendor));
            await device.core.approve({ request, details: wanted, edits: [], notice: { text: "", language: "en" } });
            known.asked = wanted;
          } else if (paths.length > 0) {
            const path = paths[next.at % paths.length] as string;
            await (next.do === "remove" ? device.core.remove(path) : device.core.save({ path, value: next.value }));
          }
          learn();
          for (const known of all) await compare(house, device, world, known);
        }
        for (const { grant, vendor: one, ever } of all) {
          const values = (await everShared(house, device, grant, one)).flatMap((content) => ("removed" in content ? [] : [content.value]));
          const allowed = new Set([...ever].map((text) => canonical(JSON.parse(text)[1])));
          for (const value of values) expect(allowed).toContain(canonical(value));
          expect(JSON.stringify(values)).not.toContain("hints");
        }
      },
    ),
    { numRuns: 12 },
  );
}, 300_000);
