import { describe, expect, test } from "vitest";
import type { ErasureAttestation } from "#protocol/erasure-attestation.ts";
import { connect, problemOf, scene } from "./scene.ts";

/** What a customer would read otherwise than it is, or not see at all. */
const UNCLEAR: ReadonlyArray<readonly [what: string, words: Partial<ErasureAttestation>]> = [
  ["a letter of another script among those that it looks like", { did: ["Deleted the r\u043ew"] }],
  ["tags that nobody sees", { statement: "Done\u{e0041}\u{e0042}" }],
  ["nothing to be seen", { remains: [{ what: "\u2800", why: "backup", until: null }] }],
  ["marks drawn over its neighbours", { remains: [{ what: "Invoice", why: "backup", until: null, note: "Gone\u0335\u0336\u0337\u0338" }] }],
];

describe("an attestation's words", () => {
  test.each(UNCLEAR)("are refused with %s, since its customer decides by them", async (_what, words) => {
    await using at = await scene();
    const { vendor, customer } = at;
    const { grant, tokens } = await connect(at);
    await vendor.pull(tokens.access_token, grant.grant);
    await vendor.release(grant.grant);
    const attestation = await vendor.attestation(grant.grant, words);
    expect(await problemOf(await vendor.callRaw("attest", { id: grant.grant, body: { attestation } }))).toMatchObject({
      status: 400,
      code: "invalid_attestation",
    });
    expect((await customer.view(grant.grant)).deletion?.attestations).toEqual([]);
    await vendor.attest(grant.grant, { did: ["Удалена строка в CRM"], statement: "C'est fait, sauf la facture." });
  });
});
