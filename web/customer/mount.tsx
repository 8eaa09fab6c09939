import { render } from "preact";
import { loadWords, pickLanguage } from "../locales/words.ts";
import type { Vault } from "../vault/vault.ts";
import { App } from "./app.tsx";
import { applyTheme } from "./theme.ts";

/** Draws the app over a vault: the real one, or a prepared one in tests. */
export async function mount(vault: Vault): Promise<void> {
  applyTheme();
  await loadWords(pickLanguage(navigator.languages));
  const root = document.getElementById("app");
  if (root) render(<App vault={vault} />, root);
}
