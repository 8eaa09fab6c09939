import { type Signal, useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import { type Action, useAction } from "../../parts/action.ts";
import { say } from "../../parts/status.tsx";
import type { Vault } from "../../vault/vault.ts";
import type { Progress } from "./session.ts";

export interface TakingBack extends Action<[id: string]> {
  readonly progress: Signal<Progress | undefined>;
}

/** Takes an import back, and says what became of it. */
export function useTakingBack(vault: Vault, onDone: (id: string) => void): TakingBack {
  const progress = useSignal<Progress | undefined>(undefined);
  const action = useAction(async (id: string) => {
    try {
      const { removed, changed } = await vault.takeBack(id, {
        onProgress: (told) => {
          progress.value = told;
        },
      });
      const t = words().imports;
      say(changed === 0 ? t.undone(removed) : t.undoneChanged(removed, changed));
      onDone(id);
    } finally {
      progress.value = undefined;
    }
  });
  return { ...action, progress };
}
