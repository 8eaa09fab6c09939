import { type Import, isOurs, roomOf, type SourceFile } from "./source-tree.ts";

/** One rule: what it says, where it looks, and which of the imports there it forbids. */
export interface Rule {
  says: string;
  /** The files that the rule is about. There must be some. */
  about: (path: string) => boolean;
  forbids: (it: Import) => boolean;
}

const under =
  (...folders: string[]) =>
  (path: string): boolean =>
    folders.some((folder) => path === folder || path.startsWith(`${folder}/`));

const sealing = under("protocol/sealing");
const buildTime = under("web/build");
const engine = /^server\/storage\/([^/]+)\//;
const engineOf = (path: string): string | undefined => engine.exec(path)?.[1];

/** Packages that the protocol may use: signatures and encryption envelopes, schemas, canonical JSON; ciphers where it seals. */
const protocolPackages = new Set(["jose", "valibot", "canonicalize"]);
const http = new Set(["hono", "@hono/node-server", "node:http", "node:https", "node:http2"]);

export const rules: Rule[] = [
  {
    says: "protocol is pure: only itself, jose, valibot, canonical JSON, and ciphers in sealing",
    about: under("protocol"),
    forbids: ({ from, to }) =>
      isOurs(to) ? roomOf(to) !== "protocol" : !protocolPackages.has(to) && !(sealing(from) && to === "@noble/ciphers"),
  },
  {
    says: "protocol outside sealing knows nothing of sealing",
    about: (path) => under("protocol")(path) && !sealing(path),
    forbids: ({ to }) => sealing(to),
  },
  ...(["server", "web", "vendor-sdk"] as const).map((room) => ({
    says: `${room} imports itself and the protocol, no other room`,
    about: under(room),
    forbids: ({ to }: Import) => isOurs(to) && ![room, "protocol"].includes(roomOf(to)),
  })),
  {
    says: "vendor-sdk reaches the protocol by relative path: it is published alone",
    about: under("vendor-sdk"),
    forbids: ({ says }) => says.startsWith("#"),
  },
  {
    says: "only the protocol's sealing imports a cipher package",
    about: (path) => !sealing(path),
    forbids: ({ to }) => to.startsWith("@noble/"),
  },
  {
    says: "the server never imports sealing",
    about: under("server"),
    forbids: ({ to }) => sealing(to),
  },
  {
    says: "nobody imports the server's main",
    about: () => true,
    forbids: ({ to }) => to === "server/main.ts",
  },
  {
    says: "only main imports the app",
    about: (path) => under("server")(path) && path !== "server/main.ts",
    forbids: ({ to }) => to === "server/app.ts",
  },
  {
    says: "only the app and other endpoints import endpoints",
    about: (path) => under("server")(path) && path !== "server/app.ts" && !under("server/endpoints")(path),
    forbids: ({ to }) => under("server/endpoints")(to),
  },
  {
    says: "guards prove facts without endpoints or the app",
    about: under("server/guards"),
    forbids: ({ to }) => under("server/endpoints", "server/app.ts")(to),
  },
  {
    says: "endpoints and guards know storage by its contract",
    about: under("server/endpoints", "server/guards"),
    forbids: ({ to }) => under("server/storage")(to) && to !== "server/storage/storage.ts",
  },
  {
    says: "storage knows no HTTP and nothing above it",
    about: under("server/storage"),
    forbids: ({ to }) => http.has(to) || (isOurs(to) && !under("server/storage", "server/loopback.ts")(to)),
  },
  {
    says: "only main and storage's own files name an engine",
    about: (path) => under("server")(path) && path !== "server/main.ts" && !under("server/storage")(path),
    forbids: ({ to }) => engineOf(to) !== undefined,
  },
  {
    says: "only main and the operator's commands open a storage",
    about: (path) => under("server")(path) && path !== "server/main.ts" && !under("server/operator", "server/storage")(path),
    forbids: ({ to }) => to === "server/storage/open.ts",
  },
  {
    says: "an engine doesn't use another engine",
    about: (path) => engineOf(path) !== undefined,
    forbids: ({ from, to }) => engineOf(to) !== undefined && engineOf(to) !== engineOf(from),
  },
  {
    says: "the web runs in a browser: nothing of Node",
    about: (path) => under("web")(path) && !buildTime(path),
    forbids: ({ to }) => to.startsWith("node:") || to === "vite" || buildTime(to),
  },
  {
    says: "screens use parts and the vault, not the protocol's sealing",
    about: (path) => /^web\/customer\//.test(path),
    forbids: ({ to }) => sealing(to),
  },
  {
    says: "parts are props in, callbacks out: no vault, no screen, no sealing",
    about: under("web/parts"),
    forbids: ({ to }) => under("web/vault", "web/customer", "protocol/sealing")(to),
  },
  {
    says: "the vault has no view",
    about: under("web/vault"),
    forbids: ({ to }) => under("web/parts", "web/customer")(to) || to.endsWith(".tsx") || /^preact(?!-iso)/.test(to),
  },
  {
    says: "locales import no code but locales and the protocol; a type may say what needs words",
    about: under("web/locales"),
    forbids: ({ to, kind }) => isOurs(to) && !under("web/locales", "protocol")(to) && !(kind === "type" && under("web/vault")(to)),
  },
  {
    says: "no barrels but the SDK's: a module is imported from where it is written",
    about: (path) => path !== "vendor-sdk/index.ts",
    forbids: ({ kind }) => kind === "re-export",
  },
  {
    says: "every import can be read",
    about: () => true,
    forbids: ({ to }) => to === "(computed)",
  },
];

