import { signal } from "@preact/signals";
import type { Area, Areas, Catalogue } from "./catalogue.ts";

type Loaders = { readonly [A in keyof Areas]: () => Promise<Areas[A]> };

/** Lazy chunks for each language; a language is on offer as soon as it stands here. */
const LANGUAGES = {
  en: {
    main: () => import("./en/main.ts").then((it) => it.main),
    form: () => import("./en/form.ts").then((it) => it.form),
    connection: () => import("./en/connection.ts").then((it) => it.connection),
    ask: () => import("./en/ask.ts").then((it) => it.ask),
    data: () => import("./en/data.ts").then((it) => it.data),
    safety: () => import("./en/safety.ts").then((it) => it.safety),
    you: () => import("./en/you.ts").then((it) => it.you),
    purchases: () => import("./en/purchases.ts").then((it) => it.purchases),
    imports: () => import("./en/imports.ts").then((it) => it.imports),
    wanted: () => import("./en/wanted.ts").then((it) => it.wanted),
    vendors: () => import("./en/vendors.ts").then((it) => it.vendors),
    leaving: () => import("./en/leaving.ts").then((it) => it.leaving),
    putBack: () => import("./en/put-back.ts").then((it) => it.putBack),
  },
} as const satisfies Record<string, Loaders>;

type Language = keyof typeof LANGUAGES;

const isLanguage = (tag: string): tag is Language => Object.hasOwn(LANGUAGES, tag);

let language: Language = "en";
const current = signal<Catalogue | undefined>(undefined);

/** The first of the wanted BCP 47 tags that is on offer, else English. */
export const pickLanguage = (wanted: readonly string[]): Language =>
  wanted.map((tag) => tag.split("-", 1)[0] ?? "").find(isLanguage) ?? "en";

export async function loadWords(chosen: Language): Promise<void> {
  language = chosen;
  current.value = (await LANGUAGES[chosen].main()) as Catalogue;
  document.documentElement.lang = chosen;
}

/** Brings the words of these areas, once each. */
export async function loadAreas(areas: readonly Area[]): Promise<void> {
  const loaders: Loaders = LANGUAGES[language];
  const loaded: ReadonlyArray<Partial<Catalogue>> = await Promise.all(areas.map((area) => loaders[area]()));
  current.value = Object.assign({}, current.peek(), ...loaded) as Catalogue;
}

/** The words of the language in use; a component that calls this follows a change of it. A screen's areas come with it (`route`). */
export function words(): Catalogue {
  if (current.value === undefined) throw new TypeError("no words before loadWords");
  return current.value;
}
