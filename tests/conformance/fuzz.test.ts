import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API, type Endpoint } from "#protocol/api.ts";
import { SCOPES } from "#protocol/scopes.ts";
import { VENDOR_API } from "#protocol/vendor-api.ts";
import { type Log, makeLog } from "../../server/log.ts";
import { authorize, connect, type OwnBench, openBench, requestUriOf, type Tokens, tokensOf } from "./bench.ts";
import { CANARY, junk, mutated, mutatedForm, textOf } from "./mutations.ts";
import { rawRequests, speak } from "./raw-bytes.ts";
import { valuesOf } from "./schema-arbitrary.ts";
import { type Answer, jsonOf, send } from "./wire.ts";

/** Tries of each endpoint; FUZZ_RUNS for more, FUZZ_SEED for others. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 25);
const SEED = Number(process.env.FUZZ_SEED ?? 20_261_122);
const TABLE: Readonly<Record<string, Endpoint>> = { ...API, ...VENDOR_API };
/** What takes away the session or the grant that the others need comes last. */
const LAST = ["pause", "pauseAll", "release", "logout"];
const NAMES = Object.keys(TABLE).toSorted((a, b) => LAST.indexOf(a) - LAST.indexOf(b));
const PATIENCE = 8000;
/** Milliseconds for one endpoint's tries: where the machine is busy there are fewer. */
const LONGEST = process.env.FUZZ_RUNS === undefined ? 5000 : 600_000;

