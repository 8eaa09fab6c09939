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
await page.goto(`${house.issuer}/data/import`);
await page.getByRole("button", { name: "Open my store" }).click();
await page
  .locator("input[type=file]")
  .setInputFiles({ name: "Your orders.csv", mimeType: "text/csv", buffer: Buffer.from(orderHistory()) });
const bring = page.getByRole("button", { name: /^Bring in \d/ });
await bring.waitFor();
await page.getByText("Your store is open.").first().waitFor({ state: "hidden" });
await picture("import", 1100);
await bring.click();
await page.getByRole("link", { name: "See what you spent" }).click();
await page.locator("table").first().waitFor();
await picture("spending", 1100);
await page.context().close();

/** What somebody bought in a year, as Amazon writes it. */
function orderHistory(): string {
  const things = [
    ["0099429837", "Invisible Cities", "11.40"],
    ["B0000TEST1", "Moka pot, 3 cups", "24.90"],
    ["0486200701", "The Book of Tea", "8.90"],
    ["B0000TEST2", "Wool blanket", "64.00"],
    ["8845292614", "Il nome della rosa", "13.30"],
    ["B0000TEST3", "Desk lamp", "34.50"],
  ];
  const lines = Array.from({ length: 36 }, (_, at) => {
    const [code, name, price] = things[(at * 5) % things.length] as [string, string, string];
    const day = `2026-${String((at % 11) + 1).padStart(2, "0")}-${String(((at * 7) % 27) + 1).padStart(2, "0")}`;
    return `Amazon.it,405-${1000000 + at}-0000001,${day}T09:15:27Z,EUR,${price},${price},${code},1,Closed,"${name}"`;
  });
  return ["Website,Order ID,Order Date,Currency,Unit Price,Total Owed,ASIN,Quantity,Order Status,Product Name", ...lines].join("\r\n");
}
