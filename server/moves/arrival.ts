import { LIMITS } from "#protocol/api.ts";
import { hashOfJson } from "#protocol/canonical.ts";
import { isRecordPath, isSharePath } from "#protocol/categories.ts";
import { type Consent, verifyConsent } from "#protocol/consent-token.ts";
import { REMINDER_TIME } from "#protocol/deletion.ts";
import { type Head, hashOfHead, hashOfLeaf, type Leaf, RESTORED_STEP, readHead, verifyHead } from "#protocol/head.ts";
import { EvidenceError, thumbprint } from "#protocol/jws.ts";
import { moveObject, verifyMove } from "#protocol/move.ts";
import { PACKAGE_LIMITS, type PackageRow, type RowOf } from "#protocol/move-package.ts";
import { allowsRead } from "#protocol/narrow.ts";
import { Refusal } from "#protocol/refusal.ts";
import { followSuccessions, readSuccessionFrom } from "#protocol/succession.ts";
import { hashOfWays } from "#protocol/ways.ts";
import { digest } from "../digest.ts";
import { type GrantRow, ordered, type Rows, type StandingRow } from "../rows.ts";
import { termsOf } from "../store/consent.ts";
import { leafKey } from "../store/leaves.ts";
import { objectsFor } from "../store/shares.ts";
import { MOST_BYTES, Weight } from "../store/weight.ts";
import { isApproved } from "./approval.ts";
import { isLineType } from "./line-type.ts";
import { vendorOf } from "./vendor-row.ts";

/** One row that a store will have. */
export type Put = { readonly [T in keyof Rows]: readonly [table: T, key: string, row: Rows[T]] }[keyof Rows];

const SKEW = 600_000;
const HOUR = 3_600_000;

export const wrong = (detail: string, cause?: unknown): Refusal => new Refusal("invalid_move", detail, { cause });

/** Rows of a kind come together, and a share's leaves and ends in one order. */
const RANK: Readonly<Record<PackageRow["kind"], number>> = {
  store: 0,
  head: 1,
  consent: 2,
  grant: 3,
  record: 4,
  share: 5,
  end: 5,
  gone: 6,
  refusal: 7,
  line: 8,
};

/** What is known of a grant while its shares come. */
interface Known {
  readonly consent: Consent;
  readonly token: string;
  readonly hash: string;
  /** Undefined until its own row came. */
  readonly ended: boolean | undefined;
  readonly position: number;
}

interface Circumstances {
  /** Issuers: who sends it, and this server. */
  readonly from: string;
  readonly to: string;
  readonly now: number;
  readonly admits: (clientId: string) => boolean;
}

/**
 * A store on its way here, checked row by row: nothing of it is taken because the other server says so, but for what only a server knows
 * (pauses, ends, reads, what was attested). Holds what the check needs, never the rows.
 */
export class Arrival {
  readonly #at: Circumstances;
  #first: RowOf<"store"> | undefined;
  #head: Head | undefined;
  #rank = 0;
  #key = "";
  #seen: { readonly seq: number; readonly hash: string; readonly token: string } | undefined;
  readonly #grants = new Map<string, Known>();
  readonly #numbers = new Set<number>();
  readonly #counts = { head: 0, consent: 0, grant: 0, record: 0, share: 0, end: 0, gone: 0, refusal: 0, line: 0 };
  /** Positions of lines that have paths, ascending. */
  readonly #lines: number[] = [];
  readonly #weight = new Weight();
  readonly left = new Set<string>();

  constructor(at: Circumstances) {
    this.#at = at;
  }

