import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { isSignedBy, publicKey } from "../../server/guards/public-key.ts";
import { PUBLISHED, RETIRED, ServerKeys } from "../../server/oauth/server-keys.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import { type DocumentName, StorageError } from "../../server/storage/storage.ts";
import { Clock, DAY, HOUR, MINUTE, SECOND } from "../support/clock.ts";
import { freePort } from "../support/free-port.ts";
import { startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import type { TestVendor } from "../support/vendor.ts";
import { connect, type Scene, scene } from "./scene.ts";

/** Documents in memory, as JSON. */
class Documents {
  isShared = false;
  readonly kept = new Map<string, string>();
  full = false;

  async getDocument<Value>(name: DocumentName): Promise<Value | undefined> {
    const text = this.kept.get(name);
    return text === undefined ? undefined : (JSON.parse(text) as Value);
  }

  async putDocument<Value>(name: DocumentName, value: Value): Promise<void> {
    if (this.full) throw new StorageError("full", "as the test says");
    this.kept.set(name, JSON.stringify(value));
  }

  async changeDocument<Value>(name: DocumentName, work: (value: Value | undefined) => Value | undefined): Promise<Value | undefined> {
    const before = await this.getDocument<Value>(name);
    const after = work(before);
    if (after === undefined) return before;
    await this.putDocument(name, after);
    return this.getDocument<Value>(name);
  }
}

const kids = (keys: ServerKeys): unknown[] => keys.published.keys.map(({ kid }) => kid);
const verifies = (jwk: Readonly<Record<string, unknown>>, data: string, signature: string): boolean => {
  const key = publicKey(jwk, "Ed25519");
  return key !== undefined && isSignedBy(key, data, Buffer.from(signature, "base64url"));
};

describe("the server's keys", () => {
  const open = async (clock: Clock, documents: Documents): Promise<ServerKeys> =>
    ServerKeys.open({ storage: documents, now: clock.now, age: 90 * DAY });

  test("are followed by age: by one that was published before, while the one before stays until all that it signed is over", async () => {
    const [clock, documents] = [new Clock(), new Documents()];
    const keys = await open(clock, documents);
    const [first, second] = kids(keys);
    expect(keys.kid).toBe(first);
    const signature = keys.sign("said");
    clock.pass(90 * DAY - 1);
    await keys.renew();
    expect(keys.kid, "not before its time").toBe(first);
    clock.pass(1);
    await Promise.all([keys.renew(), keys.renew(), keys.renew()]);
    expect(keys.kid).toBe(second);
    expect(kids(keys)).toEqual([second, expect.any(String), first]);
    expect(verifies(keys.published.keys[2] ?? {}, "said", signature)).toBe(true);
    expect(keys.find(first), "tokens of just before").toBeDefined();
    clock.pass(7 * MINUTE);
    expect(keys.find(first), "there can be none any more").toBeUndefined();
    expect(keys.find(kids(keys)[1]), "it has signed nothing yet").toBeUndefined();
    clock.pass(RETIRED - 7 * MINUTE - 1);
    await keys.renew();
    expect(kids(keys)).toContain(first);
    clock.pass(1);
    await keys.renew();
    expect(kids(keys)).not.toContain(first);
    expect(kids(keys)).toHaveLength(2);
  });

  test("are the same after a restart, and of those that are retired no private half is kept", async () => {
    const [clock, documents] = [new Clock(), new Documents()];
    const before = await open(clock, documents);
    clock.pass(PUBLISHED);
    await before.rotate();
    const after = await open(clock, documents);
    expect(kids(after)).toEqual(kids(before));
    expect(after.kid).toBe(before.kid);
    expect(verifies(before.jwk, "said", after.sign("said"))).toBe(true);
    const { current, next, retired } = JSON.parse(documents.kept.get("keys") ?? "") as {
      current: JWK;
      next: { key: JWK };
      retired: Array<{ key: JWK }>;
    };
    expect([current, next.key].every(({ d }) => d !== undefined)).toBe(true);
    expect(retired.map(({ key }) => Object.keys(key).sort())).toEqual([["crv", "kty", "x"]]);
  });

  test("are followed at once where the operator says so, but never by one that nobody can know yet, also over a restart", async () => {
    const [clock, documents] = [new Clock(), new Documents()];
    const keys = await open(clock, documents);
    const [first, second] = kids(keys);
    await keys.rotate();
    expect(keys.kid).toBe(first);
    clock.pass(PUBLISHED);
    const after = await open(clock, documents);
    await after.renew();
    expect(after.kid).toBe(second);
    clock.pass(PUBLISHED);
    await after.renew();
    expect(after.kid, "once for each time that it was said").toBe(second);
    await after.rotate();
    expect(after.kid).not.toBe(second);
  });

  test("of a deployment from before there were several go on", async () => {
    const [clock, documents] = [new Clock(), new Documents()];
    const { privateKey } = await generateKeyPair("Ed25519", { extractable: true });
    const current = await exportJWK(privateKey);
    await documents.putDocument("keys", { current });
    const keys = await open(clock, documents);
    expect(keys.jwk.x).toBe(current.x);
    expect(kids(keys)).toEqual(kids(await open(clock, documents)));
  });

  test("sign by none that is not kept", async () => {
    const [clock, documents] = [new Clock(), new Documents()];
    const keys = await open(clock, documents);
    const { kid } = keys;
    clock.pass(91 * DAY);
    documents.full = true;
    await expect(keys.renew()).rejects.toThrow(StorageError);
    expect(keys.kid).toBe(kid);
    documents.full = false;
    await keys.renew();
    expect(keys.kid).not.toBe(kid);
  });
});

describe("when the server's key changes", () => {
  const published = async ({ system }: Scene): Promise<string[]> => {
    const { keys } = (await (await fetch(`${system.issuer}/.well-known/jwks.json`)).json()) as { keys: Array<{ kid: string }> };
    return keys.map(({ kid }) => kid);
  };
  const kidOf = (token: string): string =>
    (JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as { kid: string }).kid;

  test("tokens of before go on until their end, and a full disk stops nobody", async () => {
    await using at = await scene({ config: { keyAge: HOUR } });
    const { grant, tokens } = await connect(at);
    const refresh = async () => (await at.vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).body;
    at.system.clock.pass(HOUR - 2 * MINUTE);
    const before = (await refresh()).access_token;
    const known = await published(at);
    at.system.clock.pass(2 * MINUTE);
    at.system.failWith("full");
    expect(kidOf((await refresh()).access_token), "the one before goes on").toBe(kidOf(before));
    at.system.failWith(undefined);
    const after = (await refresh()).access_token;
    expect(kidOf(after)).not.toBe(kidOf(before));
    expect(known, "who has fetched the keys before knows it").toContain(kidOf(after));
    expect(await published(at)).toContain(kidOf(before));
    for (const token of [before, after]) await at.vendor.pull(token, grant.grant);
  });
});

test("a running server takes the next key on SIGHUP", async () => {
  await using folder = await scratchFolder();
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const start = () =>
    startProcess(process.execPath, ["--import", "tsx", "server/main.ts"], {
      env: { COUNTERFOIL_ISSUER: issuer, COUNTERFOIL_DATA: folder.path, COUNTERFOIL_PORT: String(port), COUNTERFOIL_WEB: "none" },
      ready: { url: `${issuer}/.well-known/jwks.json` },
    });
  const kidsNow = async (): Promise<string[]> =>
    ((await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as { keys: Array<{ kid: string }> }).keys.map(({ kid }) => kid);
  await using first = await start();
  const [, second] = await kidsNow();
  await first.stop();
  // As if it had run for a day.
  {
    await using storage = await openFileStorage({ folder: folder.path });
    const { next, ...document } = (await storage.getDocument<{ next: { made: number } }>("keys")) ?? { next: { made: 0 } };
    await storage.putDocument("keys", { ...document, next: { ...next, made: next.made - DAY } });
  }
  await using again = await start();
  expect((await kidsNow())[1]).toBe(second);
  process.kill(again.pid, "SIGHUP");
  await expect.poll(kidsNow, { timeout: 10_000 }).toHaveLength(3);
  expect((await kidsNow())[0]).toBe(second);
});

describe("when a vendor's keys change", () => {
  interface Signing {
    readonly key: CryptoKey;
    readonly jwk: JWK;
  }
  const make = async (alg: string, kid?: string): Promise<Signing> => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    return { key: privateKey, jwk: { ...(await exportJWK(publicKey)), use: "sig", alg, ...(kid === undefined ? {} : { kid }) } };
  };
  const encryptionOf = ({ documents }: TestVendor): JWK[] => documents.jwks.keys.filter(({ use }) => use === "enc");
  const publish = (vendor: TestVendor, ...keys: Signing[]): void => {
    vendor.documents.jwks.keys = [...keys.map(({ jwk }) => jwk), ...encryptionOf(vendor)];
  };
  const assertionBy = (vendor: TestVendor, { key, jwk }: Signing): Promise<string> => {
    const now = Math.floor(vendor.now() / 1000);
    return new SignJWT({
      iss: vendor.clientId,
      sub: vendor.clientId,
      aud: vendor.issuer,
      iat: now,
      exp: now + 60,
      jti: crypto.randomUUID(),
    })
      .setProtectedHeader({ alg: jwk.alg ?? "", ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
      .sign(key);
  };
  const push = async (vendor: TestVendor, signing: Signing): Promise<number> =>
    (await vendor.form("/oauth/par", await vendor.parParameters(), { assertion: await assertionBy(vendor, signing) })).status;

  test.each([
    ["under another name", "k1", "k2"],
    ["under the same name", "k1", "k1"],
    ["without a name", undefined, undefined],
  ])("a new one %s works at once, and one that left stops within ten minutes", async (_name, before, after) => {
    await using at = await scene();
    const { vendor, system } = at;
    const [old, next] = [await make("ES256", before), await make("ES256", after)];
    publish(vendor, old);
    expect(await push(vendor, old)).toBe(201);
    system.clock.pass(6 * SECOND);
    publish(vendor, next, old);
    expect(await push(vendor, next)).toBe(201);
    expect(await push(vendor, old)).toBe(201);
    publish(vendor, next);
    system.clock.pass(10 * MINUTE + SECOND);
    expect(await push(vendor, old)).toBe(401);
    expect(await push(vendor, next)).toBe(201);
  });

  test("by any algorithm on offer, each key for its own only", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    for (const alg of ["Ed25519", "ES256", "PS256"]) {
      const signing = await make(alg, alg);
      publish(vendor, signing);
      system.clock.pass(6 * SECOND);
      expect(await push(vendor, signing), alg).toBe(201);
    }
    const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
    publish(vendor, { key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid: "r", use: "sig", alg: "RS256" } });
    system.clock.pass(6 * SECOND);
    expect(await push(vendor, { key: privateKey, jwk: { kid: "r", alg: "RS256" } })).toBe(401);
  });

  test("a stranger's guesses send nobody to its host more than now and then", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const right = await make("ES256", "k1");
    publish(vendor, right);
    expect(await push(vendor, right)).toBe(201);
    let fetched = 0;
    const { jwks } = vendor.documents;
    Object.defineProperty(vendor.documents, "jwks", {
      get: () => {
        fetched++;
        return jwks;
      },
    });
    const guess = await make("ES256", "k9");
    for (let time = 0; time < 20; time++) {
      expect(await push(vendor, guess)).toBe(401);
      system.clock.pass(SECOND);
    }
    expect(fetched).toBeLessThanOrEqual(4);
  });

  test("and its host is down, the keys of before are good for an hour", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const signing = await make("ES256", "k1");
    publish(vendor, signing);
    expect(await push(vendor, signing)).toBe(201);
    const { metadata } = vendor.documents;
    const right = vendor.documents.jwks;
    Object.assign(vendor.documents, { jwks: undefined, metadata });
    system.clock.pass(30 * MINUTE);
    expect(await push(vendor, signing)).toBe(201);
    system.clock.pass(31 * MINUTE);
    expect(await push(vendor, signing)).toBe(401);
    vendor.documents.jwks = right;
    expect(await push(vendor, signing)).toBe(201);
  });

  test("the next grant's key is sealed to its newest encryption key", async () => {
    await using at = await scene();
    const { vendor, system, customer } = at;
    const seen = async () => (await customer.api.call("request", { id: await vendor.request() })).client.encryption_key;
    const before = await seen();
    const { publicKey } = await generateKeyPair("ECDH-ES+A256KW", { crv: "X25519", extractable: true });
    const next = { ...(await exportJWK(publicKey)), kid: "e2", use: "enc" };
    vendor.documents.jwks.keys = [...vendor.documents.jwks.keys.filter(({ use }) => use !== "enc"), next];
    system.clock.pass(6 * SECOND);
    const after = await seen();
    expect(after).toEqual({ kty: "OKP", crv: "X25519", x: next.x, kid: "e2", use: "enc" });
    expect(after).not.toEqual(before);
  });
});

