import { type Act, challengeOf } from "#protocol/act.ts";
import { ACT_TYP, type Client, type Commit, type GrantView, type ReplyOf, type SignedAct } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { hashOf, hashOfJson } from "#protocol/canonical.ts";
import { SINGLE_PATHS } from "#protocol/categories.ts";
import { CONSENT_TYP, type Consent, consentObject, hashOfConsent } from "#protocol/consent-token.ts";
import { BUCKETS, bucketOf, EMPTY_BUCKET, type Head, hashOfBucket, hashOfHead, hashOfLeaf, type Leaf, rootOf } from "#protocol/head.ts";
import { ed25519Thumbprint, thumbprint } from "#protocol/jws.ts";
import { lastExpiry } from "#protocol/narrow.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { makeEpoch } from "#protocol/sealing/epoch.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { makeAgreementPair, makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { type Content, grantKeyContext, hashOfGrantKey, sealRecord, sealShare } from "#protocol/sealing/record.ts";
import { sealTo } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { type KitKeys, kitKeys, makeWayIn, newId, sealAccountKey } from "#protocol/sealing/way-in.ts";
import { hashOfWays, type Way, type WaySeal } from "#protocol/ways.ts";
import { ApiClient } from "./api-client.ts";
import { SoftwarePasskey } from "./software-passkey.ts";

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** What goes into a commit: the rest follows from the store as this customer knows it. */
export interface Draft {
  records?: Record<string, Content>;
  shares?: Array<{ grant: string; path: string; content: Content; version?: number }>;
  drop?: string[];
  consent?: Commit["consent"];
  complete?: string[];
  ends?: Commit["ends"];
  resumes?: Commit["resumes"];
  ways?: Way[];
  seals?: WaySeal[];
  epoch?: { key: Uint8Array };
  /** The next identity key, and what the kit signs of it. */
  next?: { identity: SigningPair; succession: string };
  attestation?: Commit["attestation"];
  acts?: SignedAct[];
}

export interface GivenGrant {
  grant: string;
  key: Uint8Array;
  /** The consent in force, signed and as it says. */
  token: string;
  consent: Consent;
  /** The relationship key. */
  pair: SigningPair;
  client: Pick<Client, "client_id" | "encryption_key">;
  redirect: string;
  pauseSecret: string;
}

/** A consent that is ready to go into a commit. */
export interface Prepared {
  given: Omit<GivenGrant, "redirect">;
  consent: Consent;
  commit: NonNullable<Commit["consent"]>;
}

/** One customer's unlocked device, without a browser: what it knows is what it has committed. */
export class Customer {
  api: ApiClient;
  readonly now: () => number;
  identity: SigningPair;
  passkey: SoftwarePasskey;
  account = "";
  accountKey = randomBytes(32);
  epoch = 0;
  seq = 0;
  head = "";
  ways: Way[] = [];
  passkeyWay = "";
  readonly deviceSecret = randomBytes(32);
  readonly leaves = new Map<string, Leaf>();
  readonly grants = new Map<string, GivenGrant>();

  private constructor(api: ApiClient, now: () => number, identity: SigningPair) {
    this.api = api;
    this.now = now;
    this.identity = identity;
    this.passkey = new SoftwarePasskey("");
  }

  /** Someone who has no store yet. */
  static async make(issuer: string, now: () => number): Promise<Customer> {
    return new Customer(new ApiClient(issuer), now, await makeSigningPair());
  }

  static async register(issuer: string, now: () => number, options: { counts?: boolean } = {}): Promise<Customer> {
    const customer = await Customer.make(issuer, now);
    await customer.commitFirst(await customer.prepareFirst(options));
    return customer;
  }

  get rpId(): string {
    return new URL(this.api.issuer).hostname;
  }

  /** The first commit, not yet sent. */
  async prepareFirst(options: { counts?: boolean } = {}): Promise<Commit> {
    const { id, options: creation } = await this.api.call("registrationOptions");
    const { challenge, user } = creation as { challenge: string; user: { id: string } };
    this.account = user.id;
    this.passkey = new SoftwarePasskey(user.id, options);
    const passkey: Way = {
      id: newId(),
      kind: "passkey",
      key: null,
      passkey: { id: this.passkey.id, publicKey: this.passkey.publicKey },
      sign: null,
    };
    this.passkeyWay = passkey.id;
    const device = await this.wayIn("device", this.deviceSecret, 1, this.accountKey);
    return this.draft({
      records: Object.fromEntries(SINGLE_PATHS.map((path) => [path, { value: null }])),
      ways: [passkey, device.way],
      seals: [{ ...device.seal, half: base64url(randomBytes(32)) }],
      epoch: { key: this.accountKey },
      attestation: { registration: id, response: this.passkey.create({ challenge, origin: this.api.issuer, rpId: this.rpId }) },
    });
  }

