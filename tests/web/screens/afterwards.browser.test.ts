import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full" };
const locked: Prepared = { state: "locked", store: "full" };
const open = (path: string, prepared: Prepared, width = 1280) => show(at.browser, at.screens, path, prepared, { width });
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? "");
const verbs = async (shown: Awaited<ReturnType<typeof open>>) => (await shown.calls()).map(([name]) => name);

describe("connections", () => {
  test("D1, D2: the home page lists who reads what, when last, until when, soonest end first", async () => {
    await using shown = await open("/", full);
    const cards = shown.page.locator("main > div > ul.stubs > li");
    await expect.poll(() => cards.locator("h2").allInnerTexts(), patience).toEqual(["Velo Cluj", "Libreria Aldina", "Farmacia Trieste"]);
    const text = await cards.nth(1).innerText();
    for (const part of [
      "aldina.example",
      "Keep your customer card right",
      "First name",
      "E-mail",
      "Last read 6 days ago, read 3 times",
      "Ends ",
    ])
      expect(text).toContain(part);
    await expect.poll(() => shown.page.getByText("2 shops can read something").count(), patience).toBe(1);
  });

  test("more than fifty connections come in pieces", async () => {
    await using shown = await open("/", { ...full, crowd: true });
    const cards = shown.page.locator("main > div > ul.stubs > li");
    await expect.poll(() => cards.count(), patience).toBe(50);
    await shown.page.getByRole("button", { name: "Show 3 more" }).click();
    await expect.poll(() => cards.count(), patience).toBe(53);
  });

  test("D9: what has ended stays, closed, with its reads", async () => {
    await using shown = await open("/", full);
    const group = shown.page.locator("details[data-rule=D9]");
    expect(await group.getAttribute("open")).toBeNull();
    await group.locator("summary").click();
    await expect.poll(() => group.getByText("Stopped", { exact: true }).count(), patience).toBe(1);
    await group.getByRole("link", { name: "Bottega Carsica" }).click();
    await shown.page.getByRole("heading", { level: 1, name: "Bottega Carsica" }).waitFor();
    await expect.poll(() => shown.page.getByRole("table").getByRole("row").count(), patience).toBe(3);
    await expect.poll(() => shown.page.getByRole("button", { name: /Stop|Pause/ }).count(), patience).toBe(0);
  });

  test("D3: the line is followed by a table with when, what, result and key", async () => {
    await using shown = await open("/c/grant-42", full);
    await shown.page.getByRole("table").waitFor();
    await expect.poll(() => shown.page.getByRole("columnheader").allInnerTexts(), patience).toEqual(["When", "What", "Result", "With key"]);
    await expect.poll(() => shown.page.getByRole("img", { name: /read 3 times/ }).count(), patience).toBe(1);
  });

  test("D3: the line of a stopped connection ends in its knot, above the day on which it was stopped", async () => {
    await using shown = await open("/c/grant-12", full);
    const label = shown.page.locator(".thread-ends span").last();
    await label.waitFor();
    expect(await label.innerText()).toMatch(/^Ended /);
    const [knot, text] = await Promise.all([shown.page.locator(".t-end").boundingBox(), label.boundingBox()]);
    expect(knot?.x).toBeGreaterThanOrEqual(text?.x ?? Number.NaN);
    expect((knot?.x ?? 0) + (knot?.width ?? 0)).toBeLessThanOrEqual((text?.x ?? 0) + (text?.width ?? 0));
    await expect.poll(() => shown.page.locator(".t-now").count(), patience).toBe(0);
  });

  test("D4: Stop is one click and one confirmation; Keep has the focus; Esc keeps", async () => {
    await using shown = await open("/", full);
    const { page } = shown;
    await page.getByRole("button", { name: "Stop Libreria Aldina" }).click();
    await expect.poll(() => focused(page)).toBe("Keep sharing");
    const consequences = await page.locator("[data-rule=D4] p").first().innerText();
    expect(consequences.match(/\./g)).toHaveLength(2);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await verbs(shown)).not.toContain("stop");
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Stop Libreria Aldina");
    await page.getByRole("button", { name: "Stop Libreria Aldina" }).click();
    await page.keyboard.press("Enter");
    expect(await verbs(shown)).not.toContain("stop");
    await page.getByRole("button", { name: "Stop Libreria Aldina" }).click();
    await page.getByRole("button", { name: "Stop and ask to delete" }).click();
    await page.getByRole("status").getByText("Libreria Aldina is stopped.").waitFor();
    expect((await shown.calls()).filter(([name]) => name === "stop")).toEqual([["stop", "grant-42", { askDeletion: true }]]);
  });

  test("stopping takes no more actions than sharing", async () => {
    const count = async (
      path: string,
      prepared: Prepared,
      work: (page: Page, click: (name: string | RegExp) => Promise<void>) => Promise<void>,
    ) => {
      await using shown = await open(path, prepared);
      let actions = 0;
      await work(shown.page, async (name) => {
        actions += 1;
        await shown.page.getByRole("button", { name }).click();
      });
      return actions;
    };
    const sharing = await count("/ask/r1", { ...full, kit: true }, async (page, click) => {
      await page.locator("input[data-kind]").first().check();
      await page.waitForTimeout(650);
      await click("Share 1 item");
      await page.getByRole("heading", { name: "Shared with" }).waitFor();
    });
    const stopping = await count("/", full, async (page, click) => {
      await click("Stop Velo Cluj");
      await click("Stop only");
      await page.getByText("Velo Cluj is stopped.").first().waitFor();
    });
    // The tick counts too.
    expect(stopping).toBeLessThanOrEqual(sharing + 1);
  });

  test("a stop whose passkey prompt is closed says that reading is paused already", async () => {
    await using shown = await open("/", { ...full, failing: { stop: "cancelled" } });
    await shown.page.getByRole("button", { name: "Stop Velo Cluj" }).click();
    await shown.page.getByRole("button", { name: "Stop and ask to delete" }).click();
    await shown.page.getByRole("alert").getByText("It is paused and can read nothing.").waitFor();
  });

  test("D5: pausing and stopping work while the store is locked, without a name being shown", async () => {
    await using shown = await open("/", locked);
    const { page } = shown;
    expect(await page.locator("main").innerText()).not.toContain("Aldina");
    await page.getByRole("button", { name: "Pause Connection 0042" }).click();
    await page.getByRole("status").getByText("Connection 0042 is paused").waitFor();
    await page.getByRole("button", { name: "Stop Connection 0041" }).click();
    await page.getByRole("button", { name: "Stop only" }).click();
    await page.getByRole("status").getByText("Connection 0041 is stopped.").waitFor();
    expect(await verbs(shown)).toEqual(["pause", "stop"]);
  });

  test("D5: the one-time link pauses by one click and one confirmation, and leaves no secret in the address", async () => {
    await using shown = await open("/pause#grant-42.c2VjcmV0", { state: "signed-out", store: "empty" });
    const { page } = shown;
    expect(page.url()).not.toContain("c2VjcmV0");
    await page.getByRole("button", { name: "Pause it" }).click();
    await expect.poll(() => focused(page)).toBe("Keep sharing");
    await page.getByRole("dialog").getByRole("button", { name: "Pause it" }).click();
    await page.getByText("Libreria Aldina is paused. It can read nothing.").waitFor();
    expect(await shown.calls()).toEqual([["pauseByLink", "grant-42.c2VjcmV0"]]);
  });

  test("D6: everything is paused from Safety, locked or not, after one question", async () => {
    await using shown = await open("/safety", locked);
    await shown.page.getByRole("button", { name: "Pause everything" }).click();
    await expect.poll(() => focused(shown.page)).toBe("Keep sharing");
    await shown.page.getByRole("dialog").getByRole("button", { name: "Pause everything" }).click();
    await shown.page.getByRole("status").getByText("2 connections are paused.").waitFor();
  });

  test("D10: what stopping can't do is said", async () => {
    await using shown = await open("/c/grant-42", full);
    await shown.page.locator("[data-rule=D10]").waitFor();
    expect(await shown.page.locator("[data-rule=D10]").innerText()).toContain("can't fetch back what Libreria Aldina has read");
  });

  test("an alarm is told in words on every page", async () => {
    await using shown = await open("/data", { ...full, alarm: true });
    expect(await shown.page.getByRole("alert").innerText()).toContain("is not what you gave");
  });
});

