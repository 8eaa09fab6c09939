import { cp } from "node:fs/promises";
import { join } from "node:path";
import { markRestored } from "../../../server/life.ts";
import { openStorage } from "../../../server/storage/open.ts";
import type { StoragePlace } from "../../../server/storage/place.ts";
import { run } from "../../copies/deployment.ts";
import { Clock } from "../../support/clock.ts";
import { freePort } from "../../support/free-port.ts";
import { scratchFolder } from "../../support/scratch-folder.ts";
import type { System } from "../../support/system.ts";
import { type House, houseOver } from "./house.ts";

export interface RestoredHouse extends House {
  /** Copies the whole server as it is now. Answers how to put it back to that, as its operator does: with the mark, or by lying. */
  copy(): Promise<(how?: { silently?: boolean }) => Promise<void>>;
}

/** A house whose server can be put back to what it was. */
export async function openRestorable(): Promise<RestoredHouse> {
  const folder = await scratchFolder();
  const clock = new Clock();
  const port = await freePort();
  const place = (name: string): StoragePlace => ({ kind: "embedded", folder: join(folder.path, name) });
  let name = "first";
  let count = 0;
  let running: System = await run(place(name), { port, clock });
  const stop = () => running[Symbol.asyncDispose]();
  const house = houseOver({
    issuer: `http://localhost:${port}`,
    clock,
    get storage() {
      return running.storage;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  });
  return Object.assign(house, {
    async copy() {
      const kept = `copy-${++count}`;
      clock.pass(60_000);
      await stop();
      await cp(join(folder.path, name), join(folder.path, kept), { recursive: true });
      running = await run(place(name), { port, clock });
      const from = clock.now();
      return async ({ silently = false } = {}) => {
        clock.pass(60_000);
        await stop();
        name = `restored-${++count}`;
        await cp(join(folder.path, kept), join(folder.path, name), { recursive: true });
        if (!silently) {
          const storage = await openStorage(place(name), { now: clock.now });
          await markRestored(storage, { now: clock.now(), from });
          await storage[Symbol.asyncDispose]();
        }
        clock.pass(60_000);
        running = await run(place(name), { port, clock });
      };
    },
  });
}
