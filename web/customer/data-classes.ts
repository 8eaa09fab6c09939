import type { Catalogue } from "../locales/en.ts";

export type DataClass = keyof Catalogue["data"]["classes"];

/** Which kinds of data stand on which page under /data. A kind that can be shared stands on exactly one. */
export const DATA_CLASSES: Record<DataClass, readonly string[]> = {
  about: ["profile/name", "profile/birthday", "profile/languages"],
  reach: ["profile/emails", "profile/phones", "profile/online"],
  addresses: ["profile/addresses"],
  contact: ["preferences/contact"],
  preferences: ["preferences/sizes", "preferences/tastes", "preferences/diet", "preferences/accessibility"],
};

export const isDataClass = (name: string): name is DataClass => Object.hasOwn(DATA_CLASSES, name);
