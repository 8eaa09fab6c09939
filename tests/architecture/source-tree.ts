import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join, posix } from "node:path";
import { parseSync } from "vite";

export const root = join(import.meta.dirname, "..", "..");

/** The folders whose imports are under rules. Each must hold files, so that no rule passes because it saw nothing. */
export const rooms = ["protocol", "server", "web", "vendor-sdk"] as const;

export interface Import {
  /** Path of the importing file from the root. */
  from: string;
  /** Path of the imported file from the root, or the package's or module's name. */
  to: string;
  /** What the statement says. */
  says: string;
  kind: "static" | "dynamic" | "re-export" | "type" | "address";
}

export interface SourceFile {
  path: string;
  text: string;
  imports: Import[];
}

const skipped = new Set(["node_modules", "dist", "coverage", ".stryker-tmp"]);
const languages: Record<string, "ts" | "tsx" | "js" | "jsx"> = {
  ".ts": "ts",
  ".tsx": "tsx",
  ".mts": "ts",
  ".js": "js",
  ".mjs": "js",
  ".jsx": "jsx",
};

export function* filesUnder(folder: string): Generator<string> {
  let entries: string[];
  try {
    entries = readdirSync(join(root, folder)).sort();
  } catch {
    return;
  }
  for (const name of entries) {
    if (skipped.has(name)) continue;
    const path = posix.join(folder, name);
    if (statSync(join(root, path)).isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}

interface Node {
  type: string;
  [member: string]: unknown;
}

const isNode = (it: unknown): it is Node => typeof it === "object" && it !== null && typeof (it as Node).type === "string";

const literal = (it: unknown): string | undefined => (isNode(it) && typeof it.value === "string" ? it.value : undefined);

function* walk(it: unknown): Generator<Node> {
  if (Array.isArray(it)) for (const each of it) yield* walk(each);
  else if (isNode(it)) {
    yield it;
    for (const member of Object.values(it)) if (typeof member === "object") yield* walk(member);
  }
}

/** Every way in which a module names another: statements, types, `import()`, `require()` and `new URL("…", import.meta.url)`. */
function* named(node: Node): Generator<[says: string | undefined, kind: Import["kind"]]> {
  switch (node.type) {
    case "ImportDeclaration":
      yield [literal(node.source), node.importKind === "type" ? "type" : "static"];
      break;
    case "ExportAllDeclaration":
      yield [literal(node.source), "re-export"];
      break;
    case "ExportNamedDeclaration":
      if (node.source) yield [literal(node.source), "re-export"];
      break;
    case "ImportExpression":
      yield [literal(node.source), "dynamic"];
      break;
    case "TSImportType":
      yield [literal(node.source), "type"];
      break;
    case "TSExternalModuleReference":
      yield [literal(node.expression), "static"];
      break;
    case "CallExpression":
      if (isNode(node.callee) && node.callee.name === "require") yield [literal((node.arguments as unknown[])[0]), "dynamic"];
      break;
    case "NewExpression": {
      const [address, base] = node.arguments as Node[];
      const ownAddress = isNode(base) && base.type === "MemberExpression" && isNode(base.object) && base.object.type === "MetaProperty";
      if (isNode(node.callee) && node.callee.name === "URL" && ownAddress) yield [literal(address), "address"];
      break;
    }
  }
}

const resolve = (from: string, says: string): string => {
  if (says.startsWith("#protocol/")) return posix.join("protocol", says.slice("#protocol/".length));
  if (says.startsWith("virtual:worker/")) return `web/${says.slice("virtual:worker/".length)}/worker.ts`;
  if (says.startsWith(".")) return posix.join(dirname(from), says.replace(/\?.*$/, ""));
  if (says.startsWith("node:")) return says;
  const parts = says.split("/");
  return parts.slice(0, says.startsWith("@") ? 2 : 1).join("/");
};

/** The imports of one file's text; a faulty file is an error, not a file without imports. */
export function importsOf(path: string, text: string): Import[] {
  const { program, errors } = parseSync(path, text, { lang: languages[extname(path)] ?? "ts" });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const imports: Import[] = [];
  for (const node of walk(program))
    for (const [says, kind] of named(node)) {
      const written = says ?? "(computed)";
      imports.push({ from: path, to: says === undefined ? "(computed)" : resolve(path, says), says: written, kind });
    }
  return imports;
}

let read: SourceFile[] | undefined;

/** Every source file of the rooms. */
export function sourceFiles(): SourceFile[] {
  read ??= rooms.flatMap((room) =>
    [...filesUnder(room)]
      .filter((path) => extname(path) in languages && !path.endsWith(".d.ts"))
      .map((path) => {
        const text = readFileSync(join(root, path), "utf8");
        return { path, text, imports: importsOf(path, text) };
      }),
  );
  return read;
}

export const roomOf = (path: string): string => path.split("/", 1)[0] ?? "";

/** Whether it is a file of this tree, not a package. */
export const isOurs = (to: string): boolean => (rooms as readonly string[]).includes(roomOf(to)) || roomOf(to) === "tests";
