import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
    return (await Promise.all(names.map(({ parentPath, name }) => readFile(join(parentPath, name), "utf8")))).join("");
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
    ]);
    expect(Object.keys(authorization_details[0]?.explanation ?? {})).toEqual(["en", "it"]);
    expect(Date.parse(authorization_details[0]?.expires ?? "") - Date.now()).toBeLessThanOrEqual(365 * 86_400_000);
  });

  it("says what a customer who declined needs to know", async () => {
    const { customer, request, cookie } = await shop.visit();
    const { redirect } = await customer.api.call("decline", { id: request });
    const answer = await fetch(redirect, { headers: { cookie } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("Nothing was shared");
  });

  it("does nothing for a form of another site, and runs no script", async () => {
    for (const path of ["/ask", "/sync"] as const) expect((await shop.press(path, "https://evil.example")).status).toBe(403);
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
