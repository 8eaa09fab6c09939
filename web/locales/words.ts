import { signal } from "@preact/signals";
import type { Catalogue } from "./en.ts";

/** One lazy chunk for each language; a language is on offer as soon as it stands here. */
const LOADERS = {
  en: () => import("./en.ts").then(({ en }): Catalogue => en),
} as const;

type Language = keyof typeof LOADERS;

const isLanguage = (tag: string): tag is Language => Object.hasOwn(LOADERS, tag);

const current = signal<Catalogue | undefined>(undefined);

/** The first of the wanted BCP 47 tags that is on offer, else English. */
export const pickLanguage = (wanted: readonly string[]): Language =>
  wanted.map((tag) => tag.split("-", 1)[0] ?? "").find(isLanguage) ?? "en";

export async function loadWords(language: Language): Promise<void> {
  current.value = await LOADERS[language]();
  document.documentElement.lang = language;
}

/** The words of the language in use; a component that calls this follows a change of it. */
export function words(): Catalogue {
  if (current.value === undefined) throw new TypeError("no words before loadWords");
  return current.value;
}
