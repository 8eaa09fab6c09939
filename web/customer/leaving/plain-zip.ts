import { plainFiles } from "../../leaving/plain-files.ts";
import { zipOf } from "../../leaving/zip.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import type { PlainExport } from "../../vault/vault.ts";
import { kindTitle } from "../labels.ts";

/** The plain files in one zip. A part of its own: few ever take their data out. @param onProgress from 0 to 1 */
export async function plainZip(store: PlainExport, onProgress: (share: number) => void): Promise<Blob> {
  const { tag, plain: t, fields, connections } = words();
  const made = day(tag, store.made);
  const files = await plainFiles(
    store,
    {
      ...t,
      tag,
      lead: t.lead(made),
      kind: kindTitle,
      field: (name) => (fields as Record<string, string>)[name] ?? name,
      stateOf: (state) => (connections.states as Record<string, string>)[state] ?? state,
      day: (at) => day(tag, at),
    },
    t.readme(made),
  );
  // Each record stands in three files.
  const total = 3 * store.records.length + files.length;
  return zipOf(files, Date.parse(store.made), async (pieces) => {
    onProgress(Math.min(1, pieces / total));
    await new Promise((resolve) => setTimeout(resolve));
  });
}
