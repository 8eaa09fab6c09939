import type { JWK } from "jose";
import * as v from "valibot";
import { TransmitterConfiguration } from "../../protocol/streams.ts";
import { isSafeUrl } from "../discovery.ts";
import { CounterfoilError } from "../error.ts";
import type { Http } from "../http.ts";
import { refused } from "../refused.ts";

const Jwks = v.object({ keys: v.pipe(v.array(v.looseObject({ kty: v.string(), kid: v.optional(v.string()) })), v.maxLength(100)) });

/** How long a key set is believed, and how soon an unknown name may make it be fetched again. Milliseconds. */
const FRESH = 600_000;
const PAUSE = 10_000;

/**
 * The server's keys for events, by the `jwks_uri` of its SSF configuration (7.1): fetched once in ten minutes, and anew for a name that is
 * unknown, as after a rotation, but not more than once in ten seconds, so that forged names don't make a flood.
 */
export function eventKeys({ server, http, now }: { server: string; http: Http; now: () => number }) {
  let known: { keys: readonly JWK[]; at: number } | undefined;
  let fetching: Promise<readonly JWK[]> | undefined;

  const get = async (name: string, url: string): Promise<unknown> => {
    const answer = await http({ name, method: "GET", url, repeatable: true, prepare: async () => ({ headers: {} }) });
    if (answer.status !== 200) throw refused(answer, name, now());
    return answer.body;
  };
  const load = async (): Promise<readonly JWK[]> => {
    const { origin, pathname } = new URL(server);
    // SSF 1.0, 7.2: the well-known part stands between host and path.
    const url = `${origin}/.well-known/ssf-configuration${pathname === "/" ? "" : pathname}`;
    const configuration = v.safeParse(TransmitterConfiguration, await get("ssf-configuration", url));
    if (!configuration.success)
      throw new CounterfoilError("invalid", "the server's SSF configuration has an unknown shape", { reason: "metadata" });
    const { issuer, jwks_uri } = configuration.output;
    if (issuer !== server) throw new CounterfoilError("integrity", "the SSF configuration is another issuer's", { reason: "issuer" });
    if (!isSafeUrl(new URL(jwks_uri))) throw new CounterfoilError("integrity", "the jwks_uri is not https", { reason: "endpoint" });
    const set = v.safeParse(Jwks, await get("jwks", jwks_uri));
    if (!set.success) throw new CounterfoilError("invalid", "the server's key set has an unknown shape", { reason: "jwks" });
    known = { keys: set.output.keys as readonly JWK[], at: now() };
    return known.keys;
  };
  const refresh = (): Promise<readonly JWK[]> => {
    fetching ??= load().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };
  const find = (keys: readonly JWK[], kid: string | undefined): JWK | undefined =>
    kid === undefined ? (keys.length === 1 ? keys[0] : undefined) : keys.find((each) => each.kid === kid);

  return async (kid: string | undefined): Promise<JWK | undefined> => {
    if (known === undefined || now() - known.at >= FRESH) return find(await refresh(), kid);
    const found = find(known.keys, kid);
    return found === undefined && now() - known.at >= PAUSE ? find(await refresh(), kid) : found;
  };
}
