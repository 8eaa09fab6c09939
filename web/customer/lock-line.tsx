import { words } from "../locales/words.ts";
import { useNow } from "../parts/now.ts";
import { useVault } from "./vault-context.ts";

/** How long the store stays open, and the way to close it now. */
export function LockLine() {
  const vault = useVault();
  const now = useNow();
  const t = words().state;
  if (vault.state.value !== "unlocked") return null;
  const at = vault.locksAt.value;
  return (
    <div class="lockline">
      {at !== undefined && <span>{t.locksIn(Math.max(1, Math.ceil((at - Math.max(now.value, Date.now())) / 60_000)))}</span>}
      <button type="button" class="text-btn" onClick={() => vault.lock()}>
        {t.lockNow}
      </button>
    </div>
  );
}