  async commitFirst(body: Commit): Promise<ReplyOf<"register">> {
    const reply = await this.api.call("register", { body });
    await this.done(body);
    return reply;
  }

  async wayIn(
    kind: "device" | "kit",
    secret: Uint8Array,
    epoch: number,
    accountKey: Uint8Array,
    kit?: KitKeys,
  ): Promise<{ way: Way; seal: WaySeal }> {
    const id = newId();
    const { key, seal } = await makeWayIn({ id, account: this.account, secret, identity: this.identity.x, epoch, accountKey });
    return { way: { id, kind, key, passkey: null, sign: kit?.sign.x ?? null }, seal };
  }

  /** A commit on what this device knows, not yet sent. */
  async draft(draft: Draft): Promise<Commit> {
    const epoch = this.epoch + (draft.epoch === undefined ? 0 : 1);
    const accountKey = draft.epoch?.key ?? this.accountKey;
    const records = await Promise.all(
      Object.entries(draft.records ?? {}).map(([path, content]) =>
        sealRecord(accountKey, this.account, { path, version: (this.leaves.get(`record ${path}`)?.version ?? 0) + 1, epoch }, content),
      ),
    );
    const shares = await Promise.all(
      (draft.shares ?? []).map(({ grant, path, content, version }) => {
        const key = this.grants.get(grant)?.key ?? randomBytes(32);
        return sealShare(key, { grant, path, version: version ?? (this.leaves.get(`share ${grant}/${path}`)?.version ?? 0) + 1 }, content);
      }),
    );
    const row =
      draft.epoch === undefined
        ? null
        : await makeEpoch(
            this.account,
            epoch,
            accountKey,
            draft.next?.identity ?? this.identity,
            this.epoch === 0 ? undefined : this.accountKey,
          );
    const body: Commit = {
      expectedSeq: this.seq,
      head: "",
      records,
      shares,
      drop: draft.drop ?? [],
      consent: draft.consent ?? null,
      complete: draft.complete ?? [],
      ends: draft.ends ?? [],
      resumes: draft.resumes ?? [],
      ways: draft.ways ?? null,
      seals: draft.seals ?? [],
      epoch: row,
      succession: draft.next?.succession ?? null,
      attestation: draft.attestation ?? null,
      acts: draft.acts ?? [],
    };
    return this.withHead(body, {}, draft.next?.identity);
  }

  /** The same body under a head that fits it (or says what `change` says). */
  async withHead(body: Commit, change: Partial<Head> = {}, identity = this.identity): Promise<Commit> {
    const leaves = new Map(this.leaves);
    await grow(leaves, body);
    const head: Head = {
      account: this.account,
      identity: identity.x,
      seq: this.seq + 1,
      prev: this.seq === 0 ? null : await hashOfHead(this.head),
      root: await rootOfLeaves([...leaves.values()]),
      epoch: body.epoch?.epoch ?? this.epoch,
      ways: await hashOfWays(body.ways ?? this.ways),
      at: new Date(this.now()).toISOString(),
      ...change,
    };
    return { ...body, head: await signHead(head, identity) };
  }

  async commit(draft: Draft): Promise<ReplyOf<"commit">> {
    const reply = await this.send(await this.draft(draft));
    this.identity = draft.next?.identity ?? this.identity;
    return reply;
  }

  async send(body: Commit): Promise<ReplyOf<"commit">> {
    const reply = await this.api.call("commit", { body });
    await this.done(body);
    return reply;
  }

  async done(body: Commit): Promise<void> {
    await grow(this.leaves, body);
    this.seq += 1;
    this.head = body.head;
    this.ways = body.ways ?? this.ways;
    this.epoch = body.epoch?.epoch ?? this.epoch;
  }

  async act(
    about: Pick<Act, "action" | "grant" | "object">,
    passkey = this.passkey,
  ): Promise<{ act: Act; assertion: ReturnType<SoftwarePasskey["get"]> }> {
    const { nonce, at } = await this.api.call("act");
    const act: Act = { ...about, account: this.account, nonce, at };
    return { act, assertion: await this.assertion(act, passkey) };
  }

