import fc from "fast-check";
import type { AuthorizationDetail, AuthorizationDetails } from "#protocol/authorization-details.ts";
import { KINDS } from "#protocol/categories.ts";
import { covers, splitPath } from "#protocol/paths.ts";

/** Small worlds, so that what is generated meets. */
export const PATHS = [
  "profile/name",
  "profile/name:given",
  "profile/emails",
  "profile/emails/e1",
  "profile/emails/e2",
  "profile/addresses",
  "profile/addresses:town",
  "profile/addresses:country",
  "profile/addresses/a1",
  "profile/addresses/a1:region",
  "profile/birthday:year",
  "preferences/contact",
  "purchases",
  "purchases:category",
  "purchases/p1",
  "purchases/p1:category",
  "purchases:tastes",
  "purchases:shops",
];
export const ACTIONS = ["read", "deposit", "message", "offer"] as const;
const PURPOSES = ["https://w3id.org/dpv#CustomerCare", "https://w3id.org/dpv#DirectMarketing"];
const CATEGORIES = ["books", "music", "toys"];
const RECIPIENTS = ["self", "household", "gift"] as const;
const SINCE = ["2024-01-01", "2025-06-30", "2026-01-01"];
const EXPIRES = ["2027-01-01T00:00:00Z", "2027-01-01T00:00:01.000Z", "2027-02-28T12:00:00Z"];
const DURATIONS = ["PT1H", "PT2H", "PT5H", "PT24H", "P1D", "P2D"];

const some = <T>(all: readonly T[], least = 1) => fc.subarray([...all], { minLength: least });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });

