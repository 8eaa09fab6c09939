import { begin } from "./begin.ts";
import { bring, takeBack } from "./bringing.ts";
import { saveCard } from "./cards.ts";
import { consentFacts } from "./consent-facts.ts";
import { beginContext, type Context, type Surroundings } from "./context.ts";
import { remove, save, saveAll } from "./data.ts";
import { exportPlain, exportSealed } from "./export.ts";
import { openExport, restore } from "./export-opening.ts";
import { explained } from "./faults.ts";
import { confirmKit, finishRecovery, makeKit, recover } from "./kit.ts";
import { erase, keep } from "./leaving.ts";
import { arrive, move, stay } from "./moving.ts";
import { narrow } from "./narrowing.ts";
import { goOn } from "./put-back.ts";
import { isRefusal } from "./server.ts";
import { approve, decline, preview, reopen, request } from "./sharing.ts";
import { pause, pauseAll, pauseByLink, receipt, resume, stop } from "./standing.ts";
import { refresh, signOut, start, unlock } from "./unlock.ts";
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
  reopen,
  narrow,
  consentFacts,
  save,
  remove,
  saveAll,
  bring,
  takeBack,
  saveCard,
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
  exportSealed,
  exportPlain,
  openExport,
  restore,
  erase,
  keep,
  move,
  stay,
  arrive,
  goOn,
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
          if (context.store !== undefined && isRefusal(error, "unauthenticated")) context.publish({ away: true });
          throw explained(error);
        });
      last = turn.catch(() => undefined);
      return turn;
    };
  return Object.fromEntries(
    Object.entries(VERBS).map(([name, verb]) => [name, inTurn(verb as (context: Context, ...args: unknown[]) => unknown)]),
  ) as unknown as Core;
}
