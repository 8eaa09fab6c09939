import { expect, test } from "vitest";
import { hashOf } from "#protocol/canonical.ts";
import type { Rows } from "../../server/rows.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import { ApiClient, Refused } from "../support/api-client.ts";
import type { Customer } from "../support/customer.ts";
import { type System, startSystem } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { random } from "./random.ts";
import { type Asked, Ledger, workload } from "./server-workload.ts";
import { type Fate, SimulatedDisk } from "./simulated-disk.ts";

/** More of them: `CRASH_RUNS=2000`. */
const RUNS = Number(process.env.CRASH_RUNS ?? 24);
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);

let processes = 0;

/** Limits so low that files are written all the time. */
const storageOn = (disk: SimulatedDisk) => ({
  place: { kind: "embedded" as const, folder: "/disk/data" },
  open: (now: () => number) => {
    const boot = String(++processes);
    return openFileStorage<Rows>({
      folder: "/disk/data",
      disk,
      now,
      idle: 1e9,
      segmentBytes: 8_000,
      checkpointBytes: 4_000,
      checkpointShare: 0,
      pendingPointers: 2,
      pendingFeedBytes: 2_000,
      feedPage: 3,
      cacheBytes: 50_000,
      processes: { self: { pid: 1, boot, started: "" }, isAlive: (holder) => holder.boot === boot, pause: async () => {} },
    });
  },
});

/** The disk as it is just before an operation: what a crash then would leave follows from it. */
interface Moment {
  readonly at: number;
  readonly operation: string;
  readonly disk: SimulatedDisk;
}

test(`the whole server on a disk that crashes: no answer is lost and nothing is half there (CRASH_SEED=${seed})`, {
  timeout: 3_600_000,
}, async () => {
  const chance = random(seed);
  const disk = new SimulatedDisk();
  const moments: Moment[] = [];
  // The chance of every moment to be kept is the same, however many there will be.
  let seen = 0;
  disk.fault = (operation, at) => {
    const place = seen++ < RUNS ? moments.length : chance(seen);
    if (place < RUNS) moments[place] = { at: disk.operations, operation: `${operation} ${at}`, disk: disk.copy() };
  };
  const ledger = new Ledger(() => disk.operations);
  const system = await startSystem({ storage: storageOn(disk) });
  const { clock, issuer } = system;
  await using vendor = await TestVendor.start(issuer, clock.now);
  await workload(system, vendor, ledger);
  await system[Symbol.asyncDispose]();
  expect(seen).toBeGreaterThan(400);
  expect(ledger.all.filter(({ answeredAt }) => answeredAt === undefined)).toEqual([]);

  const left = { at: disk.operations, operation: "the end", disk };
  const counts = { commits: 0, revoked: 0, reads: 0, erased: 0 };
  for (const [n, moment] of [...moments, left].entries()) {
    const fate = (["nothing", "everything", chance] as Fate[])[moment === left ? 0 : chance(3)] as Fate;
    const survivor = moment.disk.survivor(fate);
    const port = Number(new URL(issuer).port);
    await using again = await startSystem({ clock, port, storage: storageOn(survivor) });
    vendor.goTo(again.issuer);
    const wrong = await new Look(again, vendor, ledger, moment.at, counts).problems(survivor);
    expect(wrong, `run ${n}, before ${moment.operation}, left: ${typeof fate === "string" ? fate : "some"}`).toEqual([]);
  }
  expect(counts.commits).toBeGreaterThan(RUNS);
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
});

/** Clients who look whether a server that goes on after a crash keeps what was promised before it. */
class Look {
  readonly #system: System;
  readonly #vendor: TestVendor;
  readonly #asked: readonly Asked[];
  readonly #at: number;
  readonly #counts: { commits: number; revoked: number; reads: number; erased: number };
  readonly #wrong: string[] = [];

  constructor(system: System, vendor: TestVendor, ledger: Ledger, at: number, counts: Look["counts"]) {
    this.#system = system;
    this.#vendor = vendor;
    this.#at = at;
    this.#asked = ledger.all.filter(({ askedAt }) => askedAt <= at);
    this.#counts = counts;
  }

  get counts() {
    return this.#counts;
  }

