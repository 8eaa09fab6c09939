import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { searchPlaintext } from "./plaintext-search.ts";
import { scratchFolder } from "./scratch-folder.ts";

const ascii = "Quercia Rossa 17";
const accented = "Șerban Ăureș";
const cyrillic = "Набережная, 4";
const values = [ascii, accented, cyrillic];

const hex = (text: string): string => Buffer.from(text).toString("hex");
const units = (text: string): string =>
  [...text].map((it) => (it > "\x7f" ? `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}` : it)).join("");

/** What other programs write, made here without the code under test. */
const writings: Record<string, (value: string) => Uint8Array | string> = {
  "UTF-8": (value) => value,
  "UTF-16LE": (value) => Buffer.from(value, "utf16le"),
  "UTF-16BE": (value) => Buffer.from(value, "utf16le").swap16(),
  "lower-case hex": (value) => hex(value),
  "upper-case hex": (value) => hex(value).toUpperCase(),
  "base64 at 0": (value) => Buffer.from(`xyz${value}!`).toString("base64"),
  "base64 at 1": (value) => Buffer.from(`x${value}!`).toString("base64"),
  "base64 at 2": (value) => Buffer.from(`xy${value}??>>`).toString("base64"),
  "base64url at 0": (value) => Buffer.from(value).toString("base64url"),
  "base64url at 1": (value) => Buffer.from(`ÿ~??${value}`).subarray(1).toString("base64url"),
  "base64url at 2": (value) => Buffer.from(`{"${value}":1}`).toString("base64url"),
  "base64 of UTF-16": (value) => Buffer.from(`x${value}`, "utf16le").toString("base64"),
  percent: (value) => `?q=${encodeURIComponent(value)}`,
  "percent in lower case": (value) => encodeURIComponent(value).replace(/%../g, (it) => it.toLowerCase()),
  "percent, every byte": (value) => hex(value).replace(/../g, "%$&").toUpperCase(),
  form: (value) => new URLSearchParams({ a: value }).toString(),
  "JSON with \\u": (value) => `{"a":"${units(value)}"}`,
  "JSON with \\U": (value) => units(value).replace(/\\u(....)/g, (_, it: string) => `\\u${it.toUpperCase()}`),
  "JSON, every character": (value) => [...value].map((it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  gzip: (value) => gzipSync(`… ${value}`),
  "gzip after other bytes": (value) => Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), gzipSync(value), Buffer.from("rest")]),
  "gzip that breaks off": (value) => gzipSync(value + "0123456789".repeat(9_000)).subarray(0, -9),
  "gzip in gzip": (value) => gzipSync(gzipSync(value)),
  "deflate, best": (value) => Buffer.concat([Buffer.from("a"), deflateSync(value, { level: 9 })]),
  "deflate, fast": (value) => deflateSync(value, { level: 1 }),
  "raw deflate": (value) => deflateRawSync(value),
  brotli: (value) => brotliCompressSync(value),
  "brotli body": (value) => Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), brotliCompressSync(value)]),
  "base64 in gzip": (value) => gzipSync(Buffer.from(`x${value}`).toString("base64")),
};

describe("plaintext search", () => {
  test.each(Object.entries(writings))("finds %s", async (_, write) => {
    for (const value of values) {
      const found = await searchPlaintext(values, { buffers: { here: write(value) } });
      expect(new Set(found.map((it) => it.value))).toEqual(new Set([value]));
    }
  });

  test("finds nothing in other bytes", async () => {
    const other = Buffer.concat([Buffer.from("Quercia Bianca 17 "), gzipSync("Quercia Bianca 18"), Buffer.alloc(100_000, 7)]);
    expect(await searchPlaintext(values, { buffers: { other } })).toEqual([]);
  });

  test("JSON escapes of quotes and Latin-1 strings are found", async () => {
    const quoted = 'said "never" twice';
    const latin = "Città di Forlì";
    expect(await searchPlaintext([quoted], { buffers: { json: JSON.stringify({ quoted }) } })).toHaveLength(1);
    expect(await searchPlaintext([latin], { buffers: { heap: Buffer.from(latin, "latin1") } })).toHaveLength(1);
  });

  test("searches folders, names of files, and over the seams of what it reads at once", async () => {
    await using folder = await scratchFolder();
    const seam = 16 * 1024 * 1024;
    const big = Buffer.alloc(3 * seam, ".");
    big.write(ascii, seam - 5);
    gzipSync(cyrillic).copy(big, 2 * seam - 1);
    await writeFile(join(folder.path, "heap.heapsnapshot"), big);
    await writeFile(join(folder.path, `${encodeURIComponent(accented)}.json`), "{}");
    const found = await searchPlaintext(values, { paths: [folder.path] });
    expect(new Set(found.map((it) => it.value))).toEqual(new Set(values));
    expect(found.find((it) => it.value === ascii)?.place).toBe(`${join(folder.path, "heap.heapsnapshot")} at ${seam - 5}`);
  });

  test("a search that could find nothing is refused", async () => {
    await expect(searchPlaintext([], { buffers: { a: "b" } })).rejects.toThrow(TypeError);
    await expect(searchPlaintext(["short"], { buffers: { a: "b" } })).rejects.toThrow(TypeError);
    await expect(searchPlaintext([ascii], {})).rejects.toThrow(TypeError);
    await expect(searchPlaintext([ascii], { paths: ["no/such/folder"] })).rejects.toThrow("ENOENT");
  });
});
