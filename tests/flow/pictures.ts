import { join } from "node:path";
import { addAuthenticator } from "../support/authenticator.ts";
import { launchBrowser } from "../support/browser.ts";
import { openHouse } from "./house.ts";

/** Takes the README's pictures from the running app: `npm run pictures`. */
const folder = join(import.meta.dirname, "..", "..", "web", "pictures");
await using house = await openHouse();
await using browser = await launchBrowser();
const page = await (await browser.newContext({ locale: "en-GB", viewport: { width: 720, height: 1000 }, deviceScaleFactor: 1 })).newPage();
await addAuthenticator(page, { prf: true });
const picture = (name: string, height: number) =>
  page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, clip: { x: 0, y: 0, width: 720, height } });
const item = (kind: string) => page.locator(".item", { has: page.locator(`input[data-kind="${kind}"]`) }).first();

await page.goto(house.shop);
await page.getByRole("button", { name: "Use my Counterfoil" }).click();
await page.getByRole("button", { name: "Use a passkey to begin" }).click();
await item("profile/emails").locator("input[type=checkbox]").check();
await item("profile/emails").locator('[name="address"]').fill("grandmother@example.org");
await item("profile/addresses").locator("input[type=checkbox]").check();
for (const [name, value] of Object.entries({ street: "Via San Nicolò 30", postcode: "34121", locality: "Trieste" }))
  await item("profile/addresses").locator(`[name="${name}"]`).fill(value);
await item("profile/addresses").locator('[name="countryCode"]').selectOption("IT");
await item("profile/addresses").getByLabel("only the town").check();
await page.getByLabel("90 days").check();
await page.locator("output").filter({ hasText: "Trieste" }).waitFor();
await page.evaluate(() => scrollTo(0, 0));
await page.getByText("your store is open").first().waitFor({ state: "hidden" });
await picture("request", 1180);
await page.getByRole("button", { name: "Share 2 items" }).click();
await page.getByText("Continue to Libreria Aldina").click();
await page.getByRole("heading", { name: "Thank you" }).waitFor();
await page.goto(house.issuer);
await page.getByRole("button", { name: "Open my store" }).click();
await page.getByRole("link", { name: "Libreria Aldina" }).waitFor();
await page.getByText("Your store is open.").first().waitFor({ state: "hidden" });
await picture("connections", 600);
await page.getByRole("link", { name: "Libreria Aldina" }).click();
await page.locator("table tbody tr").first().waitFor();
await picture("connection", 1500);
await page.getByRole("link", { name: "Safety" }).first().click();
await page.getByRole("button", { name: "Make a kit" }).click();
await page.getByRole("list", { name: "Code" }).waitFor();
await page.locator(".kit-sheet svg").first().waitFor();
await page
  .locator(".kit-sheet")
  .first()
  .screenshot({ path: join(folder, "kit.png") });
await page.context().close();
