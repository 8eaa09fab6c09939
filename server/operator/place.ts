import { stat } from "node:fs/promises";
import { runningSource } from "../copies/ask.ts";
import { tooLongFor } from "../copies/serve.ts";
import { type CopySource, storageSource } from "../copies/source.ts";
import { randomText } from "../digest.ts";
import { openStorage } from "../storage/open.ts";
import type { StoragePlace } from "../storage/place.ts";
import { type Storage, StorageError } from "../storage/storage.ts";
import { SWEEP } from "../store/sweep.ts";

/** What it is called toward the operator: never the address, which holds a password. */
export const nameOf = (place: StoragePlace): string =>
  place.kind === "embedded" ? `the data folder ${place.folder}` : "the PostgreSQL database";

const open = (place: StoragePlace): Promise<Storage> => openStorage(place, { now: Date.now });

/** Opens what is there, while no server runs on it. @throws {StorageError} `absent` where there is no folder, `locked` */
export async function openThere(place: StoragePlace): Promise<Storage> {
  await assertThere(place);
  return openNew(place);
}

/** The same, and makes it where it is not there. */
export async function openNew(place: StoragePlace): Promise<Storage> {
  const storage = await open(place);
  const self = randomText(16);
  // An embedded storage is this process's alone by its lock; of the servers on a shared one, there is always one that sweeps.
  if (await storage.hold(SWEEP, self, ASKING)) {
    await storage.release(SWEEP, self);
    return storage;
  }
  await storage[Symbol.asyncDispose]();
  throw new StorageError("locked", "a server runs on this database, or did a few seconds ago: stop all of them, and try again");
}
const ASKING = 1_000;

/** What can be copied, also while a server runs on it. */
export async function openSource(place: StoragePlace, online: boolean): Promise<{ source: CopySource; how: string } & AsyncDisposable> {
  await assertThere(place);
  const running = online && place.kind === "embedded" ? await runningSource(place.folder) : undefined;
  if (running !== undefined) return { source: running, how: "by asking the running server", async [Symbol.asyncDispose]() {} };
  const storage = await (online ? open(place).catch((error: unknown) => whyNot(place, error)) : openThere(place));
  const how = place.kind === "embedded" ? "with no server running" : "from the database";
  return { source: storageSource(storage, place.kind), how, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]() };
}

/** A server that has the folder, and can't be asked, does not say why. */
function whyNot(place: StoragePlace, error: unknown): never {
  const over = place.kind === "embedded" ? tooLongFor(place.folder) : 0;
  if (over === 0 || !(error instanceof StorageError && error.code === "locked")) throw error;
  throw new StorageError(
    "locked",
    `a server has ${nameOf(place)}, and can't be asked for a copy: that path is ${over} bytes too long for a socket in it. Stop the server meanwhile, or give it a shorter COUNTERFOIL_DATA (a symbolic link will do)`,
    { cause: error },
  );
}

async function assertThere(place: StoragePlace): Promise<void> {
  if (place.kind === "postgres") return;
  const isFolder = await stat(place.folder).then(
    (it) => it.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new StorageError("absent", `there is no data folder at ${place.folder}: COUNTERFOIL_DATA says where it is`);
}
