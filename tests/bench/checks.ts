import type { Deps } from "../../server/deps.ts";
import type { Call } from "../../server/endpoints/endpoint.ts";
import { records } from "../../server/endpoints/records.ts";
import { writePull } from "../../server/endpoints/write-pull.ts";
import { AccessTokens } from "../../server/guards/access-token.ts";
import { Proofs } from "../../server/guards/dpop.ts";
import { ServerKeys } from "../../server/oauth/server-keys.ts";
import { noteRead } from "../../server/store/history.ts";
import { grantOf, stateNow } from "../../server/store/shares.ts";
import { connect, scene } from "../server/scene.ts";
import { Clock, HOUR } from "../support/clock.ts";
import { silentLog } from "../support/system.ts";
import { median } from "./load.ts";
import type { Table } from "./results.ts";
import { some } from "./short.ts";
import { makeSigningKey, proofBy, thumbprintOf } from "./signed-requests.ts";

const ROUNDS = some(7, 2);
const CALLS = some(3000, 200);
/** As many as a pull's load has in flight. */
const AT_ONCE = 16;
const UNLIMITED = 1_000_000_000;

/** What a protected read costs, part by part: the server's own parts in this process, without HTTP. */
export async function checksTable(): Promise<Table> {
  const clock = new Clock();
  const started = clock.now() - HOUR;
  await using at = await scene({ clock, started });
  const { system, vendor } = at;
  const { storage, issuer } = system;
  const { grant } = await connect(at);
  const account = await storage.find("grant", grant.grant);
  if (account === undefined) throw new Error("the grant is not there");
  const now = clock.now;
  const dpop = makeSigningKey();
  const jkt = thumbprintOf(dpop);
  const keys = await ServerKeys.open({ storage, now, age: Number.POSITIVE_INFINITY });
  const accessTokens = new AccessTokens(keys, issuer, now);
  const proofs = new Proofs({ storage, now, started, nonces: "start" });
  const makeToken = (): string =>
    accessTokens.make({ subject: "s", clientId: vendor.clientId, jkt, grant: grant.grant, generation: 0, narrowed: null });
  const token = makeToken();
  const hash = accessTokens.read(token)?.hash ?? "";
  const url = vendor.recordsUrl(grant.grant);
  const iat = Math.floor(now() / 1000);
  const proofOf = (key = dpop): string => proofBy(key, { method: "GET", url, token, iat });
  const expected = { method: "GET", url, ath: hash };
  const rates = { pulls: UNLIMITED, repeats: UNLIMITED };
  // What reading takes of them, and no more.
  const deps = { config: { issuer, rates }, storage, now, started, log: silentLog, keys, proofs, accessTokens } as unknown as Deps;
  let number = 0;
  let line: number | undefined;

  const strangers = Array.from({ length: some(100, 20) }, makeSigningKey);
  let stranger = 0;
  const parts: Part[] = [
    part("DPoP proof, its key known", proofOf, (proof) => proofs.prove(proof, expected)),
    part(
      "DPoP proof, its key seen first",
      () => proofOf(strangers[stranger++ % strangers.length]),
      // As a server that has seen nobody yet.
      (proof) => new Proofs({ storage, now, started, nonces: "start" }).prove(proof, expected),
    ),
    part(
      "access token, known",
      () => token,
      async (text) => must(accessTokens.read(text)),
    ),
    part("access token, seen first", makeToken, async (text) => must(accessTokens.read(text))),
    part(
      "grant's state, read each time",
      () => undefined,
      async () =>
        storage.read(account, async (store) => {
          if (stateNow(await grantOf(store, grant.grant), now()) !== "active") throw new Error("it is not active");
        }),
    ),
    part(
      "line in the customer's history, durable",
      () => ++number,
      (count) =>
        storage.change(account, async (store) => {
          line = await noteRead(store, { at: now(), grant: grant.grant, number: count, paths: ["profile/emails/e1"], by: jkt }, line);
        }),
    ),
    part("the whole, token and key known", proofOf, async (proof) => {
      const headers: Record<string, string> = { authorization: `DPoP ${token}`, dpop: proof };
      const header = (name: string): string | undefined => headers[name];
      const call = { id: grant.grant, header, query: {}, answer: {}, body: undefined, address: "", caller: undefined, vendor: undefined };
      return writePull(await records.records(deps, call as Call<undefined>));
    }),
  ];
  const seen = new Map<string, Measure[]>(parts.map(({ name }) => [name, []]));
  for (let round = -1; round < ROUNDS; round++)
    for (const { name, run } of parts) {
      const measure = await run();
      if (round >= 0) seen.get(name)?.push(measure);
    }
  const cpuOf = (name: string): number => median((seen.get(name) ?? []).map(({ cpu }) => cpu));
  const whole = cpuOf("the whole, token and key known");
  return {
    title: "A protected read, taken apart",
    note: `The server's own parts in one process, without HTTP, ${AT_ONCE} at once, proofs signed beforehand by ES256, tokens by Ed25519; medians of ${ROUNDS} rounds of ${CALLS}, alternated. Real fdatasync, shared by what is under way. "Seen first": the first of a token or of a key; later ones are known by their text.`,
    rows: parts.map(({ name }) => ({
      name,
      figures: {
        "CPU µs": cpuOf(name),
        "µs each": median((seen.get(name) ?? []).map(({ wall }) => wall)),
        "of the whole": cpuOf(name) / whole,
      },
    })),
  };
}

interface Measure {
  cpu: number;
  wall: number;
}

interface Part {
  readonly name: string;
  run(): Promise<Measure>;
}

/** @param prepare what one call takes, made before the clock runs */
function part<Prepared>(name: string, prepare: () => Prepared, work: (prepared: Prepared) => Promise<unknown>): Part {
  return {
    name,
    async run() {
      const prepared = Array.from({ length: CALLS }, prepare);
      let next = 0;
      const cpu = process.cpuUsage();
      const began = performance.now();
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          while (next < CALLS) await work(prepared[next++] as Prepared);
        }),
      );
      const wall = ((performance.now() - began) * 1000) / CALLS;
      const { user, system } = process.cpuUsage(cpu);
      return { cpu: (user + system) / CALLS, wall };
    },
  };
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("refused");
  return value;
}
