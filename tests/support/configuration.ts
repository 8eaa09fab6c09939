import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configurationText } from "../../server/configuration/reference.ts";

// Writes the reference of all settings anew.
writeFileSync(join(import.meta.dirname, "..", "..", "server", "configuration", "README.md"), configurationText());
