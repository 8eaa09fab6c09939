import { existsSync } from "node:fs";
import { join } from "node:path";
import { build, type Rolldown } from "vite";
import { beforeAll, describe, expect, test } from "vitest";
import { root, sourceFiles } from "./source-tree.ts";

/** Names that sealing code can't do without and the server has no other use for. Signatures (JWS) are jose's too, encryption (JWE) isn't needed. */
const markers = [
  "@noble/ciphers",
  "xchacha",
  "poly1305",
  "EncryptJWT",
  "CompactEncrypt",
  "GeneralEncrypt",
  "FlattenedEncrypt",
  "compactDecrypt",
  "flattenedDecrypt",
  "generalDecrypt",
  "jwtDecrypt",
  "ECDH-ES",
];

/** What sealing's files export, so far as nothing else has the name. One plain word like `pad` would say nothing. */
const namesOfSealing = (): string[] => {
  const files = sourceFiles();
  const exported = (text: string): string[] =>
    [...text.matchAll(/^export (?:async )?(?:const|function\*?|class|let) (\w+)/gm)].map((it) => it[1] as string);
  const elsewhere = files
    .filter(({ path }) => /^(server|protocol)\//.test(path) && !path.startsWith("protocol/sealing/"))
    .map(({ text }) => text);
  return files
    .filter(({ path }) => path.startsWith("protocol/sealing/"))
    .flatMap(({ text }) => exported(text))
    .filter((name) => /[a-z][A-Z]/.test(name))
    .filter((name) => !elsewhere.some((text) => new RegExp(`(?:const|function|class|let|\\w\\() ?${name}\\b|\\b${name}[:(]`).test(text)));
};

const found = (code: string, names: string[]): string[] => names.filter((name) => new RegExp(`(?<!\\w)${name}`, "i").test(code));

describe("the built server", () => {
  let chunks: Rolldown.OutputChunk[];

  beforeAll(async () => {
    expect(existsSync(join(root, "server", "main.ts")), "server/main.ts").toBe(true);
    const result = await build({
      configFile: join(root, "vite.config.ts"),
      mode: "server",
      logLevel: "error",
      build: { write: false },
    });
    chunks = (result as Rolldown.RolldownOutput).output.filter((it): it is Rolldown.OutputChunk => it.type === "chunk");
  }, 60_000);

  test("holds no module of sealing and no cipher", () => {
    const modules = chunks.flatMap(({ moduleIds }) => moduleIds).map((it) => it.replaceAll("\\", "/"));
    expect(modules.length).toBeGreaterThan(10);
    expect(modules.filter((it) => it.includes("/protocol/sealing/") || it.includes("@noble"))).toEqual([]);
  });

  test("imports no cipher", () => {
    const imported = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]);
    expect(imported).toContain("hono");
    expect(imported.filter((it) => it.startsWith("@noble/"))).toEqual([]);
  });

  test("holds none of the words of sealing", () => {
    const names = namesOfSealing();
    expect(names.length).toBeGreaterThan(4);
    expect(found(chunks.map(({ code }) => code).join("\n"), [...markers, ...names])).toEqual([]);
  });
});

test("the words of sealing are found where sealing is", () => {
  const sealing = sourceFiles().filter(({ path }) => path.startsWith("protocol/sealing/"));
  const words = found(sealing.map(({ text }) => text).join("\n"), [...markers, ...namesOfSealing()]);
  expect(words).toEqual(expect.arrayContaining(["@noble/ciphers", "xchacha", ...namesOfSealing()]));
});
