import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSource } from "../../server/operator/place.ts";
import { openStorage } from "../../server/storage/open.ts";
import { EMAIL, NAME, problemOf } from "../server/scene.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { TestVendor } from "../support/vendor.ts";
import { command as commandOver } from "./command.ts";
import { contentsOf, copyTo, fill, type TestRows } from "./filled.ts";

let folder: Awaited<ReturnType<typeof scratchFolder>>;
const at = (...names: string[]): string => join(folder.path, ...names);

beforeAll(async () => {
  folder = await scratchFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** The operator's command line over a data folder. */
const command = (data: string, ...args: string[]) => commandOver({ COUNTERFOIL_DATA: data }, ...args);

const startServer = (data: string, port: number): Promise<RunningProcess> =>
  startProcess(process.execPath, ["--import", "tsx", "server/main.ts"], {
    env: { COUNTERFOIL_DATA: data, COUNTERFOIL_ISSUER: `http://localhost:${port}`, COUNTERFOIL_WEB: "none" },
    ready: { url: `http://localhost:${port}/.well-known/jwks.json` },
  });

test("a backup of a busy server has every change that was answered before it began; restored, it reads nothing until it is resumed", async () => {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const now = Date.now;
  await using first = await startServer(at("first"), port);
  await using vendor = await TestVendor.start(issuer, now);
  const customer = await Customer.register(issuer, now);
  await customer.commit({ records: { "profile/name": NAME, "profile/emails/e1": EMAIL } });
  const details = [vendor.ask({ paths: ["profile/emails"] })];
  const { grant, redirect } = await customer.approve(await vendor.request(details), { contents: { "profile/emails/e1": EMAIL } });
  const { body: tokens } = await vendor.redeem(redirect);

  let going = true;
  let commits = 0;
  const busy = [
    (async () => {
      // As many as a customer may make, however long the backup takes.
      for (; going; commits++, await sleep(150))
        await customer.commit({ records: { [`purchases/p${commits}`]: { value: { name: "a book" } } } });
    })(),
    (async () => {
      for (; going; ) await vendor.pullRaw(tokens.access_token, grant);
    })(),
  ];
  while (commits < 3) await sleep(10);
  const before = commits;
  const backup = await command(at("first"), "backup", "--to", at("busy.copy"), "--gzip").ended;
  expect(backup).toMatchObject({ code: 0, said: expect.stringContaining("by asking the running server") });
  expect(backup.said).toMatch(/^backup: 1\/1 stores/m);
  expect((await stat(at("busy.copy"))).mode & 0o777).toBe(0o600);
  expect((await stat(at("first", "copies.socket"))).mode & 0o777).toBe(0o600);
  going = false;
  await Promise.all(busy);
  await customer.revoke(grant);
  // What would need the folder alone does not get it.
  expect(await command(at("first"), "export", "--to", at("none.copy")).ended).toMatchObject({
    code: 1,
    said: expect.stringContaining("in use"),
  });
  expect((await first.stop()).code).toBe(0);

  const restored = await command(at("second"), "restore", "--from", at("busy.copy"), "--hash", /hash: (\S+)/.exec(backup.said)?.[1] ?? "")
    .ended;
  expect(restored).toMatchObject({ code: 0, said: expect.stringContaining("Every grant is paused") });
  await using _second = await startServer(at("second"), port);
  expect(await problemOf(await vendor.pullRaw(tokens.access_token, grant))).toMatchObject({ code: "invalid_token" });
  const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
  expect(await problemOf(await vendor.pullRaw(body.access_token, grant))).toMatchObject({ code: "grant_paused" });
  await customer.login();
  const store = await customer.read();
  expect(store.records.filter(({ path }) => path.startsWith("purchases/")).length).toBeGreaterThanOrEqual(before);
  const status = await command(at("second"), "status", "--read").ended;
  expect(status).toMatchObject({ code: 0, said: expect.stringMatching(/stores: 1\n(.*\n)*restored: once/) });
}, 120_000);

test("an import that is killed on its way goes on to the same end, and until then the storage says so", async () => {
  {
    await using storage = await openStorage<TestRows>({ kind: "embedded", folder: at("source") });
    await fill(storage, 6);
    const more = Array.from({ length: 400 }, (_, at) => at);
    await Promise.all(more.map((at) => storage.create(randomStore(at), async (store) => store.put("grants", "g", { at }))));
    await copyTo(storage, at("large.copy"));
  }
  const killed = command(at("target"), "import", "--from", at("large.copy"));
  // Into the middle: some of it is there for good, and the rest is not.
  for (let line = 0; line < 60; await sleep(1))
    line = await readFile(at("target", "documents", "import.json"), "utf8").then(
      (text) => Number(/"line":(\d+)/.exec(text)?.[1] ?? 0),
      () => 0,
    );
  killed.kill();
  await killed.ended;
  expect(await command(at("target"), "status").ended).toMatchObject({ code: 1, said: expect.stringContaining("import: CUT") });
  expect(await command(at("target"), "import", "--from", at("large.copy")).ended).toMatchObject({ code: 0 });
  await using source = await openStorage<TestRows>({ kind: "embedded", folder: at("source") });
  await using target = await openStorage<TestRows>({ kind: "embedded", folder: at("target") });
  expect(await contentsOf(target)).toEqual(await contentsOf(source));
}, 120_000);

const randomStore = (at: number): string => `${String(at).padStart(5, "0")}${"A".repeat(17)}`;

test("a folder whose path has no room for a socket: the server says so when it starts, and so does a backup that needs it", async () => {
  const deep = at("d".repeat(104));
  await using server = await startServer(deep, await freePort());
  await server.waitFor(/"stage":"uncopied"/);
  const refused = { code: "locked", message: expect.stringMatching(/too long for a socket.*COUNTERFOIL_DATA/) };
  await expect(openSource({ kind: "embedded", folder: deep }, true)).rejects.toMatchObject(refused);
});

test("what is called wrongly, and what is not there, is said and has its status", async () => {
  const [nothing, unknown, folderless] = await Promise.all([
    command(at("first"), "backup").ended,
    command(at("first"), "restore", "--form", "x").ended,
    command(at("not-there"), "backup", "--to", at("y.copy")).ended,
  ]);
  expect(nothing).toMatchObject({ code: 2, said: expect.stringContaining("--to is missing") });
  expect(unknown).toMatchObject({ code: 2, said: expect.stringContaining("--form") });
  expect(folderless).toMatchObject({ code: 1, said: expect.stringContaining("no data folder") });
  expect(await readdir(folder.path)).not.toContain("not-there");
});
