import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { PURPOSES } from "#protocol/purposes.ts";
import { en } from "./english.ts";
import { type Look, show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { expectSound, LOOKS } from "./sound.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full", kit: true };
const changes = (request: NonNullable<Prepared["request"]> = {}): Prepared => ({ ...full, request: { amends: "grant-42", ...request } });

async function ask(prepared: Prepared, look: Look = {}) {
  const shown = await show(at.browser, at.screens, "/ask/r1", prepared, look);
  await shown.page.getByRole("heading", { level: 1 }).waitFor();
  await shown.page.locator("[data-rule=C3] input, main .btn").first().waitFor();
  return shown;
}
type Shown = Awaited<ReturnType<typeof ask>>;
const box = (page: Page, kind: string) => page.locator(`input[data-kind="${kind}"]`).first();
const keep = (page: Page) => page.locator("input[data-keep]");
const settle = (page: Page) => page.waitForTimeout(650);
const summary = (page: Page) => page.locator("[data-rule=C12] .panel[aria-live]");
const answers = (page: Page) => page.locator("[data-rule=C9] button");
const names = async (shown: Shown) => (await shown.calls()).map(([name]) => name);
async function change(shown: Shown): Promise<{ details: AuthorizationDetails; gpc?: boolean; notice: { text: string } }> {
  await settle(shown.page);
  await shown.page.getByRole("button", { name: "Change what they see" }).click();
  await shown.page.getByRole("heading", { name: "Changed: what Libreria Aldina can read" }).waitFor();
  return (await shown.calls()).find(([name]) => name === "approve")?.[1] as never;
}

