import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Act, challengeOf } from "#protocol/act.ts";
import type { SignedAct } from "#protocol/api.ts";
import { base64url } from "#protocol/canonical.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import type { Way } from "#protocol/ways.ts";
import { verifyAct } from "../../../web/vault/assertion.ts";

const place = { origin: "https://store.example", rpId: "store.example" };
const hash = (data: Buffer | string): Buffer => createHash("sha256").update(data).digest();
const text = (bytes: Buffer): string => bytes.toString("base64url");

const ALGORITHMS: ReadonlyArray<[name: string, pair: () => { publicKey: KeyObject; privateKey: KeyObject }, digest: "sha256" | null]> = [
  ["ES256", () => generateKeyPairSync("ec", { namedCurve: "P-256" }), "sha256"],
  ["RS256", () => generateKeyPairSync("rsa", { modulusLength: 2048 }), "sha256"],
  ["Ed25519", () => generateKeyPairSync("ed25519"), null],
];

interface Fault {
  origin?: string;
  rpId?: string;
  flags?: number;
  type?: string;
  challenge?: string;
}

async function approved(pair: { privateKey: KeyObject }, digest: "sha256" | null, act: Act, fault: Fault = {}): Promise<SignedAct> {
  const client = Buffer.from(
    JSON.stringify({
      type: fault.type ?? "webauthn.get",
      challenge: fault.challenge ?? base64url.encode(await challengeOf(act)),
      origin: fault.origin ?? place.origin,
    }),
  );
  const data = Buffer.concat([hash(fault.rpId ?? place.rpId), Buffer.from([fault.flags ?? 5, 0, 0, 0, 1])]);
  const signature = sign(digest, Buffer.concat([data, hash(client)]), pair.privateKey);
  const id = "AAAAAAAAAAAAAAAAAAAAAA";
  return {
    act,
    assertion: {
      id,
      rawId: id,
      type: "public-key",
      clientExtensionResults: {},
      response: { clientDataJSON: text(client), authenticatorData: text(data), signature: text(signature) },
    },
  };
}

function wayOf({ publicKey }: { publicKey: KeyObject }): Way {
  return {
    id: newId(),
    kind: "passkey",
    key: null,
    sign: null,
    passkey: { id: "AAAAAAAAAAAAAAAAAAAAAA", publicKey: text(publicKey.export({ format: "der", type: "spki" })) },
  };
}

const act = (): Act => ({
  action: "revoke",
  account: newId(),
  grant: newId(),
  object: base64url.encode(new Uint8Array(32)),
  nonce: base64url.encode(new Uint8Array(32)),
  at: "2026-11-21T10:00:00.000Z",
});

describe.each(ALGORITHMS)("an act approved by a passkey of %s", (_, pairOf, digest) => {
  it("is proven, whatever the signature's numbers look like", async () => {
    const pair = pairOf();
    for (let round = 0; round < (digest === null ? 2 : 40); round++) {
      const done = act();
      await verifyAct(await approved(pair, digest, done), { action: "revoke", grant: done.grant }, [wayOf(pair)], place);
    }
  });

  it("is refused when it is another act, another site's, unverified, or another passkey's", async () => {
    const pair = pairOf();
    const done = act();
    const ways = [wayOf(pair)];
    const signed = await approved(pair, digest, done);
    const verify = (given: SignedAct, by = ways, expected: Partial<Act> = {}): Promise<void> => verifyAct(given, expected, by, place);
    await expect(verify({ ...signed, act: { ...done, grant: newId() } })).rejects.toMatchObject({ code: "context" });
    await expect(verify(signed, ways, { grant: newId() })).rejects.toMatchObject({ code: "context" });
    await expect(verify(signed, [])).rejects.toMatchObject({ code: "signature" });
    await expect(verify(signed, [wayOf(pairOf())])).rejects.toMatchObject({ code: "signature" });
    const faults: Array<[Fault, string]> = [
      [{ origin: "https://evil.example" }, "context"],
      [{ rpId: "evil.example" }, "context"],
      [{ flags: 1 }, "signature"],
      [{ type: "webauthn.create" }, "malformed"],
      [{ challenge: base64url.encode(new Uint8Array(32)) }, "context"],
    ];
    for (const [fault, code] of faults) await expect(verify(await approved(pair, digest, done, fault))).rejects.toMatchObject({ code });
  });
});
