import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { hashOfConsent } from "#protocol/consent-token.ts";
import { dpopOf } from "../bench/pull-scene.ts";
import { makeSigningKey, proofBy } from "../bench/signed-requests.ts";
import { Customer } from "../support/customer.ts";
import { startPostgres } from "../support/postgres.ts";
import { type PullOutcome, readFaults } from "../support/read-log.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { TestVendor } from "../support/vendor.ts";
import { Fleet } from "./fleet.ts";
import { WANTED } from "./person.ts";

/** Pulls of one grant under way when it is revoked. */
const AT_ONCE = 112;
/** Every so many times the process that revoked is killed right after its answer. */
const KILL_EVERY = 4;
/** Grants of one customer. */
const IN_ONE_STORE = 50;

/** Refusals that may come besides, as from a process that has heard of the end by the token alone. */
const OTHERS = ["invalid_token"];

/**
 * A grant is revoked while its pulls are under way on four processes, so many times: each read that was answered is on the log before the
 * revocation, every later one is refused, on every process, also where the one that revoked died right after its answer.
 */
export async function revocations(times: number): Promise<string[]> {
  await using postgres = await startPostgres({ fsync: true });
  await using folder = await scratchFolder();
  await using fleet = await Fleet.start(4, { COUNTERFOIL_DATA: folder.path, COUNTERFOIL_STORAGE: await postgres.database() });
  await using vendor = await TestVendor.start(fleet.issuer, Date.now);
  const dpop = makeSigningKey();
  vendor.dpop = await dpopOf(dpop);
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  let customer = await register(fleet.issuer);
  const counts = { before: 0, refused: 0, cut: 0, after: 0, kills: 0, none: 0 };
  const began = performance.now();
  try {
    for (let time = 0; time < times; time++) {
      if (time % IN_ONE_STORE === IN_ONE_STORE - 1) customer = await register(fleet.issuer);
      const given = await customer.approve(await vendor.request([vendor.ask(WANTED)]), {
        contents: { "profile/emails/e1": { value: { address: "anna@mail.example" } } },
      });
      const { body: tokens } = await vendor.redeem(given.redirect);
      const url = vendor.recordsUrl(given.grant);
      const pull = (port: number): Promise<PullOutcome> =>
        get(agent, port, new URL(url).pathname, {
          authorization: `DPoP ${tokens.access_token}`,
          dpop: proofBy(dpop, { method: "GET", url, token: tokens.access_token }),
        });
      const act = await customer.act({ action: "revoke", grant: given.grant, object: await hashOfConsent(given.token) });
      const killed = time % KILL_EVERY === KILL_EVERY - 1;
      const revoker = fleet.members[time % fleet.members.length] as (typeof fleet.members)[number];

      const underWay = Array.from({ length: AT_ONCE }, (_, at) => pull((fleet.members[at % fleet.members.length] as typeof revoker).port));
      await sleep(Math.random() * 40);
      const revoked = await fetch(`http://localhost:${revoker.port}/api/grants/${given.grant}/revoke`, {
        method: "POST",
        headers: {
          origin: fleet.issuer,
          "sec-fetch-site": "same-origin",
          "content-type": "application/json",
          cookie: customer.api.cookie ?? "",
        },
        body: JSON.stringify({ act, askDeletion: false }),
      });
      if (!revoked.ok) throw new Error(`the revocation was answered ${revoked.status}`);
      const revokedAt = performance.now();
      const restarting = killed ? fleet.killNow(revoker) : Promise.resolve();
      const later = Promise.all(fleet.members.filter((member) => !killed || member !== revoker).map(({ port }) => pull(port)));
      const before = await Promise.all(underWay);
      const after = await later;
      await restarting;
      if (killed) after.push(await pull(revoker.port));
      if (killed) counts.kills++;

      const count = (is: PullOutcome["is"]): number => before.filter((outcome) => outcome.is === is).length;
      counts.before += count("given");
      counts.refused += count("refused");
      counts.cut += count("lost");
      counts.after += after.length;
      if (count("given") === 0) counts.none++;
      if (after.some(({ is }) => is !== "refused")) throw new Error("a pull after the revocation was not refused");
      const { history } = await customer.read();
      const [fault] = readFaults([...before, ...after], history, { grant: given.grant, revokedAt }, OTHERS);
      if (fault !== undefined) throw new Error(fault);
      if (process.stdout.isTTY) process.stdout.write(`\r${time + 1} of ${times} revocations`);
    }
  } finally {
    agent.destroy();
  }
  return [
    "## Revocation under load, PostgreSQL, four processes",
    "",
    `${times} grants, each revoked with ${AT_ONCE} pulls of it under way, in ${((performance.now() - began) / 60_000).toFixed(1)} minutes.`,
    "",
    "| | |",
    "|---|---:|",
    `| the process that revoked was killed right after its answer | ${counts.kills} |`,
    `| pulls under way that were answered, each on the log before the revocation | ${counts.before} |`,
    `| ... that were refused | ${counts.refused} |`,
    `| ... cut with their process | ${counts.cut} |`,
    `| revocations before any of their pulls was answered | ${counts.none} |`,
    `| pulls afterwards, on every process, all refused | ${counts.after} |`,
    "",
  ];
}

async function register(issuer: string): Promise<Customer> {
  const customer = await Customer.register(issuer, Date.now);
  await customer.addKit();
  return customer;
}

/** On a connection that is kept: a hundred at once are on their way sooner than by `fetch`. */
function get(agent: Agent, port: number, path: string, headers: Record<string, string>): Promise<PullOutcome> {
  const asked = performance.now();
  return new Promise((resolve) => {
    const lose = (): void => resolve({ asked, is: "lost" });
    const asking = request({ agent, host: "localhost", port, path, headers, timeout: 30_000 }, (response: IncomingMessage) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", lose);
      response.on("end", () => {
        const body = JSON.parse(Buffer.concat(pieces).toString()) as { code: string; receipt: { read: number } };
        if (response.statusCode === 200) resolve({ asked, is: "given", read: body.receipt.read });
        else resolve({ asked, is: "refused", code: body.code });
      });
    });
    asking.on("error", lose);
    asking.on("timeout", () => asking.destroy());
    asking.end();
  });
}