/** What a file does in its own text that its place forbids. */
export const habits: { says: string; about: (path: string) => boolean; forbids: RegExp }[] = [
  {
    says: "only the server's main and the operator's command read process.env",
    about: (path) => under("server")(path) && path !== "server/main.ts" && path !== "server/operator.ts",
    forbids: /\bprocess\s*\.\s*env\b|\benv\b[^;\n]*\bfrom "node:process"/,
  },
  {
    says: "no fetch, no key and no cipher in a screen or a part",
    about: (path) => /^web\/(customer\/screens|parts)\//.test(path),
    forbids: /\bfetch\(|\bcrypto\.subtle\b|\bXMLHttpRequest\b|\bWebSocket\b|\bsendBeacon\b/,
  },
  {
    says: "no HTML from strings and no code from strings",
    about: under("web"),
    forbids: /dangerouslySetInnerHTML|\.(?:innerHTML|outerHTML)\s*=|insertAdjacentHTML|document\.write\b|\beval\(|new Function\b/,
  },
  {
    says: "clock and randomness are arguments in the protocol",
    about: (path) => under("protocol")(path) && !sealing(path),
    forbids: /\bDate\.now\(|new Date\(\)|Math\.random\(|crypto\.getRandomValues|crypto\.randomUUID/,
  },
];

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");

export const brokenRules = (files: SourceFile[], rule: Rule): string[] =>
  files
    .filter(({ path }) => rule.about(path))
    .flatMap(({ imports }) => imports.filter(rule.forbids).map(({ from, says }) => `${from} -> ${says}`));

export const badHabits = (files: Pick<SourceFile, "path" | "text">[], habit: (typeof habits)[number]): string[] =>
  files.filter(({ path, text }) => habit.about(path) && habit.forbids.test(withoutComments(text))).map(({ path }) => path);

/** Everything that a file reaches through imports. */
export function reachable(files: SourceFile[], from: (path: string) => boolean): Map<string, string> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const cameFrom = new Map<string, string>();
  const waiting = files.filter(({ path }) => from(path)).map(({ path }) => path);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop())
    for (const { to } of byPath.get(path)?.imports ?? []) {
      if (cameFrom.has(to)) continue;
      cameFrom.set(to, path);
      waiting.push(to);
    }
  return cameFrom;
}

/** Groups of files that import each other in a ring, types included (Tarjan's strongly connected components). */
export function cycles(files: SourceFile[]): string[][] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const rings: string[][] = [];
  const visit = (path: string): void => {
    order.set(path, order.size);
    low.set(path, order.get(path) as number);
    stack.push(path);
    const itself = byPath.get(path)?.imports.some(({ to }) => to === path) ?? false;
    for (const { to } of byPath.get(path)?.imports ?? []) {
      if (!byPath.has(to)) continue;
      if (!order.has(to)) visit(to);
      if (stack.includes(to)) low.set(path, Math.min(low.get(path) as number, low.get(to) as number));
    }
    if (low.get(path) !== order.get(path)) return;
    const ring = stack.splice(stack.indexOf(path));
    if (ring.length > 1 || itself) rings.push(ring);
  };
  for (const path of byPath.keys()) if (!order.has(path)) visit(path);
  return rings;
}
