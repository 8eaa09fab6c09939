import type { Vault } from "../../vault/vault.ts";
import { EVERYTHING, type Search } from "./find.ts";

/** In memory alone: an address goes to the server, and a browser's history to its disk. */
const kept = new WeakMap<Vault, Search>();
const asked = new WeakMap<Vault, Search>();

const isMarked = (): boolean => (history.state as { looked?: unknown } | null)?.looked === true;

/** Notes what is looked for, so that the way back to this page finds it again. */
export function keepSearch(vault: Vault, search: Search): void {
  kept.set(vault, search);
  if (!isMarked()) history.replaceState({ ...(history.state as object | null), looked: true }, "");
}

/** What the list is to begin with when it opens next. */
export const askFor = (vault: Vault, part: Partial<Search>): void => {
  asked.set(vault, { ...EVERYTHING, ...part });
};

/** What was asked for by a link, or looked for when this page was left; else everything. */
export function firstSearch(vault: Vault): Search {
  const search = asked.get(vault);
  asked.delete(vault);
  if (search !== undefined) keepSearch(vault, search);
  return search ?? (isMarked() ? kept.get(vault) : undefined) ?? EVERYTHING;
}

/** Of a store that is closed nothing is remembered. */
export const forgetSearch = (vault: Vault): void => {
  kept.delete(vault);
};