test("nonces change, and the one before is taken for as long again", async () => {
  await using at = await scene({ config: { nonces: "always" } });
  const { vendor, system } = at;
  const url = `${system.issuer}/oauth/token`;
  const send = async (nonce?: string): Promise<{ status: number; error: string | undefined; next: string | null }> => {
    const response = await fetch(url, {
      method: "POST",
      headers: { dpop: await vendor.proof("POST", url, undefined, { nonce }) },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        scope: "attest",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: await vendor.clientAssertion(),
      }),
    });
    const { error } = (await response.json()) as { error?: string };
    return { status: response.status, error, next: response.headers.get("dpop-nonce") };
  };
  system.clock.pass(HOUR);
  const { next: first, ...asked } = await send();
  expect(asked).toEqual({ status: 400, error: "use_dpop_nonce" });
  expect(await send(first ?? "")).toEqual({ status: 200, error: undefined, next: null });
  expect(await send("another")).toMatchObject({ status: 400, error: "use_dpop_nonce", next: first });
  system.clock.pass(5 * MINUTE);
  const { next: second, ...later } = await send(first ?? "");
  expect(later, "and with the answer comes the next").toEqual({ status: 200, error: undefined });
  expect(second).not.toBe(first);
  expect(await send(second ?? "")).toEqual({ status: 200, error: undefined, next: null });
  system.clock.pass(5 * MINUTE);
  expect(await send(first ?? "")).toMatchObject({ status: 400, error: "use_dpop_nonce" });
});