describe("my data", () => {
  test("a value is added, found wrong, saved, removed and brought back", async () => {
    await using shown = await open("/data/reach", full);
    const { page } = shown;
    await page.getByRole("button", { name: "Add phone number" }).click();
    await page.getByLabel("Phone number").fill("call me");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Digits, with the country code first").waitFor();
    await expect.poll(() => page.getByLabel("Phone number").evaluate((each) => each === document.activeElement)).toBe(true);
    await page.getByLabel("Phone number").fill("+39 040 123456");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("+39 040 123456").waitFor();
    await page.getByRole("button", { name: "Remove +39 040 123456" }).click();
    const undo = page.getByRole("button", { name: "Undo" });
    await undo.waitFor();
    expect(await undo.evaluate((each) => each === document.activeElement)).toBe(true);
    await undo.click();
    await page.getByText("+39 040 123456").waitFor();
  });

  test("each value says who can read it", async () => {
    await using shown = await open("/data/about", full);
    await shown.page.getByText("Can read it: Libreria Aldina (First name)").waitFor();
  });
});

describe("safety", () => {
  test("the kit is in force only after two of its groups were typed back", async () => {
    await using shown = await open("/safety", { state: "unlocked", store: "empty" });
    const { page } = shown;
    await page.getByRole("button", { name: "Make a kit" }).click();
    await expect.poll(() => page.getByRole("list", { name: "Code" }).getByRole("listitem").allInnerTexts(), patience).toHaveLength(8);
    await page.getByRole("img", { name: "The same code as a QR picture" }).waitFor();
    await page.getByRole("button", { name: "I have kept it" }).click();
    await expect.poll(() => page.getByText("QRST").count(), patience).toBe(0);
    await page.getByLabel("Group 2").fill("efgh");
    await page.getByLabel("Group 7").fill("zzzz");
    await page.getByRole("button", { name: "Check and activate" }).click();
    await page.getByText("These aren't the two groups").first().waitFor();
    await page.getByLabel("Group 7").fill("yz23");
    await page.getByRole("button", { name: "Check and activate" }).click();
    await page.getByText("Your kit works").waitFor();
  });

  test("the last way that opens the store can't be removed; another can, after a question with Keep focused", async () => {
    await using alone = await open("/safety", { state: "unlocked", store: "empty" });
    await alone.page.getByText("This is the last way that opens your store").waitFor();
    await expect.poll(() => alone.page.getByRole("button", { name: /^Remove/ }).count(), patience).toBe(0);
    await using shown = await open("/safety", full);
    await shown.page.getByRole("button", { name: "Remove Passkey" }).click();
    await expect.poll(() => focused(shown.page)).toBe("Keep it");
    await shown.page.getByRole("button", { name: "Remove it" }).click();
    await shown.page.getByRole("status").getByText("It is removed.").waitFor();
    expect(await shown.calls()).toContainEqual(["dropWay", "way-2"]);
  });

  test("the kit's file numbers its groups as the check asks for them", async () => {
    await using shown = await open("/safety", { state: "unlocked", store: "empty" });
    const { page } = shown;
    await page.getByRole("button", { name: "Make a kit" }).click();
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as file" }).click()]);
    const text = await readFile(await saved.path(), "utf8");
    expect(text).toContain("ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567");
    expect(text).toContain("Group 2: EFGH\n");
    expect(text).toContain("Group 7: YZ23\n");
  });

  test("ways in of one name are told apart by a number", async () => {
    await using shown = await open("/safety", full);
    const { page } = shown;
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByRole("heading", { name: "Google Password Manager 2" }).waitFor();
    await expect
      .poll(() => page.locator("ul.ways h3").allInnerTexts(), patience)
      .toEqual(["Google Password Manager 1 (in this browser)", "Passkey", "This browser's own key", "Google Password Manager 2"]);
    await page.getByRole("button", { name: "Remove Google Password Manager 2" }).click();
    await page.getByRole("heading", { name: "Remove Google Password Manager 2?" }).waitFor();
  });

  test("a recovery asks keep or remove for every old way in, none chosen, and ends only when the new kit was kept", async () => {
    await using shown = await open("/safety/recover", { state: "signed-out", store: "full" });
    const { page } = shown;
    await page.getByLabel("Code on the kit").fill("abcd");
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByText("4 of 32 characters.").waitFor();
    await page.getByLabel("Code on the kit").fill("abcd-efgh-ijkl-mnop-qrst-uvwx-yz23-4567");
    const number = page.getByLabel("Store state number on the kit");
    await number.fill("forty-two");
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await expect.poll(() => number.getAttribute("aria-invalid")).toBe("true");
    expect(
      (await shown.calls()).filter(([name]) => name === "recover"),
      "never opened without the number in silence",
    ).toEqual([]);
    await number.fill("№ 42");
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByText("Which ways in do you still trust?").waitFor();
    await expect.poll(() => page.locator("input:checked").count(), patience).toBe(0);
    await page.getByRole("button", { name: "Make a passkey here" }).click();
    await page.getByRole("alert").getByText("Choose keep or remove").waitFor();
    await page.getByRole("group", { name: "Google Password Manager" }).getByLabel("Remove").check();
    await page.getByRole("group", { name: "Passkey", exact: true }).getByLabel("Keep").check();
    await page.getByRole("group", { name: "This browser's own key" }).getByLabel("Keep").check();
    await page.getByRole("button", { name: "Make a passkey here" }).click();
    await page.getByRole("button", { name: "Tick “I have kept it” first" }).click({ force: true });
    await expect.poll(() => page.getByRole("heading", { name: "Your store is open" }).count(), patience).toBe(0);
    await page.getByLabel("I have kept it").check();
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("heading", { level: 1, name: "Your store is open" }).waitFor();
    expect(await shown.calls()).toContainEqual(["recover", "abcd-efgh-ijkl-mnop-qrst-uvwx-yz23-4567", 42]);
    expect(await shown.calls()).toContainEqual(["finishRecovery", { drop: ["way-1"] }]);
  });
});

