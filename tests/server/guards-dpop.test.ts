import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { type ExpectedProof, ProofError, Proofs } from "../../server/guards/dpop.ts";
import { Nonces } from "../../server/guards/nonces.ts";
import { ShortLived } from "../../server/storage/file/short-lived.ts";
import { Clock, HOUR, MINUTE, SECOND } from "../support/clock.ts";

const URL_ = "https://counterfoil.example/api/records";
const HERE: ExpectedProof = { method: "GET", url: URL_ };
type Pair = { key: CryptoKey; jwk: JWK };
interface Change {
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  by?: Pair;
}

const makePair = async (): Promise<Pair> => {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  return { key: privateKey, jwk: await exportJWK(publicKey) };
};
let own: Pair;
let stranger: Pair;
beforeAll(async () => {
  [own, stranger] = await Promise.all([makePair(), makePair()]);
});

/** A guard of a server that started `ago` milliseconds before, and what makes proofs for it. */
function guard({ ago = HOUR, nonces = "start" as "start" | "always" } = {}) {
  const clock = new Clock();
  const used = new ShortLived(clock.now);
  const proofs = new Proofs({
    storage: { once: async (...which) => used.once(...which) },
    now: clock.now,
    started: clock.now() - ago,
    nonces,
  });
  const second = () => Math.floor(clock.now() / 1000);
  const make = ({ header = {}, claims = {}, by = own }: Change = {}) =>
    new SignJWT({ htm: "GET", htu: URL_, iat: second(), jti: crypto.randomUUID(), ...claims })
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: by.jwk, ...header } as { alg: string })
      .sign(by.key);
  const outcome = (proof: string | undefined, expected = HERE): Promise<string> =>
    proofs.prove(proof, expected).then(
      () => "taken",
      (error: unknown) => (error instanceof ProofError ? `${error.code}: ${error.message}` : `threw ${error}`),
    );
  /** The nonce that a refusal hands out. */
  const nonceOf = (proof: string): Promise<string | undefined> =>
    proofs.prove(proof, HERE).then(
      () => undefined,
      (error: ProofError) => error.nonce,
    );
  return { clock, proofs, second, make, outcome, nonceOf };
}

const REFUSED = "invalid_dpop_proof: ";