describe("whatever is sent, no endpoint fails, hangs or tells a secret", () => {
  let bench: OwnBench;
  let log: Log;
  let logged = "";
  const faults: string[] = [];
  let tokens: Tokens;
  let vendor: string;
  let secrets: string[] = [];

  beforeAll(async () => {
    const written = makeLog(
      {
        write(text) {
          logged += text;
        },
      },
      () => Date.now(),
    );
    log = {
      ...written,
      fault: (request, error) => {
        faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
        written.fault(request, error);
      },
    };
    const rates = { logins: 1e9, recoveries: 1e9, commits: 1e9, pulls: 1e9, repeats: 1e9, others: 1e9, tokens: 1e9 };
    bench = await openBench("EdDSA", { log, config: { rates } });
    const { first, customer } = bench;
    tokens = await connect(bench, first);
    const own = await first.token({ grant_type: "client_credentials", scope: SCOPES.join(" ") });
    vendor = String(jsonOf(own).access_token);
    const given = customer.grants.get(tokens.grant_id);
    secrets = [
      tokens.access_token,
      tokens.refresh_token,
      vendor,
      given?.pauseSecret ?? "",
      (customer.api.cookie ?? "").split("=")[1] ?? "",
    ];
    for (const secret of secrets) expect(secret.length).toBeGreaterThan(20);
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  /** At a failure it says which try it was: FUZZ_SHRINK looks for the smallest that fails, too. */
  function tries<Sent>(sent: fc.Arbitrary<Sent>, runs: number, trial: (sent: Sent) => Promise<void>): Promise<void> {
    const until = performance.now() + LONGEST;
    const property = fc.asyncProperty(sent, (each) => (performance.now() < until ? trial(each) : Promise.resolve()));
    return fc.assert(property, { numRuns: runs, seed: SEED, endOnFailure: process.env.FUZZ_SHRINK === undefined });
  }

  /** No fault, no stack, nothing of what was sent in a refusal, and none of what others hold in any answer. @param own what this call may answer */
  function expectSafe(answer: Answer, own: readonly string[] = []): void {
    const head = JSON.stringify(answer.headers);
    expect(faults).toEqual([]);
    expect(answer.status).toBeLessThan(500);
    for (const secret of secrets) if (!own.includes(secret)) expect(answer.text + head).not.toContain(secret);
    if (answer.status >= 400) {
      expect(answer.text + head).not.toContain(CANARY);
      expect(answer.text).not.toMatch(/^\s+at |node:internal|node_modules|\.ts:\d/m);
    }
  }

  const idOf = fc.oneof(fc.constant("own"), fc.stringMatching(/^[A-Za-z0-9_-]{22}$/), junk.map(textOf));

  describe("OAuth's own", () => {
    test("pushed requests", async () => {
      await tries(mutatedForm(bench.first.request()), RUNS * 3, async ({ form, tail }) => {
        expectSafe(await bench.first.push({ form, body: (all) => all + tail }));
      });
    });

    test("pushed authorization_details", async () => {
      const details = JSON.parse(bench.first.request().authorization_details ?? "[]") as unknown;
      await tries(mutated(fc.constant(details)), RUNS * 3, async (asked) => {
        expectSafe(await bench.first.push({ form: { authorization_details: JSON.stringify(asked) ?? "" } }));
      });
    });

    test("client assertions and proofs", async () => {
      const jwt = fc.record({
        header: junk,
        claims: junk,
        at: fc.constantFrom("alg", "kid", "typ", "jwk", "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "htm", "htu", "nonce", "crit"),
      });
      await tries(fc.tuple(jwt, jwt), RUNS * 2, async ([one, other]) => {
        const change = ({ header, claims, at }: { header: unknown; claims: unknown; at: string }) => ({
          header: (all: Record<string, unknown>) => ({ ...all, [at]: header }),
          claims: (all: Record<string, unknown>) => ({ ...all, [at]: claims }),
        });
        expectSafe(await bench.first.push({ assertion: change(one), proof: change(other) }));
        expectSafe(await bench.first.push({ proof: change(other) }));
      });
    });

    test("token requests", async () => {
      const code = {
        grant_type: "authorization_code",
        code: await authorize(bench, bench.first),
        redirect_uri: bench.first.redirectUri,
        code_verifier: "v".repeat(43),
      };
      const forms = fc.oneof(
        mutatedForm(code),
        mutatedForm({
          grant_type: "refresh_token",
          refresh_token: tokens.refresh_token,
          authorization_details: bench.first.request().authorization_details ?? "",
        }),
        mutatedForm({ grant_type: "client_credentials", scope: SCOPES.join(" ") }),
      );
      await tries(forms, RUNS * 3, async ({ form, tail }) => {
        const { grant_type = "", ...rest } = form;
        const answer = await bench.first.token({ grant_type }, { form: rest, body: (all) => all + tail });
        expectSafe(answer, answer.status === 200 ? [tokens.refresh_token] : []);
      });
    });

    test("introspection and revocation", async () => {
      const any = fc.oneof(junk.map(textOf), fc.stringMatching(/^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/));
      await tries(
        fc.tuple(any, mutatedForm({ token: CANARY, token_type_hint: "refresh_token" })),
        RUNS,
        async ([token, { form, tail }]) => {
          expectSafe(await bench.first.introspect(token, { form, body: (all) => all + tail }));
          expectSafe(await bench.first.revoke(token, { form, body: (all) => all + tail }));
          expectSafe(await bench.second.introspect(tokens.refresh_token));
        },
      );
    });

    test("the authorization endpoint", async () => {
      const uri = requestUriOf(await bench.first.push());
      const query = { client_id: bench.first.clientId, request_uri: uri, state: CANARY };
      await tries(mutatedForm(query), RUNS, async ({ form, tail }) => {
        const known = Object.entries(form).filter((each): each is [string, string] => each[1] !== undefined);
        const search = new URLSearchParams(known.map(([name, value]) => [name, value.slice(0, 2000)])).toString();
        expectSafe(
          await send({
            method: "GET",
            url: `${bench.issuer}/oauth/authorize?${search}${tail.replace("\u0000", "%00")}`,
            patience: PATIENCE,
          }),
        );
      });
    });
  });

  describe.each(NAMES)("%s", (name) => {
    const { method, path, caller, query, body } = TABLE[name] as Endpoint;

    test(`${method} ${path}`, async () => {
      const bodies = body === undefined ? fc.constant(undefined) : mutated(valuesOf(body));
      const queries = query === undefined ? fc.constant({}) : fc.oneof(fc.constant({}), mutated(valuesOf(query)));
      const whose = fc.constantFrom("own", "own", "own", "none", "junk");
      await tries(fc.tuple(idOf, bodies, queries, whose), RUNS, async ([id, sent, asked, who]) => {
        // The end of the grant is the last that happens to it.
        const target =
          id !== "own" ? encodeURIComponent(id.toWellFormed?.() ?? "x") : name === "release" ? "A".repeat(22) : tokens.grant_id;
        const place = path.replace("{id}", target);
        const search = new URLSearchParams(Object.entries(asked ?? {}).map(([key, value]) => [key, textOf(value)])).toString();
        const headers = await credentials(caller, who, method, bench.issuer + place);
        expectSafe(
          await send({
            method,
            url: `${bench.issuer}${place}${search === "" ? "" : `?${search}`}`,
            patience: PATIENCE,
            headers: { ...headers, ...(sent === undefined ? {} : { "content-type": "application/json" }) },
            ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
          }),
        );
      });
    });
  });

  async function credentials(caller: Endpoint["caller"], who: string, method: string, url: string): Promise<Record<string, string>> {
    const origin = { "sec-fetch-site": "same-origin", origin: bench.issuer };
    if (caller === "anyone" || caller === "session") {
      const cookie = who === "own" ? bench.customer.api.cookie : who === "junk" ? `__Host-session=${CANARY}` : undefined;
      return cookie === undefined ? origin : { ...origin, cookie };
    }
    const token = who === "own" ? (caller === "vendor" ? vendor : tokens.access_token) : CANARY;
    if (who === "none") return {};
    const dpop = await bench.first.proof({ method, url, token, at: "resource" });
    return { authorization: `DPoP ${token}`, dpop };
  }

  test("bytes that are hardly HTTP", async () => {
    const paths = [
      ...Object.values(TABLE).map(({ path }) => path.replace("{id}", "A".repeat(22))),
      "/oauth/par",
      "/oauth/token",
      "/oauth/authorize",
      "/oauth/introspect",
      "/oauth/revoke",
      "/.well-known/jwks.json",
      "/",
      "/ask/x",
    ];
    const port = Number(new URL(bench.issuer).port);
    await tries(rawRequests(paths), RUNS * 12, async (bytes) => {
      const { text, late } = await speak(port, bytes, PATIENCE);
      expect(late).toBe(false);
      expect(faults).toEqual([]);
      const [, status = "400"] = /^HTTP\/1\.1 (\d{3})/.exec(text) ?? [];
      expect(Number(status)).toSatisfy((code: number) => code < 500 || code === 505);
      if (Number(status) >= 400) expect(text).not.toContain(CANARY);
    });
  });

  test("afterwards it still answers, and its log holds nothing of all that", async () => {
    expect((await send({ method: "GET", url: `${bench.issuer}/.well-known/jwks.json` })).status).toBe(200);
    await bench.customer.login();
    tokensOf(await bench.second.redeem(await authorize(bench, bench.second)));
    log.flush();
    expect(logged.split("\n").length).toBeGreaterThan(NAMES.length);
    for (const secret of [...secrets, CANARY]) expect(logged).not.toContain(secret);
    expect(logged).not.toContain('"fault"');
  });
});
