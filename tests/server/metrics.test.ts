import { expect, test } from "vitest";
import { openMetrics } from "../../server/metrics/open.ts";
import { type Storage, StorageError } from "../../server/storage/storage.ts";
import { silentLog } from "../support/system.ts";
import { connect, EMAIL, scene } from "./scene.ts";

const still = { traffic: { connections: 3, answering: 1, dropped: 0, stalled: 0 } };

/** Every series by its name and labels. */
async function read(address: string): Promise<Map<string, number>> {
  const response = await fetch(`http://${address}/metrics`);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=/);
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
}

test("what vendors read and customers do is counted, by words of the code and nobody's name", async () => {
  const metrics = openMetrics({ version: "1.2.3", output: { dropped: 2 } });
  await using at = await scene({ log: metrics.log(silentLog) });
  const storage = metrics.storage(at.system.storage);
  await using page = await metrics.listen({ host: "127.0.0.1", port: 0 }, still);
  const { vendor, customer } = at;
  const { stream_id: id } = (await vendor.call("createStream", { body: {} })) as { stream_id: string };
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  await customer.commit({ records: { "profile/emails/e9": EMAIL } });
  const { sets } = (await vendor.call("poll", { id, body: { returnImmediately: true } })) as { sets: Record<string, string> };
  await vendor.call("poll", { id, body: { returnImmediately: true, ack: Object.keys(sets) } });
  await customer.revoke(grant.grant);
  await vendor.pullRaw(tokens.access_token, grant.grant);
  await storage.getDocument("settings");

  const series = await read(page.at);
  const { length: commits } = (await customer.read()).history.filter(({ type }) => type === "commit");
  expect(Object.fromEntries(series)).toMatchObject({
    'counterfoil_pulls_total{kind="grant"}': 1,
    counterfoil_records_given_total: 1,
    counterfoil_revocations_total: 1,
    'counterfoil_reads_refused_total{code="grant_ended"}': 1,
    'counterfoil_refusals_total{code="grant_ended"}': 1,
    'counterfoil_events_total{outcome="delivered"}': 1,
    'counterfoil_requests_total{method="GET",route="/api/grants/{id}/records",status="200"}': 1,
    'counterfoil_request_seconds_count{method="GET",route="/api/grants/{id}/records"}': 2,
    'counterfoil_storage_seconds_count{operation="getDocument"}': 1,
    [`counterfoil_build_info{version="1.2.3",node="${process.version}"}`]: 1,
    counterfoil_log_lines_dropped: 2,
    counterfoil_connections: 3,
    counterfoil_feeds_waiting: 1,
    counterfoil_storage_journal_files: 1,
  });
  expect(series.get("counterfoil_commits_total")).toBe(commits);
  expect(series.has("counterfoil_storage_connections"), "of another engine").toBe(false);
  expect([...series.keys()].some((name) => name.startsWith("nodejs_eventloop_lag"))).toBe(true);
  const text = [...series.keys()].join("\n");
  for (const value of [grant.grant, customer.account, vendor.clientId, new URL(vendor.clientId).host, id, "e9"])
    expect(text).not.toContain(value);
});

test("whatever strangers ask for, there are no more series than the code has words", async () => {
  const metrics = openMetrics({ version: "", output: { dropped: 0 } });
  await using at = await scene({ log: metrics.log(silentLog) });
  await using page = await metrics.listen({ host: "127.0.0.1", port: 0 }, still);
  const ask = async (n: number): Promise<void> => {
    for (const path of [`/strange-${n}`, `/api/strange/${n}`, `/api/grants/${n}/records`, `/data/${n}`])
      for (const method of ["GET", "POST", "DELETE", `METHOD${n}`])
        await fetch(at.system.issuer + path, { method }).then((response) => response.arrayBuffer());
  };
  await ask(0);
  const ours = async (): Promise<string[]> => [...(await read(page.at)).keys()].filter((name) => name.startsWith("counterfoil_"));
  const before = await ours();
  for (let n = 1; n < 6; n++) await ask(n);
  const series = await ours();
  expect(series).toEqual(before);
  expect(series.length).toBeGreaterThan(50);
  expect(series.join("\n")).not.toContain("strange");
});

test("failures of the storage are counted by operation and code; that there is nothing is none", async () => {
  const metrics = openMetrics({ version: "", output: { dropped: 0 } });
  await using at = await scene();
  const storage = metrics.storage(
    new Proxy(at.system.storage, {
      get(target, name) {
        if (name === "find") return () => Promise.reject(new StorageError("failed", "as the test says"));
        if (name === "listFeeds") return () => new Promise(() => {});
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    }) as Storage<never>,
  );
  await using page = await metrics.listen({ host: "127.0.0.1", port: 0 }, still);
  await expect(storage.find("grant", "A")).rejects.toThrow("as the test says");
  await expect(storage.read("A".repeat(22), async () => {})).rejects.toMatchObject({ code: "absent" });
  const began = performance.now();
  const series = await read(page.at);
  expect(performance.now() - began, "a storage that hangs does not keep the others back").toBeLessThan(4_000);
  expect([...series].filter(([name]) => name.startsWith("counterfoil_storage_failures_total"))).toEqual([
    ['counterfoil_storage_failures_total{operation="find",code="failed"}', 1],
  ]);
  expect(series.has("counterfoil_feeds_waiting")).toBe(false);
  expect((await fetch(`http://${page.at}/`)).status).toBe(404);
  expect((await fetch(`http://${page.at}/metrics`, { method: "POST" })).status).toBe(404);
});
