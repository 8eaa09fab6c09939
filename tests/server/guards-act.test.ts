import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { decodeAttestationObject, isoBase64URL } from "@simplewebauthn/server/helpers";
import { beforeAll, describe, expect, test } from "vitest";
import type { Act } from "#protocol/act.ts";
import { challengeOf } from "#protocol/act.ts";
import { ACT_TYP, type Attestation, type SignedAct } from "#protocol/api.ts";
import { makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { sign as signJws } from "#protocol/sealing/sign.ts";
import { NONCE, type NonceTicket, proveAct } from "../../server/guards/act.ts";
import { verifyAssertion, verifyAttestation } from "../../server/guards/passkey.ts";
import { ordered, type PasskeyRow, type Rows } from "../../server/rows.ts";
import { ShortLived } from "../../server/storage/file/short-lived.ts";
import { Work } from "../../server/storage/file/work.ts";
import { cbor } from "../support/cbor.ts";
import { Clock, MINUTE } from "../support/clock.ts";
import { type Ceremony, SoftwarePasskey } from "../support/software-passkey.ts";

const ISSUER = "https://counterfoil.example";
const ACCOUNT = "A".repeat(22);
const HERE = { challenge: Buffer.from("challenge of a ceremony").toString("base64url"), origin: ISSUER, rpId: "counterfoil.example" };
const instant = (at: number): string => new Date(at).toISOString();

let kit: SigningPair;
let stranger: SigningPair;
beforeAll(async () => {
  [kit, stranger] = await Promise.all([makeSigningPair(), makeSigningPair()]);
});

const registered = async (passkey: SoftwarePasskey, now: number): Promise<PasskeyRow> =>
  (await verifyAttestation(passkey.create(HERE), { challenge: HERE.challenge, issuer: ISSUER, now })).passkey;

/** A store with a passkey and a kit, to which one nonce was given. */
async function store() {
  const clock = new Clock();
  const now = clock.now();
  const passkey = new SoftwarePasskey("user", { counts: true });
  const live = new ShortLived(clock.now);
  const tickets = { getTicket: async <Value>(kind: string, name: string) => live.getTicket<Value>(kind, name) };
  const rows = new Work<Rows>(new Map(), async () => []);
  rows.put("ways", "device", { kind: "device", key: null, passkey: null, sign: null });
  rows.put("ways", "phone", { kind: "passkey", key: null, passkey: { id: passkey.id, publicKey: passkey.publicKey }, sign: null });
  rows.put("ways", "kit", { kind: "kit", key: null, passkey: null, sign: kit.x });
  rows.put("passkeys", "phone", await registered(passkey, now - MINUTE));
  const nonce = "N".repeat(43);
  live.putTicket(NONCE, nonce, { account: ACCOUNT, until: now + 5 * MINUTE } satisfies NonceTicket, now + 5 * MINUTE);
  const act: Act = { action: "revoke", account: ACCOUNT, grant: "G".repeat(22), object: "O".repeat(43), nonce, at: instant(now) };
  const asserted = async (of: Act, ceremony: Partial<Ceremony> = {}, by = passkey): Promise<SignedAct> => ({
    act: of,
    assertion: by.get({ ...HERE, challenge: Buffer.from(await challengeOf(of)).toString("base64url"), ...ceremony }),
  });
  const byKit = async (of: Act, signed: unknown = of, pair = kit, typ = ACT_TYP): Promise<SignedAct> => ({
    act: of,
    kit: await signJws(signed, typ, pair),
  });
  const prove = (signed: SignedAct) =>
    proveAct(tickets, rows, signed, { account: ACCOUNT, issuer: ISSUER, now: clock.now(), pointer: "/acts/0" });
  const outcome = (signed: SignedAct): Promise<string> =>
    prove(signed).then(
      ({ kind, way }) => `${kind} ${way}`,
      ({ code, pointer, message }) => `${code} ${pointer} ${message}`,
    );
  return { clock, now, passkey, live, rows, act, asserted, byKit, prove, outcome };
}
const wrong = (pointer: string, message: string) => `invalid_act /acts/0${pointer} ${message}`;

describe("an act", () => {
  test("is proven by a passkey of this store, whose count goes up with it", async () => {
    const { act, asserted, prove, rows, passkey, now } = await store();
    expect(await prove(await asserted(act))).toEqual({ act, way: "phone", kind: "passkey" });
    expect(await rows.get("passkeys", "phone")).toMatchObject({ counter: passkey.counter, lastUsed: now });
  });

  test("or by its kit", async () => {
    const { act, byKit, prove } = await store();
    expect(await prove(await byKit(act))).toEqual({ act, way: "kit", kind: "kit" });
  });

  test("is of five minutes around now", async () => {
    for (const [off, taken] of [
      [5 * MINUTE, true],
      [5 * MINUTE + 1, false],
      [-5 * MINUTE, true],
      [-5 * MINUTE - 1, false],
    ] as const) {
      const { act, byKit, outcome, now } = await store();
      expect(await outcome(await byKit({ ...act, at: instant(now + off) })), `${off}`).toBe(
        taken ? "kit kit" : wrong("/act/at", "This act is not of now. Ask for a new one."),
      );
    }
    const { act, byKit, outcome } = await store();
    expect(await outcome(await byKit({ ...act, at: "now" }))).toContain("/act/at");
  });

  test("is refused where it is of another store, or its nonce is another's, nobody's or too old", async () => {
    const { act, asserted, outcome, live, clock, now } = await store();
    const unknown = wrong("/act/nonce", "This nonce is not known here, or too old. Ask for a new one.");
    expect(await outcome(await asserted({ ...act, account: "B".repeat(22) }))).toBe(wrong("/act/account", "This act is of another store."));
    expect(await outcome(await asserted({ ...act, nonce: "M".repeat(43) }))).toBe(unknown);
    live.putTicket(NONCE, "M".repeat(43), { account: "B".repeat(22), until: now + MINUTE }, now + MINUTE);
    expect(await outcome(await asserted({ ...act, nonce: "M".repeat(43) }))).toBe(unknown);
    live.putTicket("challenge", "M".repeat(43), { account: ACCOUNT, until: now + MINUTE }, now + MINUTE);
    expect(await outcome(await asserted({ ...act, nonce: "M".repeat(43) })), "what was given out for something else").toBe(unknown);
    clock.pass(5 * MINUTE);
    expect(await outcome(await asserted({ ...act, at: instant(clock.now()) }))).toBe(unknown);
  });

  test("is used up at once, and for as long as its nonce could come again", async () => {
    const { act, byKit, prove, outcome, clock } = await store();
    await prove(await byKit(act));
    const used = wrong("/act/nonce", "This nonce was used before. Ask for a new one.");
    expect(await outcome(await byKit(act))).toBe(used);
    clock.pass(5 * MINUTE - 1);
    expect(await outcome(await byKit(act))).toBe(used);
    expect(await outcome(await byKit({ ...act, object: "P".repeat(43) })), "also for another act").toBe(used);
  });

  test("leaves no nonce behind that has ended", async () => {
    const { act, byKit, prove, rows, now } = await store();
    const key = (at: number): string => `${ordered(at)}/x`;
    for (const at of [now - MINUTE, now, now + 1]) rows.put("nonces", key(at), {});
    await prove(await byKit(act));
    expect((await rows.list("nonces", { limit: 10 })).map(([each]) => each)).toEqual([
      key(now + 1),
      `${ordered(now + 5 * MINUTE)}/${act.nonce}`,
    ]);
  });

  test("is refused where the passkey's answer is for another one, another place, or another's", async () => {
    const { act, asserted, outcome, rows, clock, passkey } = await store();
    const answer = wrong("/assertion", "The passkey's answer is not for this act.");
    const other = await asserted({ ...act, object: "P".repeat(43) });
    // A refusal takes back what the work has changed: each of these starts anew.
    const fresh = () => rows.delete("nonces", `${ordered(clock.now() + 5 * MINUTE)}/${act.nonce}`);
    const tries: Array<[string, SignedAct, string]> = [
      ["another act", { ...other, act }, answer],
      ["another site", await asserted(act, { origin: "https://evil.example" }), answer],
      ["another party", await asserted(act, { rpId: "evil.example" }), answer],
      [
        "a stranger's",
        await asserted(act, {}, new SoftwarePasskey("user")),
        wrong("/assertion/id", "This passkey is not one of this store."),
      ],
    ];
    for (const [name, signed, expected] of tries) {
      expect(await outcome(signed), name).toBe(expected);
      fresh();
    }
    rows.delete("passkeys", "phone");
    expect(await outcome(await asserted(act, {}, passkey)), "one that has gone").toContain("/assertion/id");
  });

  test("is refused where the kit signed another, another signed it, or there is none", async () => {
    const { act, byKit, outcome, rows, now } = await store();
    const fresh = () => rows.delete("nonces", `${ordered(now + 5 * MINUTE)}/${act.nonce}`);
    const not = wrong("/kit", "This is not signed by the store's kit.");
    const tries: Array<[string, SignedAct, string]> = [
      ["another act", await byKit(act, { ...act, action: "approve" }), wrong("/kit", "What the kit signed is another act.")],
      ["another key", await byKit(act, act, stranger), not],
      ["another typ", await byKit(act, act, kit, "head+jwt"), not],
      ["no JWS", { act, kit: "a.b.c" }, not],
    ];
    for (const [name, signed, expected] of tries) {
      expect(await outcome(signed), name).toBe(expected);
      fresh();
    }
    rows.put("ways", "kit", { kind: "kit", key: null, passkey: null, sign: null });
    expect(await outcome(await byKit(act)), "a kit that signs nothing").toBe(wrong("/kit", "This store has no kit."));
    fresh();
    rows.put("ways", "kit", { kind: "device", key: null, passkey: null, sign: kit.x });
    expect(await outcome(await byKit(act)), "a device's key").toBe(wrong("/kit", "This store has no kit."));
  });

  test("fails as ours where the store fails", async () => {
    const { act, asserted, prove, rows } = await store();
    const put = rows.put.bind(rows);
    rows.put = (table, key, row) => {
      if (table === "passkeys") throw new RangeError("disk");
      put(table, key, row);
    };
    await expect(prove(await asserted(act))).rejects.toThrow(RangeError);
  });
});

/** The attestation with other authenticator data, in another format. */
function attested(
  made: Attestation,
  change: (authData: Buffer) => Uint8Array,
  fmt = "none",
  statement: ReadonlyMap<string, Uint8Array> = new Map(),
): Attestation {
  const own = decodeAttestationObject(isoBase64URL.toBuffer(made.response.attestationObject));
  const attestation = cbor(
    new Map<string, string | Uint8Array | Map<string, Uint8Array>>([
      ["fmt", fmt],
      ["attStmt", new Map(statement)],
      ["authData", change(Buffer.from(own.get("authData")))],
    ]),
  );
  return { ...made, response: { ...made.response, attestationObject: attestation.toString("base64url") } };
}

describe("a passkey", () => {
  const now = Date.parse("2026-11-21T10:00:00Z");
  const expected = { challenge: HERE.challenge, issuer: ISSUER, now };
  const refused = { code: "invalid_passkey", message: "This passkey's answer does not fit what was asked. Try again." };

  test("is kept as it says it is", async () => {
    const passkey = new SoftwarePasskey("user", { counts: true });
    const { passkey: row, spki } = await verifyAttestation(passkey.create(HERE), expected);
    expect(spki).toBe(passkey.publicKey);
    expect(row).toEqual({
      credential: passkey.id,
      publicKey: expect.any(String),
      counter: 1,
      aaguid: "00000000-0000-0000-0000-000000000000",
      backedUp: true,
      transports: ["internal"],
      created: now,
      lastUsed: now,
    });
  });

  test("is refused where it answers something else, or nobody was verified", async () => {
    const passkey = new SoftwarePasskey("user");
    const made = passkey.create(HERE);
    const tries = [
      passkey.create({ ...HERE, challenge: "AAAA" }),
      passkey.create({ ...HERE, origin: "https://evil.example" }),
      passkey.create({ ...HERE, rpId: "evil.example" }),
      passkey.create(HERE, { userVerified: false }),
      passkey.create(HERE, { type: "webauthn.get" }),
      { ...made, id: "AAAA", rawId: "AAAA" },
      { ...made, response: { ...made.response, attestationObject: "AAAA" } },
    ];
    for (const [at, each] of tries.entries()) await expect(verifyAttestation(each, expected), `${at}`).rejects.toMatchObject(refused);
    const { transports: _, ...response } = made.response;
    expect((await verifyAttestation({ ...made, response }, expected)).passkey.transports).toEqual([]);
  });

  test.each([
    ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" }), [1, 2, 3, -7, -1, 1], ["x", "y"]],
    ["Ed25519", generateKeyPairSync("ed25519"), [1, 1, 3, -8, -1, 6], ["x"]],
    ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 }), [1, 3, 3, -257], ["n", "e"]],
  ] as const)("may have a key of %s, and signs in by it", async (alg, { privateKey, publicKey }, start, parts) => {
    const jwk = publicKey.export({ format: "jwk" });
    const cose = new Map<number, number | Uint8Array>();
    for (let at = 0; at < start.length; at += 2) cose.set(start[at] as number, start[at + 1] as number);
    // Coordinates follow the curve, where there is one.
    for (const [at, part] of parts.entries()) cose.set((start.length === 6 ? -2 : -1) - at, Buffer.from(jwk[part] as string, "base64url"));
    const passkey = new SoftwarePasskey("user");
    const made = passkey.create(HERE);
    const attestation = attested(made, (authData) => Buffer.concat([authData.subarray(0, 37 + 16 + 2 + 24), cbor(cose)]));
    const { passkey: row, spki } = await verifyAttestation(attestation, expected);
    expect(spki).toBe(publicKey.export({ format: "der", type: "spki" }).toString("base64url"));
    const assertion = passkey.get(HERE);
    const { authenticatorData, clientDataJSON } = assertion.response;
    const data = Buffer.concat([
      Buffer.from(authenticatorData, "base64url"),
      createHash("sha256").update(Buffer.from(clientDataJSON, "base64url")).digest(),
    ]);
    const signature = sign(alg === "Ed25519" ? null : "sha256", data, privateKey).toString("base64url");
    expect(await verifyAssertion({ ...assertion, response: { ...assertion.response, signature } }, row, expected)).toEqual(row);
    await expect(verifyAssertion(assertion, row, expected), "by another key").rejects.toMatchObject(refused);
  });

  test("shows no certificate, and none is looked up: refused before its statement is read", async () => {
    const made = new SoftwarePasskey("user").create(HERE);
    const as = (fmt: string, statement: ReadonlyMap<string, Uint8Array>) => attested(made, (authData) => authData, fmt, statement);
    for (const [fmt, statement] of [
      ["packed", new Map([["x5c", Buffer.from("certificate")]])],
      ["none", new Map([["x5c", Buffer.from("certificate")]])],
      ["apple", new Map()],
      ["fido-u2f", new Map()],
      ["android-safetynet", new Map([["response", Buffer.from("certificate")]])],
    ] as const) {
      const refusal: unknown = await verifyAttestation(as(fmt, statement), expected).catch((error) => error);
      expect(refusal, fmt).toMatchObject(refused);
      expect((refusal as Error).cause, fmt).toBeUndefined();
    }
    await expect(verifyAttestation(as("packed", new Map()), expected), "a statement that is not there").rejects.toMatchObject(refused);
    expect(await verifyAttestation(as("none", new Map()), expected)).toBeDefined();
  });

  test("signs in once for each count, verified, for this site alone", async () => {
    const passkey = new SoftwarePasskey("user", { counts: true });
    const row = await registered(passkey, now - MINUTE);
    const right = passkey.get(HERE);
    const after = await verifyAssertion(right, row, expected);
    expect(after).toEqual({ ...row, counter: 2, lastUsed: now });
    await expect(verifyAssertion(right, after, expected), "the same again").rejects.toMatchObject(refused);
    const tries = [
      passkey.get({ ...HERE, challenge: "AAAA" }),
      passkey.get({ ...HERE, origin: "https://evil.example" }),
      passkey.get({ ...HERE, rpId: "evil.example" }),
      passkey.get(HERE, { userVerified: false }),
      passkey.get(HERE, { type: "webauthn.create" }),
      { ...passkey.get(HERE), id: "AAAA", rawId: "AAAA" },
      { ...new SoftwarePasskey("user").get(HERE), id: passkey.id, rawId: passkey.id },
    ];
    for (const [at, each] of tries.entries()) await expect(verifyAssertion(each, after, expected), `${at}`).rejects.toMatchObject(refused);
  });
});
