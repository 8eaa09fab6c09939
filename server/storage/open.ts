import { type Notice as OfFolder, openFileStorage } from "./file/open.ts";
import type { Standby } from "./medium.ts";
import type { StoragePlace } from "./place.ts";
import { type Notice as OfDatabase, openPostgresStorage } from "./postgres/open.ts";
import type { Storage } from "./storage.ts";

interface Circumstances {
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Of a database. Unless told, a standby that was promoted counts as another state. */
  readonly standby?: Standby;
  /** Is told what the operator should know. */
  readonly tell?: (notice: OfFolder | OfDatabase) => void;
}

/**
 * Opens the engine for the place that the operator has chosen: a folder for one process, or a database for many.
 * @throws {StorageError} `locked`, `layout`, `corrupt`, `full`, `failed`
 */
export function openStorage<Rows extends object = object>(
  place: StoragePlace,
  { now = Date.now, standby, tell }: Circumstances = {},
): Promise<Storage<Rows>> {
  const telling = tell === undefined ? {} : { tell };
  if (place.kind === "embedded")
    return openFileStorage<Rows>({
      folder: place.folder,
      now,
      ...(place.memory === undefined ? {} : { cacheBytes: place.memory }),
      ...telling,
    });
  const { kind: _, ...options } = place;
  return openPostgresStorage<Rows>({ ...options, now, ...telling, ...(standby !== undefined && { standby }) });
}
