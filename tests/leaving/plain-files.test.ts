import fc from "fast-check";
import { unzipSync } from "fflate";
import Papa from "papaparse";
import { describe, expect, test } from "vitest";
import { KINDS, kindAt } from "#protocol/categories.ts";
import { readCell } from "../../web/leaving/csv.ts";
import { htmlText, page } from "../../web/leaving/page.ts";
import { plainFiles } from "../../web/leaving/plain-files.ts";
import { storeJson } from "../../web/leaving/store-json.ts";
import { CONTEXT } from "../../web/leaving/vocabulary.ts";
import { zipOf } from "../../web/leaving/zip.ts";
import { HOSTILE, sample, words } from "./sample.ts";

const text = (bytes: Uint8Array | undefined): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
async function zipped(): Promise<Record<string, Uint8Array>> {
  const blob = await zipOf(await plainFiles(sample, words, ["Read me"]), Date.parse(sample.made), async () => undefined);
  return unzipSync(new Uint8Array(await blob.arrayBuffer()));
}

describe("the zip", () => {
  test("holds a connection's standard record beside it, where there is one", async () => {
    const [{ grant }] = sample.connections as [(typeof sample.connections)[number]];
    const record = [{ "@type": "Record" }, { "@type": "Receipt" }];
    const files = await plainFiles(sample, words, [], new Map([[grant, record]]));
    const found = files.find(({ name }) => name === "connections/0042-etc-aldina.example.jsonld");
    expect(JSON.parse([...(found?.pieces ?? [])].join(""))).toEqual(record);
  });

  test("holds every file under a name that stays in its folder", async () => {
    const files = await zipped();
    expect(Object.keys(files).sort()).toEqual(
      [
        "README.txt",
        "connections/0042-etc-aldina.example.json",
        "contacts.vcf",
        ...[...new Set(sample.records.map(({ path }) => kindAt(path)?.path ?? ""))].map((kind) => `csv/${kind.replaceAll("/", "-")}.csv`),
        "index.html",
        "store.json",
      ].sort(),
    );
    for (const name of Object.keys(files)) expect(name).not.toMatch(/\.\.|^\/|\\/);
  });

  test("has every record in store.json and in a CSV, its text as it was", async () => {
    const files = await zipped();
    expect(JSON.parse(text(files["store.json"])).records.map(({ "@type": _, ...rest }: Record<string, unknown>) => rest)).toEqual(
      sample.records,
    );
    const csv = text(files["csv/purchases.csv"]);
    expect(csv.startsWith("\ufeff")).toBe(true);
    const { data, errors } = Papa.parse<Record<string, string>>(csv.slice(1).trimEnd(), { header: true });
    expect(errors).toEqual([]);
    expect(data.map((row) => readCell(row.item ?? ""))).toEqual(["=1+1", HOSTILE]);
    expect(data[0]?.item).toBe("'=1+1");
    expect(data[0]?.["price.amount"]).toBe("12.50");
  });

  test("has the signed consent of each connection, with what it says", async () => {
    const connection = JSON.parse(text((await zipped())["connections/0042-etc-aldina.example.json"]));
    expect(connection.consent).toBe("e30.e30.c2ln");
    expect(connection.reads).toHaveLength(1);
    expect(connection).toHaveProperty("claims");
  });

  test("that is stopped gives nothing", async () => {
    const stopped = zipOf(await plainFiles(sample, words, []), Date.parse(sample.made), () => Promise.reject(new Error("stopped")));
    await expect(stopped).rejects.toThrow("stopped");
  });
});

describe("the linked data of store.json", () => {
  type Context = Record<string, unknown>;
  const document = JSON.parse([...storeJson(sample)].join(""));

  /** Every member that a JSON-LD processor would drop for want of a meaning, as RDF's own algorithm goes: JSON-LD 1.1 API, 5.1. */
  function unknown(node: unknown, active: Context, place: string): string[] {
    if (Array.isArray(node)) return node.flatMap((each, at) => unknown(each, active, `${place}/${at}`));
    if (typeof node !== "object" || node === null) return [];
    const type = (node as Context)["@type"];
    const scope = typeof type === "string" ? (active[type] as { "@context"?: Context } | undefined) : undefined;
    const context = { ...active, ...scope?.["@context"] };
    const lost: string[] = typeof type === "string" && active[type] === undefined ? [`${place} @type ${type}`] : [];
    for (const [name, value] of Object.entries(node)) {
      if (name.startsWith("@")) continue;
      const term = context[name];
      const id = typeof term === "string" ? term : (term as { "@id"?: string } | undefined)?.["@id"];
      if (id === undefined || !isAbsolute(id)) lost.push(`${place}/${name}`);
      else if ((term as { "@type"?: string })["@type"] !== "@json") lost.push(...unknown(value, context, `${place}/${name}`));
    }
    return lost;
  }
  function isAbsolute(id: string): boolean {
    const [prefix = "", rest = ""] = id.split(":", 2);
    const base = (CONTEXT as Context)[prefix];
    return rest !== "" && typeof base === "string" && /^(https:\/\/|urn:)\S+[#/]$/.test(base);
  }

  test("gives every member a meaning, in a context that is in the file", () => {
    const { "@context": context, ...rest } = document;
    expect(JSON.stringify(context)).not.toMatch(/"@(vocab|import|base)"/);
    expect(Object.values(context).filter((each) => Array.isArray(each))).toEqual([]);
    expect(unknown(rest, context, "")).toEqual([]);
    expect(unknown({ records: [{ "@type": "ProfileName", value: { nickname: "x" } }] }, context, "")).toEqual([
      "/records/0/value/nickname",
    ]);
  });

  test("names each kind by its term in the Data Privacy Vocabulary, and the sample has them all", () => {
    const kinds = new Set(sample.records.map(({ path }) => kindAt(path)?.path));
    for (const { path, dpv } of KINDS) {
      if (path === "relationships") continue;
      expect(kinds).toContain(path);
      const type = document.records.find((each: { path: string }) => kindAt(each.path)?.path === path)["@type"];
      expect(document["@context"][type]["@id"]).toBe(dpv);
    }
  });
});

describe("the page", () => {
  test("has no markup from a value", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 60 }), async (value) => {
        const html = htmlText(value);
        expect(html.slice("<bdi>".length, -"</bdi>".length)).not.toMatch(/[<>"']/);
      }),
    );
    const all = [...(await page(sample, (path) => kindAt(path)?.path, words))].join("");
    expect(all).not.toMatch(/<(script|img|a|link|iframe|form|base)\b|http-equiv="refresh"/i);
    expect(all).toContain("default-src 'none'; style-src 'sha256-");
  });
});
