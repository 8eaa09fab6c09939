import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OAUTH_API } from "#protocol/oauth-api.ts";
import { connect, type Scene, scene } from "./scene.ts";

const RUNS = 120;
let at: Scene;
let known: { access: string; refresh: string; grant: string };

beforeAll(async () => {
  at = await scene();
  const { tokens, grant } = await connect(at);
  known = { access: tokens.access_token, refresh: tokens.refresh_token, grant: grant.grant };
});
afterAll(() => at[Symbol.asyncDispose]());

const posts = Object.values(OAUTH_API).filter(({ method }) => method === "POST");
const PARAMETERS = [
  "grant_type",
  "code",
  "code_verifier",
  "redirect_uri",
  "refresh_token",
  "scope",
  "authorization_details",
  "token",
  "token_type_hint",
  "response_type",
  "response_mode",
  "code_challenge",
  "code_challenge_method",
  "state",
  "dpop_jkt",
  "grant_management_action",
  "grant_id",
  "resource",
  "request",
  "request_uri",
];
/** What a parameter may plausibly be, and what it may not. */
const value = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(
      "code",
      "S256",
      "create",
      "replace",
      "authorization_code",
      "refresh_token",
      "client_credentials",
      "attest",
      "[]",
      "[{}]",
    ),
    fc.constantFrom("access", "refresh", "grant").map((name) => `@${name}`),
    fc.string({ maxLength: 60, unit: "binary" }),
    fc.json({ maxDepth: 3 }),
    fc.constant("A".repeat(43)),
  );
const resolved = (text: string): string => (/^@(access|refresh|grant)$/.test(text) ? known[text.slice(1) as keyof typeof known] : text);

async function soundly(response: Response): Promise<void> {
  const text = await response.text();
  expect(response.status, text.slice(0, 200)).toBeLessThan(500);
  if (response.status < 400) return;
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("json"))
    expect(JSON.parse(text)).toMatchObject(/problem/.test(type) ? { code: expect.any(String) } : { error: expect.any(String) });
  for (const secret of Object.values(known)) expect(text).not.toContain(secret);
}

describe.each(posts)("$path never breaks, and repeats no secret", ({ path }) => {
  test("for any form of a proven client", async () => {
    const forms = fc.dictionary(fc.constantFrom(...PARAMETERS), value(), { maxKeys: 8 });
    await fc.assert(
      fc.asyncProperty(forms, fc.boolean(), async (form, proven) => {
        const url = at.system.issuer + path;
        const response = await fetch(url, {
          method: "POST",
          headers: proven ? { dpop: await at.vendor.proof("POST", url) } : {},
          body: new URLSearchParams({
            client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            client_assertion: await at.vendor.clientAssertion(),
            ...Object.fromEntries(Object.entries(form).map(([name, text]) => [name, resolved(text)])),
          }),
        });
        await soundly(response);
      }),
      { numRuns: RUNS },
    );
  });

  test("for any bytes, as any client", async () => {
    const part = fc.oneof(
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
      fc.base64String({ maxLength: 40 }),
    );
    const assertion = fc.tuple(part, part, part).map((parts) => parts.join("."));
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      assertion.map((text) =>
        Buffer.from(
          `client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=${encodeURIComponent(text)}`,
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom("application/x-www-form-urlencoded", "text/plain", ""), async (bytes, type) => {
        const response = await fetch(at.system.issuer + path, {
          method: "POST",
          headers: { "content-type": type },
          body: new Uint8Array(bytes),
        });
        expect(response.status).toBeGreaterThanOrEqual(400);
        await soundly(response);
      }),
      { numRuns: RUNS },
    );
  });
});

test("no header and no address breaks what takes a token, or an arrival", async () => {
  const visible = fc.string({ maxLength: 80, unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  const part = fc.oneof(
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
    visible.map(encodeURIComponent),
  );
  const jwt = fc.tuple(part, part, part).map((parts) => parts.join("."));
  const header = fc.oneof(
    visible,
    jwt,
    jwt.map((text) => `DPoP ${text}`),
    fc.constant("@access"),
  );
  const paths = fc.constantFrom(
    `/api/grants/${"A".repeat(22)}/records`,
    `/oauth/grants/${"A".repeat(22)}`,
    "/oauth/authorize",
    "/ssf/streams",
  );
  await fc.assert(
    fc.asyncProperty(paths, header, header, fc.string({ maxLength: 40, unit: "binary" }), async (path, authorization, dpop, query) => {
      const response = await fetch(`${at.system.issuer}${path}?${encodeURI(query.toWellFormed())}`, {
        redirect: "manual",
        headers: { authorization: authorization === "@access" ? `DPoP ${known.access}` : authorization, dpop },
      });
      expect(response.status).toBeGreaterThanOrEqual(400);
      await soundly(response);
    }),
    { numRuns: 3 * RUNS },
  );
});
