import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { build, type Plugin, type ResolvedConfig, type Rolldown } from "vite";

/** What the server needs for its headers, and a release for its list. Written beside the page as security.json. */
export interface SecurityFile {
  /** CSP source of the inline import map: `script-src 'self' '<importMap>'`. */
  importMap: string;
  /** Each worker's address and integrity, by its name. */
  workers: Record<string, { url: string; integrity: string }>;
  /** Every file that the app consists of, by its address: SHA-384. The page itself is under `/index.html`. */
  files: Record<string, string>;
}

const virtualWorker = "virtual:worker/";
const resolvedWorker = `\0${virtualWorker}`;
const importMapElement = /<script type="importmap">/;

const digest = (algorithm: "sha256" | "sha384", content: string | Uint8Array): string =>
  `${algorithm}-${createHash(algorithm).update(content).digest("base64")}`;

/** One file without imports: a worker that starts from a blob has no address that an import could be relative to. */
async function buildWorker(entry: string, config: ResolvedConfig): Promise<string> {
  const result = (await build({
    configFile: false,
    root: config.root,
    mode: config.mode,
    logLevel: "warn",
    build: {
      write: false,
      target: config.build.target || "esnext",
      minify: config.build.minify,
      modulePreload: false,
      rolldownOptions: { input: entry, output: { format: "es", codeSplitting: false } },
    },
  })) as Rolldown.RolldownOutput;
  const [chunk, ...others] = result.output;
  if (others.length > 0 || chunk.imports.length > 0 || chunk.dynamicImports.length > 0) {
    throw new Error(`The worker must be one file, but also needs ${[...others.map((it) => it.fileName), ...chunk.imports].join(", ")}`);
  }
  return chunk.code;
}

const withIntegrity = (html: string, integrityOf: (address: string) => string | undefined): string =>
  html.replace(/<(script|link)\b([^>]*)>/g, (element, name: string, attributes: string) => {
    const address = /\s(?:src|href)="([^"]+)"/.exec(attributes)?.[1];
    const runs = name === "script" || /\srel="(?:stylesheet|modulepreload)"/.test(attributes);
    if (!address || !runs || / integrity=/.test(attributes)) return element;
    const integrity = integrityOf(address);
    if (!integrity) throw new Error(`The page loads ${address}, which the build did not write`);
    return `<${name}${attributes} integrity="${integrity}">`;
  });

/**
 * Fixes the whole app by its page: an import map with the integrity of every script chunk (lazy ones included), `integrity` on what
 * the page loads directly, and each worker as `virtual:worker/<name>`, an address with its integrity, since neither an import map nor
 * Integrity-Policy covers a worker. Works on what is on disk at the end, after all other plugins.
 */
export function integrity({ workers = {} }: { workers?: Record<string, string> } = {}): Plugin {
  let config: ResolvedConfig;
  const builtWorkers: SecurityFile["workers"] = {};
  return {
    name: "counterfoil:integrity",
    apply: "build",
    enforce: "post",
    configResolved(resolved) {
      config = resolved;
    },
    resolveId(id) {
      return id.startsWith(virtualWorker) ? `\0${id}` : undefined;
    },
    async load(id) {
      if (!id.startsWith(resolvedWorker)) return undefined;
      const name = id.slice(resolvedWorker.length);
      const entry = workers[name];
      if (!entry) throw new Error(`This build has no worker ${name}`);
      const code = await buildWorker(entry, config);
      const hash = createHash("sha256").update(code).digest("hex").slice(0, 8);
      const fileName = `${config.build.assetsDir}/${name}-worker-${hash}.js`;
      this.emitFile({ type: "asset", fileName, source: code });
      const built = { url: config.base + fileName, integrity: digest("sha384", code) };
      builtWorkers[name] = built;
      return `export const url = ${JSON.stringify(built.url)};\nexport const integrity = ${JSON.stringify(built.integrity)};\n`;
    },
    async writeBundle({ dir }, bundle) {
      const folder = dir as string;
      const addressOf = (fileName: string): string => config.base + fileName.split(sep).join("/");
      const digestOf = async (fileName: string): Promise<string> => digest("sha384", await readFile(join(folder, fileName)));
      const chunks: Record<string, string> = {};
      for (const { type, fileName } of Object.values(bundle)) if (type === "chunk") chunks[addressOf(fileName)] = await digestOf(fileName);
      const importMap = JSON.stringify({ integrity: Object.fromEntries(Object.entries(chunks).sort()) });

      const onDisk = await readdir(folder, { recursive: true, withFileTypes: true });
      const names = onDisk.filter((it) => it.isFile()).map((it) => relative(folder, join(it.parentPath, it.name)));
      const files: Record<string, string> = {};
      for (const name of names.filter((it) => !it.endsWith(".html"))) files[addressOf(name)] = await digestOf(name);
      delete files[addressOf("security.json")];
      const pages = names.filter((it) => it.endsWith(".html"));
      if (pages.length === 0) throw new Error("The build wrote no page");
      for (const page of pages) {
        const html = await readFile(join(folder, page), "utf8");
        if (importMapElement.test(html)) throw new Error(`${page} has an import map of its own`);
        if (/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/i.test(html)) throw new Error(`${page} has inline script or style`);
        const fixed = withIntegrity(html, (address) => files[address]);
        // Before the first script and the first preload: a map that comes later counts for neither.
        await writeFile(join(folder, page), fixed.replace(/<(?:script|link)\b/, `<script type="importmap">${importMap}</script>\n    $&`));
        files[addressOf(page)] = await digestOf(page);
      }
      const security: SecurityFile = {
        importMap: digest("sha256", importMap),
        workers: Object.fromEntries(Object.entries(builtWorkers).sort()),
        files: Object.fromEntries(Object.entries(files).sort()),
      };
      await writeFile(join(folder, "security.json"), `${JSON.stringify(security, undefined, 2)}\n`);
    },
  };
}
