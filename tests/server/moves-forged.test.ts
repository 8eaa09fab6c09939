import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { hashOf } from "#protocol/canonical.ts";
import { PACKAGE_ROWS, type PackageRow, type RowOf } from "#protocol/move-package.ts";
import { makeSigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import type { Config } from "../../server/configuration/config.ts";
import { digest } from "../../server/digest.ts";
import type { Life } from "../../server/life.ts";
import { Arrival } from "../../server/moves/arrival.ts";
import { type ArrivalParts, fetchStore } from "../../server/moves/arriving.ts";
import { ServerWords } from "../../server/moves/server-words.ts";
import { makePrivateKey, serverKeyOf } from "../../server/oauth/server-key.ts";
import { ServerKeys } from "../../server/oauth/server-keys.ts";
import { DAY } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { offer, planOf, type Two, twoServers } from "./moving.ts";
import { connect, EMAIL } from "./scene.ts";

/** What the old server would send, changed as a lying one would. */
let at: Two;
let rows: PackageRow[];
let code: string;
let ended: string;
let living: string;
/** Ended in the server's half alone: no head covers that. */
let stopped: string;
/** What was shared with it, which a server may have kept. */
let body: string;

beforeAll(async () => {
  at = await twoServers();
  const { customer, vendor } = at;
  const first = await connect(at);
  await vendor.pull(first.tokens.access_token, first.grant.grant);
  await customer.revoke(first.grant.grant, true);
  ended = first.grant.grant;
  const second = await connect(at);
  living = second.grant.grant;
  await vendor.pull(second.tokens.access_token, living);
  await customer.commit({ ends: [{ grant: ended, hash: await hashOf("an act") }] });
  stopped = (await connect(at)).grant.grant;
  const [share] = await at.system.storage.read(customer.account, (store) => store.list("shares", { prefix: `${stopped}/`, limit: 1 }));
  body = share?.[1].body ?? "";
  await customer.revoke(stopped);
  code = await offer(customer, at.there.issuer, await planOf(customer, at.there.issuer, [ended, stopped]));
  rows = await packageOf(at, code);
});
afterAll(() => at[Symbol.asyncDispose]());

const noFetch = (): Promise<string> => Promise.reject(new Error("not asked"));

/** As the new server asks for it. */
async function packageOf({ there, system }: Two, code: string): Promise<PackageRow[]> {
  const { storage, issuer, clock } = there;
  const key = await ServerKeys.open({ storage, now: clock.now, age: DAY });
  const words = new ServerWords({
    key,
    issuer,
    now: clock.now,
    address: { loopback: true },
    fetch: () => Promise.reject(new Error("not asked")),
  });
  const all: PackageRow[] = [];
  let after: string | null = null;
  do {
    const { status, body } = await words.ask(system.issuer, "parts", digest(code), { after });
    expect(status).toBe(200);
    const part = body as { rows: PackageRow[]; next: string | null };
    all.push(...part.rows);
    after = part.next;
  } while (after !== null);
  return all;
}

const partsWith = (words: ServerWords): ArrivalParts => ({
  storage: at.there.storage,
  config: { issuer: at.there.issuer, clients: "open" } as Config,
  now: at.there.clock.now,
  life: { restores: 0 } as Life,
  words,
});

const kindOf = <K extends PackageRow["kind"]>(kind: K, list = rows): Array<RowOf<K>> =>
  list.filter((row): row is RowOf<K> => row.kind === kind);

/** The package with each row of one kind (or one of them) put otherwise; undefined leaves it out. */
const changed = <K extends PackageRow["kind"]>(kind: K, change: (row: RowOf<K>) => PackageRow | undefined): PackageRow[] =>
  rows.flatMap((row): PackageRow[] => {
    const next = row.kind === kind ? change(row as RowOf<K>) : row;
    return next === undefined ? [] : [next];
  });

/** Brings a package to the new server, as if the old one had sent it. */
async function bring(list: readonly PackageRow[], from = at.system.issuer, life = 1000): Promise<readonly string[]> {
  const until = new Date(at.system.clock.now() + life).toISOString();
  const words = { ask: async () => ({ status: 200, body: { rows: list, next: null, until } }) } as unknown as ServerWords;
  return fetchStore(partsWith(words), from, digest("a code"));
}

const stored = () => at.there.storage.listStores({ limit: 10 });

test("the package as it is has every kind of row, and is taken; a second time is no fault", async () => {
  const kinds = new Set(rows.map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual(
    Object.keys(PACKAGE_ROWS)
      .filter((kind) => !["gone", "refusal"].includes(kind))
      .sort(),
  );
  expect(await bring(rows)).toEqual([]);
  expect(await bring(rows)).toEqual([]);
  expect(await stored()).toEqual([at.customer.account]);
  await at.there.storage.erase(at.customer.account);
});

test("however long the other server says that it offers a store, nobody's copy stays for longer than an offer holds", async () => {
  await bring(rows, at.system.issuer, 1000 * 365 * DAY);
  expect(await at.there.storage.findDue(at.system.clock.now() + LIMITS.move, 10)).toEqual([at.customer.account]);
  await at.there.storage.erase(at.customer.account);
});

test("a store of more characters than one may have is not taken", async () => {
  const { system, there } = at;
  const arrival = new Arrival({ from: system.issuer, to: there.issuer, now: system.clock.now(), admits: () => true });
  await arrival.take(rows.filter(({ kind }) => ["store", "head", "consent", "grant"].includes(kind)));
  const body = "x".repeat(100_000);
  const records = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => {
      const path = `profile/emails/m${String(from + n).padStart(6, "0")}`;
      return { kind: "record", path, version: 1, epoch: 1, body } as const;
    });
  const many = LIMITS.bytes / body.length;
  await arrival.take(records(0, many - 100));
  await expect(arrival.take(records(many - 100, 1.2 * many))).rejects.toMatchObject({ code: "invalid_move" });
});

describe("nothing is taken, and nothing of it stays, where", () => {
  const other = async () => makeSigningPair();
  const cases: Array<[string, () => PackageRow[] | Promise<PackageRow[]>]> = [
    [
      "a record is another",
      () => changed("record", (row) => (row.path === "profile/name" ? { ...row, body: `${row.body.slice(0, -4)}AAAA` } : row)),
    ],
    ["a record is missing", () => changed("record", (row) => (row.path === "profile/name" ? undefined : row))],
    ["a record came twice", () => rows.flatMap((row): PackageRow[] => (row.kind === "record" ? [row, row] : [row]))],
    ["a share is missing", () => changed("share", (row) => (row.grant === living ? undefined : row))],
    ["a share that was granted is withheld", () => changed("share", (row) => (row.grant === living ? { ...row, body: null } : row))],
    [
      "a share of an ended grant is there",
      () => changed("share", (row) => (row.grant === ended ? { ...row, body: row.hash, hash: digest(row.hash) } : row)),
    ],
    ["an ended grant is active", () => changed("grant", (row) => (row.grant === ended ? { ...row, ended: null, deletion: null } : row))],
    [
      "an ended grant is active, and said to live",
      () =>
        changed("store", (row) => ({ ...row, plan: { ...row.plan, living: [...row.plan.living, ended] } })).map((row) =>
          row.kind === "grant" && row.grant === ended ? { ...row, ended: null, deletion: null } : row,
        ),
    ],
    [
      "a grant that no head says has ended is active",
      () =>
        rows.map((row): PackageRow => {
          if (row.kind === "share" && row.grant === stopped) return { ...row, body };
          return row.kind === "grant" && row.grant === stopped ? { ...row, ended: null, deletion: null } : row;
        }),
    ],
    [
      "a head in the middle is another's",
      async () => {
        const [, second] = kindOf("head");
        const pair = await other();
        const claims = JSON.parse(Buffer.from(second?.head.split(".")[1] ?? "", "base64url").toString());
        const head = await sign({ ...claims, identity: pair.x }, "head+jwt", pair);
        return changed("head", (row) => (row === second ? { ...row, head } : row));
      },
    ],
    ["an end that the head covers is left out", () => changed("end", () => undefined)],
    ["a grant is left out with all of it", () => rows.filter((row) => !("grant" in row) || row.grant !== living || row.kind === "line")],
    ["a grant is left out", () => changed("grant", (row) => (row.grant === living ? undefined : row))],
    [
      "a grant's vendor is another",
      () => changed("grant", (row) => ({ ...row, client: { ...row.client, client_id: "https://evil.example/client.json" } })),
    ],
    [
      "a vendor's page is a script",
      () => changed("grant", (row) => ({ ...row, client: { ...row.client, policy_uri: "javascript:alert(1)" } })),
    ],
    [
      "a vendor's key is another",
      () =>
        changed("grant", (row) => ({
          ...row,
          client: { ...row.client, encryption_key: { kty: "OKP", crv: "X25519", x: "A".repeat(43) } },
        })),
    ],
    [
      "a consent is by another key",
      async () => {
        const pair = await other();
        return Promise.all(
          rows.map(async (row) =>
            row.kind === "consent"
              ? {
                  ...row,
                  token: await sign(
                    JSON.parse(Buffer.from(row.token.split(".")[1] ?? "", "base64url").toString()),
                    "consent+jwt",
                    pair,
                    true,
                  ),
                }
              : row,
          ),
        );
      },
    ],
    ["a head is missing", () => changed("head", (row) => (row === kindOf("head")[1] ? undefined : row))],
    ["the last head is not there", () => changed("head", (row) => (row === kindOf("head").at(-1) ? undefined : row))],
    ["it was offered as it was before", () => changed("store", (row) => ({ ...row, head: kindOf("head").at(-2)?.head ?? "" }))],
    ["it is somebody else's store", () => changed("store", (row) => ({ ...row, account: randomBytes(16).toString("base64url") }))],
    [
      "it was offered to another server",
      () => changed("store", (row) => ({ ...row, plan: { ...row.plan, to: "https://elsewhere.example" } })),
    ],
    ["a word to a vendor is missing", () => changed("store", (row) => ({ ...row, plan: { ...row.plan, statements: {} } }))],
    [
      "the passkey approved something else",
      () => changed("store", (row) => ({ ...row, approval: { ...row.approval, act: { ...row.approval.act, action: "export" } } })),
    ],
    ["the passkey's signature is another", () => changed("store", (row) => withSignature(row))],
    [
      "a way in was added",
      () => changed("store", (row) => ({ ...row, ways: [...row.ways, { ...(row.ways[0] as (typeof row.ways)[0]), id: "B".repeat(22) }] })),
    ],
    [
      "the kit's way in is missing",
      () => changed("store", (row) => ({ ...row, seals: row.seals.filter(({ locator }) => locator === undefined) })),
    ],
    [
      "an epoch is another",
      () => changed("store", (row) => ({ ...row, epochs: row.epochs.map((epoch) => ({ ...epoch, identity: "AAAA" })) })),
    ],
    ["it comes in another order", () => [...rows].reverse()],
    [
      "a line of the history names one that isn't there",
      () => changed("line", (row) => (row.type === "read" ? { ...row, like: row.position + 1 } : row)),
    ],
    ["a line of the history is of no known kind", () => changed("line", (row) => ({ ...row, type: "rumour" }))],
  ];
  test.each(cases)("%s", async (_name, make) => {
    const list = await make();
    expect(JSON.stringify(list)).not.toBe(JSON.stringify(rows));
    await expect(bring(list)).rejects.toMatchObject({ code: "invalid_move" });
    expect(await stored()).toEqual([]);
  });

  test("another server than the one of its passkeys sends it", async () => {
    const refused = { code: "invalid_move", message: "No passkey of its customer has approved this move." };
    await expect(bring(rows, "http://localhost:1")).rejects.toMatchObject(refused);
    expect(await stored()).toEqual([]);
  });
});

const withSignature = (row: RowOf<"store">): RowOf<"store"> => {
  const { assertion } = row.approval;
  const signature = Buffer.from(assertion.response.signature, "base64url");
  signature.writeUInt8(signature.readUInt8(signature.length - 1) ^ 1, signature.length - 1);
  return {
    ...row,
    approval: {
      ...row.approval,
      assertion: { ...assertion, response: { ...assertion.response, signature: signature.toString("base64url") } },
    },
  };
};

test("who speaks in the new server's name without its key gets nothing, and ends nothing", async () => {
  const { issuer, clock } = at.there;
  const words = new ServerWords({
    key: serverKeyOf(makePrivateKey()),
    issuer,
    now: clock.now,
    address: { loopback: true },
    fetch: noFetch,
  });
  for (const what of ["parts", "arrived"] as const)
    expect(await words.ask(at.system.issuer, what, digest(code), what === "parts" ? { after: null } : {})).toMatchObject({ status: 401 });
  expect((await at.customer.read()).moving).not.toBeNull();
});

test("who lives at the new server under the same id is left alone", async () => {
  const neighbour = await Customer.register(at.there.issuer, at.there.clock.now);
  await neighbour.commit({ records: { "profile/emails/e1": EMAIL } });
  await expect(bring(changed("store", (row) => ({ ...row, account: neighbour.account })))).rejects.toMatchObject({ code: "invalid_move" });
  const before = await neighbour.read();
  expect(before.records.length).toBeGreaterThan(0);
  await at.there.storage.erase(neighbour.account);
});

test("a package that was cut off anywhere leaves nothing that is found, and the next attempt begins anew", async () => {
  const until = new Date(at.system.clock.now() + 1000).toISOString();
  const half = Math.floor(rows.length / 2);
  let asked = 0;
  const words = {
    ask: async () => {
      if (asked++ > 0) throw new Error("cut off");
      return { status: 200, body: { rows: rows.slice(0, half), next: "more", until } };
    },
  } as unknown as ServerWords;
  await expect(fetchStore(partsWith(words), at.system.issuer, digest("a code"))).rejects.toThrow("cut off");
  expect(await stored()).toEqual([]);
  expect(await bring(rows)).toEqual([]);
  await at.there.storage.erase(at.customer.account);
});