/** Without the members that are undefined: a JSON object has none. */
export const plain = <T extends object>(value: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;

type Filter = NonNullable<AuthorizationDetail["filter"]>;
type Frequency = NonNullable<AuthorizationDetail["frequency"]>;
export const frequency: fc.Arbitrary<Frequency> = fc
  .record({ max: fc.integer({ min: 1, max: 12 }), per: maybe(fc.constantFrom(...DURATIONS)) })
  .map((each) => plain<Frequency>(each));
const filter = fc
  .record({ categories: maybe(some(CATEGORIES)), since: maybe(fc.constantFrom(...SINCE)), recipients: maybe(some(RECIPIENTS)) })
  .map((each) => plain<Filter>(each));

export const detail: fc.Arbitrary<AuthorizationDetail> = fc
  .record({
    type: fc.constant("https://w3id.org/counterfoil/consent/1" as const),
    actions: some(ACTIONS),
    paths: some(PATHS).map((paths) => paths.slice(0, 4)),
    filter: maybe(filter),
    purpose: fc.constantFrom(...PURPOSES),
    necessity: fc.constant("optional" as const),
    legal_basis: fc.constant("https://w3id.org/dpv/legal/eu/gdpr#A6-1-a"),
    explanation: maybe(fc.constant({ en: "To answer you", ro: "Ca să vă răspundem" })),
    retention: fc.constantFrom(...DURATIONS),
    expires: fc.constantFrom(...EXPIRES),
    frequency: maybe(frequency),
    recipients: maybe(some(["Courier SRL", "Bank SA"], 0)),
    storage_countries: maybe(some(["DE", "RO"], 0)),
    if_refused: fc.constant("nothing"),
    agreement: maybe(fc.constant("SD-BASE")),
  })
  .map((each) => plain<AuthorizationDetail>(each));

export const details: fc.Arbitrary<AuthorizationDetails> = fc.array(detail, { minLength: 1, maxLength: 4 });

const lesser = <T>(all: readonly T[], value: T, order: (a: T, b: T) => boolean) =>
  fc.constantFrom(...all.filter((each) => order(each, value)));
const hours = (duration: string): number => Number(/\d+/.exec(duration)?.[0]) * (duration.endsWith("H") ? 1 : 24);

/** One that says no more, made by what a customer can do: nothing here asks the code under test but `covers`, which has its own laws. */
export function narrower(asked: AuthorizationDetail): fc.Arbitrary<AuthorizationDetail> {
  const under = PATHS.filter((each) => asked.paths.some((wide) => covers(wide, each)));
  const tighter = (wide: Filter | undefined): fc.Arbitrary<Filter | undefined> =>
    wide === undefined
      ? maybe(filter)
      : fc
          .record({
            categories: wide.categories ? some(wide.categories) : maybe(some(CATEGORIES)),
            since: wide.since === undefined ? maybe(fc.constantFrom(...SINCE)) : lesser(SINCE, wide.since, (a, b) => a >= b),
            recipients: wide.recipients ? some(wide.recipients) : maybe(some(RECIPIENTS)),
          })
          .map((each) => plain<Filter>(each));
  const rarer = (wide: Frequency | undefined): fc.Arbitrary<Frequency | undefined> => {
    if (wide === undefined) return maybe(frequency);
    const { per } = wide;
    const seldom = fc.integer({ min: 1, max: wide.max }).map((max): Frequency => ({ max }));
    if (per === undefined) return seldom;
    const longer = fc.tuple(
      fc.integer({ min: 1, max: wide.max }),
      lesser(DURATIONS, per, (a, b) => hours(a) >= hours(b)),
    );
    return fc.oneof(
      seldom,
      longer.map(([max, longest]): Frequency => ({ max, per: longest })),
    );
  };
  return fc
    .record({
      actions: some(asked.actions),
      paths: some(under),
      filter: tighter(asked.filter),
      retention: lesser(DURATIONS, asked.retention, (a, b) => hours(a) <= hours(b)),
      expires: lesser(EXPIRES, asked.expires, (a, b) => Date.parse(a) <= Date.parse(b)),
      frequency: rarer(asked.frequency),
      recipients: asked.recipients ? maybe(some(asked.recipients, 0)) : fc.constant(undefined),
      storage_countries: asked.storage_countries ? some(asked.storage_countries, 0) : fc.constant(undefined),
    })
    .map((each) => plain<AuthorizationDetail>({ ...asked, ...each }));
}

/** Each way of making one object say more than `asked`, alone: name and the widened object. */
export function wideningsOf(asked: AuthorizationDetail): [string, AuthorizationDetail][] {
  const all: [string, Partial<{ [K in keyof AuthorizationDetail]: AuthorizationDetail[K] | undefined }>][] = [];
  for (const action of ACTIONS)
    if (!asked.actions.includes(action)) all.push([`action ${action}`, { actions: [...asked.actions, action] }]);
  for (const path of [...PATHS, "profile", "preferences/diet", "purchases/p2", "profile/emailsx", "profile/phones/p1"])
    if (!asked.paths.some((wide) => covers(wide, path))) all.push([`path ${path}`, { paths: [...asked.paths, path] }]);
  const { filter: own } = asked;
  if (own !== undefined) {
    if (Object.keys(own).length > 0) all.push(["no filter", { filter: undefined }]);
    if (own.categories) {
      all.push(["any category", { filter: plain<Filter>({ ...own, categories: undefined }) }]);
      all.push(["another category", { filter: { ...own, categories: [...own.categories, "wine"] } }]);
    }
    if (own.recipients) {
      all.push(["for anyone", { filter: plain<Filter>({ ...own, recipients: undefined }) }]);
      all.push(["for work", { filter: { ...own, recipients: [...own.recipients, "work"] } }]);
    }
    if (own.since !== undefined) {
      all.push(["since ever", { filter: plain<Filter>({ ...own, since: undefined }) }]);
      all.push(["since a day before", { filter: { ...own, since: "2023-12-31" } }]);
    }
  }
  all.push(["an hour more retention", { retention: `PT${hours(asked.retention) + 1}H` }]);
  all.push(["a second more", { expires: new Date(Date.parse(asked.expires) + 1000).toISOString() }]);
  if (asked.frequency !== undefined) {
    all.push(
      ["no frequency", { frequency: undefined }],
      ["once more", { frequency: { ...asked.frequency, max: asked.frequency.max + 1 } }],
    );
    const { per } = asked.frequency;
    if (per === undefined) all.push(["again and again", { frequency: { max: 1, per: "P9999D" } }]);
    else if (hours(per) > 1) all.push(["a shorter window", { frequency: { max: asked.frequency.max, per: `PT${hours(per) - 1}H` } }]);
  }
  all.push(["another recipient", { recipients: [...(asked.recipients ?? []), "Broker Ltd"] }]);
  all.push(["another country", { storage_countries: [...(asked.storage_countries ?? []), "US"] }]);
  if (asked.storage_countries !== undefined) all.push(["no word of countries", { storage_countries: undefined }]);
  all.push(["another purpose", { purpose: "https://w3id.org/dpv#Advertising" }], ["required", { necessity: "required" }]);
  all.push(
    ["another legal basis", { legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-f" }],
    ["another consequence", { if_refused: "no-delivery" }],
  );
  all.push(["other words", { explanation: { en: "To sell to you" } }], ["another agreement", { agreement: "SD-BASE-A" }]);
  if (asked.explanation !== undefined) all.push(["no words", { explanation: undefined }]);
  if (asked.agreement !== undefined) all.push(["no agreement", { agreement: undefined }]);
  return all.map(([name, change]) => [name, plain<AuthorizationDetail>({ ...asked, ...change })]);
}

/** One thing that a vendor could be told or do: what a consent lets through, one by one. */
export interface Event {
  action: (typeof ACTIONS)[number];
  /** A record, in a form or whole, or a digest. */
  path: string;
  /** What lies at the path, or counts in the digest there, where it is of purchases. */
  purchase: { category: string | undefined; date: string; recipient: "self" | "household" | "gift" | "work" | "unknown" };
  at: number;
}

const RECORDS = [
  "profile/name",
  "profile/emails/e1",
  "profile/emails/e2",
  "profile/emailsx/e1",
  "profile/addresses/a1",
  "profile/addresses/a2",
  "profile/birthday",
  "preferences/contact",
  "purchases/p1",
  "purchases/p2",
];
const DIGESTS = ["purchases:tastes", "purchases:shops"];
const formsAt = (record: string): readonly { name: string }[] =>
  KINDS.find((each) => record === each.path || record.startsWith(`${each.path}/`))?.forms ?? [];
const EVERY_FORM = RECORDS.flatMap((record) => [record, ...formsAt(record).map(({ name }) => `${record}:${name}`)]);

export const event: fc.Arbitrary<Event> = fc.record({
  action: fc.constantFrom(...ACTIONS),
  path: fc.constantFrom(...EVERY_FORM, ...DIGESTS),
  purchase: fc.record({
    category: fc.constantFrom(...CATEGORIES, "wine", undefined),
    date: fc.constantFrom("2023-12-31", "2024-01-01", "2025-06-29", "2025-06-30", "2026-07-01"),
    recipient: fc.constantFrom("self", "household", "gift", "work", "unknown"),
  }),
  at: fc.constantFrom(...EXPIRES.flatMap((each) => [Date.parse(each) - 1, Date.parse(each)])),
});

/** What the protocol says in words, record by record and form by form, without the code that decides. */
export function letsThrough(one: AuthorizationDetail, { action, path, purchase, at }: Event): boolean {
  const { base: record, form } = splitPath(path);
  const forms = formsAt(record).map(({ name }) => name);
  const order = (name: string | undefined): number => (name === undefined ? 0 : forms.indexOf(name) + 1);
  const pathFits = one.paths.some((each) => {
    if (DIGESTS.includes(path) || DIGESTS.includes(each)) return each === path || (DIGESTS.includes(path) && each === "purchases");
    const wide = splitPath(each);
    const parts = wide.base.split("/");
    const within = parts.every((part, index) => record.split("/")[index] === part);
    return within && (wide.form === undefined || forms.includes(wide.form)) && order(form) >= order(wide.form);
  });
  const { categories, since, recipients } = one.filter ?? {};
  const filterFits =
    !path.startsWith("purchases") ||
    ((categories === undefined || (purchase.category !== undefined && categories.includes(purchase.category))) &&
      (since === undefined || purchase.date >= since) &&
      (recipients === undefined || recipients.includes(purchase.recipient)));
  return one.actions.includes(action) && pathFits && filterFits && at < Date.parse(one.expires);
}

/** The most reads that an object allows in any `window` of hours: the vendor that reads as soon as it may, played out hour by hour. */
export function mostReads(allowed: AuthorizationDetail["frequency"], window: number): number {
  if (allowed === undefined) return Number.POSITIVE_INFINITY;
  const rolling = allowed.per === undefined ? Number.POSITIVE_INFINITY : hours(allowed.per);
  const reads: number[] = [];
  let all = 0;
  let recent = 0;
  for (let hour = 0; hour < window; hour++) {
    recent -= reads[hour - rolling] ?? 0;
    reads.push(allowed.max - recent);
    all += allowed.max - recent;
    recent = allowed.max;
  }
  return all;
}
