import type { Catalogue } from "../../../web/locales/catalogue.ts";
import { ask } from "../../../web/locales/en/ask.ts";
import { connection } from "../../../web/locales/en/connection.ts";
import { data } from "../../../web/locales/en/data.ts";
import { form } from "../../../web/locales/en/form.ts";
import { imports } from "../../../web/locales/en/imports.ts";
import { leaving } from "../../../web/locales/en/leaving.ts";
import { main } from "../../../web/locales/en/main.ts";
import { purchases } from "../../../web/locales/en/purchases.ts";
import { putBack } from "../../../web/locales/en/put-back.ts";
import { safety } from "../../../web/locales/en/safety.ts";
import { vendors } from "../../../web/locales/en/vendors.ts";
import { wanted } from "../../../web/locales/en/wanted.ts";
import { you } from "../../../web/locales/en/you.ts";

/** All words of English, as if every area had been loaded. */
export const en: Catalogue = {
  ...main,
  ...form,
  ...connection,
  ...ask,
  ...data,
  ...safety,
  ...you,
  ...purchases,
  ...imports,
  ...wanted,
  ...vendors,
  ...leaving,
  ...putBack,
};
