import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];
/** How often the event loop's lag is sampled (milliseconds): a timer too often is work too. */
const PRECISION = 20;

export type Instruments = ReturnType<typeof makeInstruments>;

/**
 * Everything that is counted as it happens. Labels are words of the code (a route of the table, a status, a refusal's code, an operation
 * of the contract), so that there are as many series as the code has words, and none for anybody.
 */
export function makeInstruments(registry: Registry) {
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: PRECISION });
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> =>
    new Counter({ name: `counterfoil_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, ...labelNames: Label[]): Histogram<Label> =>
    new Histogram({ name: `counterfoil_${name}`, help, labelNames, buckets: SECONDS, registers });
  return {
    requests: counter("requests_total", "Requests that were answered.", "method", "route", "status"),
    requestSeconds: histogram("request_seconds", "How long requests took until their answer.", "method", "route"),
    refusals: counter("refusals_total", "Requests that were refused, by the refusal's code.", "code"),
    readsRefused: counter("reads_refused_total", "Vendors' reads that were refused, by the refusal's code.", "code"),
    pulls: counter("pulls_total", "Vendors' reads that were answered: of one grant, or of what has changed.", "kind"),
    records: counter("records_given_total", "Sealed records that vendors were given."),
    commits: counter("commits_total", "Changes of stores by their customers."),
    revocations: counter("revocations_total", "Grants that their customers ended."),
    faults: counter("faults_total", "Faults of the server, by where they happened.", "place"),
    erased: counter("stores_erased_total", "Stores that were erased by the sweep."),
    events: counter("events_total", "Deliveries of events to vendors, by what became of them.", "outcome"),
    streams: counter("streams_total", "What became of vendors' streams: stopped, an event refused, what waited dropped.", "outcome"),
    storageSeconds: histogram("storage_seconds", "How long the storage took, by operation.", "operation"),
    storageFailures: counter(
      "storage_failures_total",
      "Operations of the storage that failed, by operation and code.",
      "operation",
      "code",
    ),
  };
}

/** A number that is looked up when somebody asks. */
export function gauge<Label extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Label[],
  collect: (gauge: Gauge<Label>) => void | Promise<void>,
): void {
  new Gauge({
    name: `counterfoil_${name}`,
    help,
    labelNames,
    registers: [registry],
    collect() {
      return collect(this);
    },
  });
}
