import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Sink } from "../crm/sink.ts";
import type { Grant } from "../grant.ts";
import type { SyncOptions, SyncReport } from "../sync-report.ts";
import type { Vendor } from "../vendor.ts";
import { COMMON, required, say, sinkOf, UsageError, vendorOf } from "./options.ts";
import { progressOn } from "./progress.ts";

const text = { type: "string" } as const;

/** Brings every grant into a file. */
export async function pull(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { ...COMMON, to: text, "dry-run": { type: "boolean" } } });
  const sink = sinkOf(required(values, "to"));
  const vendor = await vendorOf(values);
  say(await shownSync(vendor, sink, { dryRun: values["dry-run"] ?? false }));
}

async function shownSync(vendor: Vendor, sink: Sink, options: SyncOptions): Promise<SyncReport> {
  const { tell, end } = progressOn(process.stderr);
  try {
    return await vendor.sync(sink, { ...options, progress: tell });
  } finally {
    end();
  }
}

/** Between two syncs while one listens: for what ends by the clock, and what a frequency held. Milliseconds. */
const SYNC_EVERY = 600_000;

/** Keeps the file in step with what customers do, until SIGINT or SIGTERM. */
export async function listen(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { ...COMMON, to: text } });
  const sink = sinkOf(required(values, "to"));
  const vendor = await vendorOf(values);
  const end = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end.abort());
  const { signal } = end;
  const keepInStep = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(SYNC_EVERY, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) say(await vendor.sync(sink, { signal }));
    }
  };
  say(await shownSync(vendor, sink, { signal }));
  console.log("Listening. Ctrl+C ends it.");
  const on = ({ name, grant }: { name: string; grant: string | undefined }) => console.log([name, grant].join(" ").trim());
  const both = Promise.all([vendor.listen({ sink, signal, on }), keepInStep()]);
  await both.catch((error: unknown) => {
    end.abort();
    throw error;
  });
  // A fault that a later sync may have mended is no fault of the whole.
  process.exitCode = 0;
}

async function grantNamed(vendor: Vendor, name: string): Promise<Grant> {
  const found = (await vendor.grants.list()).find(({ id, key }) => id === name || key === name);
  if (found === undefined) throw new UsageError("no such grant: expected an id, or a row's key");
  return found;
}

/** Gives a grant up, and takes its row out of the file. */
export async function release(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: { ...COMMON, to: text }, allowPositionals: true });
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UsageError("expected one grant, by its id or its row's key");
  const sink = values.to === undefined ? undefined : sinkOf(values.to);
  const vendor = await vendorOf(values);
  const { id } = await grantNamed(vendor, name);
  await vendor.grants.release(id);
  console.log(`${id} is given up.`);
  if (sink !== undefined) say(await vendor.enforce(sink, { grants: [id] }));
}

/** What the state folder knows of each grant. */
export async function grants(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: COMMON });
  for (const { id, key, state, expires, attested } of await (await vendorOf(values)).grants.list()) {
    const told = attested === undefined ? "" : ` ${attested.reason} attested ${attested.received ?? "(waits)"}`;
    console.log(`${id} ${key} ${state} until ${expires}${told}`);
  }
}
