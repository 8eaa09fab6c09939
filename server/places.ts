import type { Deps } from "./deps.ts";
import { randomText } from "./digest.ts";

/** Milliseconds after which the place of one whose process died is free, and those after which it is kept. */
const LIFE = 120_000;
const KEEP_EVERY = 30_000;

/** One of few, for something that takes memory or long. */
export interface Place {
  /** To be called again and again while it is used: does something now and then only. */
  keep(): Promise<void>;
  leave(): Promise<void>;
}

/** Takes one of `most` places of that name, whichever process has the others; undefined: none is free. @throws {StorageError} `failed` */
export async function takePlace({ storage, log }: Pick<Deps, "storage" | "log">, name: string, most: number): Promise<Place | undefined> {
  const holder = randomText(16);
  for (let at = 0; at < most; at++) {
    const place = `${name}/${at}`;
    if (!(await storage.hold(place, holder, LIFE))) continue;
    let kept = performance.now();
    return {
      async keep() {
        if (performance.now() < kept + KEEP_EVERY) return;
        kept = performance.now();
        await storage.hold(place, holder, LIFE);
      },
      leave: () => storage.release(place, holder).catch((error: unknown) => log.fault("places", error)),
    };
  }
  return undefined;
}
