import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeSync } from "node:fs";
import { open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { startSystem } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";
import { EMAIL, problemOf } from "./scene.ts";

/** A server whose disk can be filled to the last byte and given room again. */
interface FullHouse extends AsyncDisposable {
  readonly issuer: string;
  readonly now: () => number;
  fill(): Promise<void>;
  makeRoom(): Promise<void>;
  /** Ends the server with no chance to tidy up, and starts it again. */
  restart?(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), "counterfoil-full-"));
const isMounted = mount();
afterAll(() => {
  if (isMounted) execFileSync("umount", ["-l", folder]);
  rmSync(folder, { recursive: true });
});

function mount(): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function onRealDisk(): Promise<FullHouse> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const start = (): Promise<RunningProcess> =>
    startProcess(process.execPath, ["--import", "tsx", "server/main.ts"], {
      cwd: join(import.meta.dirname, "..", ".."),
      env: { COUNTERFOIL_DATA: join(folder, "data"), COUNTERFOIL_PORT: String(port), COUNTERFOIL_ISSUER: issuer },
      ready: /listens on/,
    });
  const [ballast, rest] = [join(folder, "ballast"), join(folder, "rest")];
  await writeFile(ballast, Buffer.alloc(1_000_000));
  let server = await start();
  return {
    issuer,
    now: Date.now,
    async fill() {
      const file = await open(rest, "w");
      try {
        for (const size of [65_536, 4096, 1]) {
          // Until the disk says that there is not even this much.
          while (written(file.fd, size));
        }
      } finally {
        await file.close();
      }
    },
    async makeRoom() {
      await rm(ballast);
      await rm(rest);
    },
    async restart() {
      await server.kill();
      server = await start();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function written(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size)) === size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}

async function onFailingDisk(): Promise<FullHouse> {
  const system = await startSystem();
  return {
    issuer: system.issuer,
    now: system.clock.now,
    fill: async () => system.failWith("full"),
    makeRoom: async () => system.failWith(undefined),
    [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
  };
}

const where = isMounted ? "on a real file system of 3 MB" : "where each write fails, since this machine lets nobody mount a small one";

test(`a full disk is said, changes nothing, gives nothing out unlogged, and is over when there is room: ${where}`, async () => {
  await using house = isMounted ? await onRealDisk() : await onFailingDisk();
  await using vendor = await TestVendor.start(house.issuer, house.now);
  const customer = await Customer.register(house.issuer, house.now);
  await customer.commit({ records: { "profile/emails/e1": EMAIL } });
  const details = [vendor.ask({ paths: ["profile/emails"] })];
  const { grant, redirect } = await customer.approve(await vendor.request(details), { contents: { "profile/emails/e1": EMAIL } });
  const { access_token: token } = (await vendor.redeem(redirect)).body;
  const large = (n: number) =>
    customer.commit({ records: { [`profile/emails/n${n}`]: { value: { address: randomBytes(20_000).toString("hex") } } } });
  const full = {
    problem: { code: "storage_full", status: 507, detail: expect.stringContaining("no room left on the server. Nothing was changed.") },
  };

  // As far as there is room for a whole commit; where every write fails there is none for the third.
  let commits = 0;
  const filling = async () => {
    for (; commits < 100; commits++) {
      if (!isMounted && commits === 2) await house.fill();
      await large(commits);
    }
  };
  await expect(filling()).rejects.toMatchObject(full);
  expect(commits).toBeGreaterThan(1);
  await house.fill();

  // A line of a read is short: some may still find a place. One that finds none is no read.
  let reads = 0;
  for (; reads < 200; reads++) {
    const response = await vendor.pullRaw(token, grant);
    if (response.status === 200) {
      await response.body?.cancel();
      continue;
    }
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 507, code: "storage_full" });
    expect(response.headers.get("retry-after")).toBe("60");
    expect(problem.text).not.toContain("records");
    break;
  }
  expect(reads).toBeLessThan(200);
  await expect(large(101)).rejects.toMatchObject(full);
  await expect(Customer.register(house.issuer, house.now)).rejects.toMatchObject(full);

  const asBefore = async () => {
    const store = await customer.read();
    expect(store.head).toBe(customer.head);
    expect(new Map(store.records.map(({ path, version }) => [`record ${path}`, version]))).toEqual(
      new Map([...customer.leaves.values()].flatMap(({ kind, path, version }) => (kind === "record" ? [[`record ${path}`, version]] : []))),
    );
    expect((await customer.view(grant)).reads.count).toBe(reads);
  };
  await asBefore();

  await house.makeRoom();
  await large(102);
  expect((await vendor.pull(token, grant)).receipt.read).toBeGreaterThan(0);
  reads++;
  await asBefore();

  if (house.restart === undefined) return;
  await house.restart();
  await asBefore();
  await large(103);
  const page = await vendor.pull(token, grant);
  reads++;
  expect(page.records.map(({ path }) => path)).toEqual(["profile/emails/e1"]);
  await asBefore();
  expect(existsSync(join(folder, "data", "layout.json"))).toBe(true);
}, 60_000);
