import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { searchPlaintext } from "../support/plaintext-search.ts";
import { startPostgres } from "../support/postgres.ts";
import { startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { TestVendor } from "../support/vendor.ts";
import { command } from "./command.ts";

const SHARED = "zoe.marchetti@lettere.example";
const CHANGED = "zoe@another-letter.example";
const KEPT = "Il nome della rosa, rilegato";
const VALUES = [SHARED, CHANGED, KEPT];
const PATH = "profile/emails/e1";

const emailOf = (address: string) => ({ [PATH]: { value: { address } } });

test("over PostgreSQL no value is in the database's files, the copies, the log or the metrics", async () => {
  await using folder = await scratchFolder({ open: true });
  await using database = await startPostgres({ folder: join(folder.path, "postgres"), segment: 1, settings: ["min_wal_size=2MB"] });
  const port = await freePort();
  const metrics = await freePort();
  const issuer = `http://localhost:${port}`;
  const url = await database.database();
  const env = { COUNTERFOIL_STORAGE: url, COUNTERFOIL_DATA: join(folder.path, "none") };
  await using server = await startProcess(process.execPath, ["--import", "tsx", "server/main.ts"], {
    env: { ...env, COUNTERFOIL_ISSUER: issuer, COUNTERFOIL_WEB: "none", COUNTERFOIL_METRICS: `127.0.0.1:${metrics}` },
    ready: { url: `${issuer}/.well-known/jwks.json` },
  });

  await using vendor = await TestVendor.start(issuer, Date.now);
  const customer = await Customer.register(issuer, Date.now);
  await customer.commit({ records: { ...emailOf(SHARED), "purchases/p1": { value: { name: KEPT } } } });
  const { grant, redirect } = await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"] })]), {
    contents: emailOf(SHARED),
  });
  const { body: tokens } = await vendor.redeem(redirect);
  expect(await vendor.open(grant, await vendor.pull(tokens.access_token, grant))).toEqual(emailOf(SHARED));
  const changed = emailOf(CHANGED);
  await customer.commit({ records: changed, shares: [{ grant, path: PATH, content: { value: { address: CHANGED } } }] });
  expect((await (await vendor.callRaw("changes")).text()).split("\n").some((line) => line.includes('"record"'))).toBe(true);
  // What is sent to the wrong place is not remembered either.
  for (const path of [`/api/grants/${KEPT}/records`, `/api/changes?since=${SHARED}`, `/${CHANGED}`]) await fetch(issuer + encodeURI(path));
  await fetch(`${issuer}/api/store/commits`, { method: "POST", body: JSON.stringify({ value: SHARED }), headers: { cookie: KEPT } });

  const copies = [join(folder.path, "plain.copy"), join(folder.path, "packed.copy.gz")];
  expect(await command(env, "backup", "--to", copies[0] as string).ended).toMatchObject({ code: 0 });
  expect(await command(env, "backup", "--to", copies[1] as string, "--gzip").ended).toMatchObject({ code: 0 });
  const said = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
  await customer.revoke(grant);
  await server.stop();
  const own = await ownFolder(url);
  await database.stop();

  const data = join(folder.path, "postgres", "data");
  const places = [join(data, "base", own), ...["global", "pg_wal", "pg_xact", "pg_stat"].map((name) => join(data, name)), ...copies];
  const buffers = { log: server.output(), metrics: said };
  expect(await searchPlaintext(VALUES, { paths: places, buffers })).toEqual([]);
  // What it may know is found in each of them: the search looks where things are.
  const known = await searchPlaintext(["Libreria Aldina s.r.l."], { paths: places });
  for (const place of [join(data, "base", own), join(data, "pg_wal"), ...copies])
    expect(
      known.some((each) => each.place.startsWith(place)),
      place,
    ).toBe(true);
  expect(said).toContain("counterfoil_pulls_total");
  expect(await readFile(copies[0] as string, "utf8")).toContain(customer.account);
}, 180_000);

/** Everything is in its files now. Answers the name of the database's own folder: what came with PostgreSQL takes long to search. */
async function ownFolder(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("CHECKPOINT");
    const { rows } = await client.query<{ oid: string }>("SELECT oid::text FROM pg_database WHERE datname = current_database()");
    return rows[0]?.oid ?? "";
  } finally {
    await client.end();
  }
}
