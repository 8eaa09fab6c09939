import type { VaultEvent } from "./context.ts";
import type { Core } from "./core.ts";
import type { Failure, FromWorker, LongMethod, Method, ToWorker } from "./messages.ts";
import type { Got, Made, Prompts } from "./prompts.ts";
import { VaultError, type Working } from "./vault.ts";

/** The page's end of the worker's message channel. */
export interface Channel {
  call<M extends Exclude<Method, LongMethod>>(method: M, ...args: Parameters<Core[M]>): ReturnType<Core[M]>;
  /** A verb that takes long, with what it is asked; how far it is comes to `working`. */
  callLong<M extends LongMethod>(method: M, working: Working | undefined, ...args: Asked<Parameters<Core[M]>>): ReturnType<Core[M]>;
  /** Ends the worker, and with it every key. What was asked of it is refused. */
  end(): void;
}

/** Without the last: functions and signals don't pass through a message. */
type Asked<P extends unknown[]> = Required<P> extends [...infer Rest, unknown] ? Rest : never;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: VaultError) => void;
  readonly working: Working | undefined;
}

const failed = ({ code, message, reference, done }: Failure): VaultError => new VaultError(code, message, reference, done);

/** @param start makes the worker; @param origin where the API is */
export function openChannel(start: () => Promise<Worker>, origin: string, prompts: Prompts, heard: (event: VaultEvent) => void): Channel {
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  let ended = false;
  const worker = start().then(
    (started) => {
      started.onmessage = ({ data }: MessageEvent<FromWorker>) => receive(data, started);
      started.onerror = () => refuseAll(new VaultError("failed", "The vault stopped working. Load this page again."));
      send(started, { origin });
      if (ended) started.terminate();
      return started;
    },
    () => {
      throw new VaultError(
        navigator.onLine ? "tampered" : "offline",
        navigator.onLine
          ? "The vault's code is not the one that belongs to this page, so it was not started."
          : "The vault could not be loaded",
      );
    },
  );
  worker.catch(refuseAll);

  function refuseAll(error: VaultError): void {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function receive(message: FromWorker, from: Worker): void {
    if (ended) return;
    if ("event" in message) heard(message.event);
    else if ("ask" in message) void prompt(prompts, message.prompt, message.ask, from);
    else settle(message);
  }

  function settle(message: Extract<FromWorker, { id: number }>): void {
    const call = waiting.get(message.id);
    if ("progress" in message) {
      call?.working?.onProgress?.(message.progress);
      return;
    }
    waiting.delete(message.id);
    if ("failure" in message) call?.reject(failed(message.failure));
    else call?.resolve(message.answer);
  }

  const ask = (method: Method, args: readonly unknown[], long: boolean, working?: Working): Promise<unknown> =>
    new Promise((resolve, reject) => {
      calls += 1;
      const id = calls;
      const stop = (): void => {
        worker.then((started) => send(started, { cancel: id })).catch(() => undefined);
      };
      const settled =
        <T>(settle: (outcome: T) => void) =>
        (outcome: T): void => {
          working?.signal?.removeEventListener("abort", stop);
          settle(outcome);
        };
      waiting.set(id, { resolve: settled(resolve), reject: settled(reject), working });
      worker.then((started) => {
        send(started, { id, method, args, long });
        if (working?.signal?.aborted) stop();
        else working?.signal?.addEventListener("abort", stop);
      }, reject);
    });

  return {
    call: ((method: Method, ...args: unknown[]) => ask(method, args, false)) as Channel["call"],
    callLong: ((method: Method, working: Working | undefined, ...args: unknown[]) =>
      ask(method, args, true, working)) as Channel["callLong"],
    end() {
      ended = true;
      worker.then((started) => started.terminate()).catch(() => undefined);
      refuseAll(new VaultError("cancelled", "The store was locked"));
    },
  };
}

const send = (worker: Worker, message: ToWorker, moved: Transferable[] = []): void => worker.postMessage(message, moved);

async function prompt(prompts: Prompts, id: number, ask: Extract<FromWorker, { ask: unknown }>["ask"], worker: Worker): Promise<void> {
  try {
    const answer: Got | Made = await ("get" in ask ? prompts.get(ask.get) : prompts.create(ask.create));
    // Moved: what was here is gone.
    send(worker, { prompt: id, answer }, answer.prf === undefined ? [] : [answer.prf.buffer]);
  } catch (error) {
    const known = error instanceof VaultError ? error : new VaultError("failed", "The passkey prompt failed");
    send(worker, { prompt: id, failure: { code: known.code, message: known.message, reference: known.reference, done: 0 } });
  }
}
