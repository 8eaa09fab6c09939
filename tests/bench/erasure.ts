import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashOfConsent } from "#protocol/consent-token.ts";
import { freePort } from "../support/free-port.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { BEHIND_PROXY, giver, manyAddresses } from "./crowd.ts";
import { quantile } from "./load.ts";
import { builtServer, pinned } from "./machine.ts";
import type { Row, Table } from "./results.ts";
import { some } from "./short.ts";

const REVOCATIONS = some(200, 6);
/** Milliseconds that one erasure may take. */
const PATIENCE = 20_000;

/** From the answer to a customer's stop to the row that is gone from a shop's CRM, which heard of it by push. */
export async function erasureTable(): Promise<Table> {
  await using folder = await scratchFolder();
  await using shopFolder = await scratchFolder();
  const port = await freePort();
  await using _server = await builtServer(folder.path, port, BEHIND_PROXY);
  const issuer = `http://localhost:${port}`;
  const command = [process.execPath, "--import", "tsx", join(import.meta.dirname, "receiver.ts")];
  await using shop = await pinned(1, command, /origin/, { BENCH_ISSUER: issuer, BENCH_FOLDER: shopFolder.path });
  const { origin } = JSON.parse(shop.line) as { origin: string };
  const tell = async <Said>(path: string, body?: string): Promise<Said> => {
    const response = await fetch(origin + path, { method: "POST", ...(body === undefined ? {} : { body }) });
    if (!response.ok) throw new Error(`the shop's ${path} says ${await response.text()}`);
    return (await response.json()) as Said;
  };

  await tell("/listen");
  using _crowd = manyAddresses();
  const given = [];
  for (let at = 0; at < REVOCATIONS; at++) {
    let id = "";
    const { customer, grants } = await giver(issuer, 1, async () => {
      const asked = await tell<{ url: string; id: string }>("/ask");
      id = asked.id;
      const arrival = await fetch(asked.url, { redirect: "manual" });
      return (arrival.headers.get("location") ?? "").replace(/^.*\/ask\//, "");
    });
    const [grant] = grants;
    if (grant === undefined) throw new Error("no grant was given");
    const { key } = await tell<{ key: string }>("/exchange", JSON.stringify({ redirect: grant.redirect, id }));
    given.push({ customer, grant: grant.grant, key });
  }
  const { rows: filled } = await tell<{ rows: number }>("/sync");
  if (filled !== REVOCATIONS) throw new Error(`expected ${REVOCATIONS} rows, found ${filled}`);
  // What all that has set in motion comes to rest.
  await sleep(some(3000, 500));

  const answers: number[] = [];
  const erasures: number[] = [];
  for (const { customer, grant, key } of given) {
    const act = await customer.act({ action: "revoke", grant, object: await hashOfConsent(customer.grants.get(grant)?.token ?? "") });
    const asked = process.hrtime.bigint();
    await customer.api.call("revoke", { id: grant, body: { act, askDeletion: true } });
    const answered = process.hrtime.bigint();
    let at: string | null = null;
    for (const until = performance.now() + PATIENCE; at === null; ) {
      if (performance.now() > until) throw new Error("a row was never erased");
      // Not so often that asking is what is measured.
      await sleep(20);
      ({ at } = await tell<{ at: string | null }>("/gone", key));
    }
    answers.push(Number(answered - asked) / 1e6);
    erasures.push(Number(BigInt(at) - answered) / 1e6);
  }
  return {
    title: "From a stop to the row erased",
    note: `${REVOCATIONS} grants of as many customers, stopped one after the other: the built server on one core, on the other the customer, and the SDK's receiver in a process of its own over real HTTP, its state in files, its CRM in memory. The event, and the SDK's note of it, are durable before anything is erased. Below 0: the row was gone before the answer had arrived.`,
    rows: [rowOf("the stop, until its answer", answers), rowOf("from the answer to the row erased", erasures)],
  };
}

const rowOf = (name: string, values: readonly number[]): Row => ({
  name,
  figures: { "p50 ms": quantile(values, 0.5), "p99 ms": quantile(values, 0.99), "longest ms": Math.max(...values) },
});
