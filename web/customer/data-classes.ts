import type { Catalogue } from "../locales/catalogue.ts";

export type DataClass = keyof Catalogue["data"]["classes"];

/** Which kinds of data stand on which page. A kind that can be shared stands on exactly one. */
export const DATA_CLASSES: Record<DataClass, readonly string[]> = {
  about: ["profile/name", "profile/birthday", "profile/languages"],
  reach: ["profile/emails", "profile/phones", "profile/online"],
  addresses: ["profile/addresses"],
  contact: ["preferences/contact"],
  preferences: ["preferences/sizes", "preferences/tastes", "preferences/diet", "preferences/accessibility"],
  purchases: ["purchases"],
  wanted: ["intents"],
};

/** Classes with a page of their own; the others' is made from the schemas. */
const OWN_PAGES: Partial<Record<DataClass, string>> = { purchases: "/data/purchases", wanted: "/wanted" };

export const classNames = (): DataClass[] => Object.keys(DATA_CLASSES).filter(isDataClass);

const isDataClass = (name: string): name is DataClass => Object.hasOwn(DATA_CLASSES, name);

/** True for a class whose page is made from the schemas. */
export const isMadeClass = (name: string): name is DataClass => isDataClass(name) && OWN_PAGES[name] === undefined;

export const classHref = (name: DataClass): string => OWN_PAGES[name] ?? `/data/${name}`;

/** Where a record is shown: its row's own address. Undefined for what has no page under /data. */
export function recordHref({ path, kind }: { path: string; kind: string }): string | undefined {
  if (kind === "intents") return `/wanted/${path.slice(kind.length + 1)}`;
  const name = classNames().find((each) => DATA_CLASSES[each].includes(kind));
  return name && `${classHref(name)}#${path}`;
}
