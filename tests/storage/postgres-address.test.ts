import { execFile } from "node:child_process";
import { chmod, chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAddress } from "../../server/storage/postgres/address.ts";
import { failure } from "../../server/storage/postgres/failure.ts";
import { openPostgresStorage } from "../../server/storage/postgres/open.ts";
import { passwordFromFile } from "../../server/storage/postgres/passfile.ts";
import { stored, storedRange, unstored } from "../../server/storage/postgres/text-order.ts";
import { DATABASE_USER, type Postgres, sharedPostgres, startPostgres } from "../support/postgres.ts";
import { scratchFolder } from "../support/scratch-folder.ts";

describe("a database's address", () => {
  test("says where, who, and into what", () => {
    expect(readAddress("postgres://ann:p%40ss@db.example:6432/store?sslmode=disable", {})).toMatchObject({
      host: "db.example",
      port: 6432,
      user: "ann",
      password: "p@ss",
      database: "store",
      ssl: false,
    });
    expect(readAddress("postgresql://ann@[::1]/store", {})).toMatchObject({ host: "::1", port: 5432, ssl: false });
    expect(readAddress("postgres://ann@/store?host=/var/run/postgresql", {})).toMatchObject({ host: "/var/run/postgresql", ssl: false });
    expect(readAddress("postgres:///store?host=/run&user=ann", {})).toMatchObject({ host: "/run", user: "ann", database: "store" });
    expect(readAddress("postgres://db.example/x?sslmode=disable", { PGUSER: "bob", PGPASSWORD: "secret" })).toMatchObject({
      user: "bob",
      password: "secret",
    });
  });

  test("another machine must prove its name, unless the operator says otherwise", () => {
    const ssl = (query: string, host = "db.example") => readAddress(`postgres://ann@${host}/x${query}`, {}).ssl;
    expect(ssl("")).toEqual({ rejectUnauthorized: true });
    expect(ssl("", "127.0.0.1")).toBe(false);
    expect(ssl("?sslmode=verify-full", "127.0.0.1")).toEqual({ rejectUnauthorized: true });
    expect(ssl("?sslmode=disable")).toBe(false);
    expect(ssl("?sslmode=require")).toMatchObject({ rejectUnauthorized: false });
    expect(ssl("?sslmode=verify-full&sslrootcert=system")).toEqual({ rejectUnauthorized: true });
  });

  test.each([
    ["postgres://ann@db.example/x?sslmode=prefer", "disable, require, verify-ca, verify-full"],
    ["postgres://ann@db.example/x?sslmode=allow", "disable, require, verify-ca, verify-full"],
    ["postgres://ann@db.example/x?sslmode=verify-ca", "sslrootcert"],
    ["postgres://ann@db.example/x?sslrootcert=/no/such/file", "PEM"],
    ["postgres://ann@db.example/x?sslmod=require", "sslmode"],
    ["postgres://db.example/x", "user"],
    ["postgres://ann:p%zz@db.example/x", "%25"],
    ["mysql://ann@db.example/x", "postgres://"],
  ])("one that could not be meant is refused, and not repeated: %s", (url, expected) => {
    expect(() => readAddress(url, {})).toThrow(expected);
    expect(() => readAddress(url, {})).toThrow(TypeError);
    expect(() => readAddress(url, {})).not.toThrow(/ann|db\.example|zz/);
  });

  test("a password is found in libpq's file, if it is nobody else's to read", async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, "pgpass");
    const wanted = { host: "db.example", port: 5432, database: "store", user: "ann" };
    await writeFile(path, "# mine\nother:*:*:*:no\ndb.example:5432:st\\:ore:ann:no\ndb.example:*:store:ann:a\\:b\\\\c\n*:*:*:*:last\n", {
      mode: 0o600,
    });
    expect(await passwordFromFile(wanted, path)).toBe("a:b\\c");
    expect(await passwordFromFile({ ...wanted, user: "bob" }, path)).toBe("last");
    expect(await passwordFromFile({ ...wanted, host: "/run", database: "st:ore" }, path)).toBe("last");
    await chmod(path, 0o644);
    expect(await passwordFromFile(wanted, path)).toBeUndefined();
    expect(await passwordFromFile(wanted, join(folder.path, "none"))).toBeUndefined();
  });
});