  async assertion(act: Act, passkey = this.passkey, origin = this.api.issuer): Promise<ReturnType<SoftwarePasskey["get"]>> {
    return passkey.get({ challenge: base64url(await challengeOf(act)), origin, rpId: this.rpId });
  }

  async kitAct(about: Pick<Act, "action" | "grant" | "object">, kit: KitKeys): Promise<SignedAct> {
    const { nonce, at } = await this.api.call("act");
    const act: Act = { ...about, account: this.account, nonce, at };
    return { act, kit: await sign(act, ACT_TYP, kit.sign) };
  }

  async login(passkey = this.passkey): Promise<ReplyOf<"login">> {
    const { id, options } = await this.api.call("loginOptions");
    const { challenge } = options as { challenge: string };
    return this.api.call("login", { body: { login: id, assertion: passkey.get({ challenge, origin: this.api.issuer, rpId: this.rpId }) } });
  }

  /** Makes a kit and puts it in force. */
  async addKit(secret = randomBytes(16)): Promise<KitKeys> {
    const kit = await kitKeys(secret);
    const made = await this.wayIn("kit", kit.secret, this.epoch, this.accountKey, kit);
    const ways = [...this.ways, made.way];
    const act = await this.act({ action: "add-way", grant: null, object: await hashOfWays(ways) });
    await this.commit({ ways, seals: [{ ...made.seal, locator: kit.locator }], acts: [act] });
    return kit;
  }

  /** Seals of all ways in that open the store, for a new epoch. */
  async resealed(ways: readonly Way[], key: Uint8Array): Promise<WaySeal[]> {
    const { seals } = await this.api.call("session");
    const epoch = this.epoch + 1;
    return Promise.all(
      ways.flatMap((way) => {
        const box = seals.find(({ id }) => id === way.id)?.box;
        return way.key === null || box === undefined
          ? []
          : [sealAccountKey(this.account, way.id, way.key, epoch, key).then((envelope) => ({ id: way.id, box, epoch, envelope }))];
      }),
    );
  }

  /** The consent that answers a request, not yet committed; where it amends a grant of this customer, the next one of it. */
  async prepareGrant(request: ReplyOf<"request">, details: AuthorizationDetails, change: Partial<Consent> = {}): Promise<Prepared> {
    const before = request.replaces === null ? undefined : this.grants.get(request.replaces);
    return this.#prepare(request.client, details, change, before, request.id);
  }

  /** The next consent of a grant, by the customer alone, not yet committed. */
  async prepareNarrowing(grant: string, details: AuthorizationDetails, change: Partial<Consent> = {}): Promise<Prepared> {
    const before = this.grants.get(grant);
    if (before === undefined) throw new Error("this customer has no such grant");
    return this.#prepare(before.client, details, change, before, null);
  }

