import type { Rows } from "../../server/rows.ts";
import { openStorage } from "../../server/storage/open.ts";
import type { StoragePlace } from "../../server/storage/place.ts";
import type { Clock } from "../support/clock.ts";
import { type System, startSystem } from "../support/system.ts";

/** One run of a deployment: the same issuer over whatever place, as after a restore. */
export const run = (place: StoragePlace, { port, clock }: { port: number; clock: Clock }): Promise<System> =>
  startSystem({ port, clock, storage: { place, open: (now) => openStorage<Rows>(place, { now }) } });
