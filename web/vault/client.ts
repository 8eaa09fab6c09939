import { signal } from "@preact/signals";
import { autoLock } from "./auto-lock.ts";
import { type Channel, openChannel } from "./channel.ts";
import type { VaultEvent } from "./context.ts";
import { browserPrompts, withoutPrompts } from "./prompts.ts";
import { startWorker } from "./start-worker.ts";
import type { OutlineView, StoreView, Vault, VaultState } from "./vault.ts";
import { applyChange } from "./view-change.ts";

/** What the tabs of one browser tell each other. */
type Word = "lock" | "signed-out" | "changed";

/** The vault of this page: its worker, its prompts and its clock. */
export function createVault(): Vault {
  const state = signal<VaultState>("loading");
  const store = signal<StoreView | undefined>(undefined);
  const outline = signal<readonly OutlineView[]>([]);
  const online = signal(navigator.onLine);
  const away = signal(false);
  const support = signal<"full" | "none">(typeof PublicKeyCredential === "function" && isSecureContext ? "full" : "none");
  const tabs = new BroadcastChannel("counterfoil");
  const lock = autoLock(() => lockHere());

  const heard = (event: VaultEvent): void => {
    if ("store" in event) store.value = applyChange(store.value, event.store);
    else if ("outline" in event) outline.value = event.outline;
    else if ("changed" in event) tell("changed");
    else if ("away" in event) away.value = true;
    else enter(event.state);
  };
  const open = (): Channel => openChannel(startWorker, location.origin, browserPrompts, heard);
  let channel = open();
  const tell = (word: Word): void => tabs.postMessage(word);

  function enter(next: VaultState): void {
    if (next !== "unlocked") {
      store.value = undefined;
      lock.stop();
    } else if (state.value !== "unlocked") {
      lock.start();
    }
    if (next === "signed-out") outline.value = [];
    away.value = false;
    state.value = next;
  }

  /** Whether there is a session. Without an answer a locked page stays locked. */
  function look(): void {
    channel.call("start").catch(() => {
      if (state.value === "loading") enter("signed-out");
    });
  }

  /** A new worker holds nothing; it asks the server whether there is a session. */
  function restart(): void {
    channel.end();
    channel = open();
    look();
  }

  function lockHere(): void {
    if (state.value !== "unlocked") return;
    enter("locked");
    restart();
  }

  tabs.onmessage = ({ data }: MessageEvent<Word>) => {
    if (data === "lock") lockHere();
    else if (data === "changed") channel.call("refresh").catch(() => undefined);
    else {
      enter("signed-out");
      restart();
    }
  };
  addEventListener("online", () => {
    online.value = true;
    channel.call("refresh").catch(() => undefined);
  });
  addEventListener("offline", () => {
    online.value = false;
  });
  look();

  return {
    state,
    store,
    outline,
    online,
    away,
    locksAt: lock.locksAt,
    support,
    begin: () => channel.call("begin"),
    unlock: () => channel.call("unlock"),
    lock() {
      tell("lock");
      lockHere();
    },
    async signOut() {
      await channel.call("signOut");
      tell("signed-out");
      restart();
    },
    refresh: () => channel.call("refresh"),
    request: (id) => channel.call("request", id, named()),
    preview: (details, edits) => channel.call("preview", details, edits),
    approve: (approval) => channel.call("approve", approval),
    // The verbs run one after another: a prompt left open would hold the answer up.
    decline: (request) => withoutPrompts(() => channel.call("decline", request)),
    save: (edit) => channel.call("save", edit),
    remove: (path) => channel.call("remove", path),
    saveAll: (changes, working) => channel.callLong("saveAll", working, changes),
    bring: (batch, working) => channel.callLong("bring", working, batch),
    takeBack: (id, working) => channel.callLong("takeBack", working, id),
    saveCard: (vendor, card) => channel.call("saveCard", vendor, card),
    pause: (grant) => channel.call("pause", grant),
    resume: (...grants) => channel.call("resume", ...grants),
    goOn: () => channel.call("goOn"),
    stop: (grant, options) => channel.call("stop", grant, options),
    pauseAll: () => channel.call("pauseAll"),
    pauseByLink: (fragment) => channel.call("pauseByLink", fragment),
    receipt: (grant) => channel.call("receipt", grant),
    narrow: (grant, details) => channel.call("narrow", grant, details),
    reopen: (request) => channel.call("reopen", request),
    async consentRecord(grant) {
      // Of signed permissions alone, without a key or a value: made here, so that no opening has to load it.
      const [facts, { consentRecord }] = await Promise.all([channel.call("consentFacts", grant), import("#protocol/consent-record.ts")]);
      return consentRecord(facts);
    },
    makeKit: (replacing) => channel.call("makeKit", replacing),
    confirmKit: (typed) => channel.call("confirmKit", typed),
    addPasskey: () => channel.call("addPasskey"),
    dropWay: (id) => channel.call("dropWay", id),
    recover: (code, headSeq) => channel.call("recover", code, headSeq),
    finishRecovery: (options) => channel.call("finishRecovery", options),
    exportSealed: (working) => channel.callLong("exportSealed", working),
    exportPlain: () => channel.call("exportPlain"),
    openExport: (file, code) => channel.call("openExport", file, code),
    restore: (working) => channel.callLong("restore", working),
    async erase(options) {
      const answer = await channel.call("erase", options);
      if (options.when === "now") {
        tell("signed-out");
        restart();
      }
      return answer;
    },
    keep: () => channel.call("keep"),
    async move(to) {
      const { code, until } = await channel.call("move", to);
      return { link: `${to}/move#from=${encodeURIComponent(location.origin)}&code=${code}`, until };
    },
    stay: () => channel.call("stay"),
    arrive: (from, code) => channel.call("arrive", from, code),
  };
}

/** The key that the vendor's own link names, in the fragment that no server sees. */
const named = (): string | undefined => /[#&]enc=([A-Za-z0-9_-]{43})(?:&|$)/.exec(location.hash)?.[1];
