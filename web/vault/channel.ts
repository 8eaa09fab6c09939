import type { VaultEvent } from "./context.ts";
import type { Core } from "./core.ts";
import type { Failure, FromWorker, Method, ToWorker } from "./messages.ts";
import type { Got, Made, Prompts } from "./prompts.ts";
import { VaultError } from "./vault.ts";

/** The page's end of the worker's message channel. */
export interface Channel {
  call<M extends Method>(method: M, ...args: Parameters<Core[M]>): ReturnType<Core[M]>;
  /** Ends the worker, and with it every key. What was asked of it is refused. */
  end(): void;
}

const failed = ({ code, message, reference }: Failure): VaultError => new VaultError(code, message, reference);

/** @param start makes the worker; @param origin where the API is */
export function openChannel(start: () => Promise<Worker>, origin: string, prompts: Prompts, heard: (event: VaultEvent) => void): Channel {
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: VaultError) => void }>();
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
    waiting.delete(message.id);
    if ("failure" in message) call?.reject(failed(message.failure));
    else call?.resolve(message.answer);
  }

  return {
    call: ((method: Method, ...args: unknown[]) =>
      new Promise((resolve, reject) => {
        calls += 1;
        const id = calls;
        waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
        worker.then((started) => send(started, { id, method, args }), reject);
      })) as Channel["call"],
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
    send(worker, { prompt: id, failure: { code: known.code, message: known.message, reference: known.reference } });
  }
}
