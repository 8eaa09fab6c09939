import { randomBytes } from "node:crypto";
import { openFileStorage } from "../../server/storage/file/open.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { median, memoryOf } from "./load.ts";
import { builtServer } from "./machine.ts";
import type { Row, Table } from "./results.ts";

const TRIES = 5;

/** Start of the built server over folders with few and with many stores, each of about 20 kB. */
export async function startUpTable(): Promise<Table> {
  const rows: Row[] = [];
  for (const stores of [100, 10_000]) {
    await using folder = await scratchFolder();
    await fill(folder.path, stores);
    const times: number[] = [];
    const memory: number[] = [];
    for (let at = 0; at < TRIES; at++) {
      const port = await freePort();
      await using server = await builtServer(folder.path, port);
      times.push(server.started);
      memory.push(await memoryOf(server.pid));
    }
    rows.push({ name: `${stores} stores`, figures: { "start ms": median(times), "RSS MB": median(memory) } });
  }
  return { title: "Start-up", note: `From the start of the process to its first line, and its memory then; medians of ${TRIES}.`, rows };
}

async function fill(folder: string, stores: number): Promise<void> {
  await using storage = await openFileStorage<{ records: { body: string } }>({ folder });
  for (let from = 0; from < stores; from += 250) {
    await Promise.all(
      Array.from({ length: Math.min(250, stores - from) }, () =>
        storage.create(randomBytes(16).toString("base64url"), async (store) => {
          for (let at = 0; at < 40; at++) store.put("records", `profile/emails/r${at}`, { body: randomBytes(330).toString("base64url") });
        }),
      ),
    );
  }
}
