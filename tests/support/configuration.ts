import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configurationText } from "../../server/configuration.ts";

// Writes the reference of all settings anew.
writeFileSync(join(import.meta.dirname, "..", "..", "server", "configuration.md"), configurationText());