  /** What a part's rows become, in their order. @throws {Refusal} `invalid_move` */
  async take(rows: readonly PackageRow[]): Promise<Put[]> {
    const puts: Put[] = [];
    for (const row of rows) {
      if (this.#first === undefined ? row.kind !== "store" : row.kind === "store" || RANK[row.kind] < this.#rank) throw wrong(DISORDER);
      if (RANK[row.kind] > this.#rank) this.#key = "";
      this.#rank = RANK[row.kind];
      try {
        await this.#row(row, puts);
      } catch (error) {
        throw error instanceof EvidenceError
          ? wrong(`Something of this store is not as its customer signed it: ${error.message}.`, error)
          : error;
      }
    }
    if (this.#weight.total > MOST_BYTES) throw wrong(TOO_MUCH);
    return puts;
  }

  get now(): number {
    return this.#at.now;
  }

  get first(): RowOf<"store"> {
    if (this.#first === undefined) throw wrong("Nothing came.");
    return this.#first;
  }

  get head(): Head {
    if (this.#head === undefined) throw wrong("Nothing came.");
    return this.#head;
  }

  /** Where in the history the arrival stands, and every leaf with it: no device here has seen an earlier one. */
  get place(): number {
    return this.first.position + 1;
  }

  /** After the last part. @throws {Refusal} `invalid_move` */
  finish(): { readonly records: number; readonly grants: readonly string[]; readonly bytes: number } {
    const { plan, grants } = this.first;
    if (this.#seen?.token !== this.first.head) throw wrong("The heads don't lead to the one that was approved.");
    for (const [grant, { ended }] of this.#grants) if (ended === undefined) throw wrong(`Consents came without their grant ${grant}.`);
    for (const grant of plan.living) if (!this.#grants.has(grant)) throw wrong("A grant that lives did not come.");
    if (grants < this.#counts.grant) throw wrong("More grants came than were ever given.");
    return { records: this.#counts.record, grants: [...this.#grants.keys()], bytes: this.#weight.total };
  }

  async #row(row: PackageRow, puts: Put[]): Promise<void> {
    switch (row.kind) {
      case "store":
        return this.#store(row, puts);
      case "head":
        return this.#headRow(row, puts);
      case "consent":
        return this.#consent(row, puts);
      case "grant":
        return this.#grant(row, puts);
      case "record":
        return this.#record(row, puts);
      case "share":
        return this.#share(row, puts);
      case "end":
        return this.#end(row, puts);
      case "gone":
        return this.#gone(row, puts);
      case "refusal":
        this.#ascends("refusal", row.host, 1000);
        puts.push(["refusals", row.host, { until: Math.min(row.until, this.#at.now + LIMITS.refusal) }]);
        return;
      case "line":
        return this.#line(row, puts);
    }
  }

  /** Nothing comes twice: what came first would be left behind. */
  #ascends(kind: Exclude<PackageRow["kind"], "store">, key: string, most: number): void {
    if (key <= this.#key) throw wrong(DISORDER);
    this.#key = key;
    this.#counts[kind]++;
    if (this.#counts[kind] > most) throw wrong(TOO_MUCH);
  }

  async #leaf(leaf: Leaf, puts: Put[], share?: number): Promise<void> {
    const { kind, path, version, hash } = leaf;
    const place = share === undefined ? {} : { share };
    puts.push(["leaves", leafKey(kind, path), { version, hash, leaf: await hashOfLeaf(leaf), position: this.place, ...place }]);
    puts.push(["feed", `${ordered(this.place)}/${kind}/${path}`, {}]);
  }

  async #store(row: RowOf<"store">, puts: Put[]): Promise<void> {
    const { from, to, now } = this.#at;
    const { account, head: token, ways, seals, epochs, successions, approval, plan } = row;
    const head = await verifyHead(token, { account, identity: readHead(token).identity });
    if (plan.to !== to || plan.head !== (await hashOfHead(token)))
      throw wrong("This store was offered to another server, or as it was at another time.");
    const { act, assertion } = approval;
    const isNow = Math.abs(now - Date.parse(act.at)) <= LIMITS.move + SKEW;
    if (act.action !== "move" || act.account !== account || act.grant !== null || !isNow || act.object !== (await moveObject(plan)))
      throw wrong("What its customer approved is something else.");
    if (!(await isApproved(act, assertion, { ways, origin: from }))) throw wrong("No passkey of its customer has approved this move.");
    if (head.ways !== (await hashOfWays(ways))) throw wrong("The head does not cover these ways in.");
    const ids = new Set(ways.map(({ id }) => id));
    const kits = ways.filter(({ kind }) => kind === "kit");
    const [kit] = kits;
    if (ids.size !== ways.length || kits.length !== 1 || kit === undefined || kit.key === null || kit.sign === null)
      throw wrong("Its ways in are not a list that a store can have, or lack a recovery kit.");
    if (!seals.some(({ id, locator, epoch }) => id === kit.id && locator !== undefined && epoch === head.epoch))
      throw wrong("The kit's own way in did not come.");
    if (new Set(seals.map(({ id }) => id)).size !== seals.length || !seals.every(({ id, half }) => ids.has(id) && half === undefined))
      throw wrong("A seal came for no way in.");
    if (epochs.length !== head.epoch || !epochs.every(({ epoch, previous }, at) => epoch === at + 1 && (previous === null) === (at === 0)))
      throw wrong("An epoch is missing.");
    const [oldest] = successions;
    if (oldest !== undefined) {
      const trusted = await followSuccessions(account, { identity: readSuccessionFrom(oldest.token), kit: null }, successions);
      if (trusted.identity !== head.identity || trusted.kit !== kit.sign) throw wrong("The identity key did not come by the kits.");
    }
    this.#first = row;
    this.#head = head;
    for (const { id, ...way } of ways) puts.push(["ways", id, way]);
    for (const { id, box, epoch, envelope, locator = null } of seals) puts.push(["seals", id, { box, epoch, envelope, locator }]);
    for (const epoch of epochs) {
      puts.push(["epochs", ordered(epoch.epoch), { identity: epoch.identity, previous: epoch.previous }]);
      await this.#leaf({ kind: "epoch", path: String(epoch.epoch), version: 1, hash: await hashOfJson(epoch) }, puts);
    }
    for (const { token: proof, head: last, ways: list } of successions)
      puts.push(["successions", ordered(readHead(last).seq), { token: proof, head: last, ways: list }]);
  }

  /** A chain by hashes whose last link is signed: so are all of them. */
  async #headRow({ head: token }: RowOf<"head">, puts: Put[]): Promise<void> {
    const head = readHead(token);
    const { seq = 0, hash = null } = this.#seen ?? {};
    const isNext = head.seq === seq + 1 || (head.restored === true && head.seq >= seq + RESTORED_STEP);
    if (head.account !== this.first.account || !isNext || head.prev !== hash) throw wrong("The heads are not one chain.");
    this.#ascends("head", ordered(head.seq), PACKAGE_LIMITS.heads);
    this.#seen = { seq: head.seq, hash: await hashOfHead(token), token };
    puts.push(["heads", ordered(head.seq), { head: token }]);
    this.#weight.commit(token);
  }

  async #consent({ grant, token }: RowOf<"consent">, puts: Put[]): Promise<void> {
    const before = this.#grants.get(grant);
    const last = before?.consent;
    const { consent, hash } = await verifyConsent(token, {
      grant,
      ...(before === undefined || last === undefined
        ? {}
        : { pinned: last.iss, audience: last.aud, seen: { n: last.n, hash: before.hash } }),
    });
    // Far above the one before where the old server was put back in between: what it lost, the vendor may have seen.
    const isNext = last === undefined ? consent.n === 1 : consent.n === last.n + 1 || consent.n >= last.n + RESTORED_STEP;
    if (!isNext || consent.prev !== (before?.hash ?? null)) throw wrong("The consents of a grant are not one chain.");
    if (last !== undefined && consent.grant_key !== last.grant_key) throw wrong("The keys of a grant stay as long as it lives.");
    if (consent.n % RESTORED_STEP > LIMITS.consents) throw wrong("More consents came than a grant can have.");
    this.#ascends("consent", `${grant}/${ordered(consent.n)}`, PACKAGE_LIMITS.consents);
    this.#grants.set(grant, { consent, token, hash, ended: undefined, position: 0 });
    puts.push(["consents", `${grant}/${ordered(consent.n)}`, { token }]);
    this.#weight.consent({ token, grantKey: "" }, last !== undefined);
  }

  async #grant(row: RowOf<"grant">, puts: Put[]): Promise<void> {
    const { from, to, now } = this.#at;
    const { grant, client, deletion, fixed } = row;
    const known = this.#grants.get(grant);
    if (known === undefined) throw wrong("A grant came without a consent.");
    this.#ascends("grant", grant, PACKAGE_LIMITS.grants);
    const { consent, token, hash } = known;
    if (this.#numbers.has(row.number)) throw wrong("Two grants have one number.");
    this.#numbers.add(row.number);
    const vendor = vendorOf(client);
    if (client.client_id !== consent.aud || (await thumbprint(client.encryption_key as object)) !== consent.cnf.jkt)
      throw wrong("A grant's vendor is not the one that its consent names.");
    for (const page of [client.client_uri, client.policy_uri])
      if (page !== null && !/^https?:\/\//.test(page)) throw wrong("A vendor's page is no address of the web.");
    const terms = termsOf({ token, grantKey: row.grantKey, pause: "", request: null, complete: row.complete }, consent, hash);
    const ended = row.ended !== null || terms.expires <= now;
    await this.#living(row, consent, ended);
    const statement = this.first.plan.statements[grant];
    if (statement !== undefined) await verifyMove(statement, { pinned: consent.iss, audience: consent.aud, grant, from, to });
    if (!ended && !this.#at.admits(client.client_id)) this.left.add(client.client_name);
    this.#grants.set(grant, { ...known, ended, position: row.position });
    const made: GrantRow = {
      number: row.number,
      vendor,
      subject: consent.iss,
      given: row.given,
      ...terms,
      pauseSecret: ended ? null : row.pauseSecret,
      refresh: ended ? null : row.refresh,
      ...(consent.n === 1 ? {} : { n: consent.n }),
    };
    const standing: StandingRow = {
      position: row.position,
      complete: row.complete,
      paused: row.paused,
      ended: row.ended,
      reads: row.reads,
      lastRead: row.lastRead,
      moving: true,
      fixed: fixed && { ...rest(fixed), ...(fixed.under === null ? {} : { under: fixed.under }) },
      ...(deletion === null ? {} : { deletion }),
      ...(row.line === null ? {} : { line: row.line }),
    };
    puts.push(["grants", grant, made], ["standings", grant, standing]);
    for (const { received, jti, ...said } of row.attestations)
      puts.push(["attestations", `${grant}/${ordered(received)}/${jti}`, { ...said, received }]);
    for (const [at, position] of row.counted) puts.push(["counted", `${grant}/${ordered(at)}/${ordered(position)}`, {}]);
    if (row.ended === null && deletion?.reason !== "expired") puts.push(["calendar", `${ordered(terms.expires)}/expire/${grant}`, {}]);
    if (deletion?.by != null && deletion.attested === null && deletion.by - REMINDER_TIME > now)
      puts.push(["calendar", `${ordered(deletion.by - REMINDER_TIME)}/remind/${grant}`, {}]);
    await this.#leaf({ kind: "consent", path: grant, version: consent.n, hash }, puts);
  }

  /** A grant lives here only by its customer's word of today: an ended one never comes back to life on its way. */
  async #living({ grant }: RowOf<"grant">, consent: Consent, ended: boolean): Promise<void> {
    const { living, statements } = this.first.plan;
    const lives = living.includes(grant);
    if (!ended && !lives) throw wrong("A grant came as active that its customer had ended.");
    if (lives && statements[grant] === undefined) throw wrong("A grant that lives lacks its customer's word to its vendor.");
    if (lives && consent.exp * 1000 <= Date.parse(this.first.approval.act.at) - SKEW)
      throw wrong("A grant that had expired came as active.");
  }

  async #record({ path, version, epoch, body }: RowOf<"record">, puts: Put[]): Promise<void> {
    if (!isRecordPath(path)) throw wrong("A record came for a place where no kind of data lies.");
    if (epoch > this.head.epoch) throw wrong("A record came of an epoch that is not there.");
    this.#ascends("record", path, LIMITS.records);
    puts.push(["records", path, { version, epoch, body }]);
    this.#weight.put({ body }, undefined, true);
    await this.#leaf({ kind: "record", path, version, hash: digest(body) }, puts);
  }

  async #share({ grant, path, version, hash, body, position, updated }: RowOf<"share">, puts: Put[]): Promise<void> {
    const known = this.#grants.get(grant);
    const at = `${grant}/${path}`;
    if (known?.ended === undefined || !isSharePath(path)) throw wrong("A share came without its grant.");
    this.#ascends("share", leafKey("share", at), PACKAGE_LIMITS.shares);
    const { authorization_details: details, n } = known.consent;
    if (body !== null) {
      if (digest(body) !== hash || position === null || position > known.position) throw wrong("A share is not what its leaf says.");
      if (known.ended) throw wrong("A share came of a grant that has ended.");
      puts.push([
        "shares",
        `${grant}/${ordered(position)}/${path}`,
        {
          path,
          version,
          body,
          updated: Math.min(updated - (updated % HOUR), this.#at.now),
          objects: objectsFor(details, path),
          ...(n === 1 ? {} : { n }),
        },
      ]);
    } else if (!known.ended && allowsRead(details, path, this.#at.now)) throw wrong("A share that was granted did not come.");
    await this.#leaf({ kind: "share", path: at, version, hash }, puts, position ?? undefined);
    this.#weight.put({ body: body ?? "" }, undefined, true);
  }

  async #end({ grant, hash }: RowOf<"end">, puts: Put[]): Promise<void> {
    if (this.#grants.get(grant)?.ended !== true) throw wrong("A grant came as active that its customer had ended.");
    this.#ascends("end", leafKey("end", grant), PACKAGE_LIMITS.shares);
    await this.#leaf({ kind: "end", path: grant, version: 1, hash }, puts);
  }

  #gone({ grant, path, version }: RowOf<"gone">, puts: Put[]): void {
    const at = `${grant}/${path}`;
    if (!this.#grants.has(grant)) throw wrong("A share that was dropped came without its grant.");
    this.#ascends("gone", at, PACKAGE_LIMITS.shares);
    puts.push(["gone", at, { version, position: this.place }], ["feed", `${ordered(this.place)}/dropped/${at}`, {}]);
    this.#weight.put({ body: "" }, undefined, true);
  }

  #line({ kind: _, position, like, type, ...line }: RowOf<"line">, puts: Put[]): void {
    this.#ascends("line", ordered(position), PACKAGE_LIMITS.lines);
    // Signing in goes on while a store waits: those lines are of what stays behind.
    if (position > this.first.position) return;
    if (!isLineType(type)) throw wrong("A line of the history says what no history says.");
    if (like !== null) {
      if (!has(this.#lines, like) || line.number === null) throw wrong("A line of the history names another that is not there.");
      puts.push(["history", ordered(position), { at: line.at, number: line.number, like }]);
      return;
    }
    if (type === "read") this.#lines.push(position);
    if (type === "commit") this.#weight.line(line.paths);
    puts.push(["history", ordered(position), { type, ...line }]);
  }
}

const TOO_MUCH = "More came than a store may have.";
const DISORDER = "This store came in another order than a store comes in, or something of it came twice.";

const rest = <F extends { under: unknown }>({ under: _, ...fixed }: F): Omit<F, "under"> => fixed;

/** Whether an ascending list has a number. */
function has(list: readonly number[], wanted: number): boolean {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return list[low] === wanted;
}
