import { generateKeyPairSync, sign } from "node:crypto";
import type { EventName, EventPayload } from "#protocol/events.ts";
import { digest, randomText } from "../../server/digest.ts";
import type { Log } from "../../server/log.ts";
import { Outbox, type OutboxParts } from "../../server/outbox/outbox.ts";
import type { Stream } from "../../server/outbox/stream.ts";
import type { Rows } from "../../server/rows.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import type { FeedName, Storage } from "../../server/storage/storage.ts";
import { Clock } from "../support/clock.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { silentLog } from "../support/system.ts";

/** An outbox over real files, or what the test brings, without a server around it. */
export interface Box extends AsyncDisposable {
  readonly outbox: Outbox;
  readonly storage: Storage<Rows>;
  readonly clock: Clock;
  /** What the operator would read: about streams, and faults. */
  readonly said: string[];
  readonly folder: string;
  /** Makes a stream of `vendor`, which is pushed to `url` or polled. */
  stream(vendor: string, url: string | null, change?: Partial<Stream>): Promise<Stream>;
  /** As a change of some store tells it. */
  tell<N extends EventName>(vendor: string, grant: string, event: N, payload?: object): Promise<void>;
  waiting(vendor: string): Promise<unknown[]>;
  /** Ends it as a stop does, or, without, as a crash between two instructions. */
  close(): Promise<void>;
}

export const clientOf = (vendor: string): string => `https://${vendor}.example/client.json`;
export const newGrant = (): string => randomText(16);
/** The same grant every time for the same name. */
export const grantOf = (name: string): string => digest(name).slice(0, 22);

export async function openBox({
  clock = new Clock(),
  folder,
  storage: other,
  ...parts
}: Partial<OutboxParts> & { clock?: Clock; folder?: string } = {}): Promise<Box> {
  const scratch = folder === undefined && other === undefined ? await scratchFolder() : undefined;
  const path = folder ?? scratch?.path ?? "";
  const storage = other ?? (await openFileStorage<Rows>({ folder: path, now: clock.now }));
  const { privateKey } = generateKeyPairSync("ed25519");
  const said: string[] = [];
  const log: Log = {
    ...silentLog,
    stream: (clientId, what, why) => said.push(`${clientId} ${what}: ${why}`),
    fault: (_request, error) => said.push(`fault: ${(error as Error).stack}`),
  };
  const outbox = new Outbox({
    storage,
    key: { kid: "k1", sign: (data) => sign(null, Buffer.from(data), privateKey).toString("base64url") },
    issuer: "http://localhost:4000",
    loopback: true,
    now: clock.now,
    random: () => 0,
    log,
    ...parts,
  });
  const running = outbox.run();
  const account = randomText(16);
  await storage.create(account, async () => {});
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await running[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
  };
  return {
    outbox,
    storage,
    clock,
    said,
    folder: path,
    close,
    stream: (vendor, url, change = {}) =>
      outbox.changeStream(clientOf(vendor), () => ({
        id: randomText(16),
        clientId: clientOf(vendor),
        push: url === null ? null : { url, authorization: null },
        requested: null,
        description: null,
        status: "enabled",
        reason: null,
        stopped: false,
        failing: null,
        verified: null,
        ...change,
      })),
    async tell(vendor, grant, event, payload = {}) {
      await storage.change(account, (store) =>
        outbox.tell(store, {
          clientId: clientOf(vendor),
          subject: digest(grant),
          grant,
          event,
          payload: { initiating_entity: "user", ...payload } as Omit<EventPayload<typeof event>, "grant_id" | "event_timestamp">,
          at: clock.now(),
        }),
      );
      outbox.wake();
    },
    waiting: (vendor) => storage.readFeed(`events/${digest(clientOf(vendor))}` as FeedName, { limit: 100_000 }),
    async [Symbol.asyncDispose]() {
      await close();
      await scratch?.[Symbol.asyncDispose]();
    },
  };
}