  async problems(disk: SimulatedDisk): Promise<string[]> {
    for (const { customer } of this.#of("register")) if (customer !== undefined) await this.#lookAt(customer, disk);
    await this.#listen();
    return this.#wrong;
  }

  async #lookAt(customer: Customer, disk: SimulatedDisk): Promise<void> {
    const erasures = this.#of("erase").filter((each) => each.customer === customer);
    const registration = this.#of("register").filter((each) => each.customer === customer);
    customer.api = new ApiClient(this.#system.issuer);
    const isThere = await customer.login().then(
      () => true,
      (error: unknown) => this.#refused(error, "login", 401),
    );
    if (erasures.some(this.#isAnswered)) {
      this.#counts.erased++;
      this.#expect(!isThere, "an erased store opens");
      this.#expect(!disk.everything().includes(customer.account), "an erased store is on the disk");
      return;
    }
    if (!isThere) return this.#expect(erasures.length > 0 || !registration.some(this.#isAnswered), "a registration is lost");
    const store = await customer.read();
    const states = this.#asked.filter((each) => each.customer === customer && each.after !== undefined);
    const found = states.findIndex(({ after }) => after?.head === store.head);
    const least = states.findLastIndex(this.#isAnswered);
    this.#counts.commits += least + 1;
    this.#expect(found >= 0 && found >= least, `commit ${least} was answered, ${found} is the last one there`);
    const leaves = states[found]?.after?.leaves ?? new Map();
    const expected = [...leaves.values()].filter(({ kind }) => kind === "record" || kind === "share");
    const there = [
      ...(await Promise.all(store.records.map(async ({ path, version, body }) => `record ${path} ${version} ${await hashOf(body)}`))),
      ...store.shares.map(({ grant, path, version, hash }) => `share ${grant}/${path} ${version} ${hash}`),
    ];
    const isWhole =
      String(there.sort()) === String(expected.map(({ kind, path, version, hash }) => `${kind} ${path} ${version} ${hash}`).sort());
    this.#expect(isWhole, "the records and shares are not those of the head");
    const consents = [...leaves.values()].filter(({ kind }) => kind === "consent").map(({ path }) => path);
    this.#expect(String(store.grants.map(({ grant }) => grant).sort()) === String(consents.sort()), "the grants are not those of the head");
    const gap = store.history.findIndex(({ position }, n) => position !== n + 1);
    this.#expect(gap < 0, `a line is missing in the history at ${gap}`);
    for (const view of store.grants) {
      const lines = store.history.filter(({ type, grant }) => type === "read" && grant === view.grant);
      const pulls = this.#of("pull", view.grant);
      const answered = pulls.filter(this.#isAnswered).length;
      this.#counts.reads += answered;
      this.#expect(
        answered <= lines.length && lines.length <= pulls.length,
        `${answered} reads were answered, ${lines.length} are in the history`,
      );
      this.#expect(view.reads.count === lines.length, "reads are not counted as the history has them");
      if (this.#of("attest", view.grant).some(this.#isAnswered))
        this.#expect(view.deletion?.attestations.length === 1, "an attestation is lost");
      if (erasures.length === 0) await this.#lookAtGrant(view.grant, { paused: view.paused !== null, ended: view.ended !== null }, leaves);
    }
  }

  async #lookAtGrant(grant: string, is: { paused: boolean; ended: boolean }, leaves: After): Promise<void> {
    const revocations = this.#of("revoke", grant);
    const isRevoked = revocations.some(this.#isAnswered);
    if (isRevoked) this.#counts.revoked++;
    this.#expect(is.ended || !isRevoked, "a revocation is lost");
    this.#expect(!is.ended || revocations.length > 0, "a grant has ended by itself");
    const turns = this.#asked.filter((each) => each.grant === grant && (each.what === "pause" || each.what === "resume"));
    const last = turns.at(-1);
    if (last === undefined || this.#isAnswered(last))
      this.#expect(is.paused === (last?.what === "pause"), `the grant is ${is.paused ? "" : "not "}paused`);
    const token = this.#of("token", grant).find(this.#isAnswered)?.answer;
    if (typeof token !== "string") return;
    const page = await this.#vendor.pull(token, grant).catch((error: unknown) => this.#refused(error, "pull", 401, 403));
    if (is.ended || is.paused) return this.#expect(page === false, "a grant that is revoked or paused is read");
    if (page === false) return this.#expect(false, "a grant is not read");
    // From the beginning it may be a read that was begun before, and gives nothing newer: the rest is behind its cursor.
    const { records } = await this.#vendor.pull(token, grant, page.cursor);
    const record = [...page.records, ...records].at(-1);
    const leaf = leaves.get(`share ${grant}/${record?.path}`);
    const isRight = leaf?.version === record?.version && leaf?.hash === (await hashOf(record?.body ?? ""));
    this.#expect(isRight, "what is read is not what was shared");
  }

  /** Every revocation that was answered is told once it was not told for sure. */
  async #listen(): Promise<void> {
    if (!this.#of("listen").some(this.#isAnswered)) return;
    const heard = await this.#vendor.heard();
    for (const { grant } of this.#of("revoke").filter(this.#isAnswered)) {
      const now = heard.filter(({ event, payload }) => event === "grant-revoked" && payload.grant_id === grant).length;
      const earlier = this.#of("hear");
      const isTold = earlier.some((each) => this.#isAnswered(each) && (each.answer as unknown[]).includes(grant));
      const isPerhapsTold = earlier.some((each) => !this.#isAnswered(each));
      this.#expect(
        isTold ? now === 0 : isPerhapsTold ? now <= 1 : now === 1,
        `a revocation is told ${now} times, ${isTold ? "" : "not "}before`,
      );
    }
  }

  #of(what: Asked["what"], grant?: string): Asked[] {
    return this.#asked.filter((each) => each.what === what && (grant === undefined || each.grant === grant));
  }

  readonly #isAnswered = ({ answeredAt = Number.POSITIVE_INFINITY }: Asked): boolean => answeredAt <= this.#at;

  #refused(error: unknown, what: string, ...statuses: number[]): false {
    if (!(error instanceof Refused && statuses.includes(error.problem.status))) this.#wrong.push(`${what}: ${error}`);
    return false;
  }

  #expect(right: boolean, problem: string): void {
    if (!right) this.#wrong.push(problem);
  }
}

type After = ReadonlyMap<string, { version: number; hash: string }>;