describe("a proof", () => {
  test("is taken of its key, for its request, to the last moment of its time", async () => {
    const { make, outcome, second, proofs } = guard();
    const { jkt, nonce } = await proofs.prove(await make(), HERE);
    expect(jkt).toMatch(/^[\w-]{43}$/);
    expect(nonce, "nobody needs one here").toBeUndefined();
    expect((await proofs.prove(await make({ by: stranger }), HERE)).jkt).not.toBe(jkt);
    const right: Array<[string, Change]> = [
      ["a minute ago", { claims: { iat: second() - 60 } }],
      ["ten seconds ahead", { claims: { iat: second() + 10 } }],
      ["a part of a second", { claims: { iat: second() - 0.5 } }],
      ["with query and fragment", { claims: { htu: `${URL_}?a=b#c` } }],
      ["in another writing", { claims: { htu: URL_.replace("https://counterfoil", "HTTPS://Counterfoil").replace("/api", ":443/api") } }],
      ["the shortest jti", { claims: { jti: "1" } }],
      ["the longest jti", { claims: { jti: "j".repeat(200) } }],
      ["of a token where none is shown", { claims: { ath: "x" } }],
    ];
    for (const [name, change] of right) expect(await outcome(await make(change)), name).toBe("taken");
    const ath = "A".repeat(43);
    expect(await outcome(await make({ claims: { ath } }), { ...HERE, ath })).toBe("taken");
  });

  test("is refused where one thing of it is wrong, and its maker is told which", async () => {
    const { make, outcome, second } = guard();
    const address = "htu is not this address";
    const time = "iat is not now";
    const jti = "jti has 1 to 200 characters";
    const typ = "typ is not dpop+jwt";
    const key = "alg and jwk are not a public key of ES256, Ed25519 or PS256";
    const wrong: Array<[string, Change, string]> = [
      ["another method", { claims: { htm: "POST" } }, "htm is not this method"],
      ["a method in other letters", { claims: { htm: "get" } }, "htm is not this method"],
      ["another address", { claims: { htu: `${URL_}/1` } }, address],
      ["another host", { claims: { htu: URL_.replace("counterfoil", "other") } }, address],
      ["no address", { claims: { htu: "/api/records" } }, address],
      ["a list of addresses", { claims: { htu: [URL_] } }, address],
      ["a second too old", { claims: { iat: second() - 61 } }, time],
      ["a second too early", { claims: { iat: second() + 11 } }, time],
      ["a time as text", { claims: { iat: String(second()) } }, time],
      ["no time", { claims: { iat: undefined } }, time],
      ["no jti", { claims: { jti: undefined } }, jti],
      ["an empty jti", { claims: { jti: "" } }, jti],
      ["a jti that is too long", { claims: { jti: "j".repeat(201) } }, jti],
      ["a list as jti", { claims: { jti: ["1"] } }, jti],
      ["another typ", { header: { typ: "jwt" } }, typ],
      ["crit", { header: { crit: ["exp"], exp: 1 } }, typ],
      ["an algorithm that its key is not of", { header: { alg: "ES256", jwk: { ...own.jwk, crv: "P-384" } } }, key],
      ["no key", { header: { jwk: undefined } }, key],
      ["a stranger's key in it", { header: { jwk: stranger.jwk } }, "the signature is wrong"],
    ];
    for (const [name, change, message] of wrong) {
      const { crit, ...header } = change.header ?? {};
      // jose itself refuses to make one with a crit that it does not know.
      const proof = crit === undefined ? await make({ ...change, header }) : reheaded(await make(), { crit });
      expect(await outcome(proof), name).toBe(REFUSED + message);
    }
    const ath = "A".repeat(43);
    for (const claims of [{}, { ath: "B".repeat(43) }])
      expect(await outcome(await make({ claims }), { ...HERE, ath })).toBe(`${REFUSED}ath is not of this access token`);
  });

  test("is refused where it is none", async () => {
    const { make, outcome } = guard();
    const [header = "", payload = "", signature = ""] = (await make()).split(".");
    for (const text of [undefined, "", "x", `${header}.${payload}`, `${header}.${payload}.`, `${header}.${payload}.${signature}, x`])
      expect(await outcome(text), text ?? "none").toBe(`${REFUSED}one DPoP header with a proof is needed`);
    expect(await outcome(`${header}.${Buffer.from("[]").toString("base64url")}.${signature}`)).toBe(`${REFUSED}the proof has no claims`);
    expect(await outcome(`${Buffer.from("[]").toString("base64url")}.${payload}.${signature}`)).toBe(`${REFUSED}typ is not dpop+jwt`);
    expect(await outcome(`${header}.${payload}.AA`)).toBe(`${REFUSED}the signature is wrong`);
  });

  test("may have 8192 characters", async () => {
    const { make, outcome } = guard();
    const lengths = new Map<number, string>();
    for (let pad = 5750; pad < 6000 && !(lengths.has(8192) && lengths.has(8193)); pad++)
      for (const kid of ["", "k", "kk"]) {
        const proof = await make({ header: { kid }, claims: { pad: "x".repeat(pad) } });
        lengths.set(proof.length, proof);
        // The next to look at is not far: three characters of it are four of the proof.
        if (proof.length < 8100) pad += Math.floor((8100 - proof.length) * 0.7);
      }
    expect([lengths.get(8192)?.length, lengths.get(8193)?.length]).toEqual([8192, 8193]);
    expect(await outcome(lengths.get(8192))).toBe("taken");
    expect(await outcome(lengths.get(8193))).toBe(`${REFUSED}one DPoP header with a proof is needed`);
  });

  test("is taken once, however late it comes again, and another key's of the same name is another one", async () => {
    const { clock, make, outcome, second } = guard();
    const claims = { jti: "same", iat: second() + 10 };
    const proof = await make({ claims });
    expect(await outcome(proof)).toBe("taken");
    expect(await outcome(await make({ claims, by: stranger }))).toBe("taken");
    for (let passed = 0; passed <= 70; passed += 10) {
      expect(await outcome(proof), `${passed} s`).toBe(`${REFUSED}this proof was used before`);
      clock.pass(10 * SECOND);
    }
    expect(await outcome(proof)).toBe(`${REFUSED}iat is not now`);
  });

  test("that is refused is not used up", async () => {
    const { make, outcome } = guard();
    const proof = await make();
    expect(await outcome(proof, { ...HERE, method: "POST" })).toContain("htm");
    expect(await outcome(proof)).toBe("taken");
  });
});

