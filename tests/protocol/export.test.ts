import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonical, utf8 } from "#protocol/canonical.ts";
import { EXPORT_TYPE, type ExportHeader, readExportHeader } from "#protocol/export-header.ts";
import { ExportError, openExport, sealExport } from "#protocol/sealing/export.ts";
import { kitCode, readKitCode } from "#protocol/sealing/kit-code.ts";
import { vectors } from "./vectors/read.ts";

const header: ExportHeader = { type: EXPORT_TYPE, id: "AAECAwQFBgcICQoLDA0ODw", made: "2026-11-21T10:15:00.000Z" };
const secret = Uint8Array.from({ length: 16 }, (_, at) => at);
const other = Uint8Array.from({ length: 16 }, (_, at) => 255 - at);

async function sealed(entries: Iterable<unknown>, over: Partial<ExportHeader> = {}, key = secret): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of sealExport(key, { ...header, ...over }, entries)) lines.push(line);
  return lines;
}
async function opened(lines: readonly string[] | Uint8Array, key = secret): Promise<unknown[]> {
  const entries: unknown[] = [];
  for await (const entry of openExport(key, lines instanceof Uint8Array ? lines : utf8(lines.join("")))) entries.push(entry);
  return entries;
}
const fault = (lines: readonly string[] | Uint8Array, key = secret): Promise<string> =>
  opened(lines, key).then(
    () => "opened",
    (error: unknown) => (error instanceof ExportError ? `${error.code} ${error.part ?? ""}`.trim() : String(error)),
  );

/** Four parts: each entry is larger than half of one. */
const big = ["a", "b", "c", "d"].map((letter) => ({ letter, text: letter.repeat(40_000) }));

describe("a sealed export", () => {
  test("any JSON survives, in its order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue({ stringUnit: "binary" }).filter((it) => isCanonical(it))), async (entries) => {
        const back = await opened(await sealed(entries));
        expect(back.map((each) => canonical(each))).toEqual(entries.map((each) => canonical(each)));
      }),
      { numRuns: 60 },
    );
  });

  test("the first line says what it is and when it was made, and nothing else; nothing of the contents is readable", async () => {
    const lines = await sealed([{ path: "profile/emails/e1", value: "ottavia@posta.example" }]);
    expect(JSON.parse(lines[0] ?? "")).toEqual(header);
    expect(lines.join("")).not.toMatch(/ottavia|profile/);
  });

  test("large contents come in parts of 64 KiB at most, so that none needs the whole", async () => {
    const entries = Array.from({ length: 2_000 }, (_, at) => ({ record: { path: `purchases/${at}`, value: { item: "x".repeat(200) } } }));
    const lines = await sealed(entries);
    expect(lines.length).toBeGreaterThan(6);
    for (const line of lines) expect(line.length).toBeLessThan(100_000);
    expect(await opened(lines)).toEqual(entries);
  });

  test("the same contents under another id and code are the same plaintext, in the same parts", async () => {
    const one = await sealed(big);
    const two = await sealed(big, { id: "BBECAwQFBgcICQoLDA0ODw" }, other);
    expect(two.map((line) => line.length)).toEqual(one.map((line) => line.length));
    expect(await opened(two, other)).toEqual(await opened(one));
    expect(two.slice(1)).not.toContain(one[1]);
  });
});

