import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { calculateJwkThumbprint } from "jose";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { TestVendor } from "../support/vendor.ts";
import { load, median, memoryOf, type Pass } from "./load.ts";
import { builtServer, pinned } from "./machine.ts";
import type { Row, Table } from "./results.ts";

const ROUNDS = 5;
const LASTING = 3000;
const here = import.meta.dirname;

/** A pull of ten 1 kB records with every check on and its line durable, beside a bare Hono hello and one ES256 verification. */
export async function pullTable(): Promise<Table> {
  await using folder = await scratchFolder();
  await using yardstick = await pinned(0, [process.execPath, "--import", "tsx", join(here, "yardstick.ts")], /port/);
  const port = await freePort();
  await using server = await builtServer(folder.path, port);
  const issuer = `http://localhost:${port}`;
  await using vendor = await TestVendor.start(issuer, Date.now);
  const customer = await Customer.register(issuer, Date.now);
  // 700 bytes are padded to 704 and make a body of about 1 kB.
  const contents = Object.fromEntries(
    Array.from({ length: 10 }, (_, at) => [`profile/emails/e${at}`, { value: { address: randomBytes(330).toString("hex") } }]),
  );
  await customer.commit({ records: contents });
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = pair.publicKey.export({ format: "jwk" });
  vendor.dpop = {
    key: (await crypto.subtle.importKey("jwk", pair.privateKey.export({ format: "jwk" }), { name: "ECDSA", namedCurve: "P-256" }, false, [
      "sign",
    ])) as CryptoKey,
    jwk,
  };
  const grant = await customer.approve(await vendor.request(), { contents });
  const { body: tokens } = await vendor.redeem(grant.redirect);
  const page = await vendor.pull(tokens.access_token, grant.grant);
  if (page.records.length !== 10) throw new Error("expected ten records");
  await calculateJwkThumbprint(jwk);

  const encode = (value: object | Buffer): string =>
    (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))).toString("base64url");
  const header = encode({ alg: "ES256", typ: "dpop+jwt", jwk });
  const url = vendor.recordsUrl(grant.grant);
  const ath = createHash("sha256").update(tokens.access_token).digest("base64url");
  const signed = (count: number): Buffer[] =>
    Array.from({ length: count }, () => {
      const text = `${header}.${encode({ htm: "GET", htu: url, iat: Math.floor(Date.now() / 1000), jti: randomBytes(16).toString("base64url"), ath })}`;
      const proof = `${text}.${encode(sign("sha256", Buffer.from(text), { key: pair.privateKey, dsaEncoding: "ieee-p1363" }))}`;
      return Buffer.from(
        `GET ${new URL(url).pathname} HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: DPoP ${tokens.access_token}\r\nDPoP: ${proof}\r\n\r\n`,
      );
    });
  const plain = (path: string): Buffer[] => [Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)];

  // A server that has just started asks for proofs with its nonce.
  await sleep(12_000);
  const yard = JSON.parse(yardstick.line).port as number;
  const passes: Record<string, Pass[]> = { "bare Hono hello": [], "hello + one ES256 verification": [], "pull of ten 1 kB records": [] };
  await load({ port, pid: server.pid, requests: signed(4000), lasting: LASTING });
  for (let round = 0; round < ROUNDS; round++) {
    passes["bare Hono hello"]?.push(await load({ port: yard, pid: yardstick.pid, requests: plain("/hello"), lasting: LASTING }));
    passes["hello + one ES256 verification"]?.push(
      await load({ port: yard, pid: yardstick.pid, requests: plain("/es256"), lasting: LASTING }),
    );
    const pull = await load({ port, pid: server.pid, requests: signed(30_000), lasting: LASTING });
    if (pull.refused > 0) throw new Error(`${pull.refused} pulls were refused`);
    passes["pull of ten 1 kB records"]?.push(pull);
  }
  const memory = await memoryOf(server.pid);
  const hello = median((passes["bare Hono hello"] ?? []).map(({ cpu }) => cpu));
  const rows: Row[] = Object.entries(passes).map(([name, all]) => {
    const cpu = median(all.map((pass) => pass.cpu));
    return {
      name,
      figures: {
        "requests/s": median(all.map((pass) => pass.perSecond)),
        "p50 ms": median(all.map((pass) => pass.p50)),
        "p99 ms": median(all.map((pass) => pass.p99)),
        "CPU µs/request": cpu,
        "x hello": cpu / hello,
        ...(name.startsWith("pull") ? { "RSS MB": memory } : {}),
      },
    };
  });
  return {
    title: "Pull",
    note: `Server on one core, load on the other, 16 connections kept alive, proofs signed beforehand; medians of ${ROUNDS} passes of ${LASTING / 1000} s, alternated. Real fdatasync.`,
    rows,
  };
}
