import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canonical, utf8 } from "#protocol/canonical.ts";
import { EXPORT_TYPE } from "#protocol/export-header.ts";
import { box } from "#protocol/sealing/box.ts";
import { hkdf, NO_SALT } from "#protocol/sealing/derive.ts";
import { sealExport } from "#protocol/sealing/export.ts";
import { kitCode } from "#protocol/sealing/kit-code.ts";
import type { VaultErrorCode } from "../../../web/vault/vault.ts";
import { type Device, type House, openHouse } from "./house.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house[Symbol.asyncDispose]());

const secret = Uint8Array.from({ length: 16 }, (_, at) => at);
const header = { type: EXPORT_TYPE, id: "AAECAwQFBgcICQoLDA0ODw", made: "2026-11-21T10:15:00.000Z" } as const;
const STORE = { store: { created: "2026-11-21T10:15:00.000Z" } };
const IMPORT = "AAAAAAAAAAAAAAAAAAAAAA";

async function sealed(entries: Iterable<unknown>): Promise<Uint8Array> {
  let text = "";
  for await (const line of sealExport(secret, header, entries)) text += line;
  return utf8(text);
}
/** One part with this text as its contents, well sealed. */
async function sealedText(text: string): Promise<Uint8Array> {
  const key = await hkdf(secret, NO_SALT, "counterfoil/export/v1", 32);
  return utf8(`${canonical(header)}\n${await box(key, utf8(text), ["export", header.id, header.made, 1, "last"])}\n`);
}
const code = (): Promise<string> => kitCode(secret).then((groups) => groups.join(""));
const refused = (work: Promise<unknown>): Promise<VaultErrorCode | "done"> =>
  work.then(
    () => "done",
    (error: { code: VaultErrorCode }) => error.code,
  );
async function opening(device: Device, entries: Iterable<unknown>): Promise<VaultErrorCode | "done"> {
  return refused(device.core.openExport(await sealed(entries), await code()));
}
const record = (path: string, value: unknown, more: object = {}) => ({ record: { path, value, ...more } });
const vendor = (relationship: string, client_id = "https://a.example/c.json", more: object = {}) => ({
  vendor: { relationship, client_id, name: "Aldina", card: {}, ...more },
});
const thing = { item: "Book", seller: "Aldina", date: "2026-01-01", recipient: "self" };

describe("a file made to harm, sealed with a code that its customer was given", () => {
  test.each([
    ["keys at a relationship", [record("relationships/x", { keys: {}, grants: {} })]],
    ["a record in a form", [record("profile/name:given", { given: "Jo" })]],
    ["a record at a digest", [record("purchases:tastes", { tastes: [] })]],
    ["a collection for a record", [record("purchases", thing)]],
    ["a kind that isn't there", [record("secrets/x", 1)]],
    ["a member that isn't in the kind", [record("purchases/x", { ...thing, more: 1 })]],
    [
      "a prototype",
      [record("purchases/x", JSON.parse('{"__proto__":{"a":1},"item":"B","seller":"s","date":"2026-01-01","recipient":"self"}'))],
    ],
    ["an inherited name", [record("purchases/x", { ...thing, constructor: 1 })]],
    ["a source that is no id", [record("purchases/x", thing, { source: "../x" })]],
    ["a record twice", [record("purchases/x", thing), record("purchases/x", thing)]],
    ["a shop in two places", [vendor("relationships/a"), vendor("relationships/b")]],
    ["two shops in one place", [vendor("relationships/a"), vendor("relationships/a", "https://b.example/c.json")]],
    ["a shop at another kind's place", [vendor("purchases/a")]],
    ["a shop in a form", [vendor("relationships/a:town")]],
    ["a shop at the collection itself", [vendor("relationships")]],
    ["a shop with grants", [vendor("relationships/a", "https://a.example/c.json", { grants: {} })]],
    [
      "an import that would put back what is of no kind",
      [
        record(`imports/${IMPORT}`, {
          ...{ at: "2026-11-21T10:15:00.000Z", file: "a", format: "csv", count: 1, state: "done" },
          replaced: [{ path: "profile/name", value: { given: 5 }, version: 2 }],
        }),
      ],
    ],
    [
      "an import that would put back keys",
      [
        record(`imports/${IMPORT}`, {
          ...{ at: "2026-11-21T10:15:00.000Z", file: "a", format: "csv", count: 1, state: "done" },
          replaced: [{ path: "relationships/a", value: { keys: {} }, version: 2 }],
        }),
      ],
    ],
  ])("%s is refused as it is opened, and nothing is saved", async (_, entries) => {
    const device = house.device();
    await device.core.begin();
    const before = device.sent.length;
    expect(await opening(device, [STORE, ...entries])).toBe("invalid");
    expect(await refused(device.core.restore())).toBe("invalid");
    expect(device.sent.length).toBe(before);
  });

  test.each([
    ["no JSON", "{"],
    [
      "half a character",
      `{"record":{"path":"purchases/x","value":{"item":"\\ud800","seller":"s","date":"2026-01-01","recipient":"self"}}}\n`,
    ],
    [
      "half a character in an import",
      `{"record":{"path":"imports/${IMPORT}","value":{"at":"2026-11-21T10:15:00.000Z","count":1,"file":"a","format":"csv","replaced":[{"path":"profile/name","value":{"given":"\\ud800"},"version":2}],"state":"done"}}}\n`,
    ],
    ["arrays in arrays", `{"record":{"path":"purchases/x","value":${"[".repeat(20_000)}${"]".repeat(20_000)}}}\n`],
  ])("contents that no app writes are refused by name: %s", async (_, text) => {
    const device = house.device();
    await device.core.begin();
    expect(await refused(device.core.openExport(await sealedText(text), await code()))).toBe("invalid");
  });
});