describe("what is refused, by name", () => {
  const [h, a, b, c, d] = [0, 1, 2, 3, 4];
  const pick = async (...at: number[]): Promise<string[]> => {
    const lines = await sealed(big);
    expect(lines).toHaveLength(5);
    return at.map((each) => lines[each] ?? "");
  };

  test.each([
    ["whole", [h, a, b, c, d], "opened"],
    ["cut after a part", [h, a, b], "cut 2"],
    ["cut after the first line", [h], "cut"],
    ["two parts exchanged", [h, b, a, c, d], "order 1"],
    ["a part left out", [h, a, c, d], "order 2"],
    ["a part repeated", [h, a, a, b, c, d], "order 2"],
    ["something after the end", [h, a, b, c, d, d], "order 4"],
    ["the last part moved up", [h, a, d], "order 2"],
  ])("%s", async (_, at, expected) => {
    expect(await fault(await pick(...at))).toBe(expected);
  });

  test("cut inside a part", async () => {
    const bytes = utf8((await pick(h, a, b, c, d)).join(""));
    for (const length of [bytes.length - 2, bytes.length - 30_000]) expect(await fault(bytes.slice(0, length))).toMatch(/^cut/);
  });

  test("a part of another export", async () => {
    const lines = await pick(h, a, b, c, d);
    const foreign = await sealed(big, {}, other);
    expect(await fault(lines.with(2, foreign[2] ?? ""))).toBe("mixed 2");
    expect(await fault(lines.with(1, foreign[1] ?? ""))).toBe("mixed 1");
    expect(await fault([(await sealed(big, { id: "BBECAwQFBgcICQoLDA0ODw" }))[0] ?? "", ...lines.slice(1)])).toBe("changed 1");
  });

  test("another code", async () => {
    expect(await fault(await pick(h, a, b, c, d), other)).toBe("code");
  });

  test("any changed byte", async () => {
    const bytes = utf8((await sealed([{ record: 1 }, { record: 2 }])).join(""));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 2 }), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ by;
        expect(await fault(changed)).not.toBe("opened");
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ["nothing", ""],
    ["a CSV", "Order Date,Title\n2026-01-01,Atlas\n"],
    ["a vCard", "BEGIN:VCARD\r\nVERSION:4.0\r\n"],
    ["JSON of another kind", '{"type":"https://example.org/backup/1"}\n'],
    ["a header with more than belongs there", `${canonical({ ...header, account: "x" })}\n`],
  ])("%s", async (_, text) => {
    expect(await fault(utf8(text))).toBe("foreign");
  });

  test("sixty megabytes without a line break, at once", async () => {
    const bytes = new Uint8Array(60_000_000).fill(0x41);
    const began = performance.now();
    expect(await fault(bytes)).toBe("foreign");
    expect(performance.now() - began).toBeLessThan(500);
  });

  test("a later version says so", async () => {
    const line = canonical({ ...header, type: "https://w3id.org/counterfoil/export/2", more: true });
    expect(readExportHeader(line)).toBe("newer");
    expect(await fault(utf8(`${line}\nAAAA\n`))).toBe("newer");
  });
});

function isCanonical(value: unknown): boolean {
  try {
    canonical(value);
    return true;
  } catch {
    return false;
  }
}

describe("vectors", () => {
  const file = vectors<{
    code: string;
    secret: string;
    entries: unknown[];
    randomness: string[];
    file: string;
    refused: Record<string, { file: string; code: string }>;
  }>("export");
  const bytes = (hex: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(hex, "hex"));

  test("the code gives the secret, and the secret the file", async () => {
    const known = await readKitCode(file.code);
    expect(Buffer.from(known ?? []).toString("hex")).toBe(file.secret);
    expect((await kitCode(bytes(file.secret))).join("-")).toBe(file.code);
    const lines: string[] = [];
    for await (const line of sealExport(bytes(file.secret), header, file.entries, (part) => bytes(file.randomness[part - 1] ?? "")))
      lines.push(line);
    expect(lines.join("")).toBe(file.file);
  });

  test("the file gives its entries", async () => {
    expect(await opened(utf8(file.file), bytes(file.secret))).toEqual(file.entries);
  });

  test.each(Object.keys(file.refused))("refuses: %s", async (name) => {
    const each = file.refused[name];
    expect(await fault(utf8(each?.file ?? ""), bytes(file.secret))).toMatch(new RegExp(`^${each?.code}`));
  });
});
