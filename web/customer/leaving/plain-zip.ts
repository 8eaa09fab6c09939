import { plainFiles } from "../../leaving/plain-files.ts";
import { zipOf } from "../../leaving/zip.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import type { PlainExport, Vault } from "../../vault/vault.ts";
import { kindTitle } from "../labels.ts";

/** The plain files in one zip. A part of its own: few ever take their data out. @param onProgress from 0 to 1 */
export async function plainZip(
  store: PlainExport,
  records: ReadonlyMap<string, object>,
  onProgress: (share: number) => void,
): Promise<Blob> {
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
    records,
  );
  // Each record stands in three files.
  const total = 3 * store.records.length + files.length;
  return zipOf(files, Date.parse(store.made), async (pieces) => {
    onProgress(Math.min(1, pieces / total));
    await new Promise((resolve) => setTimeout(resolve));
  });
}

/** So many failures one after the other, and the rest isn't asked for. */
const GIVE_UP = 3;

/** The standard record of each connection, one after the other. One that can't be made is left out: it holds up nothing else. */
export async function recordsOf(vault: Vault, { connections }: PlainExport): Promise<Map<string, object>> {
  const records = new Map<string, object>();
  let failures = 0;
  for (const { grant } of connections) {
    if (failures === GIVE_UP) break;
    const made = await vault.consentRecord(grant).catch(() => undefined);
    failures = made === undefined ? failures + 1 : 0;
    if (made !== undefined) records.set(grant, [made.record, made.receipt]);
  }
  return records;
}
