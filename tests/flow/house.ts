import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../support/free-port.ts";
import { startProcess } from "../support/process.ts";
import { recordingProxy } from "../support/recording-proxy.ts";
import { scratchFolder } from "../support/scratch-folder.ts";

const root = join(import.meta.dirname, "..", "..");

/** The server, everything that is sent to it, and the sample shop: real processes on real files. */
export interface House extends AsyncDisposable {
  readonly issuer: string;
  readonly shop: string;
  /** The server's data folder. */
  readonly data: string;
  /** The shop's customer list. */
  readonly customers: string;
  /** The server's last heap snapshot. */
  readonly heap: () => string;
  readonly sent: () => Buffer;
  readonly log: () => string;
  /** Makes the server write a heap snapshot, and waits until it is whole. */
  readonly snapshot: () => Promise<void>;
  /** Ends the shop's process: nothing answers at its address. */
  readonly closeShop: () => Promise<void>;
  /** Has the operator back the server up. Answers how to put that back, as after a disk was lost: another folder, the same address. */
  readonly backUp: () => Promise<() => Promise<void>>;
  /** Starts it again, on what it had. */
  readonly reopenShop: () => Promise<void>;
}

export async function openHouse(): Promise<House> {
  const things: AsyncDisposable[] = [];
  const close = async () => {
    for (const thing of things) await thing[Symbol.asyncDispose]();
  };
  try {
    return await furnish((thing) => {
      things.unshift(thing);
      return thing;
    }, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function furnish(keep: <T extends AsyncDisposable>(thing: T) => T, close: () => Promise<void>): Promise<House> {
  const folder = keep(await scratchFolder());
  const data = join(folder.path, "server");
  const shopData = join(folder.path, "shop");
  const [front, back, shopPort] = [await freePort(), await freePort(), await freePort()];
  const issuer = `http://localhost:${front}`;
  const shop = `http://127.0.0.1:${shopPort}`;
  const proxy = keep(await recordingProxy(front, back));
  const serve = async (place: string) =>
    keep(
      await startProcess(
        process.execPath,
        ["--heapsnapshot-signal=SIGUSR2", `--diagnostic-dir=${folder.path}`, join(root, "dist/server/main.js")],
        {
          cwd: root,
          env: { COUNTERFOIL_ISSUER: issuer, COUNTERFOIL_PORT: String(back), COUNTERFOIL_DATA: place },
          ready: /listens on/,
        },
      ),
    );
  const operate = (place: string, ...words: string[]) =>
    promisify(execFile)(process.execPath, [join(root, "dist/server/counterfoil.js"), ...words], {
      env: { ...process.env, COUNTERFOIL_DATA: place },
    });
  let server = await serve(data);
  const install = await startProcess(process.execPath, [join(root, "vendor-sdk/examples/bookshop/install.js")], { ready: /^/ });
  await install.exited;
  const openShop = async () =>
    keep(
      await startProcess(process.execPath, [join(root, "vendor-sdk/examples/bookshop/shop.js")], {
        cwd: root,
        env: { COUNTERFOIL_ISSUER: issuer, SHOP_ORIGIN: shop, SHOP_DATA: shopData, SHOP_SYNC_SECONDS: "0" },
        ready: /is open at/,
      }),
    );
  const traders = [await openShop()];
  let heap = "";
  return {
    issuer,
    shop,
    data,
    customers: join(shopData, "customers.json"),
    heap: () => join(folder.path, heap),
    sent: proxy.sent,
    log: () => server.output() + traders.map((each) => each.output()).join(""),
    async backUp() {
      const copy = join(folder.path, "server.copy");
      await operate(data, "backup", "--to", copy);
      return async () => {
        await server.stop();
        const other = join(folder.path, "restored");
        await operate(other, "restore", "--from", copy);
        server = await serve(other);
      };
    },
    async closeShop() {
      await traders.at(-1)?.stop();
    },
    async reopenShop() {
      traders.push(await openShop());
    },
    async snapshot() {
      process.kill(server.pid, "SIGUSR2");
      for (let size = -1, tries = 0; tries < 300; tries++) {
        await sleep(200);
        const name = (await readdir(folder.path)).find((each) => each.endsWith(".heapsnapshot"));
        if (name === undefined) continue;
        const now = (await stat(join(folder.path, name))).size;
        if (now > 0 && now === size) {
          heap = name;
          return;
        }
        size = now;
      }
      throw new Error("the server wrote no heap snapshot");
    },
    [Symbol.asyncDispose]: close,
  };
}
