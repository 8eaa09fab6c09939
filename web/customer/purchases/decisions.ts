import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Purchase, Recipient } from "#protocol/data/purchases.ts";
import { type Vault, VaultError } from "../../vault/vault.ts";

/** For whom things were bought, as it is decided one after another: shown at once, saved a few at a time, kept until it is saved. */
export interface Decisions {
  /** Decided and not saved yet, by path. */
  readonly waiting: ReadonlySignal<ReadonlyMap<string, Recipient>>;
  readonly saving: ReadonlySignal<boolean>;
  /** What the last saving threw. What it was about is still waiting. */
  readonly fault: ReadonlySignal<unknown>;
  /** Whether there is a decision to take back. */
  readonly undoable: ReadonlySignal<boolean>;
  decide(paths: readonly string[], recipient: Recipient): void;
  /** Takes the last decision back, and answers what it was about. */
  undo(): readonly string[];
  /** Saves what is waiting, now. */
  flush(): void;
  /** Of these something else was saved since. */
  forget(paths: readonly string[]): void;
}

/** So many are saved at once… */
const BATCH = 8;
/** …or what there is after so many milliseconds without another one. */
const REST = 1500;
/** After what passes by itself it is tried again so many milliseconds later. */
const AGAIN = 5000;
const PASSING: readonly string[] = ["busy", "stale", "offline", "rate_limited"];
const MOST_UNDO = 200;

const known = new WeakMap<Vault, Decisions>();

/** One for each vault: what a page leaves unsaved is there on the next page. Holds places and answers, no values. */
export function decisionsOf(vault: Vault): Decisions {
  const decisions = known.get(vault) ?? make(vault);
  known.set(vault, decisions);
  return decisions;
}

function make(vault: Vault): Decisions {
  const waiting = signal<ReadonlyMap<string, Recipient>>(new Map());
  const saving = signal(false);
  const fault = signal<unknown>(undefined);
  const past = signal<readonly ReadonlyMap<string, Recipient>[]>([]);
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** For whom each of them is now. */
  const answersOf = (paths: readonly string[]): Map<string, Recipient> => {
    const asked = new Set(paths);
    const saved = (vault.store.peek()?.records ?? []).filter(({ path, value }) => value !== null && asked.has(path));
    const answers = new Map(saved.map(({ path, value }) => [path, (value as Purchase).recipient]));
    for (const path of paths) answers.set(path, waiting.peek().get(path) ?? answers.get(path) ?? "unknown");
    return answers;
  };
  const put = (answers: ReadonlyMap<string, Recipient>): void => {
    waiting.value = new Map([...waiting.peek(), ...answers]);
    if (waiting.peek().size >= BATCH) flush();
    else later(REST);
  };
  const without = (paths: Iterable<string>, sent?: ReadonlyMap<string, Recipient>): void => {
    const left = new Map(waiting.peek());
    for (const path of paths) if (sent === undefined || left.get(path) === sent.get(path)) left.delete(path);
    waiting.value = left;
  };
  const save = async (): Promise<void> => {
    const store = vault.store.peek();
    if (saving.peek() || store === undefined || waiting.peek().size === 0 || !vault.online.peek()) return;
    const sent = waiting.peek();
    const edits = store.records.flatMap(({ path, value }) => {
      const recipient = sent.get(path);
      return recipient === undefined || value === null ? [] : [{ path, value: { ...(value as Purchase), recipient } }];
    });
    saving.value = true;
    fault.value = undefined;
    try {
      if (edits.length > 0) await vault.saveAll({ edits });
      // What is gone from the store has nothing to be sorted.
      without(sent.keys(), sent);
    } catch (thrown) {
      const done = thrown instanceof VaultError ? thrown.done : 0;
      without(
        edits.slice(0, done).map(({ path }) => path),
        sent,
      );
      fault.value = thrown;
    } finally {
      saving.value = false;
    }
    if (waiting.peek().size === 0) return;
    const code = fault.peek() instanceof VaultError ? (fault.peek() as VaultError).code : undefined;
    if (fault.peek() === undefined || (code !== undefined && PASSING.includes(code))) later(fault.peek() === undefined ? REST : AGAIN);
  };
  const later = (delay: number): void => {
    clearTimeout(timer);
    timer = setTimeout(flush, delay);
  };
  const flush = (): void => {
    clearTimeout(timer);
    void save();
  };
  effect(() => {
    // Back online, or opened again.
    if (vault.online.value && vault.store.value !== undefined && waiting.peek().size > 0 && fault.peek() === undefined) flush();
  });
  effect(() => {
    // Whoever signs in next may be another person.
    if (vault.state.value !== "signed-out") return;
    waiting.value = new Map();
    past.value = [];
    fault.value = undefined;
  });
  const unsaved = computed(() => waiting.value.size > 0);
  const hold = (event: Event): void => event.preventDefault();
  effect(() => {
    if (unsaved.value) addEventListener("beforeunload", hold);
    else removeEventListener("beforeunload", hold);
  });

  return {
    waiting,
    saving,
    fault,
    undoable: computed(() => past.value.length > 0),
    decide: (paths, recipient) => {
      past.value = [...past.peek(), answersOf(paths)].slice(-MOST_UNDO);
      put(new Map(paths.map((path) => [path, recipient])));
    },
    undo: () => {
      const last = past.peek().at(-1);
      if (last === undefined) return [];
      past.value = past.peek().slice(0, -1);
      put(last);
      return [...last.keys()];
    },
    flush,
    forget: (paths) => without(paths),
  };
}