/** The same with another header, its signature no more of it. */
function reheaded(proof: string, change: object): string {
  const [header = "", payload, signature] = proof.split(".");
  const changed = { ...JSON.parse(Buffer.from(header, "base64url").toString()), ...change };
  return `${Buffer.from(JSON.stringify(changed)).toString("base64url")}.${payload}.${signature}`;
}

describe("a server that has just started", () => {
  test("takes what the process before may have seen only with its own nonce", async () => {
    const { make, outcome, nonceOf, second, clock, proofs } = guard({ ago: 30 * SECOND });
    const begin = second() - 30;
    expect(await outcome(await make({ claims: { iat: begin - 1 } }))).toBe(`${REFUSED}the proof is older than this server`);
    for (const iat of [begin, begin + 10])
      expect(await outcome(await make({ claims: { iat } }))).toBe("use_dpop_nonce: this server takes proofs with its nonce");
    expect(await outcome(await make({ claims: { iat: begin + 11 } }))).toBe("taken");
    const nonce = await nonceOf(await make({ claims: { iat: begin } }));
    expect(await outcome(await make({ claims: { iat: begin, nonce } }))).toBe("taken");
    expect(await outcome(await make({ claims: { iat: begin, nonce: new Nonces(clock.now).newest } }))).toContain("use_dpop_nonce");
    clock.pass(5 * MINUTE);
    expect((await proofs.prove(await make({ claims: { nonce } }), HERE)).nonce, "no other one is asked for").toBeUndefined();
  });

  test("or every server, if its operator wants: then the next one comes with an answer", async () => {
    const { make, outcome, nonceOf, clock, proofs } = guard({ nonces: "always" });
    const nonce = await nonceOf(await make());
    expect(await proofs.prove(await make({ claims: { nonce } }), HERE)).toMatchObject({ nonce: undefined });
    clock.pass(5 * MINUTE);
    const { nonce: next } = await proofs.prove(await make({ claims: { nonce } }), HERE);
    expect(next).not.toBe(nonce);
    expect(await proofs.prove(await make({ claims: { nonce: next } }), HERE)).toMatchObject({ nonce: undefined });
    clock.pass(5 * MINUTE);
    expect(await outcome(await make({ claims: { nonce } }))).toContain("use_dpop_nonce");
    expect(await outcome(await make({ claims: { nonce: next } }))).toBe("taken");
  });
});

test("a nonce is one of this process, of these five minutes or those before", () => {
  const clock = new Clock();
  const nonces = new Nonces(clock.now);
  const { newest } = nonces;
  expect(newest).toMatch(/^[\w-]{22}$/);
  expect(new Nonces(clock.now).newest).not.toBe(newest);
  for (const other of [undefined, null, "", newest.slice(1), [newest]]) expect(nonces.takes(other)).toBe(false);
  clock.pass(5 * MINUTE - 1);
  expect([nonces.newest, nonces.takes(newest)]).toEqual([newest, true]);
  clock.pass(1);
  expect(nonces.newest).not.toBe(newest);
  clock.pass(5 * MINUTE - 1);
  expect(nonces.takes(newest)).toBe(true);
  clock.pass(1);
  expect(nonces.takes(newest)).toBe(false);
  const future = new Nonces(() => clock.now());
  const seen = future.newest;
  clock.pass(-5 * MINUTE);
  expect(future.takes(seen), "a nonce of a time to come was never given out").toBe(false);
});
