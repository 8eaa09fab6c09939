import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { TestVendor } from "../support/vendor.ts";
import { load, median, type Pass } from "./load.ts";
import { builtServer, noncesOver, type Pinned, pinned } from "./machine.ts";
import { dpopOf } from "./pull-scene.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";
import { type Client, formRequest, makeSigningKey, resourceRequest, type SigningKey, thumbprintOf } from "./signed-requests.ts";

const ROUNDS = some(5, 1);
const LASTING = some(3000, 700);
/** Signed for one pass; one that has used them up ends earlier. */
const MOST = some(12_000, 400);

/** One kind of request to one server. `like`: the row of ours that it is set against. */
interface Kind {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly like: string;
  sign(): Buffer;
}

/** Token endpoint, introspection and a protected read, beside oidc-provider's with the same client authentication and DPoP. */
export async function tokenTable(): Promise<Table> {
  const client = makeSigningKey();
  const dpop = makeSigningKey();
  const oraclePort = await freePort();
  await using oracle = await startOracle(oraclePort, client, dpop);
  await using folder = await scratchFolder();
  const port = await freePort();
  await using server = await builtServer(folder.path, port);
  const issuer = `http://localhost:${port}`;
  await using vendor = await TestVendor.start(issuer, Date.now);
  vendor.documents.jwks.keys.push({ ...client.jwk, kid: "bench", use: "sig", alg: "ES256" });
  vendor.dpop = await dpopOf(dpop);
  const customer = await Customer.register(issuer, Date.now);
  const content = { value: { address: `${"a".repeat(660)}@example.org` } };
  const grant = await customer.approve(await vendor.request(), { contents: { "profile/emails/e1": content } });
  const { body: tokens } = await vendor.redeem(grant.redirect);
  await noncesOver();

  let access = tokens.access_token;
  const kinds = [
    ...ours(issuer, port, server, { clientId: vendor.clientId, key: client, kid: "bench" }, dpop, {
      refresh: tokens.refresh_token,
      access: () => access,
      records: vendor.recordsUrl(grant.grant),
    }),
    ...theirs(`http://localhost:${oraclePort}`, oraclePort, oracle, client, dpop),
  ];
  const passes = new Map<string, Pass[]>(kinds.map(({ name }) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    // One holds for five minutes.
    access = (await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).body.access_token;
    for (const { name, port, pid, sign } of kinds) {
      const requests = Array.from({ length: round < 0 ? MOST / 4 : MOST }, sign);
      const pass = await load({ port, pid, requests, lasting: LASTING });
      if (pass.refused > 0) throw new Error(`${name}: ${pass.refused} of ${pass.requests} were refused`);
      // The first round warms up.
      if (round >= 0) passes.get(name)?.push(pass);
    }
  }
  const cpuOf = (name: string): number => median((passes.get(name) ?? []).map(({ cpu }) => cpu));
  const rows: Row[] = kinds.map(({ name, like }) => {
    const all = passes.get(name) ?? [];
    return {
      name,
      figures: {
        "requests/s": median(all.map((pass) => pass.perSecond)),
        "p50 ms": median(all.map((pass) => pass.p50)),
        "p99 ms": median(all.map((pass) => pass.p99)),
        "CPU µs/request": cpuOf(name),
        "x ours": cpuOf(name) / cpuOf(like),
      },
    };
  });
  return {
    title: "Token endpoint, introspection and protected read",
    note: `Beside oidc-provider 9.13.3 in the same run: private_key_jwt and DPoP by ES256 at both, requests signed beforehand, server on one core, load on the other, 16 connections kept alive; medians of ${ROUNDS} passes of at most ${LASTING / 1000} s, alternated. oidc-provider keeps everything in memory; of ours, each pull is a line in the customer's history with a real fdatasync, and tokens are JWTs by Ed25519. oidc-provider's introspection and userinfo are set against our pull, which checks as much in one request. Client authentication comes with everything but pull and userinfo.`,
    rows,
  };
}

const TOKEN = "/oauth/token";
const INTROSPECT = "/oauth/introspect";
const OURS = { token: "token by refresh token", introspection: "introspection", pull: "pull of one 1 kB record" };

function ours(
  issuer: string,
  port: number,
  { pid }: Pinned,
  client: Client,
  dpop: SigningKey,
  of: { refresh: string; access: () => string; records: string },
): Kind[] {
  const refresh = { grant_type: "refresh_token", refresh_token: of.refresh };
  const kind = (name: string, sign: () => Buffer): Kind => ({ name, port, pid, like: name, sign });
  return [
    kind(OURS.token, () => formRequest(issuer, TOKEN, refresh, client, dpop)),
    kind(OURS.introspection, () => formRequest(issuer, INTROSPECT, { token: of.access() }, client)),
    kind(OURS.pull, () => resourceRequest(of.records, of.access(), dpop)),
  ];
}

function theirs(issuer: string, port: number, { pid, line }: Pinned, key: SigningKey, dpop: SigningKey): Kind[] {
  const { refresh, access, resources } = JSON.parse(line) as {
    refresh: string;
    access: string;
    resources: { jwt: string; opaque: string };
  };
  const client: Client = { clientId: "bench", key, kid: "bench" };
  const kind = (name: string, like: string, sign: () => Buffer): Kind => ({ name: `oidc-provider: ${name}`, port, pid, like, sign });
  const byRefresh = (resource: string) => () =>
    formRequest(issuer, TOKEN, { grant_type: "refresh_token", refresh_token: refresh, resource }, client, dpop);
  return [
    kind("token by refresh token, a JWT", OURS.token, byRefresh(resources.jwt)),
    kind("token by refresh token, opaque", OURS.token, byRefresh(resources.opaque)),
    kind("introspection of an opaque token", OURS.pull, () => formRequest(issuer, INTROSPECT, { token: access }, client, dpop)),
    kind("userinfo", OURS.pull, () => resourceRequest(`${issuer}/me`, access, dpop)),
  ];
}

function startOracle(port: number, client: SigningKey, dpop: SigningKey): Promise<Pinned> {
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  const told = { port, client: { ...client.jwk, kid: "bench", use: "sig", alg: "ES256" }, jkt: thumbprintOf(dpop), key };
  const command = [process.execPath, "--import", "tsx", join(import.meta.dirname, "oracle.ts")];
  return pinned(0, command, /"refresh"/, { BENCH_ORACLE: JSON.stringify(told), NODE_ENV: "production" });
}