describe("C12: a shop asks to change what it can read", () => {
  test("the headline says so, and nothing is accepted beforehand but the end as it is", async () => {
    await using shown = await ask(changes({ purchases: { paths: ["purchases:tastes"] } }));
    const { page } = shown;
    await page.getByRole("heading", { level: 1, name: "Libreria Aldina wants to change what it can read" }).waitFor();
    await page.getByText("connection № 0042").waitFor();
    await expect.poll(() => page.locator("input[type=checkbox]").count(), patience).toBeGreaterThan(6);
    await expect.poll(() => page.locator("input[type=checkbox]:checked").count(), patience).toBe(0);
    expect(await page.locator("[data-rule=C4] input:checked").getAttribute("value")).toBe("kept");
    await expect.poll(() => page.locator("[data-rule=C4]").getByText("Once, now").count(), patience).toBe(0);
    await expect.poll(() => answers(page).allInnerTexts(), patience).toEqual(["Leave as it is", "Choose what they may see"]);
  });

  test("what is new bears a sign and a word, what goes is struck with its words, what stays is quiet", async () => {
    await using shown = await ask(changes({ purchases: { paths: ["purchases:tastes"] } }));
    const { page } = shown;
    const item = (kind: string) => page.locator("li.item", { has: box(page, kind) });
    await item("profile/addresses").getByText("+ new").waitFor();
    await item("profile/name").getByText("they can read now: only the first name").waitFor();
    await item("profile/name").getByText("+ new: more of it").waitFor();
    await item("purchases").getByText("+ new").waitFor();
    await page.getByRole("heading", { name: "Suggest what fits · + new reason" }).waitFor();
    const gone = page.locator("ul.gone li");
    expect(await gone.innerText()).toBe("E-mail no longer");
    expect(await gone.locator("del").evaluate((each) => getComputedStyle(each).textDecorationLine)).toContain("line-through");
    const colours = await page.locator("li.item .tag-new").evaluateAll((all) => all.map((each) => getComputedStyle(each).color));
    const brass = await page.evaluate(() => {
      const probe = document.body.appendChild(document.createElement("i"));
      probe.className = "soon";
      return getComputedStyle(probe).color;
    });
    expect(new Set(colours)).toEqual(new Set([brass]));
    const order = await page.locator("main").innerText();
    const places = ["Why", "They will see", "Until when", "It also asks to", "How often", "If you leave it as it is", "Leave as it is"];
    const ranks = places.map((each) => order.indexOf(each.replace("Why", "Keep your customer card right")));
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  });

  test("one choice keeps what they have, as it is, and that alone changes no more than the shop gave up", async () => {
    await using shown = await ask(changes());
    const { page } = shown;
    await keep(page).check();
    await expect
      .poll(
        () =>
          page
            .locator("li.item", { has: box(page, "profile/name") })
            .locator("output")
            .innerText(),
        patience,
      )
      .toBe("Ottavia");
    expect(await box(page, "profile/addresses").isChecked()).toBe(false);
    await summary(page).getByText("First name Ottavia stays").waitFor();
    const { details } = await change(shown);
    expect(details).toHaveLength(1);
    expect(details[0]).toMatchObject({
      paths: ["profile/name:given"],
      actions: ["read"],
      retention: "P30D",
      frequency: { max: 24, per: "PT24H" },
      recipients: ["Corriere Veloce S.p.A."],
      storage_countries: ["IT"],
    });
    expect(Math.abs(Date.parse(details[0]?.expires ?? "") - Date.now() - 40 * 86_400_000)).toBeLessThan(60_000);
    await keep(page).waitFor({ state: "detached" });
  });

  test("what is ticked besides is granted, and told before in the same list", async () => {
    await using shown = await ask(changes());
    const { page } = shown;
    await keep(page).check();
    await box(page, "profile/addresses").check();
    await page.getByLabel("only the town").check();
    await page.getByLabel("write to you here").check();
    await page.getByLabel("pass it on to Stamperia Nord S.r.l.").check();
    await page.getByRole("radio", { name: /^90 days · \+ later than now/ }).check();
    const told = await summary(page).innerText();
    for (const part of [
      "+ new: Town",
      "Trieste",
      "E-mail ottavia@posta.example, home no longer",
      "First name Ottavia stays",
      "+ new: write to you here",
      "+ new: Stamperia Nord S.r.l.",
      "Until when",
    ])
      expect(told).toContain(part);
    expect(told).not.toContain("90 days after reading");
    const { details, notice } = await change(shown);
    expect(details[0]).toMatchObject({
      paths: ["profile/name:given", "profile/addresses/a1:town"],
      actions: ["read", "message"],
      recipients: ["Corriere Veloce S.p.A.", "Stamperia Nord S.r.l."],
      retention: "P30D",
    });
    expect(Math.abs(Date.parse(details[0]?.expires ?? "") - Date.now() - 90 * 86_400_000)).toBeLessThan(60_000);
    expect(notice.text).toContain("Libreria Aldina wants to change what it can read");
    expect(notice.text).not.toContain("Trieste");
    await page.getByText("№ 0042").waitFor();
  });

  test("of a whole collection, keeping keeps its filter", async () => {
    await using shown = await ask({
      ...full,
      crowd: true,
      request: {
        amends: "crowd-0",
        purchases: {
          paths: ["purchases"],
          filter: { categories: ["books"], since: "2024-06-01" },
          purpose: "https://w3id.org/dpv#CustomerRelationshipManagement",
        },
        first: false,
      },
    });
    const { page } = shown;
    await keep(page).check();
    await page.locator("input[data-category=books]").waitFor();
    expect(await page.locator("input[data-category=books]").isChecked()).toBe(true);
    expect(await page.getByLabel("Bought since").inputValue()).toBe("2025-01-01");
    expect(await page.getByLabel("each purchase").isChecked()).toBe(true);
    await settle(page);
    await page.getByRole("button", { name: "Change what they see" }).click();
    await page.getByRole("heading", { name: /^Changed/ }).waitFor();
    const sent = (await shown.calls()).find(([name]) => name === "approve")?.[1];
    expect(sent).toMatchObject({ details: [{ paths: ["purchases"], filter: { categories: ["books"], since: "2025-01-01" } }] });
  });

  test("that nothing would change is the button's name, and it does nothing", async () => {
    await using shown = await ask({ ...full, request: { amends: "grant-42", same: true } });
    const { page } = shown;
    await keep(page).check();
    await summary(page).getByText("Nothing: this is what they can read now.").waitFor();
    const yes = page.getByRole("button", { name: "Nothing would change" });
    expect(await yes.getAttribute("aria-disabled")).toBe("true");
    await settle(page);
    await yes.click({ force: true });
    await page.waitForTimeout(60);
    expect(await names(shown)).not.toContain("approve");
  });

  test("the two answers have one box and one style, and do nothing for 600 ms", async () => {
    await using shown = await ask(changes(), { width: 320 });
    const { page } = shown;
    await keep(page).check();
    await page.getByRole("button", { name: "Change what they see" }).waitFor();
    const looks = await answers(page).evaluateAll((all) =>
      all.map((each) => {
        const { width, height } = each.getBoundingClientRect();
        const { color, backgroundColor, borderColor, borderStyle, fontWeight, fontSize } = getComputedStyle(each);
        return [Math.round(width), Math.round(height), color, backgroundColor, borderColor, borderStyle, fontWeight, fontSize].join(" ");
      }),
    );
    expect(looks).toHaveLength(2);
    expect(looks[0]).toBe(looks[1]);
    await settle(page);
    await page.evaluate(() => dispatchEvent(new Event("focus")));
    await page.getByRole("button", { name: "Change what they see" }).click();
    await page.waitForTimeout(60);
    expect(await names(shown)).not.toContain("approve");
    const before = await page.locator("main").innerText();
    await page.waitForTimeout(1200);
    expect(await page.locator("main").innerText()).toBe(before);
  });

  test("leaving it as it is tells the shop so, and approves nothing", async () => {
    await using shown = await ask(changes());
    const { page } = shown;
    await settle(page);
    await page.getByRole("button", { name: "Leave as it is" }).click();
    await page.waitForURL("**/shop?error=access_denied");
  });

  test("a change that fails says that all is as it was, and keeps what was chosen", async () => {
    await using shown = await ask({ ...changes(), failing: { approve: "cancelled" } });
    const { page } = shown;
    await keep(page).check();
    await settle(page);
    await page.getByRole("button", { name: "Change what they see" }).click();
    await page.getByRole("alert").getByText("Not changed: they can read what they could before.").waitFor();
    expect(await keep(page).isChecked()).toBe(true);
  });

  test("a paused one says that it stays paused, before and after", async () => {
    await using shown = await ask({ ...full, request: { amends: "grant-38" } });
    const { page } = shown;
    await page.getByText("it stays paused until you resume it").waitFor();
    await box(page, "profile/addresses").check();
    await settle(page);
    await page.getByRole("button", { name: "Change what they see" }).click();
    await page.getByText("It is still paused.").waitFor();
  });

  test("offline it can be left, not changed; where the connection is gone there is one way", async () => {
    await using offline = await ask({ ...changes(), online: false });
    await keep(offline.page).check();
    await expect.poll(() => answers(offline.page).allInnerTexts(), patience).toEqual(["Leave as it is", "Can’t change: you are offline"]);
    await using missing = await ask({ ...full, request: { amends: "long-gone" } });
    await missing.page.getByText("There is nothing to change").waitFor();
    await expect.poll(() => missing.page.locator("main button").allInnerTexts(), patience).toEqual(["Back to the shop"]);
    await settle(missing.page);
    await missing.page.getByRole("button", { name: "Back to the shop" }).click();
    await missing.page.waitForURL("**/shop?error=access_denied");
  });

  test("from a locked store it says what it is about, and shows the change once it is open", async () => {
    await using shown = await ask({ ...changes(), state: "locked" });
    const { page } = shown;
    await page.getByRole("heading", { level: 1, name: /wants to change/ }).waitFor();
    await page.getByText("What they can read now stays as it is.").first().waitFor();
    await expect.poll(() => page.getByText("There is nothing to change").count(), patience).toBe(0);
    await page.getByRole("button", { name: "Open my store" }).click();
    await keep(page).waitFor();
    await expect.poll(() => page.getByText("There is nothing to change").count(), patience).toBe(0);
  });

  test.each(LOOKS)("in %s at %i px: axe finds nothing, nothing is wider than the window", async (scheme, width) => {
    await using shown = await ask(changes({ purchases: { paths: ["purchases:tastes"] } }), { width, dark: scheme === "dark" });
    const { page } = shown;
    await keep(page).check();
    await box(page, "profile/addresses").check();
    for (const each of await page.locator("[data-rule=C12-more] input").all()) await each.check();
    await summary(page).getByText("+ new: at most 90 days after reading").waitFor();
    await expectSound(shown);
  });
});

