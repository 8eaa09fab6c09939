import type { Log, LogLine } from "../log.ts";
import { TABLE } from "../table.ts";
import type { Instruments } from "./instruments.ts";

/** Of which rows the answers are counted by what they mean. */
const READS = new Map<string, string>([
  [TABLE.records.path, "grant"],
  [TABLE.changes.path, "changes"],
]);
const COMMITS: readonly string[] = [TABLE.commit.path, TABLE.register.path];

/** Counts what is logged: whatever happens is said in one place. */
export function measuredLog(log: Log, instruments: Instruments): Log {
  const { requests, requestSeconds, faults, erased, streams, events } = instruments;
  const count = (line: LogLine): void => {
    const { method, route, status, ms } = line;
    requests.inc({ method, route, status });
    requestSeconds.observe({ method, route }, ms / 1000);
    if (line.code !== undefined) refused(line, line.code, instruments);
    else if (status < 300) answered(line, instruments);
  };
  return {
    ...log,
    request(line) {
      count(line);
      log.request(line);
    },
    probe(line) {
      count(line);
      log.probe(line);
    },
    fault(request, error) {
      faults.inc({ place: placeOf(request) });
      log.fault(request, error);
    },
    erased(stores) {
      erased.inc(stores);
      log.erased(stores);
    },
    stream(clientId, what, why) {
      streams.inc({ outcome: what });
      log.stream(clientId, what, why);
    },
    events(what, number) {
      events.inc({ outcome: what }, number);
      log.events(what, number);
    },
  };
}

function refused({ method, route }: LogLine, code: string, { refusals, readsRefused }: Instruments): void {
  refusals.inc({ code });
  if (method === "GET" && READS.has(route)) readsRefused.inc({ code });
}

function answered({ method, route, records }: LogLine, { pulls, records: given, commits, revocations }: Instruments): void {
  const kind = READS.get(route);
  if (method === "GET" && kind !== undefined) {
    pulls.inc({ kind });
    given.inc(records ?? 0);
  } else if (method === "POST" && COMMITS.includes(route)) commits.inc();
  else if (method === "POST" && route === TABLE.revoke.path) revocations.inc();
}

/** A part of the server by its name; a request's id is none. */
const placeOf = (request: string): string => (/^[a-z]{1,20}$/.test(request) ? request : "request");
