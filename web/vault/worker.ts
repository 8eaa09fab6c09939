import { memoryInBrowser } from "./browser-memory.ts";
import { type Core, createCore } from "./core.ts";
import type { Failure, FromWorker, ToWorker } from "./messages.ts";
import type { Got, Made, Prompts } from "./prompts.ts";
import { connect } from "./server.ts";
import { VaultError, type Working } from "./vault.ts";

/** The only place where raw keys are. It ends when the store is locked. */
const scope = self as unknown as DedicatedWorkerGlobalScope;
const send = (message: FromWorker): void => scope.postMessage(message);

const asked = new Map<number, { resolve: (answer: Got | Made) => void; reject: (error: VaultError) => void }>();
let prompts = 0;
const ask = <T extends Got | Made>(what: Extract<FromWorker, { prompt: number }>["ask"]): Promise<T> =>
  new Promise((resolve, reject) => {
    prompts += 1;
    asked.set(prompts, { resolve: resolve as (answer: Got | Made) => void, reject });
    send({ prompt: prompts, ask: what });
  });
const pagePrompts: Prompts = { get: (get) => ask<Got>({ get }), create: (create) => ask<Made>({ create }) };

let core: Core | undefined;
/** Verbs that can be stopped, by the id of their call. */
const stops = new Map<number, AbortController>();

scope.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if ("origin" in data) {
    core = createCore({
      server: connect(data.origin, (...call) => fetch(...call)),
      prompts: pagePrompts,
      memory: memoryInBrowser(),
      place: { origin: data.origin, rpId: new URL(data.origin).hostname },
      now: () => Date.now(),
      wait: (duration) => new Promise((resolve) => setTimeout(resolve, duration)),
      publish: (event) => send({ event }),
    });
  } else if ("cancel" in data) {
    stops.get(data.cancel)?.abort();
  } else if ("prompt" in data) {
    const waiting = asked.get(data.prompt);
    asked.delete(data.prompt);
    if ("answer" in data) waiting?.resolve(data.answer);
    else waiting?.reject(new VaultError(data.failure.code, data.failure.message, data.failure.reference));
  } else {
    void run(data);
  }
};

async function run({ id, method, args, long }: Extract<ToWorker, { method: string }>): Promise<void> {
  try {
    if (core === undefined || !Object.hasOwn(core, method)) throw new VaultError("failed", "no such verb");
    const verb = core[method] as (...args: readonly unknown[]) => Promise<unknown>;
    send({ id, answer: await verb(...args, ...(long ? [workingOf(id)] : [])) });
  } catch (error) {
    send({ id, failure: failureOf(error) });
  } finally {
    stops.delete(id);
  }
}

function workingOf(id: number): Working {
  const stop = new AbortController();
  stops.set(id, stop);
  return { signal: stop.signal, onProgress: (progress) => send({ id, progress }) };
}

const failureOf = (error: unknown): Failure =>
  error instanceof VaultError
    ? { code: error.code, message: error.message, reference: error.reference, done: error.done }
    : { code: "failed", message: "Something went wrong in this app", reference: undefined, done: 0 };
