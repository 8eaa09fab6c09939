import { Registry } from "prom-client";
import type { Listener, Traffic } from "../listener.ts";
import type { Log } from "../log.ts";
import type { LogOutput } from "../log-output.ts";
import type { Rows } from "../rows.ts";
import type { Storage } from "../storage/storage.ts";
import { gauge, makeInstruments } from "./instruments.ts";
import { measuredLog } from "./measured-log.ts";
import { measuredStorage } from "./measured-storage.ts";
import { type MetricsPage, openPage } from "./page.ts";
import { storageGauges } from "./storage-gauges.ts";

export interface Metrics {
  /** The same log, counted. */
  log(log: Log): Log;
  /** The same storage, timed. */
  storage(storage: Storage<Rows>): Storage<Rows>;
  /** Shows what was counted. @throws {Error} with the system's code, where it can't listen there */
  listen(place: { host: string; port: number }, listener: Pick<Listener, "traffic">): Promise<MetricsPage>;
}

/** What this process counts of itself. Without it nothing is counted, and nothing paid for. */
export function openMetrics({ version, output }: { version: string; output: Pick<LogOutput, "dropped"> }): Metrics {
  const registry = new Registry();
  const instruments = makeInstruments(registry);
  const build = { version, node: process.version };
  gauge(registry, "build_info", "1; what runs is in the labels.", ["version", "node"], (it) => it.set(build, 1));
  gauge(registry, "log_lines_dropped", "Lines of the log that are lost, since nobody took them, since the start.", [], (it) =>
    it.set(output.dropped),
  );
  return {
    log: (log) => measuredLog(log, instruments),
    storage(storage) {
      storageGauges(registry, storage);
      return measuredStorage(storage, instruments);
    },
    listen(place, listener) {
      const traffic = (): Traffic => listener.traffic;
      gauge(registry, "connections", "Clients' connections that are open.", [], (it) => it.set(traffic().connections));
      gauge(registry, "requests_answering", "Requests that are being answered.", [], (it) => it.set(traffic().answering));
      gauge(registry, "connections_dropped", "Connections that were closed at once, being too many, since the start.", [], (it) =>
        it.set(traffic().dropped),
      );
      gauge(
        registry,
        "connections_stalled",
        "Connections that were cut, since they did not read their answers, since the start.",
        [],
        (it) => it.set(traffic().stalled),
      );
      return openPage(registry, place);
    },
  };
}