describe("C10: a shop that was refused", () => {
  test("says when it was, and until when, with one way back", async () => {
    await using shown = await ask({ ...full, request: { refused: true } });
    const { page } = shown;
    await page.getByRole("heading", { level: 1, name: "You said no to Libreria Aldina" }).waitFor();
    const day = (days: number) =>
      new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" }).format(Date.now() + days * 86_400_000);
    const text = await page.locator("[data-rule=C10]").innerText();
    expect(text).toContain(`You said no to this shop on ${day(-18)}.`);
    expect(text).toContain(`until ${day(12)}.`);
    await expect.poll(() => page.locator("main .btn").allInnerTexts(), patience).toEqual(["Back to the shop"]);
    await expect.poll(() => page.locator("main input").count(), patience).toBe(0);
    await settle(page);
    await page.getByRole("button", { name: "Back to the shop" }).click();
    await page.waitForURL("**/shop?error=access_denied");
  });

  test("a change of mind shows what it asks, and gives nothing", async () => {
    await using shown = await ask({ ...full, request: { refused: true } });
    const { page } = shown;
    await settle(page);
    await page.getByRole("button", { name: "I’ve changed my mind" }).click();
    await box(page, "profile/emails").waitFor();
    await expect.poll(() => page.locator("input[type=checkbox]:checked").count(), patience).toBe(0);
    expect(await names(shown)).toEqual(["request", "reopen", "request"]);
  });

  test("that fails, it says so and stays", async () => {
    await using shown = await ask({ ...full, request: { refused: true }, failing: { reopen: "rate_limited" } });
    await settle(shown.page);
    await shown.page.getByRole("button", { name: "I’ve changed my mind" }).click();
    await shown.page.getByRole("alert").getByText("Too many tries.").waitFor();
    await expect.poll(() => shown.page.getByRole("button", { name: "Back to the shop" }).count(), patience).toBe(1);
  });

  test("locked it says the same; before any no, a no's thirty days are said", async () => {
    await using locked = await ask({ ...full, state: "locked", request: { refused: true } });
    await locked.page.getByRole("heading", { level: 1, name: "You said no to Libreria Aldina" }).waitFor();
    await using open = await ask(full);
    await open.page.getByText("can't ask you again for 30 days").waitFor();
  });

  test.each(LOOKS)("in %s at %i px: axe finds nothing, nothing is wider than the window", async (scheme, width) => {
    await using shown = await ask({ ...full, request: { refused: true } }, { width, dark: scheme === "dark" });
    await expectSound(shown);
  });
});

