import * as v from "valibot";
import { hashOf } from "../../protocol/canonical.ts";
import { asCounterfoilError } from "../error.ts";
import type { StateStore } from "../state.ts";
import type { VendorEvent } from "./verify-event.ts";

/** Events that were taken and not yet acted on. More, and the server has to come again. */
const MOST_WAITING = 2000;
/** Events remembered as done, so that one that comes again is acknowledged and no more. */
const MOST_SEEN = 2000;
/** Grants acted on at a time. */
const WIDTH = 8;
const MOST_TRIES = 10;

const Kept = v.object({
  jti: v.string(),
  at: v.string(),
  type: v.string(),
  /** Absent in what an earlier version kept: the one that the vendor named. */
  issuer: v.optional(v.string()),
  name: v.string(),
  grant: v.nullable(v.string()),
  payload: v.record(v.string(), v.unknown()),
});
const Seen = v.array(v.string());

interface Item {
  key: string;
  event: VendorEvent;
}

/** Events on their way from being taken to having been acted on: durable in the state, so that a crash loses none. */
export interface Inbox {
  /** Durable when it resolves. `full`: take it later. */
  take(event: VendorEvent): Promise<"new" | "known" | "full">;
  /** When nothing waits any more, but for what is tried again later. */
  idle(): Promise<void>;
  /** Takes up what an earlier process left. */
  start(): Promise<void>;
  /** Acts on nothing more; what waits is for the next process. Resolves when what is under way is done. */
  close(): Promise<void>;
}

/**
 * @param home issuer of the server that the vendor named
 * @param act on events of one grant, oldest first, or of the stream; again, all of them, where it throws something that may pass
 */
export function inbox(store: StateStore, home: string, act: (events: readonly VendorEvent[]) => Promise<void>, wait = retryAfter): Inbox {
  const waiting = new Map<string, Item[]>();
  const keys = new Set<string>();
  const busy = new Map<string, Promise<void>>();
  const delayed = new Map<string, NodeJS.Timeout>();
  const tries = new Map<string, number>();
  let seen: Promise<Set<string>> | undefined;
  let saving: Promise<void> = Promise.resolve();
  let closed = false;

  const loadSeen = (): Promise<Set<string>> => {
    seen ??= store.get("seen-events").then((text) => new Set(text === undefined ? [] : v.parse(Seen, JSON.parse(text))));
    return seen;
  };
  /** Remembered as done before they are dropped: a crash in between acts once more. */
  const finish = async (items: readonly Item[]): Promise<void> => {
    const known = await loadSeen();
    for (const { key } of items) known.add(key);
    for (const oldest of [...known].slice(0, Math.max(0, known.size - MOST_SEEN))) known.delete(oldest);
    saving = saving.catch(() => undefined).then(() => store.set("seen-events", JSON.stringify([...known])));
    await saving;
    for (const { key } of items) {
      await store.delete(`event/${key}`);
      keys.delete(key);
    }
  };

  const later = (name: string): void => {
    const count = (tries.get(name) ?? 0) + 1;
    tries.set(name, count);
    const timer = setTimeout(() => {
      delayed.delete(name);
      pump();
    }, wait(count));
    timer.unref();
    delayed.set(name, timer);
  };

  const work = async (name: string): Promise<void> => {
    const items = waiting.get(name) ?? [];
    try {
      await act(items.map(({ event }) => event));
    } catch (thrown) {
      // What the server or the sink will never do now, the next sync says again.
      if (asCounterfoilError(thrown).retryable && (tries.get(name) ?? 0) < MOST_TRIES) return later(name);
    }
    try {
      await finish(items);
    } catch {
      return later(name);
    }
    tries.delete(name);
    const rest = (waiting.get(name) ?? []).slice(items.length);
    if (rest.length === 0) waiting.delete(name);
    else waiting.set(name, rest);
  };

  const pump = (): void => {
    for (const name of waiting.keys()) {
      if (closed || busy.size >= WIDTH) return;
      if (busy.has(name) || delayed.has(name)) continue;
      busy.set(
        name,
        work(name).finally(() => {
          busy.delete(name);
          pump();
        }),
      );
    }
  };

  const undelay = (name: string): void => {
    clearTimeout(delayed.get(name));
    delayed.delete(name);
  };

  const add = (item: Item): void => {
    const name = item.event.grant ?? "stream";
    waiting.set(name, [...(waiting.get(name) ?? []), item]);
    // An end must not wait for what failed before it.
    undelay(name);
    pump();
  };

  return {
    async take(event) {
      const key = (await hashOf(event.jti)).slice(0, 22);
      if (keys.has(key) || (await loadSeen()).has(key)) return "known";
      if (keys.size >= MOST_WAITING || closed) return "full";
      keys.add(key);
      try {
        const kept: v.InferOutput<typeof Kept> = {
          ...event,
          at: event.at.toISOString(),
          grant: event.grant ?? null,
          payload: { ...event.payload },
        };
        await store.set(`event/${key}`, JSON.stringify(kept));
      } catch (error) {
        keys.delete(key);
        throw error;
      }
      add({ key, event });
      return "new";
    },
    async idle() {
      while (busy.size > 0) await Promise.race(busy.values());
    },
    async start() {
      const left: Item[] = [];
      for (const name of await store.list("event/")) {
        const key = name.slice("event/".length);
        const text = keys.has(key) ? undefined : await store.get(name);
        if (text === undefined) continue;
        const { at, grant, issuer = home, ...rest } = v.parse(Kept, JSON.parse(text));
        keys.add(key);
        left.push({ key, event: { ...rest, issuer, at: new Date(at), grant: grant ?? undefined } as VendorEvent });
      }
      for (const item of left.sort((a, b) => a.event.at.getTime() - b.event.at.getTime())) add(item);
    },
    async close() {
      closed = true;
      for (const name of [...delayed.keys()]) undelay(name);
      await Promise.all(busy.values());
    },
  };
}

/** 1 s, 2 s, 4 s and so on, at most 5 minutes. */
const retryAfter = (tries: number): number => Math.min(1000 * 2 ** (tries - 1), 300_000);
