import { signal } from "@preact/signals";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "counterfoil.theme";
const isTheme = (value: unknown): value is Theme => THEMES.some((each) => each === value);

export const theme = signal<Theme>("auto");

/** Before the first drawing: what was chosen here, else what the device says. */
export function applyTheme(chosen?: Theme): void {
  const stored = chosen ?? localStorage.getItem(KEY);
  theme.value = isTheme(stored) ? stored : "auto";
  document.documentElement.dataset.theme = theme.value;
  if (chosen !== undefined) localStorage.setItem(KEY, chosen);
}
