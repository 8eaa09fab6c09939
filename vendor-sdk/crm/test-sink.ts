import { CounterfoilError, type ErrorCode } from "../error.ts";
import type { Ending, PutReport, Sink, SubjectRecord, Values } from "./sink.ts";

/** One thing that a sink must do. `detail`: what was expected and seen instead. */
export interface SinkProof {
  name: ProofName;
  ok: boolean;
  detail: string | undefined;
}

/** What `testSink` saw. */
export interface SinkReport {
  sink: string;
  /** Every proof that ran was a success. */
  ok: boolean;
  proofs: SinkProof[];
}

/** What else a sink can be proven by; proofs that need what isn't given are left out. */
export interface TestSinkOptions {
  /** A sink of the same kind whose target can't be reached. */
  down?: () => Sink;
  /** A sink of the same kind with credentials that the target refuses. */
  badCredentials?: () => Sink;
  /** Everything that the target holds, as text, history and indexes included: searched for what was erased. */
  dump?: () => Promise<string>;
  /**
   * The column in which this sink keeps an e-mail address (`profile/emails`), if it maps one: where values are compared. The name that
   * `flatten` gives it unless told.
   */
  column?: string;
}

/** The proofs, each in words that fit a test's title. */
export type ProofName =
  | "is ready"
  | "creates"
  | "keeps what it was given"
  | "repeats as unchanged"
  | "updates what differs"
  | "blanks what is absent"
  | "keeps awkward text or says that it altered it"
  | "repeats awkward text as unchanged"
  | "keeps people apart"
  | "writes one row for five at once"
  | "dry run writes nothing"
  | "refuses unsafe keys"
  | "stops when aborted"
  | "is durable after commit"
  | "erases"
  | "erases one person only"
  | "leaves no residue"
  | "erases twice without fault"
  | "takes a person again after an erasure"
  | "says when its target is down"
  | "says when its credentials are refused";

const MAIL = "one.unmistakable.person@residue.example";
const OTHER = "another.unmistakable.person@residue.example";
const AWKWARD = [
  '=HYPERLINK("http://x.example")',
  "+39 06 1234",
  "-1",
  "@SUM(A1)",
  "\tTab",
  "'=quoted",
  'a, "b"; c\r\nd\ne',
  "Zoë 🦉 Ștefan Жанна",
  "<b>bold</b> & 'quotes' \\ end",
];
const WHY: Ending = { reason: "revoked", at: "2026-01-02T03:04:05Z" };

const person = (key: string, address: string, more: Record<string, unknown> = {}): SubjectRecord => ({
  key,
  fields: { "profile/emails/e1": { address }, ...more },
  consent: {
    given: "2026-01-01T00:00:00.000Z",
    until: "2026-12-31T00:00:00.000Z",
    paused: false,
    n: 1,
    purposes: ["https://w3id.org/dpv#CustomerRelationshipManagement"],
    ends: { "https://w3id.org/dpv#CustomerRelationshipManagement": "2026-12-31T00:00:00.000Z" },
    paths: ["profile/name", "profile/emails", "profile/addresses"],
    gpc: false,
    recipients: [],
  },
});

function expect(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new Error(detail);
}

const outcomeIs = (report: PutReport, outcome: PutReport["outcome"]): void =>
  expect(report.outcome === outcome, `expected outcome ${outcome}, got ${report.outcome}`);

async function failsWith(code: ErrorCode, work: () => Promise<unknown>): Promise<void> {
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error instanceof CounterfoilError, `expected a CounterfoilError ${code}, got ${error === undefined ? "success" : String(error)}`);
  expect(error.code === code, `expected code ${code}, got ${error.code}`);
}

/**
 * The conformance suite: proves what `sync` relies on. `make` opens the same target each time, which must be empty at first; the
 * suite writes and erases a few made-up people there. Throws nothing: hand `proofs` to whatever test runner you use.
 */
