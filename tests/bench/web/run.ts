import { launchBrowser } from "../../support/browser.ts";
import { freePort } from "../../support/free-port.ts";
import { scratchFolder } from "../../support/scratch-folder.ts";
import { builtServer } from "../machine.ts";
import { report, type Table } from "../results.ts";
import { importTable } from "./import.ts";
import { screensTable } from "./screens.ts";
import { sharingTable } from "./sharing.ts";
import { unlockTable } from "./unlock.ts";

/** Each table has a server of its own: the app is let in by a kit, and those are counted. */
async function withServer(measure: (issuer: string) => Promise<Table>): Promise<Table> {
  await using folder = await scratchFolder();
  const port = await freePort();
  await using server = await builtServer(folder.path, port);
  const table = await measure(`http://localhost:${port}`);
  if (server.child.exitCode !== null) throw new Error("the server ended");
  return table;
}

/** `npm run bench:web [name...]`: all tables of the app in Chromium, or those named. */
await using browser = await launchBrowser();
const tables: Record<string, () => Promise<Table>> = {
  unlock: () => withServer((issuer) => unlockTable(browser, issuer)),
  import: () => withServer((issuer) => importTable(browser, issuer)),
  screens: () => withServer((issuer) => screensTable(browser, issuer)),
  sharing: () => sharingTable(browser),
};
const named = process.argv.slice(2);
const unknown = named.find((name) => !(name in tables));
if (unknown !== undefined) throw new Error(`no table "${unknown}": expected ${Object.keys(tables).join(", ")}`);
const done: Table[] = [];
for (const [name, make] of Object.entries(tables)) if (named.length === 0 || named.includes(name)) done.push(await make());
await report(done);