describe("finding one's way", () => {
  test("after a navigation the heading has the focus and the window its name", async () => {
    await using shown = await open("/", full);
    await shown.page.getByRole("link", { name: "Safety" }).click();
    await shown.page.getByRole("heading", { level: 1, name: "Safety" }).waitFor();
    await expect.poll(() => focused(shown.page)).toBe("Safety");
    expect(await shown.page.title()).toBe("Safety · Counterfoil");
  });

  test("the first Tab stop skips to the page", async () => {
    await using shown = await open("/", full);
    await shown.page.keyboard.press("Tab");
    await expect.poll(() => focused(shown.page)).toBe("Skip to the page");
    await shown.page.keyboard.press("Enter");
    expect(await shown.page.evaluate(() => document.activeElement?.id)).toBe("main");
  });

  test("the chosen colours stay after a reload", async () => {
    await using shown = await open("/you", full);
    await shown.page.getByLabel("Dark").check();
    await shown.page.reload();
    await shown.page.getByRole("heading", { level: 1, name: "You" }).waitFor();
    expect(await shown.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
  });

  test("a page shows nothing for 150 ms, then its outline", async () => {
    await using shown = await open("/", { state: "loading", store: "full" });
    await shown.page.locator(".outline span").first().waitFor();
    await expect.poll(() => shown.page.getByText("Loading…").count(), patience).toBe(1);
  });

  test("locking takes every name from the page", async () => {
    await using shown = await open("/", full);
    await shown.page.getByRole("button", { name: "Lock" }).click();
    await shown.page.getByText("Your store is locked").waitFor();
    expect(await shown.page.content()).not.toContain("Aldina");
  });
});