export async function testSink(make: () => Sink, options: TestSinkOptions = {}): Promise<SinkReport> {
  const column = options.column ?? "profile/emails.1.address";
  const sink = make();
  const key = "cConformance-One_0001";
  const other = "cConformance-Two_0002";
  const proofs: SinkProof[] = [];
  const prove = async (name: ProofName, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      proofs.push({ name, ok: true, detail: undefined });
    } catch (error) {
      proofs.push({ name, ok: false, detail: error instanceof Error ? error.message : "not an error" });
    }
  };
  const mailOf = async (of: string, from = sink): Promise<Values[string] | undefined> => (await from.read(of))?.[column];
  const whole = person(key, MAIL, {
    "profile/name": { given: "Unmistakable" },
    "profile/addresses/a1": { street: "Residue Street 1", locality: "Residueville", countryCode: "IT" },
  });
  const sparse = { ...whole, fields: {} };

  await prove("is ready", async () => {
    const { ready, problems } = await sink.check();
    expect(ready, `not ready: ${problems.join("; ")}`);
  });
  await prove("dry run writes nothing", async () => {
    outcomeIs(await sink.put(whole, { dryRun: true }), "created");
    expect((await sink.read(key)) === undefined, "a dry run made a row");
  });
  await prove("creates", async () => outcomeIs(await sink.put(whole), "created"));
  await prove("keeps what it was given", async () => expect((await mailOf(key)) === MAIL, `column ${column} does not hold the address`));
  await prove("repeats as unchanged", async () => outcomeIs(await sink.put(whole), "unchanged"));
  await prove("updates what differs", async () => {
    outcomeIs(await sink.put({ ...whole, fields: { ...whole.fields, "profile/emails/e1": { address: OTHER } } }), "updated");
    expect((await mailOf(key)) === OTHER, "the new address is not there");
  });
  await prove("blanks what is absent", async () => {
    outcomeIs(await sink.put(sparse), "updated");
    const left = Object.values((await sink.read(key)) ?? {}).filter((value) =>
      [OTHER, MAIL, "Residueville", "Unmistakable"].includes(String(value)),
    );
    expect(left.length === 0, `${left.length} columns still hold what is no longer granted`);
    await sink.put(whole);
  });
  await prove("keeps people apart", async () => {
    await sink.put(person(other, OTHER));
    expect((await mailOf(other)) === OTHER && (await mailOf(key)) === MAIL, "two people's rows touch each other");
  });
  await prove("keeps awkward text or says that it altered it", async () => {
    for (const text of AWKWARD) {
      const { altered } = await sink.put(person(other, text));
      expect((await mailOf(other)) === text || altered.includes(column), `the text ${JSON.stringify(text)} was altered without a word`);
    }
  });
  await prove("repeats awkward text as unchanged", async () => {
    for (const text of AWKWARD) {
      await sink.put(person(other, text));
      outcomeIs(await sink.put(person(other, text)), "unchanged");
    }
    await sink.put(person(other, OTHER));
  });
  await prove("writes one row for five at once", async () => {
    const many = "cConformance-Many_003";
    const reports = await Promise.all(Array.from({ length: 5 }, () => sink.put(person(many, MAIL))));
    const made = reports.filter(({ outcome }) => outcome === "created").length;
    expect(made === 1, `${made} of five said created`);
    await sink.erase(many, WHY);
    expect((await sink.read(many)) === undefined, "a second row came to light");
  });
  await prove("refuses unsafe keys", async () => {
    for (const unsafe of ["=cmd|' /C calc'!A0", "a/b/c/d/e", "x' OR 'a'='a", "", "-leading-dash"])
      await failsWith("invalid", () => sink.put(person(unsafe, MAIL)));
  });
  await prove("stops when aborted", async () => {
    const late = "cConformance-Late_0004";
    const done = await sink.put(person(late, MAIL), { signal: AbortSignal.abort() }).then(
      () => true,
      () => false,
    );
    expect(!done && (await sink.read(late)) === undefined, "an aborted put wrote a row");
  });
  await prove("is durable after commit", async () => {
    await sink.commit();
    const again = make();
    expect((await mailOf(key, again)) === MAIL, "a newly opened sink doesn't see what was committed");
    outcomeIs(await again.put(whole), "unchanged");
  });
  await prove("erases", async () => {
    const { did, remains } = await sink.erase(key, WHY);
    expect(did.length + remains.length > 0, "the erasure of a row said nothing");
    expect((await sink.read(key)) === undefined || remains.length > 0, "the row is still there and the report doesn't say so");
    await sink.commit();
    expect((await make().read(key)) === undefined || remains.length > 0, "a newly opened sink still sees the row");
  });
  await prove("erases one person only", async () => expect((await mailOf(other)) === OTHER, "another person's row went too"));
  if (options.dump !== undefined) {
    const { dump } = options;
    await prove("leaves no residue", async () => {
      const text = await dump();
      expect(text.includes(OTHER), "the dump doesn't show the other person: it would find nothing at all");
      const found = [MAIL, "Residue Street 1", "Residueville", "Unmistakable"].filter((value) => text.includes(value));
      expect(found.length === 0, `${found.length} values of an erased person are still in the target`);
    });
  }
  await prove("erases twice without fault", async () => {
    const { did } = await sink.erase(key, WHY);
    expect(did.length === 0, "the second erasure says that it did something");
  });
  await prove("takes a person again after an erasure", async () => {
    outcomeIs(await sink.put(whole), "created");
    expect((await mailOf(key)) === MAIL, "the row is not there");
  });
  for (const each of [key, other]) await sink.erase(each, WHY).catch(() => undefined);
  await sink.commit().catch(() => undefined);

  const { down, badCredentials } = options;
  if (down !== undefined) await prove("says when its target is down", () => failsWith("unavailable", () => writeTo(down(), whole)));
  if (badCredentials !== undefined)
    await prove("says when its credentials are refused", () => failsWith("unauthenticated", () => writeTo(badCredentials(), whole)));
  return { sink: sink.name, ok: proofs.every(({ ok }) => ok), proofs };
}

async function writeTo(sink: Sink, record: SubjectRecord): Promise<void> {
  await sink.put(record);
  await sink.commit();
}