  async #prepare(
    client: GivenGrant["client"],
    details: AuthorizationDetails,
    change: Partial<Consent>,
    before: GivenGrant | undefined,
    request: string | null,
  ): Promise<Prepared> {
    const pair = before?.pair ?? (await makeSigningPair());
    const key = before?.key ?? randomBytes(32);
    const inbox = before?.consent.inbox ?? { kty: "OKP", crv: "X25519", x: (await makeAgreementPair()).x };
    const iss = await ed25519Thumbprint(pair.x);
    const consent: Consent = {
      iss,
      sub: iss,
      aud: client.client_id,
      jti: newId(),
      grant_id: before?.grant ?? newId(),
      n: (before?.consent.n ?? 0) + 1,
      prev: before === undefined ? null : await hashOfConsent(before.token),
      iat: Math.floor(this.now() / 1000),
      exp: lastExpiry(details) / 1000,
      authorization_details: details,
      cnf: { jkt: await thumbprint(client.encryption_key) },
      inbox,
      grant_key: await hashOfGrantKey(key),
      agreement: null,
      notice: { sha256: await hashOf("what was shown"), language: "en" },
      ...change,
    };
    const token = await sign(consent, CONSENT_TYP, pair, true);
    const pauseSecret = base64url(randomBytes(32));
    const grantKey = await sealTo(client.encryption_key, key, grantKeyContext(consent.grant_id, client.client_id));
    return {
      given: { grant: consent.grant_id, key, token, consent, pair, client, pauseSecret },
      consent,
      commit: { token, grantKey, pause: await hashOf(pauseSecret), request, complete: true },
    };
  }

  /** Approves a request in full, also one that amends a grant: shares `contents` under exactly `details`. */
  async approve(
    requestId: string,
    { details, contents, drop }: { details?: AuthorizationDetails; contents: Record<string, Content>; drop?: string[] },
  ): Promise<GivenGrant> {
    const request = await this.api.call("request", { id: requestId });
    const { given, consent, commit } = await this.prepareGrant(request, details ?? request.authorization_details);
    const grant: GivenGrant = { ...given, redirect: "" };
    const before = this.grants.get(grant.grant);
    this.grants.set(grant.grant, grant);
    try {
      const act = await this.act({ action: "approve", grant: grant.grant, object: await consentObject(consent) });
      const reply = await this.commit({
        consent: commit,
        shares: Object.entries(contents).map(([path, content]) => ({ grant: grant.grant, path, content })),
        acts: [act],
        ...(drop === undefined ? {} : { drop }),
      });
      grant.redirect = reply.redirect ?? "";
      return grant;
    } catch (error) {
      if (before !== undefined) this.grants.set(before.grant, before);
      throw error;
    }
  }

  /** Makes a grant narrower, alone. `drop`: paths whose leaves go with it. */
  async narrow(grant: string, details: AuthorizationDetails, drop: readonly string[] = []): Promise<GivenGrant> {
    const { given, commit } = await this.prepareNarrowing(grant, details);
    await this.commit({ consent: commit, drop: drop.map((path) => `${grant}/${path}`) });
    const narrowed: GivenGrant = { ...given, redirect: "" };
    this.grants.set(grant, narrowed);
    return narrowed;
  }

  async revoke(grant: string, askDeletion = false): Promise<ReplyOf<"revoke">> {
    const token = this.grants.get(grant)?.token ?? "";
    const act = await this.act({ action: "revoke", grant, object: await hashOfConsent(token) });
    return this.api.call("revoke", { id: grant, body: { act, askDeletion } });
  }

  /** Ends everything, and erases the store. */
  async erase(when: "now" | "later", askDeletion = false): Promise<ReplyOf<"erase">> {
    const act = await this.act({ action: "erase", grant: null, object: await hashOf(when) });
    return this.api.call("erase", { body: { act, when, askDeletion } });
  }

  async resume(grant: string, pause: number): Promise<ReplyOf<"commit">> {
    const resumes = [{ grant, pause }];
    return this.commit({ resumes, acts: [await this.act({ action: "resume", grant, object: await hashOfJson(resumes) })] });
  }

  /** What the server's half says of a grant. */
  async view(grant: string): Promise<GrantView> {
    const view = (await this.read()).grants.find((each) => each.grant === grant);
    if (view === undefined) throw new Error("the grant is not there");
    return view;
  }

  /** Everything, page by page. */
  async read(): Promise<ReplyOf<"store">> {
    let page = await this.api.call("store", { query: { seq: "0" } });
    const all = page;
    while (page.more !== null) {
      page = await this.api.call("store", { query: { after: page.more } });
      for (const list of ["records", "shares", "dropped", "ends", "grants", "history"] as const)
        (all[list] as unknown[]).push(...page[list]);
    }
    return all;
  }
}

export async function grow(leaves: Map<string, Leaf>, body: Commit): Promise<void> {
  const set = (leaf: Leaf): void => {
    leaves.set(`${leaf.kind} ${leaf.path}`, leaf);
  };
  for (const { path, version, body: sealed } of body.records) set({ kind: "record", path, version, hash: await hashOf(sealed) });
  for (const { grant, path, version, body: sealed } of body.shares)
    set({ kind: "share", path: `${grant}/${path}`, version, hash: await hashOf(sealed) });
  for (const path of body.drop) leaves.delete(`share ${path}`);
  for (const { grant, hash } of body.ends) set({ kind: "end", path: grant, version: 1, hash });
  if (body.epoch !== null) set({ kind: "epoch", path: String(body.epoch.epoch), version: 1, hash: await hashOfJson(body.epoch) });
  if (body.consent !== null) {
    const { grant_id, n } = JSON.parse(Buffer.from(body.consent.token.split(".")[1] ?? "", "base64url").toString()) as Consent;
    set({ kind: "consent", path: grant_id, version: n, hash: await hashOfConsent(body.consent.token) });
  }
}

export async function rootOfLeaves(leaves: readonly Leaf[]): Promise<string> {
  const buckets: string[][] = Array.from({ length: BUCKETS }, () => []);
  for (const leaf of leaves) buckets[await bucketOf(leaf.path)]?.push(await hashOfLeaf(leaf));
  return rootOf(await Promise.all(buckets.map((hashes) => (hashes.length === 0 ? EMPTY_BUCKET : hashOfBucket(hashes)))));
}
