import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../support/free-port.ts";
import { type Pinned, pinned } from "./machine.ts";
import { makeSigningKey, proofBy, resourceRequest, type SigningKey } from "./signed-requests.ts";

const here = join(import.meta.dirname, "solid");
const run = promisify(execFile);

/** Community Solid Server on core 0 over files, with an owner's pod and a vendor that was given Read on containers of it. */
export interface Solid extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** For each filling: so many authorised reads of its resources in turn, each with a proof of its own, as bytes on the wire. */
  readonly reads: ReadonlyArray<(count: number) => Buffer[]>;
  /** A fresh access token. */
  renew(): Promise<void>;
}

/** So many containers with so many resources in each. */
interface Filling {
  readonly containers: number;
  readonly each: number;
}

/** Installs it first, in its own folder, from its lock. @param body of every resource */
export async function startSolid(folder: string, fillings: readonly Filling[], body: string): Promise<Solid> {
  if (!existsSync(join(here, "node_modules"))) await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, timeout: 300_000 });
  const port = await freePort();
  const base = `http://localhost:${port}/`;
  const bin = join(here, "node_modules", "@solid", "community-server", "bin", "server.js");
  const options = ["-c", "@css:config/file.json", "-f", folder, "-p", String(port), "-b", base, "-l", "info"];
  const server: Pinned = await pinned(0, [process.execPath, bin, ...options], /Listening to server/);
  try {
    const owner = await makeAccount(base, "owner");
    const vendor = await makeAccount(base, "vendor");
    const key = makeSigningKey();
    const all: string[][] = [];
    for (const [at, filling] of fillings.entries())
      all.push(await fill(folder, `owner/f${at}`, filling, body, accessOf(owner.webId, vendor.webId)));
    let token = await tokenOf(base, vendor, key);
    await expectRead(base + all[0]?.[0], token, key, body);
    return {
      pid: server.pid,
      port,
      reads: all.map(
        (paths) => (count) =>
          Array.from({ length: count }, (_, at) => resourceRequest(base + paths[(at * 7919) % paths.length], token, key)),
      ),
      async renew() {
        token = await tokenOf(base, vendor, key);
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** Straight onto its disk: a hundred thousand PUTs would take it twenty minutes. */
async function fill(folder: string, top: string, { containers, each }: Filling, body: string, acl: string): Promise<string[]> {
  const paths: string[] = [];
  for (let at = 0; at < containers; at++) {
    const container = `${top}-${at}/`;
    await mkdir(join(folder, container), { recursive: true });
    await writeFile(join(folder, container, ".acl"), acl);
    for (let n = 0; n < each; n += 100)
      await Promise.all(
        Array.from({ length: Math.min(100, each - n) }, async (_, offset) => {
          const path = `${container}r${n + offset}.txt`;
          paths.push(path);
          await writeFile(join(folder, path), body);
        }),
      );
  }
  return paths;
}

/** With the token it is given; without one it isn't, so that it is the access control that is measured. */
async function expectRead(url: string, token: string, key: SigningKey, body: string): Promise<void> {
  const answer = await fetch(url, { headers: { authorization: `DPoP ${token}`, dpop: proofBy(key, { method: "GET", url, token }) } });
  if (answer.status !== 200 || (await answer.text()) !== body) throw new Error(`the vendor's read was answered ${answer.status}`);
  const stranger = await fetch(url);
  if (stranger.status !== 401) throw new Error(`a stranger's read was answered ${stranger.status}`);
}

interface Account {
  readonly webId: string;
  readonly id: string;
  readonly secret: string;
}

interface AccountAnswer extends Account {
  readonly authorization: string;
  readonly controls: {
    readonly password: { readonly create: string };
    readonly account: { readonly pod: string; readonly clientCredentials: string };
  };
}

/** An account with a pod and client credentials, by its JSON API. */
async function makeAccount(base: string, name: string): Promise<Account> {
  const call = async (url: string, body?: object, token?: string): Promise<AccountAnswer> => {
    const response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `CSS-Account-Token ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${new URL(url).pathname} was answered ${response.status}`);
    return (await response.json()) as AccountAnswer;
  };
  const { authorization } = await call(`${base}.account/account/`, {});
  const { controls } = await call(`${base}.account/`, undefined, authorization);
  await call(controls.password.create, { email: `${name}@mail.example`, password: randomBytes(12).toString("hex") }, authorization);
  const { webId } = await call(controls.account.pod, { name }, authorization);
  const { id, secret } = await call(controls.account.clientCredentials, { name, webId }, authorization);
  return { webId, id, secret };
}

async function tokenOf(base: string, { id, secret }: Account, key: SigningKey): Promise<string> {
  const url = `${base}.oidc/token`;
  const response = await fetch(url, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
      dpop: proofBy(key, { method: "POST", url }),
    },
    body: "grant_type=client_credentials&scope=webid",
  });
  if (!response.ok) throw new Error(`the token endpoint answered ${response.status}`);
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Web Access Control: the owner may do everything, the vendor may read the container and what is in it. */
const accessOf = (owner: string, vendor: string): string => `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <${owner}>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.
<#vendor> a acl:Authorization; acl:agent <${vendor}>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.
`;
