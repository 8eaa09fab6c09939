import type { ask } from "./en/ask.ts";
import type { connection } from "./en/connection.ts";
import type { data } from "./en/data.ts";
import type { form } from "./en/form.ts";
import type { imports } from "./en/imports.ts";
import type { leaving } from "./en/leaving.ts";
import type { main } from "./en/main.ts";
import type { purchases } from "./en/purchases.ts";
import type { putBack } from "./en/put-back.ts";
import type { safety } from "./en/safety.ts";
import type { vendors } from "./en/vendors.ts";
import type { wanted } from "./en/wanted.ts";
import type { you } from "./en/you.ts";

/** What each language must have, by area: a missing key, or one too many, fails tsc. The first page needs `main`; a screen names the rest. */
export interface Areas {
  main: typeof main;
  form: typeof form;
  connection: typeof connection;
  ask: typeof ask;
  data: typeof data;
  safety: typeof safety;
  you: typeof you;
  purchases: typeof purchases;
  imports: typeof imports;
  wanted: typeof wanted;
  vendors: typeof vendors;
  leaving: typeof leaving;
  putBack: typeof putBack;
}
export type Area = Exclude<keyof Areas, "main">;

/** All words of a language. An area's are there once it was loaded. */
export type Catalogue = Areas["main"] &
  Areas["form"] &
  Areas["connection"] &
  Areas["ask"] &
  Areas["data"] &
  Areas["safety"] &
  Areas["you"] &
  Areas["purchases"] &
  Areas["imports"] &
  Areas["wanted"] &
  Areas["vendors"] &
  Areas["leaving"] &
  Areas["putBack"];
