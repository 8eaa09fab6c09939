import { CompactSign, compactVerify, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { describe, expect, test } from "vitest";
import { canonical } from "#protocol/canonical.ts";
import { ATTESTATION_TYP, type ErasureAttestation, verifyAttestation } from "#protocol/erasure-attestation.ts";
import { VENDOR_ALGORITHMS } from "#protocol/jws.ts";
import { evidence } from "./support/changes.ts";
import { vectors } from "./vectors/read.ts";

interface Case {
  alg: string;
  key: JWK;
  token: string;
}

const { expected, claims, cases, refused } = vectors<{
  expected: { issuer: string; audience: string; grant: string };
  claims: ErasureAttestation;
  cases: Case[];
  refused: Record<string, { key: JWK; token: string; code: string }>;
}>("erasure-attestation");

test("there is one of every algorithm that a vendor may sign with", () => {
  expect(cases.map(({ alg }) => alg).sort()).toEqual([...VENDOR_ALGORITHMS].sort());
});

describe.each(cases)("by $alg", ({ alg, key, token }) => {
  test("says what the vendor said, and any JOSE verifies it", async () => {
    expect(await verifyAttestation(token, { key, ...expected })).toEqual(claims);
    const { protectedHeader, payload } = await compactVerify(token, await importJWK(key, alg));
    expect(protectedHeader).toEqual({ alg, kid: key.kid, typ: ATTESTATION_TYP });
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(claims);
  });

  test("is refused by the key of another", async () => {
    for (const other of cases.filter((each) => each.alg !== alg))
      await expect(verifyAttestation(token, { key: other.key, ...expected })).rejects.toEqual(evidence("signature"));
  });

  test("is refused where a character of it differs", async () => {
    const [header = "", payload = "", signature = ""] = token.split(".");
    const at = Math.floor(payload.length / 2);
    const changed = `${payload.slice(0, at)}${payload[at] === "A" ? "B" : "A"}${payload.slice(at + 1)}`;
    const flipped = `${signature[0] === "A" ? "B" : "A"}${signature.slice(1)}`;
    for (const forged of [`${header}.${changed}.${signature}`, `${header}.${payload}.${flipped}`, `${header}.${payload}.`, payload])
      await expect(verifyAttestation(forged, { key, ...expected })).rejects.toMatchObject({
        code: expect.stringMatching(/^(signature|malformed)$/),
      });
  });
});

test.each(Object.entries(refused))("is refused with %s", async (_name, { key, token, code }) => {
  await expect(verifyAttestation(token, { key, ...expected })).rejects.toEqual(evidence(code));
});

test("is refused by an algorithm that no vendor may sign with, though its own key has", async () => {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const key = { ...(await exportJWK(publicKey)), kid: "r" };
  for (const [alg, code] of [
    ["PS256", undefined],
    ["RS256", "signature"],
    ["PS512", "signature"],
  ] as const) {
    const signer = await importJWK(await exportJWK(privateKey), alg);
    const token = await new CompactSign(new TextEncoder().encode(canonical(claims)))
      .setProtectedHeader({ alg, kid: "r", typ: ATTESTATION_TYP })
      .sign(signer);
    const verified = verifyAttestation(token, { key, ...expected });
    if (code === undefined) expect(await verified).toEqual(claims);
    else await expect(verified, alg).rejects.toEqual(evidence(code));
  }
});

test("is refused without a signature, also where the header says that there is none", async () => {
  const [{ key, token }] = cases as [Case];
  const [, payload] = token.split(".");
  const header = Buffer.from(JSON.stringify({ alg: "none", kid: key.kid, typ: ATTESTATION_TYP })).toString("base64url");
  for (const forged of [`${header}.${payload}.`, `${header}.${payload}.AA`])
    await expect(verifyAttestation(forged, { key, ...expected })).rejects.toThrow();
});