describe("over TLS", () => {
  let postgres: Postgres;
  let folder: Awaited<ReturnType<typeof scratchFolder>>;
  let certificate: string;
  beforeAll(async () => {
    folder = await scratchFolder({ open: true });
    certificate = join(folder.path, "server.crt");
    const key = join(folder.path, "server.key");
    await promisify(execFile)("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", key],
      ...["-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ]);
    await chmod(key, 0o600);
    for (const file of [key, certificate]) if (DATABASE_USER.uid !== undefined) await chown(file, DATABASE_USER.uid, DATABASE_USER.gid);
    postgres = await startPostgres({ settings: ["ssl=on", `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`] });
  });
  afterAll(async () => {
    await postgres[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  const open = (host: string, query: string) =>
    openPostgresStorage({ url: `postgres://counterfoil@${host}:${postgres.port}/postgres?${query}`, connectTimeout: 2_000 });

  test.each([
    ["localhost", () => `sslmode=verify-full&sslrootcert=${certificate}`],
    ["localhost", () => `sslrootcert=${certificate}`],
    ["127.0.0.1", () => `sslmode=verify-ca&sslrootcert=${certificate}`],
    ["127.0.0.1", () => "sslmode=require"],
  ])("%s: what it says is enciphered", async (host, query) => {
    await using storage = await open(host, query());
    await storage.check();
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    const { rows } = await client.query(
      "SELECT bool_and(ssl) AS ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'counterfoil'",
    );
    await client.end();
    expect(rows).toEqual([{ ssl: true }]);
  });

  test.each([
    ["another name", "127.0.0.1", () => `sslmode=verify-full&sslrootcert=${certificate}`],
    ["an authority that nobody knows", "localhost", () => "sslmode=verify-full"],
  ])("%s: no connection", async (_, host, query) => {
    await expect(open(host, query())).rejects.toMatchObject({ name: "StorageError", code: "failed" });
  });

  test("a server without TLS: what to do is said", async () => {
    const { port } = await sharedPostgres();
    const opening = openPostgresStorage({ url: `postgres://counterfoil@127.0.0.1:${port}/postgres?sslmode=require` });
    await expect(opening).rejects.toThrow(/does not speak TLS.*sslmode=disable/);
  });
});

describe("keys as the database holds them", () => {
  /** Strings of any code units, half pairs and NUL included. */
  const text = fc
    .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 1, 2, 97, 0xd7ff, 0xd800, 0xdfff, 0xe000, 0xffff)), {
      maxLength: 5,
    })
    .map((units) => String.fromCharCode(...units));
  const compare = (one: string, other: string) => Buffer.compare(Buffer.from(stored(one)), Buffer.from(stored(other)));

  test("come back as they were, in the order of their code units, as well-formed text", () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(unstored(stored(one))).toBe(one);
        expect(stored(one)).not.toMatch(/\0|\p{Cs}/u);
        expect(Math.sign(compare(one, other))).toBe(one < other ? -1 : one > other ? 1 : 0);
      }),
    );
  });

  test("a range has those that begin with a prefix and come after a key, and no others", () => {
    fc.assert(
      fc.property(text, text, fc.option(text, { nil: undefined }), (key, prefix, after) => {
        const { from, below } = storedRange(prefix, after);
        const own = Buffer.from(stored(key));
        const isIn = Buffer.compare(own, Buffer.from(from)) >= 0 && Buffer.compare(own, Buffer.from(below)) < 0;
        expect(isIn).toBe(key.startsWith(prefix) && (after === undefined || key > after));
        const near = prefix + key;
        const nearIn = Buffer.compare(Buffer.from(stored(near)), Buffer.from(from)) >= 0;
        expect(nearIn).toBe(after === undefined || near > after);
      }),
    );
  });
});

test("a full disk is told from a broken database", () => {
  const answer = (code: string) => Object.assign(new Error('Key (name)=("secret")'), { code, severity: "ERROR" });
  expect(failure(answer("53100"))).toMatchObject({ name: "StorageError", code: "full" });
  for (const code of ["53200", "58030", "XX001"]) {
    expect(failure(answer(code))).toMatchObject({ code: "failed", message: expect.stringContaining(code) });
    expect(failure(answer(code)).message).not.toContain("secret");
  }
});
