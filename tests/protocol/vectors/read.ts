import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A vector file, as another language would read it. */
export const vectors = <T>(name: string): T & { provenance: string } =>
  JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), "utf8"));
