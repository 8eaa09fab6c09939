import { randomBytes } from "#protocol/sealing/derive.ts";
import { kitCode } from "#protocol/sealing/kit-code.ts";
import { addAuthenticator } from "../support/authenticator.ts";
import { launchBrowser } from "../support/browser.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { median } from "./load.ts";
import { builtServer } from "./machine.ts";
import type { Row, Table } from "./results.ts";

const TRIES = 5;

/** From the click on "Open my store" to the open store, in Chromium with a virtual passkey that has PRF. */
export async function unlockTable(): Promise<Table> {
  await using folder = await scratchFolder();
  const port = await freePort();
  await using server = await builtServer(folder.path, port);
  await using browser = await launchBrowser();
  const rows: Row[] = [];
  for (const size of [10, 1000]) {
    const issuer = `http://localhost:${port}`;
    const customer = await Customer.register(issuer, Date.now);
    const records = Array.from({ length: size }, (_, at) => [`profile/emails/r${at}`, { value: { address: `box-${at}@example.org` } }]);
    await customer.commit({ records: Object.fromEntries(records) });
    const secret = randomBytes(16);
    await customer.addKit(secret);
    const page = await (await browser.newContext()).newPage();
    await addAuthenticator(page, { prf: true });
    await page.goto(`${issuer}/safety/recover`);
    await page.getByLabel("Code on the kit").fill((await kitCode(secret)).join(" "));
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByRole("button", { name: "Make a passkey here" }).waitFor();
    for (const keep of await page.getByLabel("Keep", { exact: true }).all()) await keep.check();
    await page.getByRole("button", { name: "Make a passkey here" }).click();
    await page.getByLabel("I have kept it").check();
    await page.getByRole("button", { name: "Done" }).click();
    const times: number[] = [];
    for (let at = 0; at < TRIES + 2; at++) {
      await page.goto(`${issuer}/data`);
      const unlock = page.getByRole("button", { name: "Open my store" });
      await unlock.waitFor();
      const began = performance.now();
      await unlock.click();
      await page.getByRole("button", { name: "Lock" }).waitFor();
      times.push(performance.now() - began);
    }
    // The first ones go by the device's secret: a passkey opens the store once it has been read back.
    rows.push({ name: `${size} records`, figures: { "unlock ms": median(times.slice(2)) } });
    await page.context().close();
  }
  if (server.child.exitCode !== null) throw new Error("the server ended");
  return {
    title: "Unlock",
    note: `Medians of ${TRIES}, prompt of the virtual authenticator included, server on the same two cores.`,
    rows,
  };
}
