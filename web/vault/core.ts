import { EvidenceError } from "#protocol/jws.ts";
import { begin } from "./begin.ts";
import { beginContext, type Context, type Surroundings } from "./context.ts";
import { remove, save } from "./data.ts";
import { confirmKit, finishRecovery, makeKit, recover } from "./kit.ts";
import { ServerRefusal } from "./server.ts";
import { approve, decline, preview, request } from "./sharing.ts";
import { pause, pauseAll, pauseByLink, receipt, resume, stop } from "./standing.ts";
import { refresh, signOut, start, unlock } from "./unlock.ts";
import { VaultError } from "./vault.ts";
import { addPasskey, dropWay } from "./ways.ts";

/** The verbs of the vault. Nothing else can be asked of the worker. */
const VERBS = {
  start,
  begin,
  unlock,
  signOut,
  refresh,
  request,
  preview,
  approve,
  decline,
  save,
  remove,
  pause,
  resume,
  stop,
  pauseAll,
  pauseByLink,
  receipt,
  makeKit,
  confirmKit,
  addPasskey,
  dropWay,
  recover,
  finishRecovery,
};

type Verbs = typeof VERBS;
export type Core = {
  readonly [N in keyof Verbs]: Verbs[N] extends (context: Context, ...args: infer Args) => infer Answer
    ? (...args: Args) => Promise<Awaited<Answer>>
    : never;
};

/** The verbs over one store. They run one after another: each sees what the one before left. */
export function createCore(surroundings: Surroundings): Core {
  const context = beginContext(surroundings);
  let last: Promise<unknown> = Promise.resolve();
  const inTurn =
    (verb: (context: Context, ...args: unknown[]) => unknown) =>
    (...args: unknown[]): Promise<unknown> => {
      const turn = last
        .then(() => verb(context, ...args))
        .catch((error: unknown) => {
          throw explained(error);
        });
      last = turn.catch(() => undefined);
      return turn;
    };
  return Object.fromEntries(
    Object.entries(VERBS).map(([name, verb]) => [name, inTurn(verb as (context: Context, ...args: unknown[]) => unknown)]),
  ) as unknown as Core;
}

/** What is thrown below, as what a screen can say. What doesn't fit its proof says what was seen. */
function explained(error: unknown): VaultError {
  if (error instanceof ServerRefusal) return new VaultError(error.code, error.message, error.reference);
  if (error instanceof VaultError) return error;
  return error instanceof EvidenceError ? new VaultError("tampered", error.message) : new VaultError("failed", "fault in the vault");
}
