import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ErasureAttestation } from "#protocol/erasure-attestation.ts";
import { type Bookshop, locationOf, openBookshop } from "./open-bookshop.ts";

const FIRST = "first.unmistakable@mail.example";
const SECOND = "second.unmistakable@mail.example";

describe("the sample shop on the packed SDK", () => {
  let shop: Bookshop;
  beforeAll(async () => {
    shop = await openBookshop();
  });
  afterAll(() => shop[Symbol.asyncDispose]());

  const page = async (path: string, cookie = ""): Promise<string> => (await fetch(shop.origin + path, { headers: { cookie } })).text();
  const files = async (): Promise<string> => {
    const names = (await readdir(shop.data, { recursive: true, withFileTypes: true })).filter((each) => each.isFile());
    // Between listing and reading, what was handled is removed.
    const read = (path: string): Promise<string> =>
      readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? "" : Promise.reject(error)));
    return (await Promise.all(names.map(({ parentPath, name }) => read(join(parentPath, name))))).join("");
  };

  it("asks, shows what it got, follows a change, and erases it when stopped", async () => {
    const { customer, given, cookie } = await shop.share(
      {
        "profile/emails/e2": { value: { address: FIRST } },
        "profile/addresses/a1:town": { value: { locality: "Chioggia", countryCode: "IT" } },
      },
      ["profile/emails/e2", "profile/addresses:town"],
    );
    const stranger = await fetch(given.redirect, { redirect: "manual" });
    expect(stranger.status).toBe(400);
    const back = await fetch(given.redirect, { redirect: "manual", headers: { cookie } });
    expect([back.status, locationOf(back)]).toEqual([303, "/welcome"]);
    const card = await page("/welcome", cookie);
    for (const text of [FIRST, "Chioggia", "You can stop at any time"]) expect(card).toContain(text);
    expect(await page("/welcome", "session=another")).not.toContain(FIRST);
    const list = await page("/crm");
    for (const text of [FIRST, "Chioggia", "e-mail (one)", "address, only the town", "active"]) expect(list).toContain(text);
    expect(await readFile(join(shop.data, "customers.json"), "utf8")).toContain(FIRST);

    await customer.commit({ shares: [{ grant: given.grant, path: "profile/emails/e2", content: { value: { address: SECOND } } }] });
    expect((await shop.press("/sync")).status).toBe(303);
    const changed = await page("/crm");
    expect(changed).toContain(SECOND);
    expect(changed).not.toContain(FIRST);

    await customer.revoke(given.grant);
    await shop.press("/sync");
    const ended = await page("/crm");
    expect(ended).toContain("erased, stopped on");
    const everything = ended + (await files()) + shop.process.output();
    for (const value of [FIRST, SECOND, "Chioggia"]) expect(everything).not.toContain(value);
  });

  it("asks for no more than it says, for a year at most", async () => {
    const { customer, request } = await shop.visit();
    const { client, authorization_details } = await customer.api.call("request", { id: request });
    expect(client).toMatchObject({ client_name: "Libreria Aldina", legal_name: "Libreria Aldina S.r.l.", country: "IT" });
    expect(authorization_details).toMatchObject([
      {
        purpose: "https://w3id.org/dpv#CustomerRelationshipManagement",
        paths: ["profile/name", "profile/emails", "profile/addresses", "preferences/contact"],
        if_refused: "type-it-yourself",
        retention: "P365D",
      },
      {
        purpose: "https://w3id.org/dpv#ProvideProductRecommendations",
        paths: ["purchases", "preferences/tastes"],
        filter: { categories: ["books"], recipients: ["self", "household"] },
        if_refused: "less-fitting",
      },
    ]);
    expect(authorization_details).toHaveLength(2);
    for (const { explanation, expires } of authorization_details) {
      expect(Object.keys(explanation ?? {})).toEqual(["en", "it"]);
      expect(Date.parse(expires) - Date.now()).toBeLessThanOrEqual(365 * 86_400_000);
    }
  });

  it("shows tastes, of whatever was granted, in its own words, and loses a book that became a gift", async () => {
    const book = (item: string, date: string) => ({
      value: { item, seller: "Amazon", date, category: "books", recipient: "self" },
    });
    const { customer, given, cookie } = await shop.share(
      {
        ...Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`purchases/b${at}`, book(`Old book ${at}`, `2025-01-${10 + at}`)])),
        "purchases/b11": book("The Unmistakable Gift", "2026-11-20"),
        "preferences/tastes/t1": { value: { about: "jazz", sentiment: "like" } },
      },
      ["purchases", "preferences/tastes"],
    );
    await fetch(given.redirect, { redirect: "manual", headers: { cookie } });
    const before = await page("/welcome", cookie);
    for (const text of ["<dt>Tastes</dt><dd>books (12)</dd>", "The Unmistakable Gift\nOld book 10\n", "(12 in all)", "likes: jazz"])
      expect(before).toContain(text);
    expect(before).not.toContain("Old book 0");
    await customer.commit({ shares: [{ grant: given.grant, path: "purchases/b11", content: { removed: true } }] });
    await shop.press("/sync");
    const after = await page("/welcome", cookie);
    for (const text of ["books (11)", "(11 in all)"]) expect(after).toContain(text);
    expect(after + (await page("/crm")) + (await readFile(join(shop.data, "customers.json"), "utf8"))).not.toContain("Unmistakable Gift");
  });

  it("shows tastes that the customer's own app counted, and names no title then", async () => {
    const { given, cookie } = await shop.share(
      {
        "purchases:tastes": {
          value: {
            tastes: [
              { category: "books", count: 14 },
              { category: "music", count: 3 },
              { category: "baby", count: 1 },
            ],
          },
        },
      },
      ["purchases:tastes"],
    );
    await fetch(given.redirect, { redirect: "manual", headers: { cookie } });
    const card = await page("/welcome", cookie);
    expect(card).toContain("<dt>Tastes</dt><dd>books (14), records and scores (3), baby (1)</dd>");
    expect(card).not.toContain("<dt>Books</dt>");
    expect(await page("/crm")).toContain("books bought, only how many");
  });

  it("says by which channel one may reach a customer now, about what, and when if not now", async () => {
    const soon = new Date(Date.now() + 2 * 3_600_000);
    const hour = (at: Date): string => `${String(at.getUTCHours()).padStart(2, "0")}:00`;
    const { customer, given, cookie } = await shop.share(
      {
        "profile/name": { value: { given: "Anna" } },
        "preferences/contact": {
          value: {
            channels: [
              { channel: "email", allowed: true, purposes: ["recommendations", "customer-management"] },
              {
                channel: "phone",
                allowed: true,
                purposes: ["customer-management"],
                hours: { from: hour(soon), to: hour(new Date(soon.getTime() + 3_600_000)) },
              },
              { channel: "sms", allowed: false },
              { channel: "post", allowed: true, purposes: ["direct-marketing"] },
            ],
          },
        },
      },
      ["profile/name", "preferences/contact"],
    );
    await fetch(given.redirect, { redirect: "manual", headers: { cookie } });
    const card = await page("/welcome", cookie);
    // Recommendations were not granted.
    expect(card).toContain("<li>E-mail: may write about books set aside</li>");
    expect(card).toMatch(/<li>Phone: may call about books set aside; not now \(again from [^)]*, \d\d:00 UTC\)<\/li>/);
    for (const none of ["Text message", "Letter", "books to suggest"]) expect(card).not.toContain(none);
    await customer.api.call("pause", { id: given.grant });
    await shop.press("/sync");
    expect(await page("/welcome", cookie)).toContain("<dt>How we may reach you</dt><dd>not at all</dd>");
    expect(JSON.parse(await readFile(join(shop.data, "customers.json"), "utf8"))).toMatchObject({
      cards: expect.arrayContaining([
        expect.objectContaining({ values: expect.objectContaining({ name: "Anna", "contact.email": "no" }) }),
      ]),
    });
  });

  it("hears of a stop in the same moment, keeps the invoice that the law demands, and says so, signed, to the customer", async () => {
    const { customer, given, cookie } = await shop.share({
      "profile/name": { value: { given: "Anna", surname: "Lawfully-Invoiced" } },
      "profile/emails/e1": { value: { address: FIRST } },
    });
    await fetch(given.redirect, { redirect: "manual", headers: { cookie } });
    expect((await shop.press("/order", undefined, { cookie })).status).toBe(303);
    expect(await page("/welcome", cookie)).toMatch(/Ordered: The Book of Tea, invoice \d{4}-1/);
    await customer.revoke(given.grant, true);
    await expect.poll(() => page("/crm"), { timeout: 5000 }).not.toContain(FIRST);
    await expect
      .poll(() => page("/crm"), { timeout: 5000 })
      .toMatch(/the customer was told so\. Kept: invoice \d{4}-1, since the law demands it, until/);
    const kept = await readFile(join(shop.data, "customers.json"), "utf8");
    expect(kept).not.toContain(FIRST);
    expect(JSON.parse(kept)).toMatchObject({ invoices: [{ book: "The Book of Tea", name: "Anna Lawfully-Invoiced" }] });
    const { deletion } = await customer.view(given.grant);
    const [token = ""] = deletion?.attestations.map((each) => each.token) ?? [];
    const { did, remains } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as ErasureAttestation;
    expect(did[0]).toBe("every value on the card was erased; the date and the reason stay");
    expect(remains).toEqual([
      {
        what: expect.stringMatching(/^invoice \d{4}-1$/) as string,
        why: "legal-duty",
        until: expect.stringMatching(/^\d{4}-12-31$/) as string,
        note: "with the name and the address on it",
      },
    ]);
    expect(token + shop.process.output()).not.toContain("Lawfully");
  });

  it("asks for more, shows it when it was given, and leaves everything as it is at a no", async () => {
    const { customer, given, cookie } = await shop.share({ "profile/emails/e1": { value: { address: FIRST } } }, ["profile/emails"]);
    await fetch(given.redirect, { redirect: "manual", headers: { cookie } });
    expect(await page("/welcome", cookie)).toContain("Add my phone number");
    const ask = async () => {
      const arrival = await fetch(locationOf(await shop.press("/more", undefined, { cookie })), { redirect: "manual" });
      return locationOf(arrival).replace(/^.*\/ask\//, "");
    };
    const request = await customer.api.call("request", { id: await ask() });
    expect(request).toMatchObject({ replaces: given.grant, authorization_details: [{ paths: ["profile/emails", "profile/phones"] }] });
    const next = await customer.approve(request.id, { contents: { "profile/phones/p1": { value: { number: "+39 06 698 1" } } } });
    expect(next.grant).toBe(given.grant);
    expect(locationOf(await fetch(next.redirect, { redirect: "manual", headers: { cookie } }))).toBe("/welcome");
    const card = await page("/welcome", cookie);
    for (const text of [FIRST, "<dt>Phone</dt><dd>+39 06 698 1</dd>"]) expect(card).toContain(text);
    expect(card).not.toContain("Add my phone number");

    const other = await shop.share({ "profile/emails/e1": { value: { address: SECOND } } }, ["profile/emails"]);
    await fetch(other.given.redirect, { redirect: "manual", headers: { cookie: other.cookie } });
    const arrival = await fetch(locationOf(await shop.press("/more", undefined, other)), { redirect: "manual" });
    const { redirect } = await other.customer.api.call("decline", { id: locationOf(arrival).replace(/^.*\/ask\//, "") });
    expect(locationOf(await fetch(redirect, { redirect: "manual", headers: { cookie: other.cookie } }))).toBe("/welcome");
    expect(await page("/welcome", other.cookie)).toContain(SECOND);
  });

  it("gives a customer up: the card goes, and they see that it was the shop", async () => {
    const { customer, given, cookie } = await shop.share({ "profile/emails/e1": { value: { address: "given.up@mail.example" } } });
    await fetch(given.redirect, { redirect: "manual", headers: { cookie } });
    expect(await page("/crm")).toContain(`name="grant" value="${given.grant}"`);
    expect((await shop.press("/release", "https://evil.example", { form: { grant: given.grant } })).status).toBe(403);
    expect(await page("/crm")).toContain("given.up@mail.example");
    expect((await shop.press("/release", undefined, { form: { grant: given.grant } })).status).toBe(303);
    const after = await page("/crm");
    expect(after).not.toContain("given.up@mail.example");
    expect(after).toContain("erased, given up on");
    expect(await customer.view(given.grant)).toMatchObject({ ended: { state: "revoked", actor: "vendor" } });
    expect((await customer.view(given.grant)).deletion?.attestations).toHaveLength(1);
    for (const form of [{}, { grant: "x".repeat(5000) }])
      expect((await shop.press("/release", undefined, { form: form as never })).status).toBe(303);
  });

  it("says what a customer who declined needs to know", async () => {
    const { customer, request, cookie } = await shop.visit();
    const { redirect } = await customer.api.call("decline", { id: request });
    const answer = await fetch(redirect, { headers: { cookie } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("Nothing was shared");
  });

  it("does nothing for a form of another site, and runs no script", async () => {
    for (const path of ["/ask", "/sync", "/more", "/order", "/release"] as const)
      expect((await shop.press(path, "https://evil.example")).status).toBe(403);
    const home = await fetch(shop.origin);
    expect(home.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'self'; form-action 'self' http:\/\/localhost:\d+; frame-ancestors 'none'/,
    );
    expect(await home.text()).not.toMatch(/<script|\sstyle="|\son\w+="/);
  });

  it("writes what customers wrote as text, never as markup", async () => {
    const { given, cookie } = await shop.share({ "profile/name": { value: { given: '<img src=x onerror="alert(1)">' } } });
    await fetch(given.redirect, { redirect: "manual", headers: { cookie } });
    const list = await page("/crm");
    expect(list).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
    expect(list).not.toContain("<img");
  });
});
