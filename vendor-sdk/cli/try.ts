import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { JWK } from "jose";
import { ask } from "../ask.ts";
import { CounterfoilError } from "../error.ts";
import { fileState } from "../file-state.ts";
import { clientMetadata, makeKeys, publicKeys } from "../make-keys.ts";
import { createVendor, type Vendor } from "../vendor.ts";
import { required, say, sinkOf, UsageError } from "./options.ts";

const text = { type: "string" } as const;

/** Made at the first try, and never again: what was sealed to the old ones could not be opened any more. */
async function ownKeys(path: string): Promise<JWK[]> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as JWK[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const keys = await makeKeys();
  await writeFile(path, JSON.stringify(keys), { mode: 0o600, flag: "wx" });
  return keys;
}

const WORDS = { done: "Thank you. You can close this page: your data is on its way.", no: "Nothing was shared. You can close this page." };

/** Serves the two public documents and the return on this machine. Resolves with the first customer who comes back and has shared. */
async function serveShop(port: number, documents: Record<string, unknown>, taken: (url: string) => Promise<void>) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    const say = (status: number, body: string, type = "text/plain; charset=utf-8") =>
      response.writeHead(status, { "content-type": type }).end(body);
    if (Object.hasOwn(documents, pathname)) say(200, JSON.stringify(documents[pathname]), "application/json");
    else if (pathname !== "/callback") say(404, "There is nothing here.");
    else
      await taken(request.url ?? "/").then(
        () => say(200, WORDS.done),
        (error: unknown) =>
          say(400, error instanceof CounterfoilError && error.code === "access_denied" ? WORDS.no : "This link was used already."),
      );
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return server;
}

/**
 * The whole way on one machine, toward a server on it: keys and documents, a request that is opened in a browser, the first pull into a
 * file, and then whatever the customer does, until SIGINT or SIGTERM.
 */
export async function tryOut(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { server: text, to: text, port: text, out: text } });
  const port = Number(values.port ?? "4999");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new UsageError("--port: expected 1 to 65535");
  const sink = sinkOf(required(values, "to"));
  const folder = values.out ?? "counterfoil-try";
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keys = await ownKeys(join(folder, "keys.json"));
  const origin = `http://127.0.0.1:${port}`;
  const clientId = `${origin}/client.json`;
  const redirectUri = `${origin}/callback`;
  const vendor: Vendor = createVendor({ clientId, server: required(values, "server"), keys, state: fileState(join(folder, "state")) });
  const facts = { name: "My first shop", legalName: "My first shop", country: "IT", dpoContact: "mailto:privacy@shop.example" };
  const documents = {
    "/client.json": clientMetadata({ clientId, ...facts, redirectUris: [redirectUri], jwksUri: `${origin}/jwks.json` }),
    "/jwks.json": publicKeys(keys),
  };
  const end = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end.abort());
  const shop = await serveShop(port, documents, async (url) => {
    await vendor.requests.exchange(new URL(url, origin));
    say(await vendor.sync(sink));
  });
  try {
    const wish = ask({ purpose: "customer-management", paths: ["profile/name", "profile/emails"], days: 30 });
    const { url } = await vendor.requests.create({ authorization_details: [wish], redirect_uri: redirectUri });
    console.log(
      `Open this in your browser, and say what you share:\n\n  ${url}\n\nWhatever you change or stop shows in ${values.to}. Ctrl+C ends it.`,
    );
    const on = ({ name }: { name: string }) => console.log(name);
    await vendor.listen({ sink, signal: end.signal, on });
  } finally {
    shop.close();
    shop.closeAllConnections();
  }
}
