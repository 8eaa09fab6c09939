import { kindAt } from "#protocol/categories.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { begin } from "./begin.ts";
import { beginContext, storeOf, type Surroundings } from "./context.ts";
import { confirmKit, finishRecovery, makeKit, recover } from "./kit.ts";
import { read } from "./reading.ts";
import { ServerRefusal } from "./server.ts";
import { approve, decline, place, preview, request } from "./sharing.ts";
import { pause, pauseAll, pauseByLink, receipt, resume, stop } from "./standing.ts";
import { outline, signOut, start, unlock } from "./unlock.ts";
import { type Approval, type Edit, type Vault, VaultError } from "./vault.ts";
import { addPasskey, dropWay } from "./ways.ts";
import { write } from "./writing.ts";

/** The verbs of the vault, behind the worker's one message channel. They run one after another: each sees what the one before left. */
export type Core = Pick<Vault, "begin" | "unlock" | "signOut" | "refresh" | "preview" | "approve" | "decline" | "save" | "remove" | Standing | Ways> & {
  start(): Promise<void>;
  request(id: string, named?: string): ReturnType<Vault["request"]>;
};
type Standing = "pause" | "resume" | "stop" | "pauseAll" | "pauseByLink" | "receipt";
type Ways = "makeKit" | "confirmKit" | "addPasskey" | "dropWay" | "recover" | "finishRecovery";

export function createCore(surroundings: Surroundings): Core {
  const context = beginContext(surroundings);
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => T | Promise<T>): Promise<T> => {
    const turn = last.then(work).catch((error: unknown) => {
      throw explained(error);
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    start: () => inTurn(() => start(context)),
    begin: () => inTurn(() => begin(context)),
    unlock: () => inTurn(() => unlock(context)),
    signOut: () => inTurn(() => signOut(context)),
    refresh: () => inTurn(() => (context.store === undefined ? (context.session === undefined ? start(context) : outline(context)) : read(context))),
    request: (id, named) => inTurn(() => request(context, id, named)),
    preview: (details, edits) => inTurn(() => preview(context, details, edits)),
    approve: (approval: Approval) => inTurn(() => approve(context, approval)),
    decline: (id) => inTurn(() => decline(context, id)),
    save: (edit: Edit) =>
      inTurn(async () => {
        const { contents } = place([edit]);
        await write(context, () => ({ contents }));
      }),
    remove: (path) =>
      inTurn(async () => {
        if (!storeOf(context).contents.has(path)) throw new VaultError("invalid", "There is nothing here to remove");
        await write(context, () => ({ contents: new Map([[path, kindAt(path)?.many ? { removed: true } : { value: null }]]) }));
      }),
    pause: (grant) => inTurn(() => pause(context, grant)),
    resume: (grant) => inTurn(() => resume(context, grant)),
    stop: (grant, { askDeletion }) => inTurn(() => stop(context, grant, askDeletion)),
    pauseAll: () => inTurn(() => pauseAll(context)),
    pauseByLink: (fragment) => inTurn(() => pauseByLink(context, fragment)),
    receipt: (grant) => inTurn(() => receipt(context, grant, context.place.origin)),
    makeKit: (replacing) => inTurn(() => makeKit(context, replacing)),
    confirmKit: (typed) => inTurn(() => confirmKit(context, typed)),
    addPasskey: () => inTurn(() => addPasskey(context)),
    dropWay: (id) => inTurn(() => dropWay(context, id)),
    recover: (code) => inTurn(() => recover(context, code)),
    finishRecovery: ({ drop }) => inTurn(() => finishRecovery(context, drop)),
  };
}

/** What is thrown below, as what a screen can say. What doesn't fit its proof says what was seen. */
function explained(error: unknown): VaultError {
  if (error instanceof VaultError) return error instanceof ServerRefusal ? new VaultError(error.code, error.message, error.reference) : error;
  if (error instanceof EvidenceError) return new VaultError("tampered", error.message);
  return new VaultError("failed", "Something went wrong in this app. Nothing was changed.");
}
