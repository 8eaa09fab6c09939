import { writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { BulkReader } from "../server/bulk-reader.ts";
import { Refused } from "../support/api-client.ts";
import { startPostgres } from "../support/postgres.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";
import { TestVendor } from "../support/vendor.ts";
import { Fleet } from "./fleet.ts";
import { Person } from "./person.ts";
import { revocations } from "./revocations.ts";
import { isWeather, troubles } from "./surely.ts";
import { verdict } from "./verdict.ts";

/**
 * `npm run soak [minutes] [revocations]`: mixed load on four processes over one PostgreSQL while processes, the database and connections
 * die, and the same on the embedded engine with its one process; then everything that was answered is looked for. Before it, a grant is
 * revoked while a hundred pulls of it are under way, again and again.
 */
const minutes = Number(process.argv[2] ?? 10);
const times = Number(process.argv[3] ?? 1_000);
if (!(minutes > 0) || !Number.isInteger(times)) throw new Error("expected minutes, and how many revocations");

const PEOPLE = 12;
const lines: string[] = [
  "# Soak",
  "",
  `${cpus()[0]?.model ?? "CPU"}, ${cpus().length} cores, Linux ${release()}, Node ${process.version}. Made by \`npm run soak\`: a table is written only if nothing that was answered was lost and nothing revoked was read.`,
  "",
];

async function mixed(engine: "PostgreSQL" | "embedded", lasting: number): Promise<void> {
  await using folder = await scratchFolder();
  await using postgres = engine === "PostgreSQL" ? await startPostgres({ fsync: true }) : undefined;
  await using network = postgres && (await tcpProxy(postgres.port));
  const url = postgres && network && (await postgres.database()).replace(`:${postgres.port}/`, `:${network.port}/`);
  await using fleet = await Fleet.start(engine === "PostgreSQL" ? 4 : 1, {
    COUNTERFOIL_DATA: folder.path,
    ...(url === undefined ? {} : { COUNTERFOIL_STORAGE: url }),
  });
  await using vendor = await TestVendor.start(fleet.issuer, Date.now);
  const people: Person[] = [];
  for (let at = 0; at < PEOPLE; at++) people.push(await Person.register(fleet.issuer, vendor));
  const bulk = new BulkReader(vendor);

  const counts = { reads: 0, refused: 0, bulk: 0, databaseKills: 0, databaseStops: 0, cuts: 0, restarts: 0 };
  const end = performance.now() + lasting;
  const going = (): boolean => performance.now() < end;
  const living = people.map(async (person) => {
    while (going()) await person.act(Math.random());
  });
  const reading = Array.from({ length: 4 }, async () => {
    while (going()) {
      const stories = people.flatMap((person) => person.stories.map((story) => ({ person, story })));
      const chosen = stories[Math.floor(Math.random() * stories.length)];
      const outcome = chosen === undefined ? "weather" : await chosen.person.read(chosen.story);
      if (outcome === "read") counts.reads++;
      if (outcome === "refused") counts.refused++;
      await sleep(outcome === "weather" ? 50 : 5);
    }
  });
  const following = (async () => {
    while (going()) {
      const lines = await bulk.read().catch((error: unknown) => {
        // The embedded engine's process takes the vendor's own tokens along when it ends.
        if (error instanceof Refused && error.problem.code === "invalid_token" && engine === "embedded") vendor.forgetOwnTokens();
        else if (!isWeather(error)) throw error;
        return [];
      });
      counts.bulk += lines.filter(({ type }) => type === "record").length;
      // A grant may be read sixty times in an hour.
      await sleep(lasting / 45);
    }
  })();
  const spoiling = (async () => {
    for (let turn = 1; going(); turn++) {
      await sleep(2_000 + Math.random() * 4_000);
      if (!going()) break;
      if (turn % 12 === 0 && postgres !== undefined) {
        counts.databaseKills++;
        await postgres.kill();
        await sleep(1_000);
        await postgres.restart();
      } else if (turn % 12 === 6 && postgres !== undefined) {
        counts.databaseStops++;
        await postgres.restart();
      } else if (turn % 4 === 0 && network !== undefined) {
        counts.cuts++;
        network.cut();
      } else if (turn % 5 === 0) {
        counts.restarts++;
        await fleet.restart();
      } else await fleet.kill();
    }
  })();
  const began = performance.now();
  const parts = await Promise.allSettled([...living, ...reading, following, spoiling]);
  const failed = parts.find((part) => part.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const found = await verdict(people, bulk);
  const grown = fleet.memories.map(([first, last]) => last / first).sort((a, b) => a - b);
  lines.push(
    `## Mixed load, ${engine}`,
    "",
    `${((performance.now() - began) / 60_000).toFixed(1)} minutes, ${fleet.members.length} ${fleet.members.length === 1 ? "process" : "processes"}, ${PEOPLE} customers.`,
    "",
    "| | |",
    "|---|---:|",
    ...Object.entries({
      "processes killed (of these while a change was on its way)": `${fleet.kills.all} (${fleet.kills.inWrites})`,
      "processes stopped and started": counts.restarts,
      ...(postgres === undefined
        ? {}
        : { "database killed / restarted": `${counts.databaseKills} / ${counts.databaseStops}`, "all its connections cut": counts.cuts }),
      "commits answered, all found": found.commits,
      "consents answered, all found": found.consents,
      "revocations answered, all found; nothing read after them": found.revocations,
      "reads answered, each on the log": found.reads,
      "records by bulk pulls; at the end equal to a pull of each grant": `${counts.bulk}; ${found.bulkGrants} grants (${found.held} more were held by their frequency)`,
      "commits whose answer was lost and that were done": people.reduce((sum, { found: each }) => sum + each, 0),
      "consents for which a new link had to be asked, since the process died while it took the request up": people.reduce(
        (sum, { gone }) => sum + gone,
        0,
      ),
      "requests cut / answered 503": `${troubles.cut} / ${troubles.unavailable}`,
      "memory of processes that lived over 90 s (one of several is never killed), last against after the first minute":
        grown.length === 0
          ? "none did"
          : `median ${(grown[Math.floor(grown.length / 2)] ?? 1).toFixed(2)}, most ${(grown.at(-1) ?? 1).toFixed(2)} (${grown.length})`,
    }).map(([name, figure]) => `| ${name} | ${figure} |`),
    "",
  );
  if (fleet.oddities.length > 0)
    process.stdout.write(`\nWritten beside the log:\n${[...new Set(fleet.oddities)].slice(0, 20).join("\n")}\n`);
  troubles.cut = troubles.unavailable = 0;
}

if (times > 0) lines.push(...(await revocations(times)));
await mixed("PostgreSQL", minutes * 60_000);
await mixed("embedded", Math.min(3, minutes) * 60_000);
const text = lines.join("\n");
process.stdout.write(`\n${text}\n`);
if (minutes >= 10 && times >= 1_000) await writeFile(new URL("report.md", import.meta.url), `${text.trimEnd()}\n`);
