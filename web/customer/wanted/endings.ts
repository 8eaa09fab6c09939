import { signal } from "@preact/signals";
import type { Intent } from "#protocol/data/intents.ts";
import { words } from "../../locales/words.ts";
import { type Action, useAction } from "../../parts/action.ts";
import { fieldDay } from "../../parts/dates.ts";
import { say } from "../../parts/status.tsx";
import { useVault } from "../vault-context.ts";
import { ended, reopened, type Wish } from "./intents.ts";

export type Ending = "fulfilled" | "withdrawn" | "open" | "removed";

/** The step that can be taken back, with the wish as it was. It outlives a wish's own page, whose steps lead back to the list. */
export const lastStep = signal<{ readonly wish: Wish; readonly ending: Ending } | undefined>(undefined);

export interface Endings {
  readonly step: Action<[Wish, Ending]>;
  readonly undo: Action<[]>;
}

/** Ends, reopens or removes a wish; and takes the last such step back. */
export function useEndings(after?: () => void): Endings {
  const vault = useVault();
  const step = useAction(async (wish: Wish, ending: Ending) => {
    const { path } = wish.record;
    if (ending === "removed") await vault.remove(path);
    else await vault.save({ path, value: changed(wish.intent, ending) });
    lastStep.value = { wish, ending };
    after?.();
  });
  const undo = useAction(async () => {
    const last = lastStep.value;
    if (last === undefined) return;
    await vault.save({ path: last.wish.record.path, value: last.wish.intent });
    lastStep.value = undefined;
    say(words().wanted.undone);
  });
  return { step, undo };
}

const changed = (intent: Intent, ending: "fulfilled" | "withdrawn" | "open"): Intent =>
  ending === "open" ? reopened(intent) : ended(intent, ending, fieldDay(Date.now()));