describe("Global Privacy Control", () => {
  const told = async (on: boolean, path: string, prepared: Prepared) => {
    const shown = await show(at.browser, at.screens, path, prepared);
    await shown.context.addInitScript((value) => Object.defineProperty(navigator, "globalPrivacyControl", { value }), on);
    await shown.page.reload();
    await shown.page.locator("main h1").waitFor();
    return shown;
  };

  test("where the browser sends it the request says so in one line, and the answer carries it", async () => {
    await using shown = await told(true, "/ask/r1", full);
    const { page } = shown;
    await box(page, "profile/name").check();
    await expect.poll(() => page.locator("[data-rule=gpc]").innerText(), patience).toContain("not to sell or share");
    await settle(page);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    await page.getByRole("heading", { name: "Shared with" }).waitFor();
    const sent = (await shown.calls()).find(([name]) => name === "approve")?.[1] as { gpc?: boolean; notice: { text: string } };
    expect(sent.gpc).toBe(true);
    expect(sent.notice.text).toContain("not to sell or share");
  });

  test("where it doesn't, nothing is said and nothing sent", async () => {
    await using shown = await told(false, "/ask/r1", full);
    const { page } = shown;
    await box(page, "profile/name").check();
    await expect.poll(() => page.locator("[data-rule=gpc]").count(), patience).toBe(0);
    await settle(page);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    await page.getByRole("heading", { name: "Shared with" }).waitFor();
    expect((await shown.calls()).find(([name]) => name === "approve")?.[1]).not.toHaveProperty("gpc");
  });

  test.each([
    [true, "Your browser tells sites"],
    [false, "Your browser doesn't send it"],
  ])("You says whether it is on (%s)", async (on, text) => {
    await using shown = await told(on, "/you", full);
    await expect.poll(() => shown.page.locator("[data-rule=gpc]").innerText(), patience).toContain(text);
  });
});

test("each purpose of the registry is said in the catalogue's words, and its periods are those on offer", async () => {
  for (const { id, iri, periods } of PURPOSES) {
    await using shown = await ask({ ...full, request: { purposes: [iri] } });
    const { page } = shown;
    await page.locator("[data-rule=C4]").waitFor();
    expect(await page.locator("[data-rule=C2] .purpose").innerText()).toBe((en.purposes as Record<string, { long: string }>)[id]?.long);
    expect(
      await page.locator("[data-rule=C4] input[type=radio]").evaluateAll((all) => all.map((each) => (each as HTMLInputElement).value)),
    ).toEqual(["once", ...periods, "day"]);
  }
});

test("no day beyond what the registry lets a purpose last is on offer, whatever the server says was asked", async () => {
  await using shown = await ask({ ...full, request: { purposes: ["https://w3id.org/dpv#DirectMarketing"] } });
  await shown.page.getByText("Pick a date").click();
  const max = (await shown.page.locator("input[type=date]").getAttribute("max")) ?? "";
  expect(Date.parse(max)).toBeLessThanOrEqual(Date.now() + 181 * 86_400_000);
});
